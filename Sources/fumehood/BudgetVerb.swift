// SPDX-License-Identifier: Apache-2.0
// `fumehood budget`: what the accounts that outlive a session have left, charging them for what was spent elsewhere, beginning anew.

import ArgumentParser
import AuditLog
import Budget
import Config
import Governance
import JSON
import Linux
import Session

struct BudgetVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget", abstract: "Shows, charges and resets the accounts that outlive a session.",
        discussion: """
            Accounts are defined in /etc/fumehood/budget.yaml and budget.yaml of your configuration; what was spent is in your log. Money and tokens \
            are as an agent reports them unless they are measured: a limit of them is hard only when measured.
            """,
        subcommands: [BudgetShowVerb.self, BudgetChargeVerb.self, BudgetResetVerb.self])

    /// The accounts of the files that are there.
    static func accounts(_ place: LogPlace) throws -> [AccountDefinition] {
        var file = BudgetFile()
        for path in place.budgetFiles where Files.exists(path) {
            let bytes: [UInt8]
            do throws(SystemError) { bytes = try Files.read(path) } catch {
                throw LogFailure("cannot read `\(path)`: \(errnoText(error.code)) (\(error.name))", help: nil)
            }
            do throws(ConfigError) { try file.add(bytes, file: path) } catch { throw LogFailure(error.description, help: nil) }
        }
        return file.accounts
    }

    static func judge(json: Bool, _ body: () throws -> Bool) throws {
        try LogJudging.run(json: json) {
            do { return try body() } catch let error as BudgetError { throw LogFailure(error.message, help: error.help) }
        }
    }

    static func place() throws -> LogPlace { try LogOptions.own() }
}

extension LogOptions {
    /// This user's, whatever `--log` says.
    static func own() throws -> LogPlace {
        let environment = Host.environment()
        do { return try LogPlace(environment: environment, user: Identity.user, home: Host.home(environment["HOME"])) } catch { throw LogFailure(error) }
    }
}

struct BudgetShowVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "What each account has settled, reserved and left.", discussion: "Exit code 0; 2: the files or the log cannot be read.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("only these accounts", valueName: "account")) var names: [String] = []

    func run() throws {
        try BudgetVerb.judge(json: json) {
            let place = try BudgetVerb.place()
            let book = try BudgetBook(place, accounts: try BudgetVerb.accounts(place))
            var rows: [Value] = []
            var text = ""
            for name in names where book.ledger.account(name) == nil { throw BudgetError(.unknownAccount(name)) }
            for name in book.ledger.accountNames.sorted() where names.isEmpty || names.contains(name) {
                guard let account = book.ledger.account(name) else { continue }
                let definition = try book.ledger.definition(of: account)
                let standings = try book.ledger.standings(account, at: book.moment)
                text += "\(name) (\(definition.kind.rawValue)\(definition.parent.map { ", below \($0)" } ?? ""))\n"
                for dimension in book.ledger.definedDimensions {
                    guard let id = book.ledger.dimension(dimension.name) else { continue }
                    let usage = try book.ledger.usage(account, id)
                    let limits = standings.filter { $0.dimension == dimension }
                    if usage.settled == 0, usage.reserved == 0, limits.isEmpty { continue }
                    let source = ["usd", "tokens_in", "tokens_out"].contains(dimension.name) ? "reported" : "measured"
                    rows.append([
                        "account": .string(name), "kind": .string(definition.kind.rawValue), "parent": definition.parent.map { .string($0) } ?? .null,
                        "dimension": .string(dimension.shownName), "settled": .integer(dimension.shown(usage.settled)),
                        "reserved": .integer(dimension.shown(usage.reserved)),
                        "source": .string(source),
                        "limits": .array(
                            limits.map {
                                [
                                    "window": .string($0.window.written(for: dimension)),
                                    "left": .integer(dimension.unit == .money ? $0.left / 1_000_000 : $0.left),
                                ]
                            }),
                    ])
                    text += "  \(dimension.shownName) \(dimension.shown(usage.settled)) settled, \(dimension.shown(usage.reserved)) reserved (\(source))"
                    for limit in limits {
                        text += "; \(dimension.unit == .money ? limit.left / 1_000_000 : limit.left) left of \(limit.window.written(for: dimension))"
                    }
                    text += "\n"
                }
            }
            if json {
                PolicyJudging.write(["fumehood": 1, "rows": .array(rows)])
            } else {
                Messages.write(text.isEmpty ? "no accounts: budget.yaml defines them\n" : text, to: 1)
            }
            return true
        }
    }
}

struct BudgetChargeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "charge", abstract: "Charges an account and all above it for what was spent elsewhere, or none of them.",
        discussion: "Exit code 0: charged, and in the log. 1: a limit has no room for it. 2: it could not be judged or written.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("as in budget.yaml", valueName: "account")) var account: String
    @Argument(help: ArgumentHelp("such as calls=3 or usd=0.25", valueName: "dimension=amount")) var amounts: [String]

    func run() throws {
        try BudgetVerb.judge(json: json) {
            let place = try BudgetVerb.place()
            var book = try BudgetBook(place, accounts: try BudgetVerb.accounts(place))
            guard let id = book.ledger.account(account) else { throw BudgetError(.unknownAccount(account)) }
            var list: [Amount] = []
            for text in amounts {
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2 else { throw LogFailure("`\(text)` is no amount", help: "write a dimension and what was spent of it: calls=3") }
                guard let dimension = book.ledger.dimension(parts[0]), let known = book.ledger.definedDimensions.first(where: { $0.name == parts[0] }) else {
                    throw BudgetError(.unknownDimension(parts[0]))
                }
                guard case .lifetime(let amount) = try Window(parsing: parts[1], for: known) else {
                    throw LogFailure("`\(parts[1])` is a limit, not an amount", help: nil)
                }
                list.append(Amount(dimension, amount))
            }
            var denial: BudgetDenial?
            try book.change { ledger, now in
                switch try ledger.charge(id, list, at: now) {
                case .success(let record): return record
                case .failure(let denied):
                    denial = denied.denial
                    return nil
                }
            }
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "account": .string(account), "charged": .bool(denial == nil), "reason": denial.map { .string($0.description) } ?? .null,
                ])
            } else if let denial {
                Messages.error("not charged: \(denial)")
            } else {
                Messages.write("charged\n", to: 1)
            }
            return denial == nil
        }
    }
}

struct BudgetResetVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Forgets what an account has settled, not those above it and not what is reserved.",
        discussion: "Exit code 0: reset, and in the log. 2: it could not be done.")
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("as in budget.yaml", valueName: "account")) var account: String
    @Argument(help: ArgumentHelp("only this one (default: all)", valueName: "dimension")) var dimension: String?

    func run() throws {
        try BudgetVerb.judge(json: json) {
            let place = try BudgetVerb.place()
            var book = try BudgetBook(place, accounts: try BudgetVerb.accounts(place))
            guard let id = book.ledger.account(account) else { throw BudgetError(.unknownAccount(account)) }
            var which: DimensionID?
            if let dimension {
                guard let known = book.ledger.dimension(dimension) else { throw BudgetError(.unknownDimension(dimension)) }
                which = known
            }
            try book.change { ledger, now in try ledger.reset(id, which, at: now) }
            if json { PolicyJudging.write(["fumehood": 1, "account": .string(account), "reset": true]) } else { Messages.write("reset\n", to: 1) }
            return true
        }
    }
}

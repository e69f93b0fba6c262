// SPDX-License-Identifier: Apache-2.0
// `fumehood log`: what was asked, decided and done, read back, checked and given to others. Each sub-verb only reads, but for `checkpoint`,
// which publishes.

import ArgumentParser
import AuditLog
import Governance
import JSON
import Linux
import Sandbox
import Session

struct LogVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Shows, verifies and exports the log of what was asked, decided and done.",
        discussion: """
            The log is that of this user: fumehood/log in XDG_STATE_HOME, for root /var/lib/fumehood/log, or the folder of --log. Its key is in \
            XDG_CONFIG_HOME/fumehood/log.key. Anybody with its public half can verify the published part: the files are those of C2SP tlog-tiles.
            """,
        subcommands: [LogShowVerb.self, LogVerifyVerb.self, LogExportVerb.self, LogCheckpointVerb.self])
}

/// Which log is meant.
struct LogOptions: ParsableArguments {
    @Option(name: .customLong("log"), help: ArgumentHelp("the log's folder (default: this user's)", valueName: "dir")) var log: String?

    func place() throws -> LogPlace {
        let environment = Host.environment()
        let directory = (try? Files.currentDirectory()) ?? "/"
        do {
            return try LogPlace(
                environment: environment, user: Identity.user, home: Host.home(environment["HOME"]), folder: log.map { Paths.absolute($0, from: directory) })
        } catch { throw LogFailure(error) }
    }

    /// For reading.
    /// - Throws: where there is no log.
    func reader() throws -> LogReader {
        let place = try place()
        guard Files.exists(place.log) else {
            throw LogFailure("there is no log in `\(place.log)`", help: "it begins with the first run; --log DIR names another")
        }
        guard Files.allows(place.log, 4 /* R_OK */) else { throw LogFailure("the log in `\(place.log)` cannot be read by this user", help: nil) }
        do {
            guard let key = try place.verifyingKey() else {
                throw LogFailure("there is no key for the log in `\(place.log)`", help: "it is log.key in fumehood's configuration of the user who wrote it")
            }
            return LogReader(folder: place.log, key: key)
        } catch let error as LogPlaceError { throw LogFailure(error) }
    }
}

/// Why nothing could be judged: exit code 2.
struct LogFailure: Error {
    let text: String
    let help: String?

    init(_ text: String, help: String?) { (self.text, self.help) = (text, help) }
    init(_ error: LogPlaceError) { (text, help) = (error.message, error.help) }
    init(_ error: LogError) { (text, help) = (error.message, error.help) }
}

enum LogJudging {
    /// Runs the body and ends the program by what it says; what cannot be judged is exit code 2.
    static func run(json: Bool = false, _ body: () throws -> Bool) throws {
        let failure: LogFailure
        do {
            if try body() { return }
            throw ExitCode(1)
        } catch let error as LogFailure {
            failure = error
        } catch let error as LogError {
            failure = LogFailure(error)
        } catch let error as LogPlaceError {
            failure = LogFailure(error)
        } catch let error as SystemError {
            failure = LogFailure(error.message, help: nil)
        }
        if json {
            PolicyJudging.write(["fumehood": 1, "error": .string(failure.text), "help": failure.help.map { .string($0) } ?? .null])
        } else {
            Messages.error(failure.text, help: failure.help)
        }
        throw ExitCode(2)
    }
}

/// Which records are meant; all that are given must hold.
struct RecordFilter: ParsableArguments {
    @Option(
        name: .customLong("kind"),
        help: ArgumentHelp("launch, exit, decision, response, denial, rung, kill, policy, approval, ... (repeatable)", valueName: "kind"))
    var kinds: [String] = []
    @Option(name: .customLong("outcome"), help: ArgumentHelp("allow, deny, ask, kill, exited, ...", valueName: "word")) var outcome: String?
    @Option(name: .customLong("session"), help: ArgumentHelp("of one session", valueName: "id")) var session: String?
    @Option(name: .customLong("cell"), help: ArgumentHelp("of one cell", valueName: "id")) var cell: String?
    @Option(name: .customLong("call"), help: ArgumentHelp("of one call", valueName: "id")) var call: String?
    @Option(name: .customLong("tool"), help: ArgumentHelp("of one tool or action, such as sys__launch", valueName: "name")) var tool: String?
    @Option(name: .customLong("from"), help: ArgumentHelp("from this record on", valueName: "n")) var from: UInt64 = 0

    func validate() throws {
        for kind in kinds where Record.Kind(rawValue: kind) == nil {
            throw ValidationError("unknown kind `\(kind)`: \(Record.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func admits(_ record: ShownRecord) -> Bool {
        func has(_ name: String, _ wanted: String?) -> Bool { wanted == nil || record.value?[name]?.asString == wanted }
        return (kinds.isEmpty || kinds.contains(record.kind ?? "")) && has("outcome", outcome) && has("session", session) && has("cell", cell)
            && has("call", call)
            && has("tool", tool)
    }
}

struct LogShowVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Prints records, one on each line; nothing in them can act on a terminal.",
        discussion: "Exit code 0, also where no record is meant; 2: the log cannot be read.")
    @OptionGroup var options: LogOptions
    @OptionGroup var filter: RecordFilter
    @Option(name: .customLong("last"), help: ArgumentHelp("only the last of those that are meant", valueName: "n")) var last: Int?
    @Flag(name: .customLong("review"), help: "the denied and asked calls that nobody has marked seen") var review = false
    @Flag(name: .customLong("seen"), help: "with --review: mark what is shown as seen") var seen = false
    @Flag(name: .customLong("json"), help: "each record as a JSON object with its number") var json = false

    func validate() throws {
        if seen, !review { throw ValidationError("--seen goes with --review") }
        if let last, last < 0 { throw ValidationError("--last expects a number of 0 or more") }
    }

    func run() throws {
        try LogJudging.run(json: json) {
            let reader = try options.reader()
            let mark = try options.place().state.map { $0 + "/reviewed" }
            var from = filter.from
            if review, let mark, let text = try? Files.text(mark, limit: 64) { from = max(from, UInt64(text.prefix { $0 != "\n" }) ?? 0) }
            var shown: [ShownRecord] = []
            var end = from
            try reader.read(from: from) { (number, entry) throws(LogError) in
                let record = ShownRecord(number: number, entry: entry)
                end = number + 1
                guard filter.admits(record), !review || Self.isForReview(record) else { return }
                if let last {
                    shown.append(record)
                    if shown.count > last { shown.removeFirst() }
                } else {
                    write(record)
                }
            }
            for record in shown { write(record) }
            if seen, let mark { try Storage.replace(mark, with: Array("\(end)\n".utf8), isSynchronised: true) }
            return true
        }
    }

    private static func isForReview(_ record: ShownRecord) -> Bool {
        guard record.kind == "decision" || record.kind == "denial" else { return false }
        return record.kind == "denial" || ["deny", "ask", "kill"].contains(record.value?["outcome"]?.asString ?? "")
    }

    private func write(_ record: ShownRecord) { Messages.write((json ? record.exported : record.line) + "\n", to: 1) }
}

extension ShownRecord {
    /// The record with its number, as one line of JSON.
    var exported: String {
        guard case .object(var object)? = value else {
            return Value.object(Object([Member(name: "number", value: .integer(Int64(clamping: number)))])).serialised()
        }
        object["number"] = .integer(Int64(clamping: number))
        return Value.object(object).serialised()
    }
}

struct LogVerifyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every record, tile, signature and body; with a kept checkpoint also that nothing was rolled back or rewritten.",
        discussion: "Exit code 0: it holds. 1: something is not what was written; the first record that is wrong is named. 2: it could not be judged.")
    @OptionGroup var options: LogOptions
    @Option(name: .customLong("checkpoint"), help: ArgumentHelp("a checkpoint of this log that was kept elsewhere", valueName: "file")) var checkpoint: String?
    @Flag(name: .customLong("since"), help: "with --checkpoint: trust what it covers and check the rest") var since = false
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func validate() throws { if since, checkpoint == nil { throw ValidationError("--since goes with --checkpoint") } }

    func run() throws {
        try LogJudging.run(json: json) {
            let reader = try options.reader()
            var trusted: Checkpoint?
            if let checkpoint {
                let text: String
                do throws(SystemError) { text = try Files.text(checkpoint, limit: 64 << 10) } catch { throw LogFailure(error.message, help: nil) }
                trusted = try Checkpoint(note: text, by: reader.key)
            }
            do throws(LogError) {
                let result = try reader.verify(against: trusted, isWhole: !since)
                if json {
                    PolicyJudging.write([
                        "fumehood": 1, "verdict": "holds", "records": .integer(Int64(clamping: result.size)),
                        "checked": .integer(Int64(clamping: result.checked)),
                        "published": .integer(Int64(clamping: result.checkpoint?.size ?? 0)), "root": .string(result.root.hex),
                        "torn_bytes": .integer(Int64(result.tornBytes)),
                    ])
                } else {
                    let torn = result.tornBytes > 0 ? "; \(result.tornBytes) bytes of an unfinished write after them" : ""
                    Messages.write("\(result.size) records, \(result.checked) checked: the log is what was written\(torn)\n", to: 1)
                }
                return true
            } catch {
                switch error.reason {
                case .damaged, .rolledBack, .rewritten, .note, .otherLog, .vanished:
                    if json {
                        PolicyJudging.write([
                            "fumehood": 1, "verdict": "found", "problem": .string(error.message),
                            "record": error.record.map { .integer(Int64(clamping: $0)) } ?? .null,
                        ])
                    } else {
                        Messages.error(error.message, help: error.help)
                    }
                    return false
                default: throw error
                }
            }
        }
    }
}

struct LogExportVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints records as JSON lines for other programs, each with its number.",
        discussion: "Exit code 0; 2: the log cannot be read.")
    @OptionGroup var options: LogOptions
    @OptionGroup var filter: RecordFilter

    func run() throws {
        try LogJudging.run {
            try options.reader().read(from: filter.from) { (number, entry) throws(LogError) in
                let record = ShownRecord(number: number, entry: entry)
                if filter.admits(record) { Messages.write(record.exported + "\n", to: 1) }
            }
            return true
        }
    }
}

struct LogCheckpointVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Publishes the log as tiles and prints the signed checkpoint: keep it elsewhere, and a rollback shows.",
        discussion: "Exit code 0; 2: the log cannot be published. `--key` prints what verifies instead.")
    @OptionGroup var options: LogOptions
    @Flag(name: .customLong("key"), help: "print the log's public key, as Go's note.NewVerifier takes it") var key = false
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func run() throws {
        try LogJudging.run(json: json) {
            let reader = try options.reader()
            if key {
                if json { PolicyJudging.write(["fumehood": 1, "key": .string("\(reader.key)")]) } else { Messages.write("\(reader.key)\n", to: 1) }
                return true
            }
            let place = try options.place()
            let signing = try place.signingKey()
            let log = try Log(folder: place.log, key: signing)
            let checkpoint = try log.publish()
            try log.close()
            let note = try checkpoint.signed(by: signing)
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "key": .string("\(reader.key)"), "note": .string(note), "records": .integer(Int64(clamping: checkpoint.size)),
                    "root": .string(checkpoint.root.hex),
                ])
            } else {
                Messages.write(note, to: 1)
            }
            return true
        }
    }
}

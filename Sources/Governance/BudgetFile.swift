// SPDX-License-Identifier: Apache-2.0
//
// `budget.yaml`: the accounts that outlive a session, their place in the tree and their limits. The machine's file and the user's are read
// together; an account is defined in one of them.

public import Budget
public import Config
internal import JSON

/// Accounts of one file or several.
public struct BudgetFile: Sendable {
    public private(set) var accounts: [AccountDefinition] = []
    private var files: [String: String] = [:]

    /// Kinds that persist; session and tool accounts are made by each run.
    private static let kinds: [AccountKind] = [.org, .team, .project, .agent]

    public init() {}

    /// Adds what a file defines.
    ///
    ///     fumehood: 1
    ///     accounts:
    ///       acme:        { kind: org, limits: { usd: [100/month, 5/day] } }
    ///       agent/local: { kind: agent, parent: acme, limits: { calls: 1000/day } }
    ///
    /// - Throws: the first fault and its place.
    public mutating func add(_ bytes: [UInt8], file: String) throws(ConfigError) {
        let root = try Field(parsing: bytes, file: file).map(keys: ["fumehood", "accounts"])
        try root.checkVersion()
        for (name, _, value) in try root["accounts"]?.entries() ?? [] {
            if let other = files[name] { throw value.error("account `\(name)` is defined in \(other) already") }
            files[name] = file
            let map = try value.map(keys: ["kind", "parent", "limits"])
            let kind = try map.required("kind").choice(Self.kinds.map(\.rawValue))
            var limits: [AccountLimit] = []
            for (dimension, _, written) in try map["limits"]?.entries() ?? [] {
                guard let known = Dimension.standard.first(where: { sameBytes($0.name, dimension) }) else {
                    throw written.error(
                        "unknown dimension `\(dimension)`", help: "the known ones are \(Dimension.standard.map(\.name).joined(separator: ", "))")
                }
                var texts: [Field] = [written]
                if case .list = written.node.content { texts = try written.list() }
                for text in texts {
                    do { limits.append(AccountLimit(dimension, try Window(parsing: try text.text(), for: known))) } catch let error as BudgetError {
                        throw text.error(error.message, help: error.help)
                    } catch let error as ConfigError {
                        throw error
                    } catch {
                        throw text.error("\(error)")
                    }
                }
            }
            accounts.append(AccountDefinition(name, kind: AccountKind(rawValue: kind) ?? .org, parent: try map["parent"]?.text(), limits: limits))
        }
    }
}

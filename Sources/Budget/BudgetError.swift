// SPDX-License-Identifier: Apache-2.0
//
// What can be wrong with a request to the ledger, a record, a snapshot or a written limit. A denial is no error: it is an answer (BudgetDenial).

/// Something that the ledger refuses to do, with nothing changed.
public struct BudgetError: Error, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        case unknownAccount(String)
        case unknownParent(account: String, parent: String)
        case accountCycle([String])
        /// The account stands elsewhere, or as another kind, already.
        case accountDiffers(String)
        case accountKind(String, parent: String)
        case accountInUse(String)
        case tooDeep(account: String, limit: Int)
        case unknownDimension(String)
        case dimensionDiffers(String)
        case dimensionTwice(String)
        case name(String)
        case negative(dimension: String, amount: Int64)
        case overflow(account: String, dimension: String)
        case unknownLease(UInt64)
        case leaseExpired(UInt64)
        /// An extension by one who does not hold the lease.
        case leaseElsewhere(UInt64)
        case deadline(UInt64)
        case otherBoot(String)
        case time(Int64)
        case tooMany(String, limit: Int)
        /// A written quantity or window; the column is from 1, in characters.
        case syntax(text: String, column: Int, problem: String, help: String)
        /// A record that does not follow from those before it.
        case record(String)
        /// A member of a JSON document, by its path.
        case document(member: String, problem: String)
        case setting(String)
    }

    public let reason: Reason

    public init(_ reason: Reason) { self.reason = reason }

    /// The message, and the help on its own line.
    public var description: String { help.map { "\(message)\nhelp: \($0)" } ?? message }

    public var message: String {
        switch reason {
        case .unknownAccount(let name): "there is no account \(quoted(name))"
        case .unknownParent(let account, let parent): "account \(quoted(account)) has a parent \(quoted(parent)) that does not exist"
        case .accountCycle(let names): "accounts are their own parents: \(names.map(quoted).joined(separator: " in "))"
        case .accountDiffers(let name): "account \(quoted(name)) exists with another parent or kind"
        case .accountKind(let name, let parent): "account \(quoted(name)) cannot stand below \(quoted(parent))"
        case .accountInUse(let name): "account \(quoted(name)) has open leases or accounts below it"
        case .tooDeep(let account, let limit): "account \(quoted(account)) would be deeper than \(limit)"
        case .unknownDimension(let name): "there is no dimension \(quoted(name))"
        case .dimensionDiffers(let name): "dimension \(quoted(name)) exists with another unit or firmness"
        case .dimensionTwice(let name): "dimension \(quoted(name)) is named twice"
        case .name(let name): "\(quoted(name)) is not a name"
        case .negative(let dimension, let amount): "\(amount) of \(quoted(dimension)) is negative"
        case .overflow(let account, let dimension): "\(quoted(dimension)) of account \(quoted(account)) would exceed 2^62"
        case .unknownLease(let lease): "there is no open lease \(lease)"
        case .leaseExpired(let lease): "lease \(lease) has expired"
        case .leaseElsewhere(let lease): "lease \(lease) belongs to another account or holder"
        case .deadline(let lease): lease == 0 ? "a lease must end in the future" : "lease \(lease) must end in the future"
        case .otherBoot(let boot): "the time is of boot \(quoted(boot)), which the ledger has not seen begin"
        case .time(let nanoseconds): "\(nanoseconds) is no time of this ledger"
        case .tooMany(let what, let limit): "more than \(limit) \(what)"
        case .syntax(let text, let column, let problem, _): "\(quoted(text)), column \(column): \(problem)"
        case .record(let problem): "the record cannot be applied: \(problem)"
        case .document(let member, let problem): "\(quoted(member)): \(problem)"
        case .setting(let problem): problem
        }
    }

    /// What to do instead; nil where the message says it.
    public var help: String? {
        switch reason {
        case .unknownParent: "define the parent first, or leave it out for a root"
        case .accountKind: "from the root: \(AccountKind.allCases.map(\.rawValue).joined(separator: ", "))"
        case .unknownDimension: "the known ones are \(Dimension.standard.map(\.name).joined(separator: ", ")) and those defined beside them"
        case .name: "1 to 256 printable characters, and for a dimension a-z, 0-9 and _"
        case .leaseExpired: "expire it; what it may have spent is charged then"
        case .otherBoot: "record the boot first, then recover the leases"
        case .syntax(_, _, _, let help): help
        default: nil
        }
    }
}

/// Input in backticks, for messages: control characters shown as `\u{..}`, cut after 80 characters.
func quoted(_ input: String) -> String {
    var text = "`"
    for (position, scalar) in input.unicodeScalars.enumerated() {
        if position == 80 { return text + "...`" }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: text += "\\u{\(String(scalar.value, radix: 16))}"
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text + "`"
}

// SPDX-License-Identifier: Apache-2.0
//
// What can go wrong with a log: the machine's refusals, bounds, and everything that makes a log one that cannot be trusted. Messages are
// made here and nowhere else.

internal import JSON
package import Linux

/// Something that a log refuses, with nothing acknowledged.
public struct LogError: Error, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// A call of the kernel, in its own words.
        case system(String, code: Int32)
        /// Another process held the log's lock until the deadline.
        case busy(path: String, milliseconds: Int)
        /// The disk is full, over quota, read-only or failing: nothing is accepted until it is not.
        case refusing(String, code: Int32)
        case entryTooLarge(bytes: Int)
        case objectTooLarge(bytes: Int)
        case queueFull
        /// It is not on disk at its deadline; it may still come to be.
        case late
        case closed
        /// Ledger records must replay as they were: one whose text would be redacted is none.
        case secretInLedger
        case key(String)
        case note(String)
        /// The folder holds another log than the key is for.
        case otherLog(found: String, expected: String)
        /// A file of the log is gone while it is open.
        case vanished(String)
        /// A file does not hold what was written to it. The record is the first that is wrong, where it is known.
        case damaged(file: String, record: UInt64?, problem: String)
        /// The log is shorter than what a signed checkpoint says.
        case rolledBack(found: UInt64, promised: UInt64)
        /// The log's records up to that checkpoint are not those that it was made of.
        case rewritten(before: UInt64)
        case noRecord(UInt64, size: UInt64)
        case noObject(Digest)
        case replay(record: UInt64, problem: String)
    }

    public let reason: Reason

    public init(_ reason: Reason) { self.reason = reason }

    package init(_ error: SystemError) { reason = .system(error.message, code: error.code) }

    /// The message, and the help on its own line.
    public var description: String { help.map { "\(message)\nhelp: \($0)" } ?? message }

    /// The first record that is wrong or missing, where the error is about one.
    public var record: UInt64? {
        switch reason {
        case .damaged(_, let record, _): record
        case .rolledBack(let found, _): found
        case .noRecord(let record, _), .replay(let record, _): record
        default: nil
        }
    }

    public var message: String {
        switch reason {
        case .system(let text, _): text
        case .busy(let path, let milliseconds): "the log's lock `\(path)` was held by another process for \(milliseconds) ms"
        case .refusing(let cause, _): "the log cannot be written: \(cause)"
        case .entryTooLarge(let bytes): "a record of \(bytes) bytes is larger than 65535"
        case .objectTooLarge(let bytes): "a body of \(bytes) bytes is larger than \(ObjectStore.largest)"
        case .queueFull: "more records wait for the disk than the log keeps in memory"
        case .late: "the record was not on disk before its deadline"
        case .closed: "the log is closed"
        case .secretInLedger: "a ledger record holds what looks like a secret"
        case .key(let problem): "the log's key cannot be used: \(problem)"
        case .note(let problem): "the checkpoint cannot be trusted: \(problem)"
        case .otherLog(let found, let expected): "this is the log `\(found)`, not `\(expected)`"
        case .vanished(let file): "`\(file)` was removed while the log was open"
        case .damaged(let file, let record?, let problem): "record \(record) is not what was written: `\(file)` \(problem)"
        case .damaged(let file, nil, let problem): "`\(file)` \(problem)"
        case .rolledBack(let found, let promised):
            promised - found == 1
                ? "record \(found) is gone: the log ends before it, and a checkpoint was signed at \(promised)"
                : "records \(found) to \(promised - 1) are gone: the log ends before them, and a checkpoint was signed at \(promised)"
        case .rewritten(let size): "one of the records 0 to \(size - 1) was rewritten: their root is not that of the trusted checkpoint"
        case .noRecord(let record, let size): "there is no record \(record): the log has \(size)"
        case .noObject(let digest): "there is no body \(digest)"
        case .replay(let record, let problem): "record \(record) cannot be replayed: \(problem)"
        }
    }

    /// What to do; nil where the message says it.
    public var help: String? {
        switch reason {
        case .refusing(_, let code) where Self.isSpace(code): "free space on its disk; it is written again as soon as there is some"
        case .damaged, .rolledBack, .rewritten: "keep the files as they are: nothing is written to a log that is damaged"
        case .secretInLedger: "name accounts and holders by what they are, not by their keys"
        case .otherLog: "use the key that the log was made with, or another folder"
        default: nil
        }
    }

    /// ENOSPC or EDQUOT.
    static func isSpace(_ code: Int32) -> Bool { code == 28 || code == 122 }
}

/// Runs something that only the kernel can refuse.
func asked<Result: ~Copyable>(_ body: () throws(SystemError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw LogError(error) }
}

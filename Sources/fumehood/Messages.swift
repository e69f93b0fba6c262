// SPDX-License-Identifier: Apache-2.0
// The one way by which the program speaks to people on stderr: `fumehood: ` and a sentence, the remedy on its own line,
// nothing in it that a terminal would act on.

import Glibc
import Linux
import Session
import Synchronization

enum Messages {
    /// Nanoseconds that a sentence waits for a reader of stderr. Then it is dropped: what it tells stands in the exit code and the
    /// record as well, and a terminal that stands still must not keep a run from ending.
    static let patience: UInt64 = 200_000_000

    /// What is said meanwhile is kept and not written: for a process that speaks for others.
    private static let held = Mutex<String?>(nil)

    /// Runs `body`. - Returns: what it said, made harmless.
    static func kept(_ body: () -> Void) -> String {
        held.withLock { $0 = "" }
        body()
        return held.withLock { text in
            defer { text = nil }
            return text.map(printable) ?? ""
        }
    }

    static func error(_ text: String, help: String? = nil) {
        say("fumehood: " + text + "\n" + (help.map { "  help: \($0)\n" } ?? ""))
    }

    static func note(_ text: String) { say("fumehood: " + text + "\n") }

    /// Several at once.
    static func notes(_ lines: [String]) { if !lines.isEmpty { say(lines.map { "fumehood: \($0)\n" }.joined()) } }

    private static func say(_ text: String) {
        let isKept = held.withLock { kept in
            if kept != nil { kept! += text }
            return kept != nil
        }
        if isKept { return }
        let (outlet, deadline) = (Outlet(2), Clock.monotonic + patience)
        guard (try? outlet.write(all: Array(printable(text).utf8), by: deadline)) != nil else { return }
        try? outlet.settle(by: deadline)
    }

    /// What a verb was asked for, to stdout. - Returns: false where it could not be written; that was said then.
    static func print(_ text: String) -> Bool {
        let code = write(text, to: 1)
        if code != 0 { error("standard output could not be written: \(errnoText(code)) (\(errnoName(code)))") }
        return code == 0
    }

    /// - Returns: 0, or errno.
    @discardableResult
    static func write(_ text: String, to descriptor: Int32 = 2) -> Int32 {
        var bytes = Array(printable(text).utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            let code = errno
            if count < 0 && code == EINTR { continue }
            if count < 0 && code == EAGAIN {
                _ = Transfer.isWritable(descriptor, milliseconds: 1000)
                continue
            }
            if count <= 0 { return count == 0 ? EIO : code }
            bytes = bytes.dropFirst(count)
        }
        return 0
    }

    /// Control characters but newline and tab, and those that turn the direction of text, as `\u{..}`; bytes that are no text as `\xff`.
    static func printable(_ text: String) -> String {
        var out = ""
        for scalar in KernelText.shown(text).unicodeScalars {
            if (scalar.value < 0x20 && scalar != "\n" && scalar != "\t") || (0x7f..<0xa0).contains(scalar.value) || TerminalFilter.turns(scalar.value) {
                out += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

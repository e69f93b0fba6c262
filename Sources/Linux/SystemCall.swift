// SPDX-License-Identifier: Apache-2.0
// How this module talks to the kernel: one `check` that retries EINTR, reads errno on the spot and throws it with the
// name of the call and the object that it was about. Follows syscall(2); nothing here knows what a call means.

import CLinux
import Glibc

/// A system call that failed, with what it was about.
package struct SystemError: Error, Equatable, Sendable {
    /// The call as its manual page spells it, such as `openat2`.
    package let call: String
    /// The path, descriptor or process that it was asked about.
    package let object: String
    /// Positive, as in errno(3).
    package let code: Int32

    package init(_ call: StaticString, _ object: String, _ code: Int32) {
        self.call = call.description
        self.object = object
        self.code = code
    }

    /// The kernel's name of `code`, such as `EPERM`.
    package var name: String { errnoName(code) }

    /// `openat2 \`/x\`: no such file or directory (ENOENT)`
    package var message: String {
        "\(call)\(object.isEmpty ? "" : " `\(object)`"): \(errnoText(code)) (\(name))"
    }
}

/// The kernel's name of an errno, such as `EPERM`; the bare number if it has none. Kernel: errno(3).
package func errnoName(_ code: Int32) -> String {
    guard let name = unsafe cl_errno_name(code) else { return "errno \(code)" }
    return unsafe String(cString: name)
}

/// An errno in words, lower case.
package func errnoText(_ code: Int32) -> String {
    guard let text = unsafe cl_errno_text(code) else { return "unknown error" }
    return unsafe String(cString: text).lowercased()
}

/// A raw system call: its result, or -errno. Pointers are passed as addresses by the caller, who answers for them.
package func rawCall(
    _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) -> Int {
    cl_syscall(number, a, b, c, d, e, f)
}

/// Runs a raw call until it is not interrupted; a negative result is thrown as its errno.
/// - Throws: ``SystemError`` with the call, the object and errno.
@discardableResult
package func check(
    _ call: StaticString, _ object: @autoclosure () -> String = "", _ body: () -> Int
) throws(SystemError) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        if result == -Int(EINTR) { continue }
        throw SystemError(call, object(), Int32(-result))
    }
}

/// The same for a C library function that answers -1 and leaves errno.
@discardableResult
package func checkErrno<N: FixedWidthInteger>(
    _ call: StaticString, _ object: @autoclosure () -> String = "", _ body: () -> N
) throws(SystemError) -> N {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code == EINTR { continue }
        throw SystemError(call, object(), code)
    }
}

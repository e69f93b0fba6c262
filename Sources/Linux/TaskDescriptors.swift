// SPDX-License-Identifier: Apache-2.0
// Descriptors of another task: a duplicate of one here, one of ours put over one of its own while it waits in a trapped call.
// Kernel: pidfd_getfd(2), which asks for what ptrace asks for, since 5.6; SECCOMP_IOCTL_NOTIF_ADDFD, since 5.9.

import Glibc

package enum TaskDescriptors {
    /// A duplicate of what a task has open at `number`.
    /// - Throws: `EBADF` where there is nothing, `ESRCH` where the task is gone, `EPERM`.
    package static func duplicate(of number: Int32, in thread: Int32, proc: borrowing Descriptor) throws(SystemError) -> Descriptor {
        let process = try holder(thread, proc)
        let result = try check("pidfd_getfd", "descriptor \(number) of \(thread)") { rawCall(438, Int(process.number), Int(number), 0) }
        return Descriptor(owning: Int32(result))
    }

    /// The first thread is found by its own number; for others kernels before 6.9 have no descriptor.
    private static func holder(_ thread: Int32, _ proc: borrowing Descriptor) throws(SystemError) -> Descriptor {
        let direct = rawCall(434, Int(thread), 0)
        if direct >= 0 { return Descriptor(owning: Int32(direct)) }
        guard let status = try? Files.text("\(thread)/status", under: proc.number),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Tgid:") }),
            let process = Int(line.dropFirst(5).drop { $0 == "\t" || $0 == " " })
        else { throw SystemError("pidfd_open", "\(thread)", ESRCH) }
        return Descriptor(owning: Int32(try check("pidfd_open", "\(process)") { rawCall(434, process, 0) }))
    }

    /// Whether a descriptor of a task is closed when it executes another program; nil where it cannot be told. Source: proc_pid_fdinfo(5).
    package static func closesOnExec(_ number: Int32, in thread: Int32, proc: borrowing Descriptor) -> Bool? {
        guard let text = try? Files.text("\(thread)/fdinfo/\(number)", under: proc.number),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("flags:") }),
            let flags = UInt32(line.dropFirst(6).drop { $0 == "\t" || $0 == " " }, radix: 8)
        else { return nil }
        return flags & 0o2_000_000 != 0
    }
}

extension Notify {
    /// Puts a descriptor of ours over one of the caller's, which waits in the call of that id.
    /// - Throws: `ENOENT` where nobody waits any more.
    package static func replace(_ number: Int32, with ours: borrowing Descriptor, closesOnExec: Bool, _ id: UInt64, on listener: borrowing Descriptor)
        throws(SystemError)
    {
        // struct seccomp_notif_addfd: id, flags (SETFD), source, number, flags of the new one.
        var request: (UInt64, UInt32, UInt32, UInt32, UInt32) = (
            id, 1, UInt32(bitPattern: ours.number), UInt32(bitPattern: number), closesOnExec ? UInt32(O_CLOEXEC) : 0
        )
        let own = listener.number
        try check("ioctl", "seccomp listener") { unsafe withUnsafeMutablePointer(to: &request) { rawCall(16, Int(own), 0x4018_2103, Int(bitPattern: $0)) } }
    }

    /// Answers that the call was done, with 0 for its result.
    package static func done(_ id: UInt64, on listener: borrowing Descriptor) throws(SystemError) { try deny(id, errno: 0, on: listener) }
}

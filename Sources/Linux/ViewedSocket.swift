// SPDX-License-Identifier: Apache-2.0
// A unix socket by its path in another process's view, connected with that process's rights: on a thread of its own, whose identity is changed
// for good. Kernel: openat2(2) RESOLVE_IN_ROOT; credentials(7): to the kernel they are each thread's; unix(7).

import Glibc

package enum ViewedSocket {
    /// The root of a task's view.
    package static func root(of thread: Int32, proc: borrowing Descriptor) throws(SystemError) -> Descriptor {
        let path = Array("\(thread)/root".utf8) + [0]
        let number = proc.number
        let flags = Int(0o10_000_000 | O_DIRECTORY | O_CLOEXEC)  // O_PATH
        return Descriptor(
            owning: Int32(
                try check("openat", "/proc/\(thread)/root") {
                    unsafe path.withUnsafeBytes { rawCall(257, Int(number), Int(bitPattern: $0.baseAddress), flags) }
                }))
    }

    /// Becomes that user and group for the rest of the calling thread's life, without other groups. - Returns: 0, or the errno.
    package static func become(user: UInt32, group: UInt32) -> Int32 {
        for (call, id) in [(116, 0), (119, Int(group)), (117, Int(user))] {
            let result = call == 116 ? rawCall(call, 0, 0) : rawCall(call, id, id, id)
            if result < 0 { return Int32(-result) }
        }
        return 0
    }

    /// Connects to the socket that an absolute path names below `root`. May wait.
    /// - Returns: 0, or the errno.
    package static func connect(number: Int32, path: [UInt8], below root: Int32) -> Int32 {
        var how: (UInt64, UInt64, UInt64) = (UInt64(0o10_000_000 | O_CLOEXEC), 0, 0x10 | 0x02)  // O_PATH; IN_ROOT, NO_MAGICLINKS
        let name = path + [0]
        let opened = unsafe name.withUnsafeBytes { name in
            unsafe withUnsafeMutablePointer(to: &how) { how in rawCall(437, Int(root), Int(bitPattern: name.baseAddress), Int(bitPattern: how), 24) }
        }
        if opened < 0 { return Int32(-opened) }
        let file = Descriptor(owning: Int32(opened))
        guard (try? FileStatus(of: file))?.kind == .socket else { return ECONNREFUSED }
        return InternetSocket.connect(number: number, [1, 0] + Array("/proc/self/fd/\(file.number)".utf8) + [0])
    }
}

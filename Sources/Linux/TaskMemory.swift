// SPDX-License-Identifier: Apache-2.0
// What another task has in memory, for looking at it: a path that it gave to the kernel. It may be another one a moment later, so nothing is
// decided by it. Kernel: process_vm_readv(2), which asks for what ptrace asks for.

import Glibc

package enum TaskMemory {
    /// The bytes before the first zero, at most `limit`; nil where they cannot be read or do not end.
    package static func text(of thread: Int32, at address: UInt64, limit: Int = 4096) -> String? {
        var bytes: [UInt8] = []
        var place = address
        while bytes.count < limit {
            // To the end of the page at most: the next one may not be there.
            let room = min(limit - bytes.count, 4096 - Int(place & 4095), bytes.isEmpty ? 256 : 4096)
            guard let part = read(thread, place, room) else { return nil }
            if let end = part.firstIndex(of: 0) { return String(decoding: bytes.isEmpty ? part[..<end] : (bytes + part[..<end])[...], as: UTF8.self) }
            bytes += part
            place += UInt64(room)
        }
        return nil
    }

    /// Exactly `count` bytes.
    package static func read(_ thread: Int32, _ address: UInt64, _ count: Int) -> [UInt8]? {
        guard thread > 0, address != 0, address < 1 << 63, count > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            var ours = (Int(bitPattern: buffer.baseAddress), count)
            var theirs = (Int(address), count)
            // SAFETY: two iovec structures (address and length) that live through the call; the kernel writes at most `count` bytes to ours.
            return unsafe withUnsafeMutablePointer(to: &ours) { ours in
                unsafe withUnsafeMutablePointer(to: &theirs) { theirs in
                    rawCall(310, Int(thread), Int(bitPattern: ours), 1, Int(bitPattern: theirs), 1, 0)
                }
            }
        }
        return result == count ? bytes : nil
    }

    /// Where a descriptor of a task leads, or its working directory (nil), as its own view names it.
    package static func folder(of thread: Int32, _ descriptor: Int32?, proc: borrowing Descriptor) -> String? {
        guard let path = Files.linkIfAny(descriptor.map { "\(thread)/fd/\($0)" } ?? "\(thread)/cwd", under: proc.number), path.hasPrefix("/") else {
            return nil
        }
        return path
    }
}

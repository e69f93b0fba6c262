// SPDX-License-Identifier: Apache-2.0
// A small file of the kernel's that is read again and again: opened once, read from its beginning each time. A fifth of the
// price of opening it anew. Kernel: pread(2); files of cgroupfs and procfs are made at the read.

import Glibc

package struct KeptFile: ~Copyable {
    private let descriptor: Descriptor

    /// nil where there is no such file, or it is not ours to read.
    package init?(_ path: String) {
        guard let opened = try? Files.open(path, O_RDONLY) else { return nil }
        descriptor = opened
    }

    /// What it says now, up to 4,096 bytes; nil when it is gone.
    package borrowing func bytes() -> [UInt8]? {
        let number = descriptor.number
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let got = unsafe pread(number, buffer.baseAddress, 4096, 0)
            failed = got < 0
            count = max(0, got)
        }
        return failed ? nil : bytes
    }

    /// The number at its beginning; nil where there is none, as in `max`.
    package borrowing func number() -> UInt64? { bytes().flatMap { KeptFile.number($0, at: 0) } }

    /// The number after a key: `key 3`, `key=3`, at the beginning of a line or after a space.
    package borrowing func field(_ key: StaticString) -> UInt64? {
        guard let bytes = bytes() else { return nil }
        return KeptFile.field(key, of: bytes)
    }

    package static func field(_ key: StaticString, of bytes: [UInt8]) -> UInt64? {
        let count = key.utf8CodeUnitCount
        var start = 0
        while start + count < bytes.count {
            let isKey = key.withUTF8Buffer { key in unsafe bytes[start..<start + count].elementsEqual(key) }
            if isKey, bytes[start + count] == 0x20 || bytes[start + count] == 0x3d { return number(bytes, at: start + count + 1) }
            while start < bytes.count, bytes[start] != 0x0a, bytes[start] != 0x20 { start += 1 }
            start += 1
        }
        return nil
    }

    private static func number(_ bytes: [UInt8], at start: Int) -> UInt64? {
        var value: UInt64?
        for byte in bytes[start...] {
            guard 0x30...0x39 ~= byte else { break }
            value = (value ?? 0) &* 10 &+ UInt64(byte - 0x30)
        }
        return value
    }
}

// SPDX-License-Identifier: Apache-2.0
// Strings as C takes many of them: NUL-terminated, in one buffer, with a pointer to each. For CLinux, whose callees copy what
// they keep or run on a copy of this memory.

import Linux

struct CStrings {
    private var bytes: [CChar] = []
    private var offsets: [Int] = []

    init(_ strings: [String]) {
        for string in strings {
            offsets.append(bytes.count)
            bytes += KernelText.bytes(string).map { CChar(bitPattern: $0) }
            bytes.append(0)
        }
    }

    /// A pointer to each.
    func withPointers<R>(_ body: (UnsafePointer<UnsafePointer<CChar>>) -> R) -> R {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            let pointers = unsafe offsets.map { unsafe buffer.baseAddress! + $0 }
            return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
        }
    }

    /// The same with NULL behind the last: argv or envp. C library: execve(2).
    func withVector<R>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
        var copy = bytes
        return unsafe copy.withUnsafeMutableBufferPointer { buffer in
            var pointers: [UnsafeMutablePointer<CChar>?] = unsafe []
            for offset in offsets { unsafe pointers.append(buffer.baseAddress! + offset) }
            unsafe pointers.append(nil)
            return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
        }
    }
}

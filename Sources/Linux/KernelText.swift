// SPDX-License-Identifier: Apache-2.0
// The kernel's strings are bytes, Swift's are Unicode: arguments, values of the environment and paths need not be UTF-8, and must
// come out as they went in. A byte that belongs to no character is held as a scalar of its own, U+10FF00 and the byte; the 128
// private characters that this takes are themselves held byte by byte, so that every sequence of bytes has one text and the way
// back is exact. Only for people such a byte is written out, as `\xff`.

import Glibc

package enum KernelText {
    /// U+10FF80 to U+10FFFF are `f4 8f be 80` to `f4 8f bf bf`.
    private static func isHeld(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x10_ff80 }

    /// Text of bytes up to the first NUL.
    package static func text(_ start: UnsafePointer<CChar>) -> String {
        let count = unsafe strlen(start)
        return unsafe text(UnsafeRawBufferPointer(start: start, count: count))
    }

    package static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        // Most are ASCII, and all but a few have no character of the last plane.
        if unsafe !bytes.contains(where: { $0 == 0xf4 }), let whole = unsafe String(validating: bytes, as: UTF8.self) { return whole }
        var out = String.UnicodeScalarView()
        var i = 0
        while i < bytes.count {
            let first = unsafe bytes[i]
            let length = first < 0x80 ? 1 : first & 0xe0 == 0xc0 ? 2 : first & 0xf0 == 0xe0 ? 3 : first & 0xf8 == 0xf0 ? 4 : 0
            if length > 0, i + length <= bytes.count,
                let part = unsafe String(validating: UnsafeRawBufferPointer(rebasing: bytes[i..<i + length]), as: UTF8.self),
                let scalar = part.unicodeScalars.first, !isHeld(scalar)
            {
                out.append(scalar)
                i += length
            } else {
                if let scalar = Unicode.Scalar(0x10_ff00 + UInt32(first)) { out.append(scalar) }
                i += 1
            }
        }
        return String(out)
    }

    private static func isExact(_ text: String) -> Bool { !text.utf8.contains(0xf4) }

    /// The bytes that a text stands for.
    package static func bytes(_ text: String) -> [UInt8] {
        if isExact(text) { return Array(text.utf8) }
        var out: [UInt8] = []
        for scalar in text.unicodeScalars {
            if isHeld(scalar) { out.append(UInt8(truncatingIfNeeded: scalar.value)) } else { out += Array(String(scalar).utf8) }
        }
        return out
    }

    /// Adds the bytes that a text stands for, without the way over an array where they are its own.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        if isExact(text) { bytes += text.utf8 } else { bytes += KernelText.bytes(text) }
    }

    /// The bytes with NUL behind them, as the kernel takes a path.
    static func with<R>(_ text: String, _ body: (UnsafePointer<CChar>) -> R) -> R {
        if isExact(text) { return unsafe text.withCString { unsafe body($0) } }
        let bytes = (KernelText.bytes(text) + [0]).map { CChar(bitPattern: $0) }
        return unsafe bytes.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }

    /// As people read it: what is no character is written out.
    package static func shown(_ text: String) -> String {
        if isExact(text) { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            if isHeld(scalar) { out += "\\x" + String(scalar.value & 0xff, radix: 16) } else { out.unicodeScalars.append(scalar) }
        }
        return out
    }
}

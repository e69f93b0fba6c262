// SPDX-License-Identifier: Apache-2.0
// Landlock rulesets and what each ABI can express. Kernel: landlock(7), since 5.13; constants of ABI 1-7 are our own,
// as Debian 12's headers stop at ABI 2.

import Glibc

package enum Landlock {
    /// File-system rights. - Kernel: LANDLOCK_ACCESS_FS_*
    package struct Access: OptionSet, Sendable, Hashable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }
        /// Written out: the protocol's own way, from another module, looks through every conformance of the binary.
        package init(arrayLiteral elements: Access...) {
            var bits: UInt64 = 0
            for element in elements { bits |= element.rawValue }
            rawValue = bits
        }
        package static let execute = Access(rawValue: 1 << 0)
        package static let writeFile = Access(rawValue: 1 << 1)
        package static let readFile = Access(rawValue: 1 << 2)
        package static let readDirectory = Access(rawValue: 1 << 3)
        package static let refer = Access(rawValue: 1 << 13)
        package static let truncate = Access(rawValue: 1 << 14)
        package static let ioctlDevice = Access(rawValue: 1 << 15)

        /// All that an ABI knows: 13 rights in ABI 1, refer from 2, truncate from 3, ioctl on devices from 5.
        package static func handled(abi: Int) -> Access {
            switch abi {
            case ..<1: []
            case 1: Access(rawValue: (1 << 13) - 1)
            case 2: Access(rawValue: (1 << 14) - 1)
            case 3, 4: Access(rawValue: (1 << 15) - 1)
            default: Access(rawValue: (1 << 16) - 1)
            }
        }
        /// Rights that a rule on something else than a directory may name.
        package static let ofFiles: Access = [.execute, .writeFile, .readFile, .truncate, .ioctlDevice]
        package static let read: Access = [.execute, .readFile, .readDirectory]
        /// Everything but device nodes.
        package static let write = Access(rawValue: ((1 << 15) - 1) & ~(1 << 6) & ~(1 << 11))
    }

    /// The ABI of the running kernel, 0 without Landlock. Kernel: landlock_create_ruleset(2) with VERSION.
    package static func abi() -> Int { max(0, rawCall(444, 0, 0, 1)) }

    /// A new ruleset. `connect`: TCP connect and bind are handled (denied unless ruled), from ABI 4; `scopes`: abstract
    /// sockets and signals stay inside, from ABI 6.
    package static func ruleset(handled: Access, tcp: Bool, scopes: UInt64, abi: Int) throws(SystemError) -> Descriptor {
        var attributes: (UInt64, UInt64, UInt64) = (handled.rawValue, tcp && abi >= 4 ? 3 : 0, abi >= 6 ? scopes : 0)
        let size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8
        let number = try check("landlock_create_ruleset") {
            unsafe withUnsafeMutablePointer(to: &attributes) { rawCall(444, Int(bitPattern: $0), size, 0) }
        }
        return Descriptor(owning: Int32(number))
    }

    /// Grants `access` on a file or below a directory. Kernel: landlock_add_rule(2).
    package static func allow(_ access: Access, on target: Int32, in ruleset: borrowing Descriptor, object: String) throws(SystemError) {
        var rule = [UInt8](repeating: 0, count: 12)  // landlock_path_beneath_attr is packed: u64, s32
        unsafe rule.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: access.rawValue, as: UInt64.self)
            unsafe $0.storeBytes(of: target, toByteOffset: 8, as: Int32.self)
        }
        let own = ruleset.number
        try check("landlock_add_rule", object) { unsafe rule.withUnsafeBytes { rawCall(445, Int(own), 1, Int(bitPattern: $0.baseAddress), 0) } }
    }
}

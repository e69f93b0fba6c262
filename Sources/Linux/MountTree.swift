// SPDX-License-Identifier: Apache-2.0
// Detached mount trees: a copy of part of the view, its attributes, its id mapping; attached by the child.
// Kernel: open_tree(2) since 5.2, mount_setattr(2) since 5.12.

import Glibc

package enum MountTree {
    /// Mount attributes. - Kernel: MOUNT_ATTR_*
    package struct Attributes: OptionSet, Sendable, Hashable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }
        /// Written out: the protocol's own way, from another module, looks through every conformance of the binary.
        package init(arrayLiteral elements: Attributes...) {
            var bits: UInt64 = 0
            for element in elements { bits |= element.rawValue }
            rawValue = bits
        }
        package static let readOnly = Attributes(rawValue: 1)
        package static let noSetuid = Attributes(rawValue: 2)
        package static let noDevices = Attributes(rawValue: 4)
        package static let noExecute = Attributes(rawValue: 8)
        package static let idMapped = Attributes(rawValue: 0x100000)
    }

    private static let clone = 1, emptyPath = 0x1000, recursive = 0x8000

    /// A detached copy of the tree at a path, whose last component is not followed if it is a link. What was copied is for the
    /// caller to compare with what was meant: the folders on the way may have been replaced.
    package static func copy(of path: String, deep: Bool) throws(SystemError) -> Descriptor {
        let flags = clone | Int(O_CLOEXEC) | 0x100 /* AT_SYMLINK_NOFOLLOW */ | (deep ? recursive : 0)
        let number = try check("open_tree", path) { unsafe KernelText.with(path) { rawCall(428, Int(AT_FDCWD), Int(bitPattern: $0), flags) } }
        return Descriptor(owning: Int32(number))
    }

    /// A detached copy of the tree at an open descriptor; `deep` with everything mounted below it.
    package static func copy(of source: borrowing Descriptor, object: String, deep: Bool) throws(SystemError) -> Descriptor {
        let own = source.number
        let flags = clone | Int(O_CLOEXEC) | emptyPath | (deep ? recursive : 0)
        let number = try check("open_tree", object) {
            unsafe "".withCString { rawCall(428, Int(own), Int(bitPattern: $0), flags) }
        }
        return Descriptor(owning: Int32(number))
    }

    /// Sets attributes of a detached tree; `deep` of everything in it.
    package static func set(_ attributes: Attributes, on tree: borrowing Descriptor, object: String, deep: Bool) throws(SystemError) {
        let own = tree.number
        try check("mount_setattr", object) { setAttributes(own, attributes.rawValue, 0, deep) }
    }

    /// Sets attributes and the id mapping of `namespace` on the top of a detached tree.
    /// - Returns: 0, or errno: EINVAL where the file system cannot be mapped.
    package static func mapped(_ attributes: Attributes, on tree: borrowing Descriptor, namespace: Int32) -> Int32 {
        Int32(-setAttributes(tree.number, attributes.union(.idMapped).rawValue, UInt64(namespace), false))
    }

    private static func setAttributes(_ tree: Int32, _ attributes: UInt64, _ namespace: UInt64, _ deep: Bool) -> Int {
        var value: (UInt64, UInt64, UInt64, UInt64) = (attributes, 0, 0, namespace)
        return unsafe withUnsafeMutablePointer(to: &value) { value in
            unsafe "".withCString { rawCall(442, Int(tree), Int(bitPattern: $0), emptyPath | (deep ? recursive : 0), Int(bitPattern: value), 32) }
        }
    }
}

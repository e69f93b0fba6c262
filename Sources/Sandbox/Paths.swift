// SPDX-License-Identifier: Apache-2.0
// Paths as text: joining, normalising without looking at the disk, containment. Always absolute here.

import Glibc

package enum Paths {
    /// `path` as seen from `directory`, without `.`, `..` and doubled slashes. Looks at nothing.
    package static func absolute(_ path: String, from directory: String) -> String {
        if ProfilePath.isNormal(path[...]) { return path }
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : directory + "/" + path).split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Whether `path` is `folder` or lies in it; both absolute, or both without the leading slash.
    package static func contains(_ folder: String, _ path: String) -> Bool {
        let length = folder.utf8.count
        guard path.utf8.count >= length else { return false }
        return unsafe path.utf8.withContiguousStorageIfAvailable { inner in
            unsafe folder.utf8.withContiguousStorageIfAvailable { outer in
                unsafe memcmp(inner.baseAddress!, outer.baseAddress!, length) == 0
                    && (unsafe inner.count == length || (length == 1 && outer[0] == 0x2f) || inner[length] == 0x2f)
            } ?? false
        } ?? false
    }

    /// Paths are bytes: two spellings of one character are two names, which `==` takes for equal.
    static func same(_ left: String, _ right: String) -> Bool { left.utf8.count == right.utf8.count && contains(left, right) }

    package static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2f), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The last component.
    package static func name(_ path: String) -> String {
        var end = path.endIndex
        while end != path.startIndex, path.utf8[path.utf8.index(before: end)] == 0x2f { end = path.utf8.index(before: end) }
        let whole = path[..<end]
        guard let slash = whole.utf8.lastIndex(of: 0x2f) else { return String(whole) }
        return String(whole[whole.utf8.index(after: slash)...])
    }

    /// What lies under `name` in `folder`.
    static func join(_ folder: String, _ name: String) -> String { folder.utf8.count == 1 ? "/" + name : folder + "/" + name }

    /// Without the leading slash, as plans write it.
    static func relative(_ path: String) -> String {
        var start = path.startIndex
        while start != path.endIndex, path.utf8[start] == 0x2f { start = path.utf8.index(after: start) }
        return String(path[start...])
    }

    /// The order of a walk: what lies in a folder follows it at once, before a sibling whose name goes on from the folder's
    /// with a character that sorts before the slash (`/w`, `/w/.git`, `/w-2`).
    static func precedes(_ left: String, _ right: String) -> Bool {
        var (a, b) = (left.utf8.makeIterator(), right.utf8.makeIterator())
        while true {
            switch (a.next(), b.next()) {
            case (nil, nil), (_?, nil): return false
            case (nil, _?): return true
            case (let x?, let y?):
                if x == y { continue }
                return x == 0x2f || (y != 0x2f && x < y)
            }
        }
    }
}

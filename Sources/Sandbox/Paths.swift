// SPDX-License-Identifier: Apache-2.0
// Paths as text: joining, normalising without looking at the disk, containment. Always absolute here.

package enum Paths {
    /// `path` as seen from `directory`, without `.`, `..` and doubled slashes. Looks at nothing.
    package static func absolute(_ path: String, from directory: String) -> String {
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : directory + "/" + path).split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Whether `path` is `folder` or lies in it.
    package static func contains(_ folder: String, _ path: String) -> Bool {
        let (outer, inner) = (folder.utf8, path.utf8)
        guard inner.count >= outer.count, inner.starts(with: outer) else { return false }
        return outer.count == 1 || inner.count == outer.count || inner[inner.index(inner.startIndex, offsetBy: outer.count)] == 0x2f
    }

    package static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    package static func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

    /// Without the leading slash, as plans write it.
    static func relative(_ path: String) -> String { String(path.drop { $0 == "/" }) }
}

// SPDX-License-Identifier: Apache-2.0
// The questions that planning a cell asks of the host's files, as a protocol of six: a test answers them from a table.

package import Linux

package protocol HostFiles {
    /// nil if there is no such file.
    func status(_ path: String, followLinks: Bool) -> FileStatus?
    func link(_ path: String) -> String?
    /// Names in a directory, sorted.
    func list(_ path: String) -> [String]
    /// The first bytes of a file.
    func head(_ path: String, _ count: Int) -> [UInt8]?
    /// The path without links; nil if it leads nowhere.
    func resolve(_ path: String) -> String?
    /// Whether this process may execute the file.
    func isExecutable(_ path: String) -> Bool
}

/// The real ones.
package struct KernelFiles: HostFiles {
    package init() {}
    package func status(_ path: String, followLinks: Bool) -> FileStatus? { FileStatus(at: path, followLinks: followLinks) }
    package func link(_ path: String) -> String? { Files.linkIfAny(path) }
    package func list(_ path: String) -> [String] { ((try? Files.list(path)) ?? []).sorted() }
    package func head(_ path: String, _ count: Int) -> [UInt8]? {
        guard let file = try? Files.open(path, 0o4000 /* O_RDONLY | O_NONBLOCK */) else { return nil }
        return try? file.read(upTo: count)
    }
    package func resolve(_ path: String) -> String? { try? Files.resolve(path) }
    package func isExecutable(_ path: String) -> Bool { Files.allows(path, 1 /* X_OK */) }
}

// SPDX-License-Identifier: Apache-2.0
// tools.lock of one user, in the folder of our configuration, which no cell sees. Several servers may start at once: a change is made under
// a lock, on what the file says then.

package import Broker
import Glibc
import Linux

package struct ToolsLockFile: Sendable {
    package let path: String

    /// Nil where there is no folder of configuration.
    package init?(_ place: LogPlace) {
        guard let folder = place.configuration else { return nil }
        path = folder + "/tools.lock"
    }

    /// What it says; nothing where it is not there.
    /// - Throws: a file that is not ours alone, and what is wrong with its text.
    package func read() throws(LockFileError) -> ToolsLock {
        let bytes: [UInt8]
        do {
            let file = try Files.open(path, O_RDONLY | O_NOFOLLOW)
            let status = try FileStatus(of: file)
            guard status.owner == Identity.user, status.mode & 0o022 == 0 else {
                throw LockFileError("`\(path)` can be changed by others", help: "chmod go-w \(path)")
            }
            bytes = try file.readAll(limit: ToolsLock.bytes)
        } catch let error as SystemError {
            if error.code == ENOENT || error.code == ENOTDIR { return ToolsLock() }
            throw LockFileError("`\(path)` cannot be read: \(errnoText(error.code)) (\(error.name))", help: nil)
        } catch {
            throw error as? LockFileError ?? LockFileError("`\(path)`: \(error)", help: nil)
        }
        do throws(LockError) { return try ToolsLock(parsing: bytes) } catch {
            throw LockFileError("`\(path)`: \(error.message)", help: "mend it, or remove it to pin anew")
        }
    }

    /// Changes it.
    package func change(_ change: (inout ToolsLock) -> Void) throws(LockFileError) {
        do {
            try Storage.makeFolders(String(path[..<path.lastIndex(of: "/")!]))
            let guarding = try Files.open(path + ".guard", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            guard let held = try FileLock(guarding, within: 2000) else { throw LockFileError("`\(path)` is being changed by another process", help: nil) }
            let before = try read()
            var after = before
            change(&after)
            if after != before { try Storage.replace(path, with: Array(after.text.utf8), isSynchronised: true) }
            // Held until here, and the descriptor longer than the lock.
            _ = consume held
            _ = guarding.number
        } catch let error as SystemError {
            throw LockFileError("`\(path)` cannot be written: \(errnoText(error.code)) (\(error.name))", help: nil)
        } catch {
            throw error as? LockFileError ?? LockFileError("`\(path)`: \(error)", help: nil)
        }
    }
}

/// Why tools.lock cannot be read or written.
package struct LockFileError: Error, Sendable {
    package let message: String
    package let help: String?

    init(_ message: String, help: String?) {
        self.message = message
        self.help = help
    }
}

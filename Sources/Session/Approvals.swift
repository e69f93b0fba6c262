// SPDX-License-Identifier: Apache-2.0
// Approvals that were given before the call is made again: one file each, named by the digest of the exact call, gone when it is used. The
// folder is the user's own, and no cell sees it.

package import Governance
import Glibc
import JSON
package import Linux

package struct Approvals {
    private let folder: String?
    private let boot: String

    package init(_ place: LogPlace, boot: String) {
        folder = place.state.map { $0 + "/approvals" }
        self.boot = boot
    }

    private func path(_ digest: String) -> String? {
        guard let folder, digest.utf8.count == 64, digest.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }) else { return nil }
        return folder + "/" + digest
    }

    /// Lays one down.
    package func give(_ approval: Approval) throws(SystemError) {
        guard let folder, let path = path(approval.digest) else { throw SystemError("open", "the approvals", ENOENT) }
        try Storage.makeFolders(folder)
        let document: JSON.Value = [
            "boot_id": .string(boot), "by": .string(approval.by), "digest": .string(approval.digest), "expires_ns": .integer(approval.expires), "fumehood": 1,
        ]
        try Storage.replace(path, with: document.serialisedBytes(), isSynchronised: true)
    }

    /// The one for this call, if it has not expired. It is gone then: of two that ask at once, one gets it.
    package func take(_ digest: String, at time: Int64) -> Approval? {
        guard let path = path(digest), let status = try? FileStatus(path: path, followLinks: false), status.owner == Identity.user, status.mode & 0o077 == 0,
            let bytes = try? Files.read(path, limit: 4096), unsafe unlink(path) == 0, let value = try? JSON.Value(parsing: bytes),
            let by = value["by"]?.asString, let expires = value["expires_ns"]?.asInteger, let given = value["boot_id"]?.asString, sameBytes(given, boot),
            let named = value["digest"]?.asString, sameBytes(named, digest), expires > time
        else { return nil }
        return Approval(digest: digest, by: by, expires: expires)
    }
}

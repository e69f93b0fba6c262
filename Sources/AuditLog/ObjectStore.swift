// SPDX-License-Identifier: Apache-2.0
//
// The side store: bodies by their SHA-256, `side/<2 digits>/<62 digits>`. Records name them by digest alone, so a body can be erased and the
// log still verifies. They come here from the journal when their records are published; the journal has them until then.

internal import Linux

enum ObjectStore {
    /// Bytes of one body.
    static let largest = 8 << 20

    static func path(_ folder: String, _ digest: Digest) -> String {
        let hex = digest.hex
        return "\(folder)/side/\(hex.prefix(2))/\(hex.dropFirst(2))"
    }

    static func exists(_ folder: String, _ digest: Digest) -> Bool { Files.exists(path(folder, digest)) }

    /// On disk under its name when this returns.
    static func place(_ folder: String, _ digest: Digest, _ body: [UInt8]) throws(LogError) {
        let path = path(folder, digest)
        if Files.exists(path) { return }
        try refusing { () throws(SystemError) in
            let parent = "\(folder)/side/\(digest.hex.prefix(2))"
            if !Files.exists(parent) {
                try Storage.makeFolders(parent)
                try Storage.synchronise("\(folder)/side")
            }
            try Storage.replace(path, with: body, isSynchronised: true)
            try Storage.synchronise(parent)
        }
    }

    /// Nil where there is none.
    /// - Throws: `damaged` where the file holds something else.
    static func read(_ folder: String, _ digest: Digest) throws(LogError) -> [UInt8]? {
        let path = path(folder, digest)
        guard Files.exists(path) else { return nil }
        let bytes = try asked { () throws(SystemError) in try Files.read(path, limit: largest) }
        guard Digest(of: bytes) == digest else { throw LogError(.damaged(file: path, record: nil, problem: "does not hold the body that it is named for")) }
        return bytes
    }

    static func remove(_ folder: String, _ digest: Digest) throws(LogError) {
        let path = path(folder, digest)
        try refusing { () throws(SystemError) in try Storage.remove(path) }
    }
}

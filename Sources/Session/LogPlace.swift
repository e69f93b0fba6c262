// SPDX-License-Identifier: Apache-2.0
// Where a user's log, its key, budgets and policies lie. The log is state, the key is configuration: they are never in one folder, and neither is
// ever in a cell. Source: XDG Base Directory Specification; root's log is the machine's.

package import AuditLog
import Glibc
import Linux

/// The caller's folders of ours.
package struct LogPlace: Sendable {
    /// Absolute. The log is in `log` below the state folder, or where `--log` says.
    package let log: String
    package let configuration: String?
    /// Approvals that wait to be used lie here.
    package let state: String?

    /// - Parameters:
    ///   - folder: of `--log`, absolute.
    /// - Throws: where a log would have to lie in no home.
    package init(environment: [String: String], user: UInt32, home: String?, folder: String? = nil) throws(LogPlaceError) {
        func absolute(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let named = absolute("XDG_STATE_HOME")
        state = named.map { $0 + "/fumehood" } ?? (user == 0 && Self.isMachinesRoot ? "/var/lib/fumehood" : home.map { $0 + "/.local/state/fumehood" })
        configuration = (absolute("XDG_CONFIG_HOME") ?? home.map { $0 + "/.config" }).map { $0 + "/fumehood" }
        guard let log = folder ?? state.map({ $0 + "/log" }) else { throw LogPlaceError("there is no folder for the log: HOME is not set") }
        self.log = log
    }

    /// Root of a user namespace alone is somebody else outside, to whom /var belongs as little as to any other user. Source: user_namespaces(7).
    private static var isMachinesRoot: Bool {
        let map = (try? Files.text("/proc/self/uid_map", limit: 200)) ?? ""
        return map.split(whereSeparator: { $0 == " " || $0 == "\n" }).elementsEqual(["0", "0", "4294967295"])
    }

    /// Files of policies: the machine's, then the user's; those that are there.
    package var policyFolders: [String] { ["/etc/fumehood/policy.d"] + (configuration.map { [$0 + "/policy.d"] } ?? []) }
    package var budgetFiles: [String] { ["/etc/fumehood/budget.yaml"] + (configuration.map { [$0 + "/budget.yaml"] } ?? []) }

    private var keyFile: String? { configuration.map { $0 + "/log.key" } }

    /// The key that this user's logs are signed with, made at its first use.
    package func signingKey() throws(LogPlaceError) -> SigningKey {
        guard let path = keyFile else { throw LogPlaceError("there is no folder for the log's key: HOME is not set") }
        if let key = try existing(path) { return key }
        do {
            try Storage.makeFolders(String(path[..<path.lastIndex(of: "/")!]))
            let name = "fumehood/log-" + (try Random.bytes(4)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            let key = try SigningKey(name: name, seed: try Random.bytes(32))
            let beside = "\(path).\(Identity.process).new"
            try Storage.replace(beside, with: Array((key.text + "\n").utf8), isSynchronised: true)
            defer { _ = unsafe unlink(beside) }
            // Whoever was first keeps it.
            if unsafe link(beside, path) == 0 {
                try? Storage.synchronise(String(path[..<path.lastIndex(of: "/")!]))
                return key
            }
        } catch let error as SystemError {
            throw LogPlaceError("the log's key `\(path)` cannot be made: \(errnoText(error.code)) (\(error.name))")
        } catch {
            throw LogPlaceError("the log's key `\(path)` cannot be made: \(error)")
        }
        guard let key = try existing(path) else { throw LogPlaceError("the log's key `\(path)` cannot be made") }
        return key
    }

    /// What verifies; nil where no log was ever written.
    package func verifyingKey() throws(LogPlaceError) -> VerifyingKey? {
        guard let path = keyFile else { throw LogPlaceError("there is no folder for the log's key: HOME is not set") }
        return try existing(path)?.verifier
    }

    private func existing(_ path: String) throws(LogPlaceError) -> SigningKey? {
        do {
            let file = try Files.open(path, O_RDONLY | O_NOFOLLOW)
            let status = try FileStatus(of: file)
            guard status.owner == Identity.user, status.mode & 0o077 == 0 else {
                throw LogPlaceError("the log's key `\(path)` can be read by others", help: "chmod 600 \(path)")
            }
            let text = String(decoding: try file.readAll(limit: 4096), as: UTF8.self)
            return try SigningKey(String(text.prefix { $0 != "\n" }))
        } catch let error as SystemError {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw LogPlaceError("the log's key `\(path)` cannot be read: \(errnoText(error.code)) (\(error.name))")
        } catch let error as LogError {
            throw LogPlaceError("`\(path)`: \(error.message)")
        } catch let error as LogPlaceError {
            throw error
        } catch {
            throw LogPlaceError("`\(path)`: \(error)")
        }
    }
}

/// Why there can be no log.
package struct LogPlaceError: Error, Equatable, Sendable {
    package let message: String
    package let help: String

    init(_ message: String, help: String = "name a folder for the log with --log DIR, or go without one with --no-log") {
        self.message = message
        self.help = help
    }

    package init(missing message: String) { self.init(message, help: "set HOME or XDG_STATE_HOME") }

    /// A log that cannot be written.
    package init(_ error: LogError, folder: String) {
        self.init(
            "nothing is started while the log in `\(folder)` cannot be written: \(error.message)",
            help: (error.help.map { $0 + "; or " } ?? "") + "use another folder with --log DIR, or go without a log with --no-log")
    }
}

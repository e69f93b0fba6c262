// SPDX-License-Identifier: Apache-2.0
// `fumehood mcp`: an MCP server in a cell, with the broker between it and the client at our stdin and stdout. Composition only; stdout
// belongs to the protocol, so everything for people goes to stderr.

import AuditLog
import Broker
import Budget
import Events
import Linux
import Sandbox
import Session

enum McpVerb {
    /// The streams of a server for one launch.
    /// - Parameters:
    ///   - shared: asks the door of a session, which hears from the log itself.
    ///   - account: which account of the session pays, under which limits.
    ///   - ends: where the client is.
    static func streams(
        _ options: RunOptions, _ profile: Profile, places: Places, _ governing: Governing, shared: SharedJudge.Part? = nil, account: String? = nil,
        limits: [AccountLimit]? = nil, ends: ClientEnds = .standard, say note: (([String]) -> Void)? = nil
    ) throws -> BrokerStreams {
        var settings = ExchangeSettings(
            server: options.serverName, principal: governing.principal, seed: UInt32(truncatingIfNeeded: try Host.random64()),
            sha256: { AuditLog.Digest(of: $0).bytes })
        settings.cell = governing.cell
        settings.account = shared == nil ? options.budgets.isEmpty ? nil : Governing.account : account
        settings.slices = GovernFlag.slices(limits ?? options.budgets)
        settings.callTimeout = profile.bound(.wall).map { Int64(clamping: $0) * 1000 }
        if let bound = profile.bound(.output) { settings.bounds.resultBytes = Int(clamping: bound) }
        if profile.durability == .fast { settings.fast = Set(profile.reads) }
        settings.roots = roots(options, places)
        let file = GovernFlag.identifies(options) ? governing.place.flatMap { ToolsLockFile($0) } : nil
        if let file { settings.pins = try file.read().pins(of: options.serverName) }
        let say: ([String]) -> Void = { notes in if !options.quiet { (note ?? Messages.notes)(notes) } }
        let judge: any Judge = shared ?? governing.judge(say: { say([$0]) })
        let server = options.serverName
        return BrokerStreams(
            Exchange(settings, judge: judge), records: shared == nil ? governing.records : nil, ends: ends, onNotes: say,
            onPins: { pins in
                do throws(LockFileError) { try file?.change { $0.take(pins, of: server) } } catch { say(["what was pinned is not kept: \(error.message)"]) }
            })
    }

    /// The folders that flags granted, as the cell sees them.
    private static func roots(_ options: RunOptions, _ places: Places) -> [Root] {
        options.grants.compactMap { grant in
            let seen = grant.path.split(separator: ":").last.map(String.init) ?? grant.path
            var path = seen == "." ? places.directory : seen.hasPrefix("/") ? seen : places.directory + "/" + seen
            if path.hasPrefix(places.directory + "/./") { path = places.directory + path.dropFirst(places.directory.utf8.count + 2) }
            guard !seen.hasPrefix("~") else { return nil }
            let name = path.split(separator: "/").last.map(String.init) ?? "/"
            return Root(uri: "file://" + escaped(path), name: name)
        }
    }

    private static func escaped(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            let scalar = Unicode.Scalar(byte)
            if byte == 0x2f || byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e || scalar.isASCII && scalar.properties.isAlphabetic
                || (0x30...0x39).contains(byte)
            {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}

// SPDX-License-Identifier: Apache-2.0
// `fumehood mcp`: an MCP server in a cell, with the broker between it and the client at our stdin and stdout. Composition only; stdout
// belongs to the protocol, so everything for people goes to stderr.

import AuditLog
import Broker
import Config
import Events
import Linux
import Sandbox
import Session

enum McpVerb {
    /// The streams of a server for one launch.
    static func streams(_ options: RunOptions, _ profile: Profile, places: Places) throws(SystemError) -> BrokerStreams {
        let name = options.serverName
        var settings = ExchangeSettings(server: name, seed: UInt32(truncatingIfNeeded: try Host.random64()), sha256: { AuditLog.Digest(of: $0).bytes })
        settings.callTimeout = profile.bound(.wall).map { Int64(clamping: $0) * 1000 }
        if let bound = profile.bound(.output) { settings.bounds.resultBytes = Int(clamping: bound) }
        settings.roots = roots(options, places)
        let exchange = Exchange(settings, judge: PinnedTools(server: name))
        return BrokerStreams(exchange, onNotes: { notes in if !options.quiet { Messages.notes(notes) } }, onPins: { _ in })
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
            if byte == 0x2f || byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e || scalar.isASCII && scalar.properties.isAlphabetic || (0x30...0x39).contains(byte) {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}

/// What holds where nobody wrote a policy: the tools of this server as they were listed first, and nothing else.
private final class PinnedTools: Judge {
    private let server: String

    init(server: String) { self.server = server }

    func decide(_ question: Question, at now: Broker.Instant) -> Decision {
        switch question.resource {
        case .tool(let server, _) where server == self.server: .verdict(.allow(Permit(policies: ["tools"])))
        default: .verdict(.deny(Refusal(.policy, "no policy permits `\(question.action)`")))
        }
    }

    func tick(at now: Broker.Instant) -> [(call: CallID, verdict: Verdict)] { [] }
    var nextDeadline: Broker.Instant? { nil }
    func settle(_ call: CallID, outcome: CallOutcome, bytesIn: Int64, bytesOut: Int64, at now: Broker.Instant) {}
    func withdraw(_ call: CallID, at now: Broker.Instant) {}
    func refused(_ question: Question, _ refusal: Refusal, at now: Broker.Instant) {}
    func mayAllow(action: String, resource: Broker.Resource) -> Bool { true }
}

// SPDX-License-Identifier: Apache-2.0
// `fumehood approve`: a person's yes to a call that waits or that was refused with an ask. It shows the exact call, is bound to its digest, is
// for once, expires, and is in the log before it can be used.

import ArgumentParser
import AuditLog
import Config
import Events
import Glibc
import Governance
import JSON
import Linux
import Session

struct ApproveVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Agrees to one exact call for which a policy asks a person, once.",
        discussion: """
            The call is shown and a yes is asked for on the terminal; --yes is for scripts of yours. Without an id the calls that ask are listed. \
            Exit code 0: agreed, or listed. 1: no such call asks, or you said no. 2: the log cannot be read or written.
            """)
    @OptionGroup var options: LogOptions
    @Option(name: .customLong("for"), help: ArgumentHelp("how long the yes counts (default: 10m, at most 24h)", valueName: "time")) var time = "10m"
    @Flag(name: .customLong("yes"), help: "agree without being asked") var yes = false
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("of the call (k...), as the refusal shows it", valueName: "call")) var call: String?

    func run() throws {
        let seconds: Int64
        do { seconds = try Quantity.duration(time) / 1_000_000 } catch { throw ValidationError("--for expects a time such as 10m, found `\(time)`") }
        guard 1...86_400 ~= seconds else { throw ValidationError("--for expects 1s to 24h") }
        try LogJudging.run(json: json) {
            let reader = try options.reader()
            var asked: [(record: ShownRecord, digest: String)] = []
            var granted: Set<String> = []
            try reader.read { (number, entry) throws(LogError) in
                let record = ShownRecord(number: number, entry: entry)
                guard let value = record.value else { return }
                if record.kind == "decision", value["outcome"]?.asString == "ask", let digest = value["data"]?["call_sha256"]?.asString {
                    asked.append((record, digest))
                }
                if record.kind == "approval", ["granted", "withdrawn"].contains(value["outcome"]?.asString), let id = value["call"]?.asString {
                    granted.insert(id)
                }
            }
            asked.removeAll { granted.contains($0.record.value?["call"]?.asString ?? "") }
            guard let call else {
                if json {
                    PolicyJudging.write(["fumehood": 1, "asked": .array(asked.map { $0.record.value ?? .null })])
                } else {
                    for item in asked { Messages.write(Self.summary(item.record) + "\n", to: 1) }
                }
                return true
            }
            guard let item = asked.last(where: { $0.record.value?["call"]?.asString == call }), let value = item.record.value else {
                Messages.error("no call `\(call)` asks for a yes", help: "fumehood approve lists those that do")
                return false
            }
            if !yes {
                guard Terminal.isTerminal(0) else {
                    throw LogFailure("a yes is asked for on a terminal, and standard input is none", help: "--yes agrees without being asked")
                }
                Messages.write(try shown(item.record, reader) + "\nagree? [y/N] ", to: 1)
                guard let line = readLine(), ["y", "yes"].contains(line.lowercased()) else {
                    Messages.write("not agreed\n", to: 1)
                    return false
                }
            }
            try agree(value, item.digest, seconds)
            if json {
                PolicyJudging.write(["fumehood": 1, "call": .string(call), "digest": .string(item.digest), "seconds": .integer(seconds)])
            } else {
                Messages.write("agreed for \(time), once: make the same call again\n", to: 1)
            }
            return true
        }
    }

    private static func summary(_ record: ShownRecord) -> String {
        let value = record.value ?? .null
        return "\(value["call"]?.asString ?? "?")  \(value["tool"]?.asString ?? "?")  \(value["data"]?["reason"]?.asString ?? "")"
    }

    /// The call as it was judged: of a launch its record, of a tool's call its body.
    private func shown(_ record: ShownRecord, _ reader: LogReader) throws -> String {
        var text = Self.summary(record) + "\n"
        if let digest = record.value?["body_sha256"]?.asString.flatMap({ Digest(hex: $0) }) {
            text += String(decoding: try reader.body(digest), as: UTF8.self)
        } else {
            for member in record.value?["data"]?.asObject?.members ?? [] where ["command", "resource", "sandbox", "user"].contains(member.name) {
                text += "\(member.name) \(member.value.serialised())\n"
            }
        }
        return text
    }

    /// In the log first, then where the call finds it.
    private func agree(_ value: Value, _ digest: String, _ seconds: Int64) throws {
        let place = try options.place()
        let by = Governing.name(of: Identity.user)
        let now = Instants().now
        let expires = now.bootNanoseconds + seconds * 1_000_000_000
        var record = Record(.approval, at: now)
        record.outcome = "granted"
        record.call = value["call"]?.asString.flatMap { CallID($0) }
        record.session = value["session"]?.asString.flatMap { SessionID($0) }
        record.tool = value["tool"]?.asString
        record.data = ["by": .string(by), "call_sha256": .string(digest), "expires_ns": .integer(expires), "scope": "once"]
        let log = try DirectLog(folder: place.log, key: try place.signingKey())
        try log.append(record)
        try log.flush()
        try log.sign()
        try Approvals(place, boot: now.boot).give(Approval(digest: digest, by: by, expires: expires))
    }
}

// SPDX-License-Identifier: Apache-2.0
// `fumehood why`: the one explainer. From an id that a footer, a result or a log showed to what it was, what would change it, and the records
// that led to it and followed from it, in their order.

import ArgumentParser
import AuditLog
import Events
import JSON

struct WhyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Explains a denial, a call, a cell or a session by the records of the log.",
        discussion: "Exit code 0: explained. 1: the log has nothing of that id. 2: the log cannot be read.")
    @OptionGroup var options: LogOptions
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false
    @Argument(help: ArgumentHelp("of a denial (d...), a call (k...), a cell (c...) or a session (s...)", valueName: "id")) var id: String

    func run() throws {
        try LogJudging.run(json: json) {
            let chain = try CausalChain(of: id, in: try options.reader())
            if chain.records.isEmpty {
                if json {
                    PolicyJudging.write(["fumehood": 1, "id": .string(id), "records": []])
                } else {
                    Messages.error("the log has nothing of `\(id)`", help: "fumehood log show lists what it has")
                }
                return false
            }
            if json {
                PolicyJudging.write([
                    "fumehood": 1, "id": .string(id),
                    "candidate": chain.candidate.map { ["profile": .string($0.profile), "line": .string($0.line)] } ?? .null,
                    "sentences": .array(chain.sentences.map { .string($0) }),
                    "records": .array(
                        chain.records.map { record in
                            guard case .object(var object)? = record.value else { return .null }
                            object["number"] = .integer(Int64(clamping: record.number))
                            return .object(object)
                        }),
                ])
            } else {
                for sentence in chain.sentences { Messages.write(sentence + "\n", to: 1) }
                Messages.write("\n", to: 1)
                for record in chain.records { Messages.write(record.line + "\n", to: 1) }
            }
            return true
        }
    }
}

/// The records that belong together, and what they say.
struct CausalChain {
    private(set) var records: [ShownRecord] = []
    private(set) var sentences: [String] = []
    /// Of a denial that a profile's word would grant.
    private(set) var candidate: Candidate?

    /// More records than this are not gathered: those of a whole session may be millions.
    private static let most = 10_000

    init(of id: String, in reader: LogReader) throws(LogError) {
        // First what has the id itself; then what shares its call or its cell, or has its lease.
        var calls: Set<String> = []
        var cells: Set<String> = []
        var isSession = false
        var about: ShownRecord?
        var own: [UInt64] = []
        try reader.read { (number, entry) throws(LogError) in
            let record = ShownRecord(number: number, entry: entry)
            guard let value = record.value else { return }
            let isDenial = record.kind == "denial" && value["data"]?["id"]?.asString == id
            let member = ["call", "cell", "session"].first { value[$0]?.asString == id }
            guard isDenial || member != nil, own.count < Self.most else { return }
            own.append(number)
            if isDenial || about == nil { about = record }
            if member == "session" {
                isSession = true
            } else {
                if member != "cell" { (value["call"]?.asString).map { _ = calls.insert($0) } }
                if member == "cell" || isDenial { (value["cell"]?.asString).map { _ = cells.insert($0) } }
            }
        }
        guard let first = own.first, let about else { return }
        var leases: Set<String> = []
        var gathered: [ShownRecord] = []
        let mine = Set(own)
        let session = about.value?["session"]?.asString
        try reader.read { (number, entry) throws(LogError) in
            let record = ShownRecord(number: number, entry: entry)
            guard let value = record.value, gathered.count < Self.most else { return }
            let call = value["call"]?.asString
            let lease = value["lease"]?.asInteger.map { "\(value["session"]?.asString ?? "") \($0)" }
            let belongs =
                mine.contains(number) || (call.map(calls.contains) ?? false) || (value["cell"]?.asString.map(cells.contains) ?? false)
                || (lease.map(leases.contains) ?? false)
            guard belongs, isSession || session == nil || value["session"]?.asString == session else { return }
            if let lease { leases.insert(lease) }
            gathered.append(record)
        }
        _ = first
        // Of a denial, other denials of its cell say nothing.
        records = about.kind == "denial" ? gathered.filter { $0.kind != "denial" || $0.value?["data"]?["id"]?.asString == id } : gathered
        sentences = Self.explain(id, about, records)
        if about.kind == "denial", let data = about.value?["data"] {
            candidate = Candidate(denial: data, launch: records.first { $0.kind == "launch" }?.value?["data"])
            sentences.insert(contentsOf: candidate?.sentences ?? [], at: min(2, sentences.count))
        }
    }

    private static func explain(_ id: String, _ about: ShownRecord, _ chain: [ShownRecord]) -> [String] {
        var lines: [String] = []
        func data(_ record: ShownRecord, _ name: String) -> Value? { record.value?["data"]?[name] }
        if about.kind == "denial" {
            let count = data(about, "count")?.asInteger ?? 1
            let times = count == 1 ? "" : " \(count) times"
            let what = data(about, "what")?.asString ?? id
            let isConnection = ["connect(", "sendto(udp", "look-up of"].contains { what.hasPrefix($0) }
            if about.value?["outcome"]?.asString == "audit" {
                lines.append("\(what) went on\(times): its profile audits, and would deny it under `mode: enforce`")
            } else {
                lines.append("\(what) was denied\(times) by \(isConnection ? "the network of its cell, which reaches what is named" : "the filter of its cell")")
            }
            lines.append(data(about, "remedy")?.asString.map { "to grant it: \($0)" } ?? "nothing grants it: no cell may do that")
        }
        for record in chain {
            guard let value = record.value else { continue }
            let policies = (value["policies"]?.asArray ?? []).compactMap(\.asString).map { "`\($0)`" }.joined(separator: ", ")
            let endpoint = value["tool"]?.asString == "sys__connect" ? data(record, "attempt")?.asString ?? data(record, "resource")?["name"]?.asString : nil
            let tool = (value["tool"]?.asString ?? "") + (endpoint.map { " to \($0)" } ?? "")
            switch (record.kind, value["outcome"]?.asString) {
            case ("launch", _):
                let words = (data(record, "command")?.asArray ?? []).compactMap(\.asString).joined(separator: " ").replacing("\n", with: " ")
                lines.append(
                    "its cell \(value["cell"]?.asString ?? "") ran `\(words)` with profile \(data(record, "sandbox")?["profile"]?.asString ?? "?"), network \(data(record, "sandbox")?["network"]?.asString ?? "?"), permitted by \(policies)"
                )
            case ("decision", "deny"), ("decision", "kill"):
                let why = (value["errors"]?.asArray ?? []).compactMap(\.asString).last ?? ""
                lines.append(
                    "\(tool) was \(value["outcome"]?.asString == "kill" ? "ended" : "denied"): \(why)\(policies.isEmpty ? "" : "; by policy \(policies)")")
                switch data(record, "cause")?.asString {
                case "budget": lines.append("fumehood budget show tells what is left")
                case "policy" where policies.isEmpty && endpoint != nil: break  // no policy could permit it
                case "policy": lines.append("fumehood policy explain tells what would permit it")
                default: break
                }
            case ("decision", "ask"):
                lines.append(
                    "\(tool) waited for a person: \(data(record, "reason")?.asString ?? ""); policy \(policies) asks; fumehood approve \(value["call"]?.asString ?? "") agrees"
                )
            case ("decision", "allow"): lines.append("\(tool) was permitted by \(policies)")
            case ("approval", let outcome): lines.append("\(data(record, "by")?.asString ?? "somebody") agreed (\(outcome ?? ""))")
            case ("rung", "kill") where data(record, "gauge") == nil:
                let cause =
                    value["data"]?.asObject?.members.filter { $0.name != "owasp" }.map { "\($0.name) \($0.value.asString ?? $0.value.serialised())" }.joined(
                        separator: ", ") ?? ""
                lines.append("it crossed a limit and was ended: \(cause)")
            case ("rung", let rung?):
                let gauge = data(record, "gauge")?.asString.flatMap { Gauge(name: $0) }
                func amount(_ name: String) -> String {
                    gauge.flatMap { gauge in data(record, name + gauge.unit)?.asInteger.map { TopTable.amount($0, gauge.unit) } } ?? "?"
                }
                lines.append(
                    "its ladder went from \(data(record, "from")?.asString ?? "?") to \(rung): \(gauge?.name ?? "?") read \(amount("reading_")), bound \(amount("bound_"))"
                )
            case ("kill", _):
                let left = data(record, "left")?.asInteger ?? 0
                lines.append(left == 0 ? "everything in it was killed, and proven to be gone" : "it was killed; \(left) processes were still there")
            case ("exit", _):
                let cause = data(record, "cause").flatMap { $0.isNull ? nil : $0 }
                let why = cause.flatMap { $0["message"]?.asString ?? $0["policy"]?.asString }.map { ": \($0)" } ?? ""
                lines.append("it \(data(record, "status")?.asString ?? "ended") with code \(data(record, "exit_code")?.asInteger.map { "\($0)" } ?? "?")\(why)")
            case ("response", let outcome): lines.append("\(tool) ended: \(outcome ?? "")")
            default: break
            }
        }
        return lines
    }
}

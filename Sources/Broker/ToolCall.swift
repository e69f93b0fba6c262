// SPDX-License-Identifier: Apache-2.0
//
// The way of a tools/call: which tool it is, whether its definition is the pinned one, whether the arguments fit its schema, what the door
// says; then on to the server in the canonical form of what was judged, or back as a result that says why not.

public import Events
public import Governance
import JSON

extension Exchange {
    /// The parameters that are passed on.
    private static let parameters: Set<String> = ["name", "arguments", "_meta", "task", "inputResponses", "requestState"]

    func callTool(_ call: Call) {
        guard let name = call.params?["name"]?.asString else { return finish(call.own, .failure(-32602, "tools/call needs a `name`")) }
        let arguments = call.params?["arguments"] ?? [:]
        guard arguments.asObject != nil else { return finish(call.own, .failure(-32602, "`arguments` must be an object, found \(arguments.kind)")) }
        // A list that changed is read again, and a client need not list tools before it calls one.
        if table.isStale { return listFirst(call) }
        guard let tool = table[name] else {
            if !table.isComplete { return listFirst(call) }
            return finish(call.own, .failure(-32602, "Unknown tool: \(Value.string(name).serialised())"))
        }
        let canonical: [UInt8]
        do { canonical = try arguments.canonical() } catch { return finish(call.own, .failure(-32602, "`arguments`: \(error)")) }
        var question = request(settings.server + "__" + tool.name, .tool(server: settings.server, name: tool.name), context(input: arguments), canonical)
        question.isFast = settings.fast.contains(tool.name)
        func refuse(_ refusal: Refusal) {
            judge.refused(question, refusal, at: now)
            finish(call.own, denial(refusal, modern: call.isModern))
        }
        if let why = tool.quarantine {
            return refuse(Refusal(.pin, "tool `\(tool.name)` is set aside: \(why)", remedy: "a person may look at it with `fumehood tools diff` and accept it"))
        }
        if let finding = tool.schema?.finding(in: arguments) {
            return refuse(Refusal(.schema, "the arguments of `\(tool.name)` do not fit its schema: \(finding)"))
        }
        do throws(BadParameters) {
            _ = try withInputs(call)
        } catch {
            return finish(call.own, .failure(-32602, error.text))
        }

        var call = call
        let decision = judge.decide(question, at: now)
        // What was judged is kept in one form, and only until it is sent.
        question.context = [:]
        call.tool = Call.Asked(name: tool.name, question: question, identity: argumentsIdentity(canonical))
        call.params?["arguments"] = nil
        calls[call.own] = call
        switch decision {
        case .verdict(let verdict): follow(verdict, call)
        case .pending(_, _, let reason):
            calls[call.own]!.state = .pending(nextProgress: now, reason: reason)
            callsOfDoor[question.call] = call.own
            look(at: calls[call.own]!)
        }
    }

    private func context(input: Value) -> Value {
        [
            "input": input, "provenance": ["tainted": .bool(isTainted), "labels": isTainted ? ["untrusted"] : []],
        ]
    }

    /// One question to the door.
    func request(_ action: String, _ resource: Resource, _ context: Value, _ canonical: [UInt8]) -> Request {
        Request(
            call: newCallID(), cell: settings.cell, principal: settings.principal, action: action, resource: resource, context: context, canonical: canonical,
            estimate: settings.account == nil ? [] : [Cost("calls", 1)], slices: settings.account == nil ? [] : settings.slices,
            account: settings.account, deadline: settings.callTimeout.map { now + $0 } ?? now + 86_400_000_000_000)
    }

    private func follow(_ verdict: Verdict, _ call: Call) {
        var call = call
        switch verdict {
        case .allow(let permit):
            call.tool!.permit = permit
            if let until = permit.delayUntil, until > now {
                call.state = .delayed(until: until)
                calls[call.own] = call
                wake(at: until)
            } else {
                sendWhenRecorded(call)
            }
        case .deny(let refusal): finish(call.own, denial(refusal, modern: call.isModern))
        case .kill(let refusal):
            finish(call.own, denial(refusal, modern: call.isModern))
            kill = kill ?? refusal
        }
    }

    /// A pending question was answered, or its time is over.
    func follow(_ verdict: Verdict, _ id: CallID) {
        guard let own = callsOfDoor.removeValue(forKey: id) else {
            // It was cancelled meanwhile.
            if case .allow = verdict { judge.settle(id, usage: [], end: .notForwarded("it was cancelled"), at: now) }
            return
        }
        if var call = calls[own] {
            call.state = .listing  // no longer pending, not yet sent
            calls[own] = call
            follow(verdict, call)
        } else if serverRequests[own] != nil {
            follow(verdict, serverRequest: own)
        }
    }

    /// A person answered the question of a pending call: what the door says now.
    public func resume(_ call: CallID, _ verdict: Verdict, at now: Instant) {
        self.now = now
        follow(verdict, call)
        advance(at: now)
    }

    /// An allowed call goes when its record is on disk.
    func sendWhenRecorded(_ call: Call) {
        guard let permit = call.tool?.permit else { return }
        switch judge.standing(of: permit) {
        case .written: send(call)
        case .waiting:
            var call = call
            call.state = .recording
            calls[call.own] = call
            recording.append(call.own)
        case .failed(let refusal):
            var call = call
            call.state = .recording
            settle(call, .cancelled)
            finish(call.own, denial(refusal, modern: call.isModern))
        }
    }

    /// Records may have come to disk.
    func sendRecorded() {
        let waiting = recording
        recording = []
        for own in waiting { if let call = calls[own], case .recording = call.state { sendWhenRecorded(call) } }
    }

    /// An allowed call goes to the server: the bytes of the arguments are those that were judged.
    func send(_ call: Call) {
        var call = call
        guard let asked = call.tool, let canonical = asked.question.canonical else { return }
        guard let given = try? withInputs(call, takes: true) else {
            // Another retry with the same state was faster.
            settle(call, .cancelled)
            return finish(call.own, .failure(-32602, "`requestState` was used already"))
        }
        call.state = .sent
        if let timeout = settings.callTimeout { call.deadline = now + timeout }
        wake(at: call.deadline)
        call.tool?.question.canonical = nil
        meterBegins(call)
        calls[call.own] = call
        var head: [UInt8] = []
        head.reserveCapacity(asked.name.utf8.count + 96)
        head += #"{"jsonrpc":"2.0","id":"#.utf8
        head += String(call.own).utf8
        head += #","method":"tools/call","params":{"name":"#.utf8
        head += Value.string(asked.name).serialisedBytes()
        head += #","arguments":"#.utf8
        var tail: [UInt8] = []
        for member in given where Self.parameters.contains(member.name) && member.name != "name" && member.name != "arguments" {
            tail.append(0x2c)
            tail += Value.string(member.name).serialisedBytes()
            tail.append(0x3a)
            tail += member.value.serialisedBytes()
        }
        tail += "}}".utf8
        if serverEnd == nil { toServer.append(pieces: [head, canonical, tail]) }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Connections brought to the door: `sys__connect` on `Endpoint::"host:port"`, one record for each attempt. What is not named for the cell is no
// policy's to allow, and is recorded as refused. Nobody is asked about a connection: the caller stands in a system call meanwhile.

package import Egress
package import Events
package import Governance
import JSON
import Linux

package enum ConnectionVerdict: Sendable {
    case go(CallID)
    /// Not before that time; nanoseconds of CLOCK_MONOTONIC.
    case later(CallID, UInt64)
    /// Why not, for people.
    case no(String)
}

package protocol ConnectionJudge: AnyObject {
    func decide(_ endpoint: Endpoint) -> ConnectionVerdict
    /// An attempt that was refused without being asked about.
    func refuse(_ what: String, _ endpoint: Endpoint?, _ reason: String, remedy: String?)
    /// - Parameter error: 0 where it was made.
    func ended(_ call: CallID, error: Int32)
}

package final class DoorConnections: ConnectionJudge {
    private let door: Door
    private let boot: String
    private let principal: Principal
    private let cell: CellID

    package init(_ door: Door, boot: String, principal: Principal, cell: CellID) {
        self.door = door
        self.boot = boot
        self.principal = principal
        self.cell = cell
    }

    private var now: Reading { Reading(boot: boot, bootNanoseconds: Int64(clamping: Clock.boottime), wallNanoseconds: Int64(clamping: Clock.wall)) }

    private func request(_ name: String, _ context: JSON.Value, at now: Reading) -> Governance.Request? {
        guard let random = try? Host.random64(), let call = CallID(bytes: (0..<4).map { UInt8(truncatingIfNeeded: random >> ($0 * 8)) }) else { return nil }
        // The caller waits in a system call: its record is on its way to the disk when it goes on.
        return Governance.Request(
            call: call, cell: cell, principal: principal, action: SystemAction.connect, resource: .endpoint(name), context: context,
            canonical: try? context.canonical(), deadline: now.bootNanoseconds + 60_000_000_000, isFast: true)
    }

    package func decide(_ endpoint: Endpoint) -> ConnectionVerdict {
        let now = now
        guard let request = request(endpoint.text, ["host": .string(endpoint.host.text), "port": .integer(Int64(endpoint.port))], at: now) else {
            return .no("there is no id for it")
        }
        switch door.decide(request, at: now) {
        case .verdict(.allow(let permit)):
            guard let until = permit.delayUntil else { return .go(permit.call) }
            return .later(permit.call, Clock.monotonic + UInt64(max(0, until - now.bootNanoseconds)))
        case .verdict(.deny(let refusal)), .verdict(.kill(let refusal)):
            return .no(refusal.policies.isEmpty ? refusal.reason : "by policy `\(refusal.policies.joined(separator: "`, `"))`: \(refusal.reason)")
        case .pending(let id, _, let reason):
            _ = door.answer(id, .refused(by: "a connection, which waits for nobody"), at: now)
            return .no("a policy asks for a person: \(reason)")
        }
    }

    package func refuse(_ what: String, _ endpoint: Endpoint?, _ reason: String, remedy: String?) {
        let now = now
        let context: JSON.Value =
            endpoint.map { ["host": .string($0.host.text), "port": .integer(Int64($0.port)), "attempt": .string(what)] } ?? ["attempt": .string(what)]
        guard let request = request(endpoint?.text ?? what, context, at: now) else { return }
        door.refuseUnasked(request, Refusal(.policy, reason, remedy: remedy), at: now)
    }

    package func ended(_ call: CallID, error: Int32) {
        door.settle(call, usage: [], end: error == 0 ? .answered(result: [], isError: false) : .failed("\(errnoText(error)) (\(errnoName(error)))"), at: now)
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// Calls that wait for a person, and what persons have granted. Equal calls wait together, and each yes is bound to the digest of the exact
// call that was shown; one that is for once is gone when it is used.

internal import Budget
internal import Events
internal import JSON

struct Pendings {
    struct Waiting {
        let id: PendingID
        /// Of the call; all of `requests` have it.
        let digest: String
        let reason: String
        let policies: [String]
        /// In the order in which they came.
        var requests: [(request: Request, until: Int64)]
    }

    private(set) var waiting: [UInt64: Waiting] = [:]
    private var byDigest: [String: UInt64] = [:]
    private var byCall: [CallID: UInt64] = [:]
    private var grants: [(approval: Approval, session: String, agent: String, action: String)] = []
    private var next: UInt64 = 1
    /// More grants than this at once are not kept.
    static let mostGrants = 256

    func holds(_ call: CallID) -> Bool { byCall[call] != nil }

    /// The id under which the call waits; nil where too many do.
    mutating func add(_ request: Request, digest: String, reason: String, policies: [String], until: Int64, most: Int) -> PendingID? {
        guard byCall.count < most else { return nil }
        // Of another session it is another question.
        let key = request.principal.session.text + " " + digest
        if let number = byDigest[key], let id = waiting[number]?.id {
            waiting[number]?.requests.append((request, until))
            byCall[request.call] = number
            return id
        }
        let id = PendingID(number: next, call: request.call)
        waiting[next] = Waiting(id: id, digest: digest, reason: reason, policies: policies, requests: [(request, until)])
        byDigest[key] = next
        byCall[request.call] = next
        next += 1
        return id
    }

    /// - Returns: what asked, and the digest that it asked under.
    @discardableResult
    mutating func forget(_ call: CallID) -> (request: Request, digest: String)? {
        guard let number = byCall.removeValue(forKey: call), let item = waiting[number] else { return nil }
        waiting[number]?.requests.removeAll { $0.request.call == call }
        if waiting[number]?.requests.isEmpty ?? false { _ = take(number) }
        return item.requests.first { $0.request.call == call }.map { ($0.request, item.digest) }
    }

    mutating func take(_ number: UInt64) -> Waiting? {
        guard let gone = waiting.removeValue(forKey: number) else { return nil }
        byDigest = byDigest.filter { $0.value != number }
        for (request, _) in gone.requests { byCall[request.call] = nil }
        return gone
    }

    /// The first of those that wait; the others go on waiting.
    mutating func takeFirst(_ number: UInt64) -> Request? {
        guard let first = waiting[number]?.requests.first?.request else { return nil }
        forget(first.call)
        return first
    }

    /// Those whose time is over.
    mutating func overdue(at time: Int64) -> [(request: Request, waiting: Waiting)] {
        var gone: [(Request, Waiting)] = []
        for (_, item) in waiting.sorted(by: { $0.key < $1.key }) {
            for (request, until) in item.requests where until <= time { gone.append((request, item)) }
        }
        for (request, _) in gone { forget(request.call) }
        return gone
    }

    var nextDeadline: Int64? { waiting.values.lazy.flatMap { $0.requests.map(\.until) }.min() }

    // MARK: grants

    mutating func keep(_ approval: Approval, for request: Request) { keep(approval, request.principal.session.text, request.principal.agent, request.action) }

    mutating func keep(_ approval: Approval, _ session: String, _ agent: String, _ action: String) {
        if grants.count >= Self.mostGrants { grants.removeFirst() }
        grants.append((approval, session, agent, action))
    }

    /// One that covers the call and has not expired.
    func grant(for digest: String, _ request: Request, at time: Int64) -> Approval? {
        grants.first { grant in
            guard grant.approval.expires > time, sameBytes(grant.session, request.principal.session.text), sameBytes(grant.agent, request.principal.agent)
            else {
                return false
            }
            return grant.approval.scope == .tool ? sameBytes(grant.action, request.action) : sameBytes(grant.approval.digest, digest)
        }?.approval
    }

    /// One that was for once is gone after it was used.
    mutating func spend(_ approval: Approval) {
        guard approval.scope == .once, let place = grants.firstIndex(where: { $0.approval == approval }) else { return }
        grants.remove(at: place)
    }
}

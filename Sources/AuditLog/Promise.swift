// SPDX-License-Identifier: Apache-2.0
//
// What becomes of the records of one group, told to all that wait for it at once. The writer's thread is the only one that writes here, before
// the gate opens; everybody else reads after it: nobody takes a lock to learn that a record is on disk.

internal import Linux

@safe final class Promise: @unchecked Sendable {
    /// What became of consecutive tickets.
    struct Outcome: Sendable {
        let tickets: Range<UInt64>
        /// The number of the first, and those of the others after it.
        let result: Result<UInt64, LogError>
    }

    private let gate = Gate()
    /// SAFETY: written by the writer's thread alone while the gate is shut, read by others when it is open.
    private nonisolated(unsafe) var outcomes: [Outcome] = []

    func add(_ more: [Outcome]) { unsafe outcomes += more }

    func keep() { gate.open() }

    /// Nil while the group is on its way.
    func result(of ticket: UInt64) -> Result<UInt64, LogError>? { gate.isOpen ? find(ticket) : nil }

    /// - Parameter deadline: in nanoseconds of CLOCK_MONOTONIC; nil after it.
    func wait(for ticket: UInt64, until deadline: UInt64) -> Result<UInt64, LogError>? { gate.wait(until: deadline) ? find(ticket) : nil }

    private func find(_ ticket: UInt64) -> Result<UInt64, LogError> {
        let all = unsafe outcomes
        guard let outcome = all.first(where: { $0.tickets.contains(ticket) }) else { return .failure(LogError(.late)) }
        return outcome.result.map { $0 + ticket - outcome.tickets.lowerBound }
    }
}

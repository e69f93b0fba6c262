// SPDX-License-Identifier: Apache-2.0
//
// What running calls of one server spend: each its own wall clock and the bytes of its answer; the server's processor time, which is one for
// all, goes to the calls that ran meanwhile in equal parts, and is marked as shared where there were several. What it spends while no call
// runs is nobody's call.

import Governance

struct Metering {
    private struct Running {
        let began: Instant
        var processor: Int64 = 0
        var isShared = false
    }

    private var running: [Int64: Running] = [:]
    /// The server's processor time as of the last look, in microseconds.
    private var last: Int64?

    var isIdle: Bool { running.isEmpty }

    /// - Parameter processor: the server's processor time so far; nil where nobody counts it.
    mutating func begin(_ own: Int64, at now: Instant, processor: Int64?) {
        look(processor)
        running[own] = Running(began: now)
    }

    mutating func look(_ processor: Int64?) {
        defer { last = processor ?? last }
        guard let processor, let last, processor > last, !running.isEmpty else { return }
        let (part, rest) = (processor - last).quotientAndRemainder(dividingBy: Int64(running.count))
        let first = running.keys.min()
        let isShared = running.count > 1
        for own in running.keys {
            running[own]!.processor += part + (own == first ? rest : 0)
            running[own]!.isShared = running[own]!.isShared || isShared
        }
    }

    /// What a call has spent of these dimensions.
    func usage(of own: Int64, _ dimensions: [Cost], bytes: Int, at now: Instant) -> [Cost] {
        guard let call = running[own] else { return [] }
        return dimensions.compactMap { cost in
            switch cost.dimension {
            case "wall_us": Cost("wall_us", max(0, (now - call.began) / 1000))
            case "cpu_us": Cost("cpu_us", call.processor, isShared: call.isShared)
            case "bytes_out": Cost("bytes_out", Int64(bytes))
            default: nil
            }
        }
    }

    mutating func end(_ own: Int64) { running[own] = nil }
}

extension Exchange {
    /// Nanoseconds between looks at what running calls spend.
    static let meterPause: Int64 = 100_000_000

    func meterBegins(_ call: Call) {
        guard !settings.slices.isEmpty, call.tool != nil else { return }
        metering.begin(call.own, at: now, processor: processorTime?())
        wake(at: now + Self.meterPause)
    }

    /// What a call has cost when it ends.
    func meterEnds(_ call: Call, bytes: Int, reported: [Cost]) -> [Cost] {
        guard !settings.slices.isEmpty else { return [] }
        metering.look(processorTime?())
        var usage = metering.usage(of: call.own, settings.slices, bytes: bytes, at: now)
        metering.end(call.own)
        // What nobody reports counts as nothing.
        for slice in settings.slices where ReportedUsage.dimensions.contains(slice.dimension) {
            usage.append(reported.first { $0.dimension == slice.dimension } ?? Cost(slice.dimension, 0))
        }
        return usage
    }

    /// A call that has used up what there is for it is stopped.
    func meter(_ call: Call) {
        guard !settings.slices.isEmpty, let asked = call.tool, call.isSent else { return }
        wake(at: now + Self.meterPause)
        guard let refusal = judge.spent(asked.question.call, metering.usage(of: call.own, settings.slices, bytes: 0, at: now), at: now) else { return }
        tellServer(call, "its budget is used up")
        settle(call, .failed("stopped: \(refusal.reason)"))
        finish(call.own, denial(Refusal(.budget, "stopped: \(refusal.reason)", retryAfter: refusal.retryAfter), modern: call.isModern))
    }
}

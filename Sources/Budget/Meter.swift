// SPDX-License-Identifier: Apache-2.0
//
// The state of one window: what it counts now, what a cost would do, and what comes back when less was spent. An amount belongs to the
// moment of its reservation; a settlement below the estimate gives back only what time has not given back already. Lifetime and
// concurrent windows need no state: they are read from the cell (settled, reserved).

/// Where in its window an amount was counted, to find it again when it is given back.
struct Stamp: Hashable {
    /// The meter's serial number.
    let serial: UInt32
    /// The period (calendar), the sub-bucket (sliding), or the theoretical arrival time plus all that was given back before (rate).
    let value: Int128
}

/// When there is room again.
public enum Refill: Sendable, Hashable {
    /// In so many nanoseconds of CLOCK_BOOTTIME, exactly, if nothing else happens.
    case after(nanoseconds: Int64)
    /// At this second of UTC.
    case at(wallSeconds: Int64)
    /// When open leases end.
    case whenReleased
    /// By reset or a higher limit only.
    case never
}

struct Meter {
    let window: Window
    var serial: UInt32
    /// Calendar: counted in `period`. Sliding: the sum of the ring.
    var used: Int64 = 0
    /// Calendar: the latest period seen. Sliding: the latest sub-bucket seen.
    var period: Int64
    /// Rate: the theoretical arrival time times N, so that it is exact.
    var arrival: Int128 = 0
    /// Rate: all that was ever given back, times N; saturates, and then gives nothing back any more.
    var returned: Int128 = 0
    /// Sliding: amounts by sub-bucket modulo `slots`.
    var ring: [Int64]

    /// One more than the sub-buckets, so that what is counted always covers the span.
    static let slots = Int64(Window.subBuckets + 1)

    init(_ window: Window, serial: UInt32) {
        self.window = window
        self.serial = serial
        if case .sliding = window {
            ring = Array(repeating: 0, count: Int(Self.slots))
            period = -1
        } else {
            ring = []
            period = .min
        }
    }

    var hasState: Bool {
        switch window {
        case .lifetime, .concurrent: false
        case .rate, .calendar, .sliding: true
        }
    }

    /// Nanoseconds of a sub-bucket.
    static func width(_ span: Int64) -> Int64 { (span + Int64(Window.subBuckets) - 1) / Int64(Window.subBuckets) }

    /// What is left of the bound at this time; negative after overshoot or a lowered limit. Changes nothing.
    func left(_ cell: Cell, _ time: Int64, _ wall: Int64) -> Int64 {
        switch window {
        case .lifetime(let bound): return bound - (cell.settled &+ cell.reserved)
        case .concurrent(let bound): return bound - cell.reserved
        case .calendar(let bound, let unit): return unit.period(of: wall) > period ? bound : bound - used
        case .sliding(let bound, let span): return bound - recent(time / Self.width(span))
        case .rate(let bound, let span):
            let free = Int128(bound) * Int128(span) - max(0, arrival - Int128(time) * Int128(bound))
            return Int64(clamping: free >= 0 ? free / Int128(span) : (free - Int128(span) + 1) / Int128(span))
        }
    }

    /// Whether a cost fits now: as `cost <= left`, without a division.
    func fits(_ cost: Int64, _ cell: Cell, _ time: Int64, _ wall: Int64) -> Bool {
        guard case .rate(let bound, let span) = window else { return cost <= left(cell, time, wall) }
        let now = Int128(time) * Int128(bound)
        return cost <= bound && max(now, arrival) + Int128(cost) * Int128(span) - now <= Int128(span) * Int128(bound)
    }

    /// When a cost that does not fit now would fit.
    func refill(_ cost: Int64, _ cell: Cell, _ time: Int64, _ wall: Int64) -> Refill {
        guard cost <= window.bound else { return .never }
        switch window {
        case .lifetime(let bound): return cost <= bound - cell.settled ? .whenReleased : .never
        case .concurrent: return .whenReleased
        case .calendar(_, let unit): return .at(wallSeconds: unit.start(of: max(period, unit.period(of: wall)) + 1))
        case .sliding(let bound, let span):
            let width = Self.width(span)
            let now = time / width
            var kept = recent(now)
            var bucket = max(now, period) - Self.slots + 1
            while kept > bound - cost, bucket <= max(now, period) {
                if bucket > period - Self.slots, bucket <= period, bucket >= 0 { kept -= ring[Int(bucket % Self.slots)] }
                bucket += 1
            }
            return .after(nanoseconds: (bucket - 1 + Self.slots) * width - time)
        case .rate(let bound, let span):
            let wait = max(Int128(time) * Int128(bound), arrival) + Int128(cost) * Int128(span) - Int128(time) * Int128(bound) - Int128(span) * Int128(bound)
            return .after(nanoseconds: Int64(clamping: (wait + Int128(bound) - 1) / Int128(bound)))
        }
    }

    /// The sum of the sub-buckets that still count at sub-bucket `now`.
    private func recent(_ now: Int64) -> Int64 {
        let gone = now - period
        if gone <= 0 { return used }
        if gone >= Self.slots || period < 0 { return 0 }
        var sum = used
        for bucket in (period - Self.slots + 1)..<(period - Self.slots + 1 + gone) where bucket >= 0 { sum -= ring[Int(bucket % Self.slots)] }
        return sum
    }

    /// Counts an amount now. The caller has checked that it fits, or that it may overshoot.
    mutating func add(_ amount: Int64, _ time: Int64, _ wall: Int64) -> Stamp {
        switch window {
        case .lifetime, .concurrent: break
        case .calendar(_, let unit):
            let now = unit.period(of: wall)
            if now > period {
                period = now
                used = 0
            }
            used = saturating(used, amount)
            return Stamp(serial: serial, value: Int128(period))
        case .sliding(_, let span):
            let now = time / Self.width(span)
            if now > period {
                used = recent(now)
                if period < 0 || now - period >= Self.slots {
                    for slot in ring.indices { ring[slot] = 0 }
                } else {
                    for bucket in (period + 1)...now { ring[Int(bucket % Self.slots)] = 0 }
                }
                period = now
            }
            used = saturating(used, amount)
            ring[Int(period % Self.slots)] = saturating(ring[Int(period % Self.slots)], amount)
            return Stamp(serial: serial, value: Int128(period))
        case .rate(let bound, let span):
            arrival = saturating(max(Int128(time) * Int128(bound), arrival), Int128(amount) * Int128(span))
            return Stamp(serial: serial, value: saturating(arrival, returned))
        }
        return Stamp(serial: serial, value: 0)
    }

    /// Gives back a part of an amount that was counted with that stamp.
    mutating func giveBack(_ amount: Int64, _ stamp: Stamp, _ time: Int64) {
        switch window {
        case .lifetime, .concurrent: break
        case .calendar:
            if stamp.value == Int128(period) { used -= amount }
        case .sliding:
            if stamp.value > Int128(period - Self.slots), stamp.value <= Int128(period) {
                used -= amount
                ring[Int(Int64(stamp.value) % Self.slots)] -= amount
            }
        case .rate(let bound, let span):
            // INVARIANT: the queue was never shorter, since this amount entered it, than `stamp - returned - now`: later amounts and time
            // only lengthen it beyond that, and all that others took back is in `returned`. Taking back no more than this leaves the
            // arrival time at or above what it would be had the amount never been there.
            let room = stamp.value - returned - Int128(time) * Int128(bound)
            let back = min(Int128(amount) * Int128(span), max(0, room))
            arrival -= back
            returned = saturating(returned, back)
        }
    }

    /// Forgets what is settled; `open` is what open leases hold, with the stamps under which it was counted. Where those lose their
    /// meaning a rate takes the new serial number, so that nothing is given back twice.
    /// - Returns: the stamp that all of `open` gets instead, if it was counted anew.
    mutating func reset(open: [(amount: Int64, stamp: Stamp?)], newSerial: UInt32, _ time: Int64, _ wall: Int64) -> Stamp? {
        switch window {
        case .lifetime, .concurrent: break
        case .calendar(_, let unit):
            let now = unit.period(of: wall)
            if now >= period {
                used = open.reduce(0) { $1.stamp?.value == Int128(period) ? saturating($0, $1.amount) : $0 }
            } else {
                // The one way back from a wall clock that had jumped ahead; what is open counts wherever it was counted.
                used = open.reduce(0) { saturating($0, $1.amount) }
                period = now
                return Stamp(serial: serial, value: Int128(now))
            }
        case .sliding:
            used = 0
            for slot in ring.indices { ring[slot] = 0 }
            for (amount, stamp) in open {
                guard let stamp, stamp.value > Int128(period - Self.slots), stamp.value <= Int128(period) else { continue }
                used = saturating(used, amount)
                ring[Int(Int64(stamp.value) % Self.slots)] += amount
            }
        case .rate(let bound, let span):
            // What open leases hold and time has not drained stays, and drains by time alone: its place in the queue is lost.
            let held = open.reduce(Int128(0)) { saturating($0, Int128($1.amount) * Int128(span)) }
            arrival = min(arrival, saturating(Int128(time) * Int128(bound), held))
            returned = 0
            serial = newSerial
        }
        return nil
    }
}

func saturating<Number: FixedWidthInteger>(_ a: Number, _ b: Number) -> Number {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
}

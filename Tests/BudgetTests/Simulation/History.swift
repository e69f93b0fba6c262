// SPDX-License-Identifier: Apache-2.0
//
// Judges what a ledger did from the outside: from who asked for what, when, and what was answered. It knows the promises of the windows in
// their mathematical form and nothing of how the ledger keeps them: no periods that roll, no buckets, no arrival times, only sums over
// lists. A promise that is broken is a sentence.

import Budget

/// What happened, as its caller saw it; the n-th event belongs to the n-th record of the log.
struct Event {
    enum Act {
        case boot
        case reserve(lease: UInt64, account: Int, amounts: [Int64], deadline: Int64, holder: Int)
        /// What was charged at the end, by dimension; `expired` and `released` leases too.
        case end(lease: UInt64, charged: [Int64])
        case charge(account: Int, amounts: [Int64])
        case reset(account: Int)
    }

    let act: Act
    let boot: Int
    let bootNanoseconds: Int64
    /// Time that has truly passed, over boots and halts.
    let real: Int64
    let wall: Int64
}

/// A limit of the simulated tree.
struct Rule {
    let account: Int
    let dimension: Int
    let window: Window
}

struct History {
    /// An amount that was reserved or charged at one moment.
    struct Piece {
        let lease: UInt64
        /// The asking account and all above it.
        let path: [Int]
        let dimension: Int
        let asked: Int64
        /// What of it counts: all while it is open, what was charged when it is closed.
        var weight: Int64
        var isOpen: Bool
        let real: Int64
        let credited: Int64
    }

    struct Lease {
        let account: Int
        let holder: Int
        let boot: Int
        var deadline: Int64
        var pieces: [Int]
    }

    let parents: [Int]
    let rules: [Rule]
    let hard: [Bool]
    private(set) var pieces: [Piece] = []
    private(set) var open: [UInt64: Lease] = [:]
    private var closed: Set<UInt64> = []
    /// For each rule the pieces under it, with the period in which each counts (calendar only).
    private var marks: [[(piece: Int, period: Int64)]]
    private var latest: [Int64]
    /// What a reset that goes back in the calendar brought together from several periods: it may stand above the bound, but not grow.
    private var carried: [Int128]
    private var settled: [Int64]
    private var reals: [Int64] = []
    private(set) var boot = -1
    private var offset: Int64 = 0
    private(set) var credited: Int64 = 0
    private var real: Int64 = 0
    private(set) var wasReset = false

    init(parents: [Int], rules: [Rule], hard: [Bool]) {
        self.parents = parents
        self.rules = rules
        self.hard = hard
        marks = rules.map { _ in [] }
        latest = rules.map { _ in .min }
        carried = rules.map { _ in 0 }
        settled = Array(repeating: 0, count: parents.count * hard.count)
    }

    func path(_ account: Int) -> [Int] {
        var path: [Int] = []
        var next = account
        while next >= 0 {
            path.append(next)
            next = parents[next]
        }
        return path
    }

    /// The time that counts for windows and deadlines: a boot goes on where the last event was.
    func credited(boot: Int, _ nanoseconds: Int64) -> Int64 { boot == self.boot ? max(credited, offset + nanoseconds) : credited + nanoseconds }

    /// Takes an event up; a sentence if a promise is broken by it.
    mutating func take(_ event: Event) -> String? {
        credited = credited(boot: event.boot, event.bootNanoseconds)
        if event.boot != boot {
            offset = credited - event.bootNanoseconds
            boot = event.boot
        }
        real = max(real, event.real)
        switch event.act {
        case .boot: return nil
        case .reserve(let lease, let account, let amounts, let deadline, let holder):
            let path = path(account)
            if var known = open[lease] {
                if known.account != account || known.holder != holder { return "lease \(lease) was given to two" }
                if known.boot != boot || known.deadline <= credited { return "lease \(lease) grew after its end" }
                known.deadline = max(known.deadline, offset + deadline)
                known.pieces += add(lease, path, amounts, event.wall, isOpen: true)
                open[lease] = known
            } else {
                if closed.contains(lease) { return "lease \(lease) was given twice" }
                let pieces = add(lease, path, amounts, event.wall, isOpen: true)
                open[lease] = Lease(account: account, holder: holder, boot: boot, deadline: offset + deadline, pieces: pieces)
            }
            return check(path, granted: amounts)
        case .end(let lease, let charged):
            guard let known = open.removeValue(forKey: lease) else { return "lease \(lease) ended that was not open" }
            closed.insert(lease)
            let path = path(known.account)
            for (dimension, amount) in charged.enumerated() {
                var rest = amount
                for piece in known.pieces where pieces[piece].dimension == dimension {
                    pieces[piece].isOpen = false
                    // The first that was reserved was spent first.
                    pieces[piece].weight = min(rest, pieces[piece].asked)
                    rest -= pieces[piece].weight
                }
                if rest > 0 {
                    if hard[dimension] { return "lease \(lease) was charged \(rest) above what it reserved" }
                    var over = charged.map { _ in Int64(0) }
                    over[dimension] = rest
                    _ = add(lease, path, over, event.wall, isOpen: false)
                }
                for account in path { settled[account * hard.count + dimension] += amount }
            }
            return check(path, granted: nil)
        case .charge(let account, let amounts):
            let path = path(account)
            _ = add(0, path, amounts, event.wall, isOpen: false)
            for account in path { for (dimension, amount) in amounts.enumerated() { settled[account * hard.count + dimension] += amount } }
            return check(path, granted: nil)
        case .reset(let account):
            wasReset = true
            for dimension in hard.indices { settled[account * hard.count + dimension] = 0 }
            for (index, rule) in rules.enumerated() where rule.account == account {
                marks[index] = marks[index].filter { pieces[$0.piece].isOpen }
                if case .calendar(_, let unit) = rule.window, latest[index] != .min {
                    let now = Self.period(unit, event.wall)
                    if now < latest[index] {
                        marks[index] = marks[index].map { ($0.piece, now) }
                        latest[index] = now
                        carried[index] = load(index, real: true)
                    }
                }
            }
            return check(path(account), granted: nil)
        }
    }

    private mutating func add(_ lease: UInt64, _ path: [Int], _ amounts: [Int64], _ wall: Int64, isOpen: Bool) -> [Int] {
        var added: [Int] = []
        for (dimension, amount) in amounts.enumerated() where amount > 0 {
            let piece = pieces.count
            pieces.append(
                Piece(lease: lease, path: path, dimension: dimension, asked: amount, weight: amount, isOpen: isOpen, real: real, credited: credited))
            added.append(piece)
            for (index, rule) in rules.enumerated() where rule.dimension == dimension && path.contains(rule.account) {
                // A wall clock that jumps back does not open a period again.
                if case .calendar(_, let unit) = rule.window { latest[index] = max(latest[index], Self.period(unit, wall)) }
                marks[index].append((piece, latest[index]))
            }
        }
        return added
    }

    /// Hard limits hold at every step; soft ones when something is granted under them.
    private mutating func check(_ path: [Int], granted: [Int64]?) -> String? {
        for (index, rule) in rules.enumerated() where path.contains(rule.account) {
            guard hard[rule.dimension] || granted.map({ $0[rule.dimension] > 0 }) ?? false else { continue }
            let sum = load(index, real: true)
            if sum > max(carried[index], Int128(rule.window.bound) * scale(rule.window)) {
                return
                    "account \(rule.account), dimension \(rule.dimension): \(rule.window) is overspent, \(sum) of \(Int128(rule.window.bound) * scale(rule.window))"
            }
            carried[index] = min(carried[index], sum)
        }
        return nil
    }

    private func scale(_ window: Window) -> Int128 { if case .rate(_, let span) = window { Int128(span) } else { 1 } }

    /// What counts against a rule now. For rates in amount times span: the largest, over all beginnings s, of what came since s, less
    /// what flowed off since.
    func load(_ index: Int, real useReal: Bool, asked: Bool = false, widened: Bool = false) -> Int128 {
        func weight(_ piece: Piece) -> Int128 { Int128(asked ? piece.asked : piece.weight) }
        func at(_ piece: Piece) -> Int64 { useReal ? piece.real : piece.credited }
        let now = useReal ? real : credited
        var sum: Int128 = 0
        switch rules[index].window {
        case .lifetime: for mark in marks[index] { sum += weight(pieces[mark.piece]) }
        case .concurrent: for mark in marks[index] where pieces[mark.piece].isOpen { sum += weight(pieces[mark.piece]) }
        case .calendar: for mark in marks[index] where mark.period == latest[index] { sum += weight(pieces[mark.piece]) }
        case .sliding(_, let span):
            let reach = widened ? span + (span + Int64(Window.subBuckets) - 1) / Int64(Window.subBuckets) : span
            for mark in marks[index] where at(pieces[mark.piece]) > now - reach { sum += weight(pieces[mark.piece]) }
        case .rate(let bound, let span):
            var since: Int128 = 0
            for mark in marks[index].reversed() {
                since += weight(pieces[mark.piece]) * Int128(span)
                sum = max(sum, since - Int128(now - at(pieces[mark.piece])) * Int128(bound))
            }
        }
        return sum
    }

    /// A sentence if a denial was not called for.
    func judge(_ index: Int, asked: Int64, boot: Int, _ nanoseconds: Int64, wall: Int64) -> String? {
        var later = self
        later.credited = credited(boot: boot, nanoseconds)
        if case .calendar(_, let unit) = rules[index].window { later.latest[index] = max(latest[index], Self.period(unit, wall)) }
        let window = rules[index].window
        // What is given back late or not at all is allowed where time or a reset is between: there the estimates count.
        let exact =
            switch window {
            case .lifetime, .concurrent: true
            case .calendar: !wasReset
            case .sliding, .rate: false
            }
        if wasReset, case .rate = window { return nil }
        let sum = later.load(index, real: false, asked: !exact, widened: true)
        if sum + Int128(asked) * scale(window) > Int128(window.bound) * scale(window) { return nil }
        return "account \(rules[index].account), dimension \(rules[index].dimension): \(asked) was denied by \(window) with only \(sum) counted"
            + " at period \(later.latest[index]): \(marks[index].map { "\(pieces[$0.piece].weight) of \(pieces[$0.piece].asked) in \($0.period)" })"
    }

    /// A sentence if the books differ from what happened.
    func judge(settled: Int64, reserved: Int64, account: Int, dimension: Int) -> String? {
        var held: Int64 = 0
        for piece in pieces where piece.isOpen && piece.dimension == dimension && piece.path.contains(account) { held += piece.asked }
        let spent = self.settled[account * hard.count + dimension]
        if settled == spent, reserved == held { return nil }
        return "account \(account), dimension \(dimension): \(settled) settled and \(reserved) reserved, but \(spent) and \(held) happened"
    }

    /// Periods counted one by one from 1970, slow and plain.
    static func period(_ unit: CalendarUnit, _ wall: Int64) -> Int64 {
        let day = wall / 86400
        switch unit {
        case .hour: return wall / 3600
        case .day: return day
        case .week: return (day + 3) / 7
        case .month:
            var rest = day
            var year: Int64 = 1970
            while true {
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
                if rest < (leap ? 366 : 365) {
                    var month: Int64 = 0
                    for length in [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as [Int64] {
                        if rest < length { break }
                        rest -= length
                        month += 1
                    }
                    return (year - 1970) * 12 + month
                }
                rest -= leap ? 366 : 365
                year += 1
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// One simulated schedule: several callers that reserve, extend, settle, release or die, in any order; clocks that go on, arrive late or
// jump; a host that crashes at any record, loses what was not on disk, and begins again by replay. Everything comes from the seed.

import Budget
import JSON

struct World {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Tally {
        var schedules = 0
        var granted = 0
        var denied = 0
        var ended = 0
        var crashes = 0
        var refused = 0
        var retries = 0

        static func + (left: Tally, right: Tally) -> Tally {
            Tally(
                schedules: left.schedules + right.schedules, granted: left.granted + right.granted, denied: left.denied + right.denied,
                ended: left.ended + right.ended, crashes: left.crashes + right.crashes, refused: left.refused + right.refused,
                retries: left.retries + right.retries)
        }
    }

    static let second: Int64 = 1_000_000_000
    static let dimensions = [
        Dimension.standard[3], Dimension.standard[0],
        Dimension.standard(reported: ["tokens_out"])[2],
    ]
    static let kinds: [AccountKind] = [.org, .team, .project, .agent, .session, .tool]
    static let names = (0..<12).map { "account \($0)" }

    private var random: SeededRandom
    private var ledger = Ledger(dimensions: World.dimensions)
    private var log: [LedgerRecord] = []
    private var events: [Event?] = []
    private var history: History
    private var durable = 0
    private let parents: [Int]
    private let ids: [DimensionID]
    private var accounts: [AccountID] = []
    private var boot = 0
    private var bootNanoseconds: Int64
    private var real: Int64 = 0
    private var wallShift: Int64 = 0
    private var callers: [(lease: UInt64, isAlive: Bool, holder: Int)]
    private var nextHolder = 0
    private var tally = Tally()

    /// Runs the schedule of a seed.
    /// - Throws: `Failure` with the promise that was broken.
    static func run(seed: UInt64, steps: Int = 40) throws -> Tally {
        var world = try World(seed)
        for _ in 0..<steps { try world.step() }
        try world.finish()
        world.tally.schedules = 1
        return world.tally
    }

    private init(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let count = 1 + random.below(6)
        var parents = [-1]
        for index in 1..<max(2, count) where index < count { parents.append(random.one(in: 4) ? random.below(index) : index - 1) }
        var rules: [Rule] = []
        for _ in 0..<(1 + random.below(5)) {
            let rule = Rule(account: random.below(count), dimension: random.below(3), window: Self.window(&random))
            let isDouble = rules.contains { $0.account == rule.account && $0.dimension == rule.dimension && Self.alike($0.window, rule.window) }
            if !isDouble { rules.append(rule) }
        }
        self.parents = parents
        history = History(parents: parents, rules: rules, hard: World.dimensions.map { $0.firmness == .hard })
        ids = World.dimensions.compactMap { [ledger] in ledger.dimension($0.name) }
        bootNanoseconds = random.amount(100 * Self.second)
        callers = (0..<3).map { _ in (0, true, 0) }
        self.random = random
        for index in callers.indices { callers[index].holder = holder() }
        if let record = try ledger.begin(at: now()) { try append(record, .boot) }
        for account in parents.indices {
            let limits = rules.filter { $0.account == account }.map { AccountLimit(World.dimensions[$0.dimension].name, $0.window) }
            let parent = parents[account] < 0 ? nil : Self.names[parents[account]]
            let definition = AccountDefinition(Self.names[account], kind: Self.kinds[min(5, account)], parent: parent, limits: limits)
            if let record = try ledger.define(definition, at: now()) { try append(record, nil) }
        }
        accounts = parents.indices.compactMap { ledger.account(Self.names[$0]) }
        durable = log.count
    }

    private static func window(_ random: inout SeededRandom) -> Window {
        let bound = 1 + random.amount(random.one(in: 4) ? 3 : 40)
        let span = 1 + random.amount(60 * second)
        switch random.below(6) {
        case 0: return .lifetime(bound * 3)
        case 1: return .concurrent(bound)
        case 2: return .calendar(bound, CalendarUnit.allCases[random.below(4)])
        case 3: return .sliding(bound, nanoseconds: random.one(in: 8) ? 1 + random.amount(40) : span)
        default: return .rate(bound, nanoseconds: random.one(in: 8) ? 1 + random.amount(40) : span)
        }
    }

    private static func alike(_ one: Window, _ other: Window) -> Bool {
        switch (one, other) {
        case (.lifetime, .lifetime), (.concurrent, .concurrent): true
        case (.calendar(_, let a), .calendar(_, let b)): a == b
        case (.sliding(_, let a), .sliding(_, let b)), (.rate(_, let a), .rate(_, let b)): a == b
        default: false
        }
    }

    private mutating func holder() -> Int {
        nextHolder += 1
        return nextHolder
    }

    /// The clocks as a caller read them, at times a little ago.
    private var late: Int64 = 0
    private func now() -> Moment {
        Moment(boot: "boot \(boot)", bootNanoseconds: max(0, bootNanoseconds - late), wallSeconds: wall)
    }

    /// From a Monday in December 2024 on.
    private var wall: Int64 { 1_735_000_000 + real / Self.second + wallShift }

    private mutating func append(_ record: LedgerRecord, _ act: Event.Act?) throws {
        let event = act.map { Event(act: $0, boot: boot, bootNanoseconds: record.at.bootNanoseconds, real: real - late, wall: record.at.wallSeconds) }
        log.append(record)
        events.append(event)
        if let event, let broken = history.take(event) { throw Failure(description: broken) }
    }

    // MARK: steps

    private mutating func step() throws {
        late = random.one(in: 6) ? random.amount(min(bootNanoseconds, Self.second) + 1) : 0
        switch random.below(20) {
        case 0..<11: try callerStep(random.below(callers.count))
        case 11..<14: pass(random.one(in: 5) ? random.amount(200 * Self.second) : random.amount(8 * Self.second))
        case 14: wallShift += (random.one(in: 2) ? 1 : -1) * random.amount(random.one(in: 2) ? 5000 : 40 * 86400)
        case 15: try expire()
        case 16: try charge()
        case 17: if random.one(in: 3) { try reset() } else { try endTwice() }
        case 18: durable = log.count
        default: try crash()
        }
    }

    private mutating func pass(_ nanoseconds: Int64) {
        bootNanoseconds += nanoseconds
        real += nanoseconds
        late = 0
    }

    private mutating func callerStep(_ caller: Int) throws {
        let lease = callers[caller].lease
        if lease == 0 { return try reserve(caller, extending: nil) }
        // A caller acts under its lease only when the reservation is on disk.
        durable = log.count
        switch random.below(8) {
        case 0..<2: try reserve(caller, extending: lease)
        case 2..<6: try settle(caller, lease)
        case 6:
            let record = try ledger.release(LeaseID(lease), at: now())
            callers[caller].lease = 0
            tally.ended += 1
            try append(record, .end(lease: lease, charged: [0, 0, 0]))
        default:
            // It dies; its lease stays behind until somebody looks.
            callers[caller] = (0, true, holder())
        }
    }

    private mutating func reserve(_ caller: Int, extending lease: UInt64?) throws {
        let account = lease.flatMap { history.open[$0]?.account } ?? random.below(parents.count)
        let amounts = (0..<3).map { _ in random.one(in: 2) ? random.amount(random.one(in: 6) ? 50 : 6) : 0 }
        let estimates = zip(ids, amounts).filter { $0.1 > 0 || random.one(in: 4) }.map { Amount($0.0, $0.1) }
        let moment = now()
        let deadline = moment.bootNanoseconds + 1 + random.amount(30 * Self.second)
        let known = lease.flatMap { history.open[$0] }
        let time = history.credited(boot: boot, moment.bootNanoseconds)
        let before = ledger
        let answer: Reservation
        do {
            if let lease {
                answer = try ledger.extend(LeaseID(lease), estimates, at: moment, deadline: deadline)
            } else {
                answer = try ledger.reserve(accounts[account], estimates, at: moment, deadline: deadline, holder: "\(callers[caller].holder)")
            }
        } catch {
            tally.refused += 1
            switch error.reason {
            case .leaseExpired where known.map { $0.deadline <= time } ?? false: callers[caller].lease = 0
            // Read late: what was the future then is past by now.
            case .deadline where late > 0: break
            default: throw Failure(description: "a reservation failed: \(error)")
            }
            return
        }
        switch answer {
        case .granted(let id, let record):
            tally.granted += 1
            if let lease, id.number != lease { throw Failure(description: "an extension made another lease") }
            callers[caller].lease = id.number
            let holder = callers[caller].holder
            try append(record, .reserve(lease: id.number, account: account, amounts: amounts, deadline: deadline, holder: holder))
        case .denied(let denial):
            tally.denied += 1
            try judge(denial, account, amounts, moment)
            if random.one(in: 16), before.snapshot != ledger.snapshot { throw Failure(description: "a denial changed the ledger") }
            if lease == nil, random.one(in: 4) { try judgeRetry(denial, accounts[account], estimates, moment) }
        }
    }

    private func judge(_ denial: BudgetDenial, _ account: Int, _ amounts: [Int64], _ moment: Moment) throws {
        let path = history.path(account)
        for shortage in denial.shortages {
            guard
                let rule = history.rules.firstIndex(where: {
                    Self.names[$0.account] == shortage.account && World.dimensions[$0.dimension] == shortage.dimension && $0.window == shortage.window
                }), path.contains(history.rules[rule].account), amounts[history.rules[rule].dimension] == shortage.asked
            else { throw Failure(description: "a denial names a limit that is not asked: \(denial)") }
            if let broken = history.judge(rule, asked: shortage.asked, boot: boot, moment.bootNanoseconds, wall: moment.wallSeconds) {
                throw Failure(description: broken)
            }
            if shortage.left >= shortage.asked { throw Failure(description: "a denial leaves \(shortage.left) of \(shortage.asked)") }
        }
    }

    /// A wait that was told is exact: a nanosecond (a second of the calendar) before it the answer is no, after it yes.
    private mutating func judgeRetry(_ denial: BudgetDenial, _ account: AccountID, _ estimates: [Amount], _ moment: Moment) throws {
        func isGranted(_ later: Moment) throws -> Bool {
            var copy = ledger
            if case .granted = try copy.reserve(account, estimates, at: later, deadline: later.bootNanoseconds + 1_000_000 * Self.second, holder: "") {
                return true
            }
            return false
        }
        let behind = max(0, history.credited - history.credited(boot: boot, 0) - moment.bootNanoseconds)
        guard late == 0, behind == 0 else { return }
        if case .after(let wait) = denial.cause.refill, denial.shortages.allSatisfy({ if case .after = $0.refill { true } else { false } }) {
            tally.retries += 1
            if try !isGranted(moment.after(wait)) { throw Failure(description: "still denied after the wait that was told: \(denial)") }
            if wait > 0, try isGranted(moment.after(wait - 1)) { throw Failure(description: "granted before the wait that was told: \(denial)") }
        }
        if case .at(let wall) = denial.cause.refill, denial.shortages.allSatisfy({ if case .at = $0.refill { true } else { false } }) {
            tally.retries += 1
            let then = Moment(boot: moment.boot, bootNanoseconds: moment.bootNanoseconds, wallSeconds: wall)
            let before = Moment(boot: moment.boot, bootNanoseconds: moment.bootNanoseconds, wallSeconds: wall - 1)
            if try !isGranted(then) { throw Failure(description: "still denied at the time that was told: \(denial)") }
            if try isGranted(before) { throw Failure(description: "granted before the time that was told: \(denial)") }
        }
    }

    private mutating func settle(_ caller: Int, _ lease: UInt64) throws {
        guard let known = history.open[lease] else { throw Failure(description: "lease \(lease) vanished") }
        let moment = now()
        var reserved: [Int64] = [0, 0, 0]
        for piece in known.pieces { reserved[history.pieces[piece].dimension] += history.pieces[piece].asked }
        var actual: [Amount] = []
        var charged = reserved
        var excess: [Int64] = [0, 0, 0]
        for dimension in 0..<3 where !random.one(in: 4) {
            let amount = random.amount(reserved[dimension] + (random.one(in: 3) ? 5 : 1))
            actual.append(Amount(ids[dimension], amount))
            if amount > reserved[dimension], history.hard[dimension] {
                excess[dimension] = amount - reserved[dimension]
            } else {
                charged[dimension] = amount
            }
        }
        let isOver = known.boot != boot || known.deadline <= history.credited(boot: boot, moment.bootNanoseconds)
        let result: Settlement
        do {
            result = try ledger.settle(LeaseID(lease), actual, at: moment)
        } catch {
            tally.refused += 1
            guard isOver, error.reason == .leaseExpired(lease) else { throw Failure(description: "a settlement failed: \(error)") }
            callers[caller].lease = 0
            return
        }
        if isOver { throw Failure(description: "lease \(lease) was settled after its end") }
        let told = Dictionary(uniqueKeysWithValues: result.excess.map { ($0.dimension, $0.amount) })
        for (dimension, name) in ["calls", "usd_pico", "tokens_out"].enumerated() where told[name] ?? 0 != excess[dimension] {
            throw Failure(description: "an excess of \(excess[dimension]) \(name) was told as \(told[name] ?? 0)")
        }
        callers[caller].lease = 0
        tally.ended += 1
        try append(result.record, .end(lease: lease, charged: charged))
    }

    private mutating func expire() throws {
        for record in try ledger.expire(at: now()) { try takeExpiry(record) }
        let time = history.credited(boot: boot, now().bootNanoseconds)
        for (lease, known) in history.open where known.boot == boot && known.deadline <= time {
            throw Failure(description: "lease \(lease) outlived its deadline")
        }
    }

    private mutating func takeExpiry(_ record: LedgerRecord) throws {
        guard case .expire(let lease, _) = record.change, let known = history.open[lease.number] else {
            throw Failure(description: "an expiry of what is not open: \(record)")
        }
        var charged: [Int64] = [0, 0, 0]
        for piece in known.pieces { charged[history.pieces[piece].dimension] += history.pieces[piece].asked }
        for caller in callers.indices where callers[caller].lease == lease.number { callers[caller].lease = 0 }
        tally.ended += 1
        try append(record, .end(lease: lease.number, charged: charged))
    }

    private mutating func charge() throws {
        let account = random.below(parents.count)
        // Of hard dimensions only: what soft ones overshoot is told in settlements.
        let amounts = [random.amount(4), random.amount(4), 0]
        switch try ledger.charge(accounts[account], zip(ids, amounts).map { Amount($0.0, $0.1) }, at: now()) {
        case .success(let record): try append(record, .charge(account: account, amounts: amounts))
        case .failure(let denied): try judge(denied.denial, account, amounts, now())
        }
    }

    private mutating func reset() throws {
        let account = random.below(parents.count)
        try append(try ledger.reset(accounts[account], at: now()), .reset(account: account))
    }

    /// An end of what has ended, or never was, must be refused and change nothing.
    private mutating func endTwice() throws {
        let number = UInt64(1 + random.below(30))
        guard history.open[number] == nil else { return }
        let before = random.one(in: 8) ? [ledger.snapshot] : []
        for attempt in 0..<3 {
            do {
                switch attempt {
                case 0: _ = try ledger.settle(LeaseID(number), [], at: now())
                case 1: _ = try ledger.release(LeaseID(number), at: now())
                default: _ = try ledger.extend(LeaseID(number), [], at: now(), deadline: bootNanoseconds + Self.second)
                }
                throw Failure(description: "lease \(number) ended twice")
            } catch let error as BudgetError {
                guard error.reason == .unknownLease(number) else { throw Failure(description: "ending twice: \(error)") }
                tally.refused += 1
            }
        }
        if let before = before.first, before != ledger.snapshot { throw Failure(description: "a refusal changed the ledger") }
    }

    // MARK: crash and end

    private mutating func crash() throws {
        tally.crashes += 1
        late = 0
        let kept = durable + random.below(log.count - durable + 1)
        // Snapshots cost more than all the rest: some are compared.
        let isWhole = kept == log.count
        let whole = isWhole && random.one(in: 4) ? ledger : nil
        log.removeLast(log.count - kept)
        events.removeLast(events.count - kept)
        if !isWhole {
            history = History(parents: parents, rules: history.rules, hard: history.hard)
            for event in events { if let event, let broken = history.take(event) { throw Failure(description: "after a crash: \(broken)") } }
        }
        // Back from the log, at times by way of its JSON, or from a snapshot and what follows it.
        ledger = Ledger(dimensions: World.dimensions)
        let middle = random.one(in: 12) ? random.below(kept + 1) : nil
        let byText = random.one(in: 12)
        for (index, record) in log.enumerated() {
            if index == middle { ledger = try Ledger(snapshot: try Value(parsing: ledger.snapshot.serialised())) }
            try ledger.apply(byText ? try LedgerRecord(json: try Value(parsing: record.json.serialised())) : record)
        }
        if let whole, whole.snapshot != ledger.snapshot { throw Failure(description: "replay made another ledger") }
        accounts = parents.indices.compactMap { [ledger] in ledger.account(Self.names[$0]) }
        durable = kept
        let isReboot = random.one(in: 3)
        if isReboot {
            boot += 1
            let off = random.amount(100 * Self.second)
            bootNanoseconds = random.amount(20 * Self.second)
            real += off + bootNanoseconds
        } else {
            pass(random.amount(3 * Self.second))
        }
        for caller in callers.indices {
            // Its reservation was lost with the host, or it died with it.
            if history.open[callers[caller].lease] == nil { callers[caller].lease = 0 }
            if isReboot || random.one(in: 2) { callers[caller] = (0, true, holder()) }
        }
        let alive = Set(callers.map { "\($0.holder)" })
        for record in try ledger.recover(at: now(), isAlive: { alive.contains($0) }) {
            if case .boot = record.change { try append(record, .boot) } else { try takeExpiry(record) }
        }
        let time = history.credited(boot: boot, bootNanoseconds)
        for (lease, known) in history.open where known.boot != boot || known.deadline <= time || !alive.contains("\(known.holder)") {
            throw Failure(description: "lease \(lease) outlived its holder")
        }
        try judgeBooks()
    }

    /// Nobody is left, every deadline passes: nothing may stay reserved, and what is settled is what was spent.
    private mutating func finish() throws {
        pass(100_000 * Self.second)
        try expire()
        if ledger.openLeaseCount != 0 || !history.open.isEmpty { throw Failure(description: "\(ledger.openLeaseCount) leases are left") }
        try judgeBooks()
        let record = log[random.below(log.count)]
        if try LedgerRecord(json: record.json).json != record.json { throw Failure(description: "a record is another after JSON: \(record)") }
    }

    private func judgeBooks() throws {
        if Set(ledger.openLeases.map(\.id.number)) != Set(history.open.keys) { throw Failure(description: "other leases are open than were given") }
        for account in parents.indices {
            for dimension in 0..<3 {
                let usage = try ledger.usage(accounts[account], ids[dimension])
                if let broken = history.judge(settled: usage.settled, reserved: usage.reserved, account: account, dimension: dimension) {
                    throw Failure(description: broken)
                }
            }
        }
    }
}

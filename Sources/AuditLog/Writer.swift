// SPDX-License-Identifier: Apache-2.0
//
// The queue between those who append and the disk, and the thread that empties it: one group for all that came while the last was written,
// one synchronisation for the group. It decides when a group goes; Journal.swift decides where.

internal import JSON
internal import Linux
internal import Synchronization

final class Writer: Sendable {
    struct Item: Sendable {
        let bytes: [UInt8]
        /// Of a body; nil for a record.
        let digest: Digest?
        let isUrgent: Bool
        let isStrict: Bool

        init(_ bytes: [UInt8], digest: Digest?, isUrgent: Bool, isStrict: Bool) {
            self.bytes = bytes
            self.digest = digest
            self.isUrgent = isUrgent
            self.isStrict = isStrict
        }
    }

    struct State: Sendable {
        var items: [Item] = []
        var itemBytes = 0
        var strict = 0
        /// Of the group that is filling.
        var promise = Promise()
        var nextTicket: UInt64 = 0
        /// All tickets before it have an outcome.
        var settled: UInt64 = 0
        var isClosing = false
        var isRunning = false
        /// A group is on its way to the disk.
        var isWriting = false
        var isPublishing = false
        var refusal: LogError?
        var tree = Edge()
        /// The records of the last checkpoint that this process knows of.
        var published: UInt64 = 0
        /// Bodies that went by lately.
        var recent: Set<Digest> = []
    }

    private static let largestGroup = 4 << 20
    /// Conditions: for the writer, and for those who wait for all.
    private static let work = 0
    private static let settled = 1

    let readiness: EventDescriptor
    private let folder: String
    private let key: SigningKey
    private let options: Log.Options
    private let state = Monitor(State(), conditions: 2)
    /// The writer thread's alone, once that runs.
    private let journal: Mutex<Journal>
    private let instants = Instants()

    init(folder: String, key: SigningKey, options: Log.Options) throws(LogError) {
        self.folder = folder
        self.key = key
        self.options = options
        readiness = try asked { () throws(SystemError) in try EventDescriptor() }
        var promised: UInt64 = 0
        for name in ["checkpoint", "head"] { promised = max(promised, try Publisher.checkpoint(folder, name, by: key.verifier)?.size ?? 0) }
        var bounds = Journal.Bounds()
        bounds.lockMilliseconds = options.lockMilliseconds
        bounds.segmentBytes = options.segmentBytes
        bounds.allocationBytes = options.allocationBytes
        let opened = try Journal(folder: folder, origin: key.verifier.name, promised: promised, bounds: bounds)
        let tree = opened.position.edge
        state.with { $0.tree = tree }
        journal = Mutex(opened)
    }

    // MARK: those who append

    func append(_ item: Item) throws(LogError) -> Log.Ticket {
        let (ticket, begins, wakes) = try state.with { state throws(LogError) -> (Log.Ticket, Bool, Bool) in
            if state.isClosing { throw LogError(.closed) }
            guard state.itemBytes + item.bytes.count <= options.queueBytes || state.items.isEmpty else { throw LogError(.queueFull) }
            let ticket = Log.Ticket(number: state.nextTicket, promise: state.promise)
            if item.digest == nil { state.nextTicket += 1 }
            state.items.append(item)
            state.itemBytes += item.bytes.count
            if item.isStrict { state.strict += 1 }
            let begins = !state.isRunning
            state.isRunning = true
            // Whoever is first wakes the writer; a fast one's wait is cut short by the first strict one, or by much.
            return (ticket, begins, state.items.count == 1 || (item.isStrict && state.strict == 1) || state.itemBytes > Self.largestGroup)
        }
        if begins {
            do { _ = try Thread { [self] in run() } } catch {
                state.with { $0.isRunning = false }
                throw LogError(error)
            }
        }
        if wakes { state.wakeAll(Self.work) }
        return ticket
    }

    func isNew(_ digest: Digest) -> Bool {
        state.with { state in
            if state.recent.count >= 4096 { state.recent = [] }
            return state.recent.insert(digest).inserted
        }
    }

    func outcome(of ticket: Log.Ticket) throws(LogError) -> UInt64? { try ticket.promise.result(of: ticket.number)?.get() }

    func wait(for ticket: Log.Ticket, milliseconds: Int) throws(LogError) -> UInt64? {
        try ticket.promise.wait(for: ticket.number, until: Clock.monotonic + UInt64(milliseconds) * 1_000_000)?.get()
    }

    var refusal: LogError? { state.with { $0.refusal } }
    var tree: Edge { state.with { $0.tree } }

    // MARK: the thread

    private func run() {
        while let (items, tickets, promise) = take() {
            let outcomes = journal.withLock { write(items, tickets, $0) }
            finish(outcomes, tickets, promise)
            publishIfDue()
        }
        state.with {
            $0.isRunning = false
        }
        state.wakeAll(Self.settled)
    }

    /// Whose group was taken, and whether all of it: what is too large for one goes in parts, and is kept with the last.
    private struct Taken {
        let promise: Promise
        let isWhole: Bool
    }

    /// Waits for records. Those that come while a group is on its way to the disk are the next; fast ones alone wait for more.
    private func take() -> (items: [Item], tickets: Range<UInt64>, promise: Taken)? {
        let isThere = state.wait(on: Self.work) { state -> Bool? in state.items.isEmpty ? (state.isClosing ? false : nil) : true } ?? false
        if !isThere { return nil }
        if state.with({ $0.strict == 0 && !$0.isClosing }) {
            let deadline = Clock.monotonic + UInt64(max(0, options.fastMilliseconds - 1)) * 1_000_000
            // Woken by nothing but the deadline, a strict record or the end.
            _ = state.wait(on: Self.work, until: deadline) { $0.strict > 0 || $0.isClosing || $0.itemBytes > Self.largestGroup ? true : nil }
        }
        return state.with { state in
            var count = state.items.count
            var bytes = 0
            if state.itemBytes > Self.largestGroup {
                count = 0
                while count < state.items.count, count == 0 || bytes + state.items[count].bytes.count <= Self.largestGroup {
                    bytes += state.items[count].bytes.count
                    count += 1
                }
            }
            let items = Array(state.items.prefix(count))
            state.items.removeFirst(count)
            state.itemBytes = state.items.reduce(0) { $0 + $1.bytes.count }
            state.strict = state.items.count { $0.isStrict }
            let first = state.nextTicket - UInt64(state.items.count { $0.digest == nil }) - UInt64(items.count { $0.digest == nil })
            let promise = Taken(promise: state.promise, isWhole: state.items.isEmpty)
            if promise.isWhole { state.promise = Promise() }
            state.isWriting = true
            return (items, first..<(first + UInt64(items.count { $0.digest == nil })), promise)
        }
    }

    /// One group, or where the disk refuses, the urgent ones alone.
    private func write(_ items: [Item], _ tickets: Range<UInt64>, _ journal: Journal) -> [Promise.Outcome] {
        do {
            let first = try write(items, journal, isUrgent: items.allSatisfy(\.isUrgent), noting: .resumed)
            return [Promise.Outcome(tickets: tickets, result: .success(first))]
        } catch {
            guard case .refusing = error.reason, items.contains(where: \.isUrgent), !items.allSatisfy(\.isUrgent) else {
                return [Promise.Outcome(tickets: tickets, result: .failure(error))]
            }
            let urgent = Result { () throws(LogError) in try write(items.filter(\.isUrgent), journal, isUrgent: true, noting: nil) }
            var outcomes: [Promise.Outcome] = []
            var (ticket, place) = (tickets.lowerBound, UInt64(0))
            for item in items where item.digest == nil {
                outcomes.append(Promise.Outcome(tickets: ticket..<(ticket + 1), result: item.isUrgent ? urgent.map { [place] in $0 + place } : .failure(error)))
                if item.isUrgent { place += 1 }
                ticket += 1
            }
            return outcomes
        }
    }

    /// - Parameter noting: said first where the disk refused before.
    private func write(_ items: [Item], _ journal: Journal, isUrgent: Bool, noting: Record.Kind?) throws(LogError) -> UInt64 {
        var group = Journal.Group()
        var notes: UInt64 = 0
        if let noting, let refusal, case .refusing = refusal.reason, !isUrgent {
            group.append(entry: note(noting, ["cause": .string(refusal.message)]))
            notes = 1
        }
        for item in items {
            guard let digest = item.digest else {
                group.append(entry: item.bytes)
                continue
            }
            // What was published once is there.
            if !ObjectStore.exists(folder, digest) { group.append(object: item.bytes, digest: digest) }
        }
        if group.isEmpty { return journal.position.edge.size }
        do {
            let first = try journal.append(group, isUrgent: isUrgent) { bytes, position in
                note(
                    .recovered,
                    ["dropped_bytes": .integer(Int64(bytes)), "segment": .string(Segment.name(position.segment)), "place": .integer(Int64(position.place))])
            }
            try journal.synchronise()
            let tree = journal.position.edge
            state.with { state in
                state.tree = tree
                if !isUrgent { state.refusal = nil }
            }
            return first + notes
        } catch {
            let isFirst = state.with { state in
                defer { state.refusal = error }
                return state.refusal == nil
            }
            if isFirst, case .refusing(let cause, _) = error.reason { sayRefusal(cause, journal) }
            throw error
        }
    }

    /// The refusal is itself a record, in the space that is kept for it.
    private func sayRefusal(_ cause: String, _ journal: Journal) {
        var group = Journal.Group()
        group.append(entry: note(.refused, ["cause": .string(cause)]))
        guard (try? journal.append(group, isUrgent: true, recovered: { _, _ in note(.recovered, [:]) })) != nil else { return }
        try? journal.synchronise()
    }

    private func note(_ kind: Record.Kind, _ data: Value) -> [UInt8] {
        var record = Record(kind, at: instants.now)
        record.data = data
        return (try? RecordText.entry(record, Redactor())) ?? []
    }

    private func finish(_ outcomes: [Promise.Outcome], _ tickets: Range<UInt64>, _ taken: Taken) {
        state.with { state in
            state.settled = tickets.upperBound
            state.isWriting = false
        }
        taken.promise.add(outcomes)
        if taken.isWhole { taken.promise.keep() }
        readiness.signal()
        state.wakeAll(Self.settled)
    }

    // MARK: publishing and the end

    private func publishIfDue() {
        guard options.publishEvery > 0 else { return }
        let isDue = state.with { state in
            let due = !state.isPublishing && state.tree.size / options.publishEvery > state.published / options.publishEvery
            if due { state.isPublishing = true }
            return due
        }
        if !isDue { return }
        let isBegun =
            (try? Thread { [self] in
                _ = try? publish()
                state.with { $0.isPublishing = false }
                state.wakeAll(Self.settled)
            }) != nil
        if !isBegun { state.with { $0.isPublishing = false } }
    }

    /// - Parameter isFresh: whether what other processes wrote is looked for first.
    func publish(isFresh: Bool = false) throws(LogError) -> Checkpoint {
        if isFresh {
            let tree = try journal.withLock { (journal) throws(LogError) -> Edge in
                try journal.refresh()
                return journal.position.edge
            }
            state.with { if $0.tree.size < tree.size { $0.tree = tree } }
        }
        var publisher = Publisher(folder: folder, key: key)
        let checkpoint = try publisher.publish(tree, lockMilliseconds: options.lockMilliseconds)
        state.with { $0.published = max($0.published, checkpoint.size) }
        return checkpoint
    }

    /// Waits until everything that was appended before has an outcome.
    func flush() throws(LogError) {
        let last = state.with { $0.nextTicket }
        let deadline = Clock.monotonic + 60_000_000_000
        if state.wait(on: Self.settled, until: deadline, { $0.settled >= last && $0.items.isEmpty && !$0.isWriting ? true : nil }) == nil {
            throw LogError(.late)
        }
    }

    func close() throws(LogError) {
        let wasClosing = state.with { state in
            defer { state.isClosing = true }
            return state.isClosing
        }
        if wasClosing { return }
        state.wakeAll(Self.work)
        let deadline = Clock.monotonic + 60_000_000_000
        let isEnded = state.wait(on: Self.settled, until: deadline) { !$0.isRunning && !$0.isPublishing ? true : nil } ?? false
        if !isEnded { throw LogError(.late) }
        try signHead()
    }

    /// The size and root as of now, signed, beside the published checkpoint: what is cut off the journal after this shows.
    private func signHead() throws(LogError) {
        let tree = tree
        let before = try Publisher.checkpoint(folder, "head", by: key.verifier)
        if tree.size == 0 || before?.size ?? 0 >= tree.size { return }
        let note = try Checkpoint(origin: key.verifier.name, size: tree.size, root: tree.root).signed(by: key)
        let path = "\(folder)/head"
        try refusing { () throws(SystemError) in try Storage.replace(path, with: Array(note.utf8), mode: 0o644, isSynchronised: false) }
    }
}

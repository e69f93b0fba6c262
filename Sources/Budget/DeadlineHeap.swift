// SPDX-License-Identifier: Apache-2.0
//
// The deadlines of leases, earliest first: a binary heap. A lease that ends early, or whose deadline moves, leaves its entry behind; the
// ledger compares each entry with the lease and rebuilds the heap when most of it is such remains.

struct DeadlineHeap: Sendable {
    struct Entry {
        let deadline: Int64
        let lease: UInt64

        func precedes(_ other: Entry) -> Bool { deadline != other.deadline ? deadline < other.deadline : lease < other.lease }
    }

    private(set) var entries: [Entry] = []

    var first: Entry? { entries.first }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !entry.precedes(entries[parent]) { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = entry
    }

    mutating func removeFirst() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= entries.count { break }
            if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
            if !entries[child].precedes(last) { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = last
    }

    mutating func replace(with entries: [Entry]) {
        self.entries = []
        for entry in entries { insert(entry) }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// How hard to answer a loop: each further one takes the next step of the ladder, quiet steps back. The acts are the caller's.

/// What is done about a session that loops, from mild to hard.
public enum LoopRung: Int, Sendable, Hashable, CaseIterable, Comparable {
    case none, note, delay, deny, freeze, terminate, kill

    public static func < (left: LoopRung, right: LoopRung) -> Bool { left.rawValue < right.rawValue }

    /// As records name it.
    public var name: String {
        switch self {
        case .none: "none"
        case .note: "note"
        case .delay: "delay"
        case .deny: "deny"
        case .freeze: "freeze"
        case .terminate: "terminate"
        case .kill: "kill"
        }
    }
}

public struct Escalation: Sendable {
    /// How many loops in a row take one step; at least 1.
    public let tripsPerRung: Int
    /// Nanoseconds without a loop after which one step is taken back.
    public let quiet: Int64
    /// The highest step.
    public let cap: LoopRung

    public private(set) var rung: LoopRung = .none
    private var trips = 0
    private var since: Int64 = 0

    /// - Throws: `setting`.
    public init(tripsPerRung: Int = 2, quiet: Int64 = 60_000_000_000, cap: LoopRung = .freeze) throws(BudgetError) {
        guard 1...256 ~= tripsPerRung, 1...Window.longestSpan ~= quiet else {
            throw BudgetError(.setting("the settings of an escalation are out of range"))
        }
        self.tripsPerRung = tripsPerRung
        self.quiet = quiet
        self.cap = cap
    }

    /// A loop was found: the step to take now. The first one takes the first step.
    public mutating func tripped(at time: Int64) -> LoopRung {
        settle(at: time)
        since = max(since, time)
        if rung == .none || trips + 1 >= tripsPerRung {
            rung = min(cap, LoopRung(rawValue: rung.rawValue + 1) ?? .kill)
            trips = 0
        } else {
            trips += 1
        }
        return rung
    }

    /// The step that holds at this time.
    public mutating func settle(at time: Int64) {
        while rung != .none, time - since >= quiet {
            rung = LoopRung(rawValue: rung.rawValue - 1) ?? .none
            since += quiet
            trips = 0
        }
    }
}

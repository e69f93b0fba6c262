// SPDX-License-Identifier: Apache-2.0
//
// Finds a session that goes in circles: the same call again and again, a cycle of calls, the same call with the same result, a row of
// errors. It looks at keys only; canonical arguments and digests are the caller's work. Times are nanoseconds of CLOCK_BOOTTIME.

/// A SHA-256 digest, or any 32 bytes that stand for a text.
public struct Digest: Sendable, Hashable {
    private let words: [4 of UInt64]

    /// Nil unless 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var words: [4 of UInt64] = .init(repeating: 0)
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        self.words = words
    }

    public static func == (left: Digest, right: Digest) -> Bool {
        for index in 0..<4 where left.words[index] != right.words[index] { return false }
        return true
    }

    public func hash(into hasher: inout Hasher) {
        for index in 0..<4 { hasher.combine(words[index]) }
    }
}

/// What a call is, for telling repetitions: the tool and the digest of its canonical arguments.
public struct CallKey: Sendable, Hashable {
    public let tool: String
    public let arguments: Digest

    public init(tool: String, arguments: Digest) {
        self.tool = tool
        self.arguments = arguments
    }
}

/// A loop that was found.
public enum Loop: Sendable, Hashable {
    /// The same key so many times in the window.
    case repeated(CallKey, count: Int)
    /// The last calls are so many rounds of a cycle of this many calls, 2...8.
    case cycle(period: Int, rounds: Int)
    /// The same key had the same result so many times in the window.
    case noProgress(CallKey, count: Int)
    /// So many errors in a row, whatever was called.
    case errors(count: Int)

    /// As records name it.
    public var name: String {
        switch self {
        case .repeated: "repeated"
        case .cycle: "cycle"
        case .noProgress: "no_progress"
        case .errors: "errors"
        }
    }
}

public struct LoopDetector: Sendable {
    public struct Settings: Sendable, Hashable {
        /// Nanoseconds in which equal calls are counted; at least 1.
        public var window: Int64 = 120_000_000_000
        /// Equal calls in the window, 2...256; nil to look for none.
        public var repeats: Int? = 20
        /// Rounds of a cycle with a period of 2...8, 2...32.
        public var rounds: Int? = 5
        /// Equal results of equal calls in the window, 2...256.
        public var sameResults: Int? = 5
        /// Errors in a row, 2...256.
        public var errors: Int? = 10

        public init() {}

        var isLegal: Bool {
            1...Window.longestSpan ~= window && (repeats.map { 2...256 ~= $0 } ?? true) && (rounds.map { 2...32 ~= $0 } ?? true)
                && (sameResults.map { 2...256 ~= $0 } ?? true) && (errors.map { 2...256 ~= $0 } ?? true)
        }
    }

    private struct Past {
        let time: Int64
        var result: Digest?
    }

    /// A cycle of 8 calls 32 times over is 256 calls; so much is remembered and no more.
    public static let memory = 256
    public static let longestPeriod = 8

    private let settings: Settings
    /// The last calls, of which `recent` count: the older half goes all at once. Their keys stand by themselves, since they are what is
    /// looked through.
    private var keys: [Int] = []
    private var past: [Past] = []
    /// Keys by small numbers, so that looking for cycles compares integers; cleaned when it is four times the memory.
    private var numbers: [CallKey: Int] = [:]
    private var nextNumber = 0
    private var errorStreak = 0

    /// - Throws: `setting`.
    public init(_ settings: Settings = Settings()) throws(BudgetError) {
        guard settings.isLegal else { throw BudgetError(.setting("the settings of loop detection are out of range")) }
        self.settings = settings
    }

    private var recent: Range<Int> { max(0, past.count - Self.memory)..<past.count }

    /// How many of the recent calls have that key, are younger, and had that result if one is given.
    private func count(of number: Int, since: Int64, result: Digest? = nil) -> Int {
        let keys = keys.span
        var count = 0
        for place in recent where keys[place] == number {
            if past[place].time > since, result == nil || past[place].result == result { count += 1 }
        }
        return count
    }

    /// A call is about to be made. To be asked before it is decided on; a call that is then denied has been made all the same.
    public mutating func asked(_ key: CallKey, at time: Int64) -> [Loop] {
        if numbers.count >= 4 * Self.memory {
            let kept = Set(keys[recent])
            numbers = numbers.filter { kept.contains($0.value) }
        }
        let number = numbers[key] ?? nextNumber
        if number == nextNumber {
            numbers[key] = number
            nextNumber += 1
        }
        if past.count == 2 * Self.memory {
            keys.removeFirst(Self.memory)
            past.removeFirst(Self.memory)
        }
        keys.append(number)
        past.append(Past(time: time, result: nil))
        var loops: [Loop] = []
        if let most = settings.repeats {
            let count = count(of: number, since: time - settings.window)
            if count >= most { loops.append(.repeated(key, count: count)) }
        }
        if let rounds = settings.rounds, let loop = cycle(rounds) { loops.append(loop) }
        return loops
    }

    /// A call was answered: the digest of its result, without what differs each time (ids, times), and whether it is an error.
    public mutating func answered(_ key: CallKey, result: Digest, isError: Bool, at time: Int64) -> [Loop] {
        errorStreak = isError ? errorStreak + 1 : 0
        var loops: [Loop] = []
        if let number = numbers[key] {
            // The oldest call of that key that has no answer yet: answers come in their order more often than not.
            if let place = recent.first(where: { keys[$0] == number && past[$0].result == nil }) { past[place].result = result }
            if let most = settings.sameResults {
                let count = count(of: number, since: time - settings.window, result: result)
                if count >= most { loops.append(.noProgress(key, count: count)) }
            }
        }
        if let most = settings.errors, errorStreak >= most { loops.append(.errors(count: errorStreak)) }
        return loops
    }

    /// The shortest period whose last rounds are equal. A row of one key alone is `repeated`, not a cycle.
    private func cycle(_ rounds: Int) -> Loop? {
        for period in 2...Self.longestPeriod where period * rounds <= recent.count {
            let tail = keys[(keys.count - period * rounds)...]
            guard tail.indices.dropFirst(period).allSatisfy({ tail[$0] == tail[$0 - period] }) else { continue }
            if tail.prefix(period).allSatisfy({ $0 == tail[tail.startIndex] }) { return nil }
            return .cycle(period: period, rounds: rounds)
        }
        return nil
    }
}

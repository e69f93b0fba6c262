// SPDX-License-Identifier: Apache-2.0
//
// Over what a limit counts, in one grammar: `N` lifetime, `N/T` a rate with a burst of N, `N/day` calendar, `N sliding T`, `N concurrent`.

/// One window with its bound. Bounds are 1...2^62, spans 1 ns to 400 days.
public enum Window: Sendable, Hashable {
    /// `N`: settled and reserved together, for ever.
    case lifetime(Int64)
    /// `N/T`: the generic cell rate algorithm with a burst of N; in any interval of length t at most N + t*N/T.
    case rate(Int64, nanoseconds: Int64)
    /// `N/day`: within one period of the calendar in UTC.
    case calendar(Int64, CalendarUnit)
    /// `N sliding T`: within any interval of length T. Counted in 32 sub-buckets: an amount leaves at most T/32 late, never early.
    case sliding(Int64, nanoseconds: Int64)
    /// `N concurrent`: reserved at once.
    case concurrent(Int64)

    /// The N of the window.
    public var bound: Int64 {
        switch self {
        case .lifetime(let bound), .rate(let bound, _), .calendar(let bound, _), .sliding(let bound, _), .concurrent(let bound): bound
        }
    }

    /// Sub-buckets of a sliding window.
    public static let subBuckets = 32

    static let largestBound: Int64 = 1 << 62
    static let longestSpan: Int64 = 400 * 86_400_000_000_000

    var isLegal: Bool {
        guard 1...Self.largestBound ~= bound else { return false }
        switch self {
        case .rate(_, let span), .sliding(_, let span): return 1...Self.longestSpan ~= span
        default: return true
        }
    }

    /// The window as it is written for a dimension of that unit; parsing gives it back.
    public func written(for dimension: Dimension) -> String {
        let number = dimension.written(bound)
        return switch self {
        case .lifetime: number
        case .rate(_, let span): "\(number)/\(Self.written(span: span))"
        case .calendar(_, let unit): "\(number)/\(unit.rawValue)"
        case .sliding(_, let span): "\(number) sliding \(Self.written(span: span))"
        case .concurrent: "\(number) concurrent"
        }
    }

    /// Whether two windows are of one kind: an account has one of a kind and dimension.
    public func isLike(_ other: Window) -> Bool { counts(like: other) }

    /// Whether two windows are the same but for their bounds.
    func counts(like other: Window) -> Bool {
        switch (self, other) {
        case (.lifetime, .lifetime), (.concurrent, .concurrent): true
        case (.calendar(_, let one), .calendar(_, let another)): one == another
        case (.sliding(_, let one), .sliding(_, let another)), (.rate(_, let one), .rate(_, let another)): one == another
        default: false
        }
    }

    private static func written(span: Int64) -> String {
        for (unit, factor) in WindowParser.spanUnits where span % factor == 0 { return "\(span / factor)\(unit)" }
        return "\(span)ns"
    }
}

/// A window of one dimension of an account.
public struct AccountLimit: Sendable, Hashable {
    /// The dimension's name.
    public let dimension: String
    public let window: Window

    public init(_ dimension: String, _ window: Window) {
        self.dimension = dimension
        self.window = window
    }
}

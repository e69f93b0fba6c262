// SPDX-License-Identifier: Apache-2.0
//
// What a policy asks for beside its effect, by annotation: `@ask("reason") @throttle("10/1m") @redact("field")
// @raise("N") @kill @log_only`. Other annotations mean nothing here.

/// What is to be done with a call, from the mildest to the strictest.
public enum Verdict: String, Hashable, Sendable, CaseIterable, Comparable {
    case allow, throttle, ask, deny, kill

    public static func < (left: Verdict, right: Verdict) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .allow: 0
        case .throttle: 1
        case .ask: 2
        case .deny: 3
        case .kill: 4
        }
    }
}

/// At most so many calls in a window of time: `10/1m`.
public struct Throttle: Hashable, Sendable {
    public let count: Int64
    public let windowMilliseconds: Int64

    /// Parses `count/window`; the window is a number, perhaps left out, and `ms`, `s`, `m`, `h` or `d`.
    public init?(_ text: Text) {
        let parts = text.string.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int64(parts[0]), count > 0 else { return nil }
        let digits = parts[1].prefix { $0.isASCII && $0.isNumber }
        let unit: Int64
        switch parts[1].dropFirst(digits.count) {
        case "ms": unit = 1
        case "s": unit = 1000
        case "m": unit = 60_000
        case "h": unit = 3_600_000
        case "d": unit = 86_400_000
        default: return nil
        }
        guard let number = digits.isEmpty ? 1 : Int64(digits), number > 0 else { return nil }
        let (window, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        self.count = count
        self.windowMilliseconds = window
    }

    /// Whether this one allows fewer calls in the long run.
    func isStricter(than other: Throttle) -> Bool {
        let (left, right) = (
            count.multipliedFullWidth(by: other.windowMilliseconds), other.count.multipliedFullWidth(by: windowMilliseconds)
        )
        return left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

/// The obligations of one policy.
public struct Obligations: Hashable, Sendable {
    /// The reason of `@ask`, empty where it gives none.
    public var ask: Text?
    public var throttle: Throttle?
    public var redact: Text?
    public var raise: Int64?
    public var kill = false
    /// The policy is evaluated and recorded and decides nothing.
    public var logOnly = false

    public init() {}

    /// Reads the annotations of a policy.
    ///
    /// - Throws: `.data` for a value that means nothing, and for an obligation that cannot have an effect: a forbid
    ///   denies, so `@ask` and the like say nothing there; `@kill` says nothing of a permit.
    public init(_ policy: Policy) throws(CedarError) {
        for annotation in policy.annotations {
            let value = annotation.value ?? ""
            func refuse(_ message: String, _ help: String) -> CedarError {
                CedarError(.data, "policy `\(policy.id)`: \(message)", at: annotation.span, help: help)
            }
            switch annotation.key.string {
            case "ask": ask = value
            case "throttle":
                guard let parsed = Throttle(value) else {
                    throw refuse("`\(value)` is no rate", "write a number of calls and a window: `@throttle(\"10/1m\")`")
                }
                throttle = parsed
            case "redact":
                guard !value.isEmpty else { throw refuse("`@redact` needs a field", "write `@redact(\"field\")`") }
                redact = value
            case "raise":
                guard let parsed = Int64(value.string), parsed > 0 else {
                    throw refuse("`\(value)` is no new limit", "write a whole number above zero: `@raise(\"1000\")`")
                }
                raise = parsed
            case "kill": kill = true
            case "log_only": logOnly = true
            default: continue
            }
            let permits = policy.effect == .permit
            switch annotation.key.string {
            case "ask", "throttle", "redact", "raise":
                guard permits else {
                    throw refuse(
                        "`@\(annotation.key)` says nothing of a forbid, which denies",
                        "put it on a permit: the strictest of all satisfied permits counts")
                }
            case "kill":
                guard !permits else {
                    throw refuse("`@kill` says nothing of a permit", "put it on a forbid")
                }
            default: break
            }
        }
    }

    /// What a satisfied policy says by itself.
    func verdict(_ effect: Effect) -> Verdict {
        switch effect {
        case .forbid: kill ? .kill : .deny
        case .permit: ask != nil ? .ask : throttle != nil ? .throttle : .allow
        }
    }
}

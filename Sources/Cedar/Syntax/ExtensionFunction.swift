// SPDX-License-Identifier: Apache-2.0
//
// The functions and methods of the extension types `ipaddr`, `decimal`, `datetime` and `duration`.

/// An extension type.
public enum ExtensionType: String, Hashable, Sendable, CaseIterable {
    case ipaddr, decimal, datetime, duration
}

/// A function or method of an extension type. Its raw value is its name.
public enum ExtensionFunction: String, Hashable, Sendable, CaseIterable {
    case ip, isIpv4, isIpv6, isLoopback, isMulticast, isInRange
    case decimal, lessThan, lessThanOrEqual, greaterThan, greaterThanOrEqual
    case datetime, duration, offset, durationSince, toDate, toTime
    case toMilliseconds, toSeconds, toMinutes, toHours, toDays

    /// A constructor takes one string and is called as a function; everything else is a method.
    public var isConstructor: Bool {
        switch self {
        case .ip, .decimal, .datetime, .duration: true
        default: false
        }
    }

    public var isMethod: Bool { !isConstructor }

    /// The number of arguments, a method's receiver included.
    public var arity: Int {
        switch self {
        case .isInRange, .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual, .offset, .durationSince: 2
        default: 1
        }
    }

    /// The extension type it belongs to: what a constructor makes, what a method is called on.
    public var type: ExtensionType {
        switch self {
        case .ip, .isIpv4, .isIpv6, .isLoopback, .isMulticast, .isInRange: .ipaddr
        case .decimal, .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual: .decimal
        case .datetime, .offset, .durationSince, .toDate, .toTime: .datetime
        case .duration, .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays: .duration
        }
    }

    /// The type of an argument of a method, by its place from 0, its receiver.
    func argumentType(_ index: Int) -> ExtensionType { self == .offset && index == 1 ? .duration : type }

    public var name: Text { Text(rawValue) }
}

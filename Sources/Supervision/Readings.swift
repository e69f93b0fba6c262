// SPDX-License-Identifier: Apache-2.0
// One sample of a running cell: what each gauge read, and which readings are of our own making. Who reads is the caller's.

package import Events

package struct Readings: Equatable, Sendable {
    private var values = [Int64](repeating: Readings.unknown, count: Gauge.allCases.count)
    private var held: UInt64 = 0
    private static let unknown = Int64.min

    package init() {}

    /// In the gauge's unit, 0 or more; nil where it was not read.
    package subscript(gauge: Gauge) -> Int64? {
        get { values[gauge.rawValue] == Readings.unknown ? nil : values[gauge.rawValue] }
        set { values[gauge.rawValue] = newValue.map { max(0, $0) } ?? Readings.unknown }
    }

    /// The cell takes all that a rung leaves to it: the reading would be higher without, and says nothing about coming down.
    package mutating func hold(_ gauge: Gauge) { held |= 1 << UInt64(gauge.rawValue) }

    package func isHeld(_ gauge: Gauge) -> Bool { held & 1 << UInt64(gauge.rawValue) != 0 }
}

// SPDX-License-Identifier: Apache-2.0
//
// A set of at most 32 cases in one word: families and forbidden groups are looked up some four hundred times per launch.

/// A set of enumeration cases whose raw values are below 32.
public struct SmallSet<Element>: Hashable, Sendable, ExpressibleByArrayLiteral
where Element: RawRepresentable & CaseIterable & Sendable, Element.RawValue == UInt8 {
    /// Bit n stands for the case of raw value n.
    public private(set) var bits: UInt32 = 0

    public init() {}

    public init(_ elements: some Sequence<Element>) {
        for element in elements { insert(element) }
    }

    public init(arrayLiteral elements: Element...) {
        self.init(elements)
    }

    /// Every case.
    public static var all: SmallSet { SmallSet(Element.allCases) }

    public var isEmpty: Bool { bits == 0 }

    public func contains(_ element: Element) -> Bool { bits & (1 << UInt32(element.rawValue)) != 0 }

    public mutating func insert(_ element: Element) { bits |= 1 << UInt32(element.rawValue) }

    public mutating func formUnion(_ other: SmallSet) { bits |= other.bits }

    public func intersects(_ other: SmallSet) -> Bool { bits & other.bits != 0 }

    /// The members in the order of their declaration.
    public var elements: [Element] { Element.allCases.filter(contains) }
}

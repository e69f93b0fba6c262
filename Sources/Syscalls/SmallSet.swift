// SPDX-License-Identifier: Apache-2.0
//
// A set of at most 32 cases in one word: families and forbidden groups are looked up some four hundred times per launch.

/// A set of enumeration cases whose raw values are below 32.
public struct SmallSet<Element>: Hashable, Sendable, ExpressibleByArrayLiteral
where Element: RawRepresentable & CaseIterable & Sendable, Element.RawValue == UInt8 {
    /// Bit n stands for the case of raw value n.
    @inlinable public var bits: UInt32 { members }
    @usableFromInline var members: UInt32

    @inlinable public init() { self.init(bits: 0) }

    @inlinable init(bits: UInt32) { members = bits }

    @inlinable public init(_ elements: some Sequence<Element>) {
        self.init()
        for element in elements { insert(element) }
    }

    @inlinable public init(arrayLiteral elements: Element...) {
        self.init()
        for element in elements { insert(element) }
    }

    /// Every case.
    @inlinable public static var all: SmallSet { SmallSet(Element.allCases) }

    @inlinable public var isEmpty: Bool { bits == 0 }

    @inlinable public func contains(_ element: Element) -> Bool { bits & (1 << UInt32(element.rawValue)) != 0 }

    @inlinable public mutating func insert(_ element: Element) { members |= 1 << UInt32(element.rawValue) }

    @inlinable public mutating func formUnion(_ other: SmallSet) { members |= other.bits }

    @inlinable public func intersects(_ other: SmallSet) -> Bool { bits & other.bits != 0 }

    /// The members in the order of their declaration.
    public var elements: [Element] { Element.allCases.filter(contains) }
}

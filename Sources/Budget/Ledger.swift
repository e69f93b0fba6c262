// SPDX-License-Identifier: Apache-2.0
//
// The ledger: accounts in a tree, what each has settled and reserved in each dimension, and the open leases. A plain value without input,
// output or clock; one owner changes it, one call at a time. Here are its state, its bounds and what can be asked of it; Reserving.swift
// decides, Applying.swift is the only code that changes amounts, Recovery.swift and Snapshot.swift bring it back after an end.
//
// INVARIANT: for each hard limit, settled and reserved together stay within its bound after every change.

/// An account of one ledger; worthless in another.
public struct AccountID: Sendable, Hashable {
    let index: Int32
    let generation: UInt32
}

/// A dimension of one ledger; worthless in another.
public struct DimensionID: Sendable, Hashable {
    let index: Int32
}

/// An amount of a dimension, in its own unit (pico-dollars, microseconds, bytes, a count).
public struct Amount: Sendable, Hashable {
    public let dimension: DimensionID
    public let value: Int64

    public init(_ dimension: DimensionID, _ value: Int64) {
        self.dimension = dimension
        self.value = value
    }
}

/// What one account has of one dimension.
struct Cell {
    var settled: Int64 = 0
    var reserved: Int64 = 0
    /// Spent above reservations of a hard dimension: told, counted against no limit.
    var excess: Int64 = 0
    var firstMeter: Int32 = 0
    var meterCount: Int32 = 0
}

struct AccountSlot {
    /// Nil when the slot is free.
    var definition: AccountDefinition?
    var name = ""
    var parent: Int32 = -1
    /// The account itself, then its parents up to the root.
    var path: [Int32] = []
    var generation: UInt32 = 0
    var children = 0
    var leases = 0
}

/// An amount by the dimension's index.
struct Held {
    let dimension: Int32
    let value: Int64
}

/// What one reservation took, sorted by dimension, with the stamps of the meters passed, in the order of passing.
struct Slice {
    var amounts: [Held]
    var stamps: [Stamp]
}

struct LeaseSlot {
    var id: UInt64
    var account: Int32
    var holder: String
    /// In the ledger's time.
    var deadline: Int64
    /// The number of the boot in which it was made.
    var boot: Int64
    var first: Slice
    var more: [Slice]
}

public struct Ledger: Sendable {
    /// At each of these a call is an error that names it.
    public enum Bounds {
        public static let accounts = 1 << 16
        public static let depth = 16
        public static let dimensions = 64
        public static let limitsPerAccount = 64
        public static let openLeases = 1 << 20
        public static let slicesPerLease = 1024
    }

    var dimensions: [Dimension] = []
    var dimensionIndex: [String: Int32] = [:]
    var recordNames: [String] = []
    var recordIndex: [String: Int32] = [:]
    var accounts: [AccountSlot] = []
    var accountIndex: [String: Int32] = [:]
    var freeAccounts: [Int32] = []
    /// By account, then dimension.
    var cells: [Cell] = []
    var meters: [Meter] = []
    var nextSerial: UInt32 = 1
    var leases: [LeaseSlot] = []
    var leaseIndex: [UInt64: Int32] = [:]
    var freeLeases: [Int32] = []
    var deadlines = DeadlineHeap()
    var lastLease: UInt64 = 0
    /// The ledger's time: nanoseconds that only grow; boots follow one another without the time between.
    var time: Int64 = 0
    /// The ledger's time at which this boot's clock stood at 0.
    var offset: Int64 = 0
    var boot: String?
    var bootNumber: Int64 = 0

    /// A ledger with the standard dimensions, all hard, and no accounts.
    public init() { self.init(dimensions: Dimension.standard) }

    /// A ledger with these dimensions alone; of equal names the first counts. Replay must begin with the same.
    public init(dimensions: [Dimension]) {
        for dimension in dimensions.prefix(Bounds.dimensions) where dimensionIndex[dimension.name] == nil && recordIndex[dimension.recordName] == nil {
            append(dimension)
        }
    }

    mutating func append(_ dimension: Dimension) {
        let index = Int32(dimensions.count)
        dimensions.append(dimension)
        dimensionIndex[dimension.name] = index
        recordNames.append(dimension.recordName)
        recordIndex[dimension.recordName] = index
    }

    func cell(_ account: Int32, _ dimension: Int32) -> Int { Int(account) * dimensions.count + Int(dimension) }

    // MARK: what can be asked

    public var definedDimensions: [Dimension] { dimensions }

    /// The names of all accounts, in no order that means anything.
    public var accountNames: [String] { accounts.compactMap { $0.definition?.name } }

    public func dimension(_ name: String) -> DimensionID? { dimensionIndex[name].map { DimensionID(index: $0) } }

    public func account(_ name: String) -> AccountID? {
        accountIndex[name].map { AccountID(index: $0, generation: accounts[Int($0)].generation) }
    }

    public func definition(of account: AccountID) throws(BudgetError) -> AccountDefinition {
        guard let definition = accounts[Int(try slot(of: account))].definition else { throw BudgetError(.unknownAccount("")) }
        return definition
    }

    /// What an account has settled, reserved and overrun in a dimension.
    public struct Usage: Sendable, Hashable {
        public let settled: Int64
        public let reserved: Int64
        public let excess: Int64
    }

    public func usage(_ account: AccountID, _ dimension: DimensionID) throws(BudgetError) -> Usage {
        let cell = cells[cell(try slot(of: account), try index(of: dimension))]
        return Usage(settled: cell.settled, reserved: cell.reserved, excess: cell.excess)
    }

    /// One limit with what is left of it.
    public struct Standing: Sendable, Hashable {
        public let dimension: Dimension
        public let window: Window
        /// Negative after the overshoot of a soft dimension, or after the limit was lowered.
        public let left: Int64
    }

    /// The limits of one account (not of those above it) in the order of their dimensions.
    public func standings(_ account: AccountID, at now: Moment) throws(BudgetError) -> [Standing] {
        let slot = try slot(of: account)
        let time = try time(now)
        var rows: [Standing] = []
        for (index, dimension) in dimensions.enumerated() {
            let cell = cells[cell(slot, Int32(index))]
            for meter in cell.firstMeter..<(cell.firstMeter + cell.meterCount) {
                let meter = meters[Int(meter)]
                rows.append(Standing(dimension: dimension, window: meter.window, left: meter.left(cell, time, now.wallSeconds)))
            }
        }
        return rows
    }

    /// An open lease.
    public struct OpenLease: Sendable, Hashable {
        public let id: LeaseID
        public let account: String
        public let holder: String
        /// CLOCK_BOOTTIME of the present boot; in the past or negative where it is over.
        public let deadline: Int64
    }

    /// Those that are neither settled nor released nor expired, by number.
    public var openLeases: [OpenLease] {
        leases.filter { $0.id != 0 }.sorted { $0.id < $1.id }.map {
            OpenLease(id: LeaseID($0.id), account: accounts[Int($0.account)].name, holder: $0.holder, deadline: $0.deadline - offset)
        }
    }

    public var openLeaseCount: Int { leaseIndex.count }

    /// CLOCK_BOOTTIME of the first deadline, for the caller's timer; nil when nothing is open. It may be that of a lease that ended early.
    public var nextDeadline: Int64? { deadlines.first.map { $0.deadline - offset } }

    // MARK: looking up

    func slot(of account: AccountID) throws(BudgetError) -> Int32 {
        guard accounts.indices.contains(Int(account.index)), accounts[Int(account.index)].generation == account.generation,
            accounts[Int(account.index)].definition != nil
        else { throw BudgetError(.unknownAccount("#\(account.index)")) }
        return account.index
    }

    func slot(of lease: LeaseID) throws(BudgetError) -> Int {
        guard let slot = leaseIndex[lease.number] else { throw BudgetError(.unknownLease(lease.number)) }
        return Int(slot)
    }

    func index(of dimension: DimensionID) throws(BudgetError) -> Int32 {
        guard dimensions.indices.contains(Int(dimension.index)) else { throw BudgetError(.unknownDimension("#\(dimension.index)")) }
        return dimension.index
    }

    /// The ledger's time at a moment of the present boot: never before what it has been told already.
    func time(_ now: Moment) throws(BudgetError) -> Int64 {
        guard now.boot == boot else { throw BudgetError(.otherBoot(now.boot)) }
        guard 0..<(1 << 61) ~= now.bootNanoseconds, now.wallSeconds.magnitude < 1 << 40, offset + now.bootNanoseconds < Window.largestBound
        else { throw BudgetError(.time(now.bootNanoseconds)) }
        return max(time, offset + now.bootNanoseconds)
    }
}

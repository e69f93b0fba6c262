// SPDX-License-Identifier: Apache-2.0
//
// Lines that wait to be written to one side.

/// Bytes in order; taken in pieces, put back never.
public struct Outbox: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    init() {}

    public var count: Int { bytes.count - start }
    public var isEmpty: Bool { count == 0 }
    /// What waits, to be written from its beginning.
    public var waiting: ArraySlice<UInt8> { bytes[start...] }

    /// So many of the first bytes have been written.
    public mutating func written(_ count: Int) {
        start += count
        if start == bytes.count {
            if bytes.capacity > 1 << 20 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
            start = 0
        } else if start > 1 << 20 && start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
    }

    /// Nobody reads any more.
    public mutating func drop() {
        bytes = []
        start = 0
    }

    mutating func append(line: [UInt8]) {
        bytes += line
        bytes.append(0x0a)
    }
}

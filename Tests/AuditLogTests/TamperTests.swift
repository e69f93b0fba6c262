// SPDX-License-Identifier: Apache-2.0
//
// Every way to change, drop, swap or cut what a log has on disk: verification fails, and names the record.

@testable import AuditLog
import Foundation
import JSON
import Testing

@Suite("a log that was tampered with")
struct TamperTests {
    /// 300 published records and 5 that only the journal has, closed.
    static func filled() throws -> Ground {
        let ground = try Ground()
        let log = try ground.open()
        for index in 0..<300 { _ = try log.append(record(index), .fast) }
        _ = try log.publish()
        try append(5, to: log, from: 300)
        try log.close()
        #expect(ground.fault() == nil)
        return ground
    }

    @Test func `any byte of any file changed is seen`() throws {
        let ground = try Ground()
        let log = try ground.open()
        for index in 0..<9 { _ = try log.append(record(index), .fast) }
        _ = try log.publish()
        try append(3, to: log, from: 9)
        try log.close()
        #expect(ground.fault() == nil)
        for name in ground.files() {
            let bytes = try ground.bytes(name)
            let count = name.hasPrefix("journal/") ? try ground.journal().bytes.count : bytes.count
            for place in stride(from: 0, to: count, by: count < 300 ? 1 : 5) {
                var changed = bytes
                changed[place] ^= 0x40
                try ground.write(changed, name)
                let fault = try #require(ground.fault(), "\(name) at \(place)")
                if name.hasPrefix("tile/") { #expect(fault.record != nil, "\(name) at \(place): \(fault)") }
            }
            try ground.write(bytes, name)
        }
        #expect(ground.fault() == nil)
    }

    @Test(arguments: [0, 1, 100, 255])
    func `a record that was changed is named`(number: Int) throws {
        let ground = try Self.filled()
        var bundle = try ground.bytes("tile/entries/000")
        let range = TilePath.entries(in: bundle).ranges[number]
        bundle[range.lowerBound + 3] ^= 1
        try ground.write(bundle, "tile/entries/000")
        #expect(
            ground.fault()?.description == """
                record \(number) is not what was written: `tile/entries/000` does not hold what its hash says
                help: keep the files as they are: nothing is written to a log that is damaged
                """)
        #expect(ground.fault()?.record == UInt64(number))
    }

    @Test func `a hash that was changed is told from its record`() throws {
        let ground = try Self.filled()
        var tile = try ground.bytes("tile/0/000")
        tile[32 * 77] ^= 1
        try ground.write(tile, "tile/0/000")
        #expect(ground.fault()?.message == "record 77 is not what was written: `tile/0/000` does not hold the hash of its entry")
    }

    @Test func `records that were swapped or dropped are named`() throws {
        let ground = try Self.filled()
        let bundle = try ground.bytes("tile/entries/000")
        let entries = TilePath.entries(in: bundle).ranges.map { Array(bundle[$0]) }
        var swapped = entries
        swapped.swapAt(40, 41)
        var packed: [UInt8] = []
        for entry in swapped { TilePath.append(entry: entry, to: &packed) }
        try ground.write(packed, "tile/entries/000")
        #expect(ground.fault()?.record == 40)
        packed = []
        for (number, entry) in entries.enumerated() where number != 90 { TilePath.append(entry: entry, to: &packed) }
        try ground.write(packed, "tile/entries/000")
        #expect(ground.fault()?.record == 90)
        try ground.write(Array(bundle.dropLast(3)), "tile/entries/000")
        #expect(ground.fault()?.record == 255)
    }

    @Test func `a record and its hash that were changed together do not fit the tile above`() throws {
        let ground = try Self.filled()
        var bundle = try ground.bytes("tile/entries/000")
        let range = TilePath.entries(in: bundle).ranges[12]
        bundle[range.lowerBound + 3] ^= 1
        try ground.write(bundle, "tile/entries/000")
        var tile = try ground.bytes("tile/0/000")
        tile.replaceSubrange((32 * 12)..<(32 * 13), with: Digest(of: [0] + bundle[range]).bytes)
        try ground.write(tile, "tile/0/000")
        #expect(ground.fault()?.message.contains("tile/1/000.p/1") == true)
    }

    @Test(arguments: [
        "checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44", "journal/00000000000000000000",
    ])
    func `a file that is gone, empty or cut is seen`(name: String) throws {
        let ground = try Self.filled()
        let bytes = try ground.bytes(name)
        try ground.remove(name)
        let gone = ground.fault()
        // Without its checkpoint the log is one that was never published, and its journal still goes to the end.
        if name == "checkpoint" { #expect(gone == nil) } else { #expect(gone?.record != nil, "\(name): \(String(describing: gone))") }
        let used = name.hasPrefix("journal/") ? (bytes.lastIndex { $0 != 0 } ?? 0) : bytes.count
        for count in [0, used / 2, used - 1] {
            try ground.write(Array(bytes.prefix(count)), name)
            #expect(ground.fault() != nil, "\(name) cut to \(count)")
        }
    }

    @Test func `a log that was put back shows against a checkpoint that was kept`() throws {
        let ground = try Ground()
        let log = try ground.open()
        for index in 0..<10 { _ = try log.append(record(index), .fast) }
        _ = try log.publish()
        try log.close()
        let early = try ground.copy()
        let again = try ground.open()
        for index in 10..<20 { _ = try again.append(record(index), .fast) }
        let kept = try again.publish()
        try again.close()
        #expect(ground.fault(against: kept) == nil)
        try ground.restore(early)
        #expect(ground.fault() == nil, "what was put back whole is a log of its own")
        #expect(
            ground.fault(against: kept)?.description == """
                records 10 to 19 are gone: the log ends before them, and a checkpoint was signed at 20
                help: keep the files as they are: nothing is written to a log that is damaged
                """)
        // The same length, other records, the same key.
        let forged = try ground.open()
        for index in 50..<60 { _ = try forged.append(record(index), .fast) }
        _ = try forged.publish()
        try forged.close()
        #expect(ground.fault() == nil)
        #expect(ground.fault(against: kept)?.reason == .rewritten(before: 20))
    }

    @Test func `a trusted checkpoint spares the records before it`() throws {
        let ground = try Ground()
        let log = try ground.open()
        for index in 0..<700 { _ = try log.append(record(index), .fast) }
        let trusted = try log.publish()
        for index in 700..<1000 { _ = try log.append(record(index), .fast) }
        _ = try log.publish()
        try log.close()
        let run = try ground.reader.verify(against: trusted, isWhole: false)
        #expect(run.size == 1000)
        #expect(run.checked == 300)
        let last = "tile/entries/003.p/232"
        var bundle = try ground.bytes(last)
        bundle[bundle.count - 2] ^= 1
        try ground.write(bundle, last)
        #expect(ground.fault(against: trusted, isWhole: false)?.record == 999)
    }
}

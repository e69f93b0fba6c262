// SPDX-License-Identifier: Apache-2.0
//
// The journal after every kind of end: cut off at each byte, torn, gone on with by others, in many segments.

@testable import AuditLog
import Foundation
import JSON
import Testing

@Suite("the journal")
struct JournalTests {
    @Test func `a journal cut off at any byte keeps whole groups and says what it dropped`() throws {
        let ground = try Ground()
        var ends: [Int] = []
        let log = try ground.open()
        // The header's last byte is a zero.
        ends.append(try ground.journal().bytes.count + 1)
        for index in 0..<3 {
            try append(1, to: log, from: index)
            ends.append(try ground.journal().bytes.count)
        }
        try log.close()
        try ground.remove("head")
        let whole = try ground.copy()
        let (name, bytes) = try ground.journal()
        for cut in ends[0]...bytes.count {
            try ground.restore(whole)
            try ground.write(Array(bytes[..<cut]), name)
            let kept = ends.count { $0 <= cut } - 1
            let isTorn = !ends.contains(cut) && bytes[ends[kept]..<cut].contains { $0 != 0 }
            let log = try ground.open()
            #expect(log.size == kept, "cut at \(cut)")
            try append(1, to: log, from: 100)
            try log.close()
            let expected = [String](repeating: "decision", count: kept) + (isTorn ? ["recovered"] : []) + ["decision"]
            #expect(try ground.kinds() == expected, "cut at \(cut)")
            #expect(ground.fault() == nil, "cut at \(cut)")
        }
    }

    @Test func `a log that was signed longer is not opened, and stays as it is`() throws {
        let ground = try Ground()
        let log = try ground.open()
        try append(3, to: log)
        try log.close()
        let (name, bytes) = try ground.journal()
        for cut in stride(from: 0, to: bytes.count, by: 7) {
            try ground.write(Array(bytes[..<cut]), name)
            let fault = try #require(ground.fault(), "cut at \(cut) of \(bytes.count)")
            #expect(fault.record != nil, "\(fault)")
            #expect(throws: LogError.self, "cut at \(cut)") { try ground.open() }
            #expect(try ground.bytes(name) == Array(bytes[..<cut]), "cut at \(cut)")
        }
    }

    @Test func `damage before what was on disk is no torn end`() throws {
        let ground = try Ground()
        let log = try ground.open()
        try append(4, to: log)
        try log.close()
        try ground.remove("head")
        let (name, bytes) = try ground.journal()
        // Within the second record: two groups after it say that it was on disk.
        let place = try #require(bytes.firstRange(of: Array("tool1".utf8))).lowerBound
        var changed = bytes
        changed[place] ^= 1
        try ground.write(changed, name)
        let fault = try #require(ground.fault())
        #expect(fault.record == 1)
        #expect(fault.message.hasPrefix("record 1 is not what was written: `"))
        #expect(fault.message.hasSuffix("is damaged at byte \(place - Array("tool1".utf8).count) ") || fault.message.contains("is damaged at byte"))
        try FileManager.default.removeItem(atPath: ground.log + "/lock")
        #expect(throws: fault) { try ground.open() }
        #expect(try ground.bytes(name) == changed)
    }

    @Test func `two hold one log, and each goes on after the other`() throws {
        let ground = try Ground()
        let one = try ground.open()
        let other = try ground.open()
        for index in 0..<20 { try append(1, to: index % 3 == 0 ? one : other, from: index) }
        try one.close()
        try other.close()
        #expect(try ground.kinds().count == 20)
        #expect(ground.fault() == nil)
    }

    @Test func `segments follow one another, and those that are published go`() throws {
        let ground = try Ground()
        var options = Log.Options()
        options.segmentBytes = 4000
        let one = try ground.open(options)
        let other = try ground.open(options)
        for index in 0..<120 { try append(1, to: index % 2 == 0 ? one : other, from: index) }
        #expect(ground.files().count { $0.hasPrefix("journal/") } > 5)
        #expect(ground.fault() == nil)
        #expect(try one.publish().size == 120)
        #expect(ground.files().count { $0.hasPrefix("journal/") } == 1)
        #expect(ground.fault() == nil)
        try append(120, to: other, from: 120)
        #expect(ground.fault() == nil)
        try one.close()
        try other.close()
        var numbers: [UInt64] = []
        try ground.reader.read { (number, _) throws(LogError) in numbers.append(number) }
        #expect(numbers == Array(0..<240))
    }

    @Test func `many threads, nothing lost, each told its number`() throws {
        let ground = try Ground()
        let log = try ground.open()
        let numbers = Mutexed<[UInt64]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for index in 0..<25 {
                guard let ticket = try? log.append(record(thread * 25 + index)), let number = try? log.wait(for: ticket) else { continue }
                var name: String?
                try? ground.reader.read(from: number) { (at, entry) throws(LogError) in
                    if at == number { name = ShownRecord(number: at, entry: entry).value?["tool"]?.asString }
                }
                if name == "tool\(thread * 25 + index)" { numbers.with { $0.append(number) } }
            }
        }
        try log.close()
        #expect(numbers.with { $0.sorted() } == Array(0..<100))
        #expect(ground.fault() == nil)
    }

    @Test func `a body goes to the side store, can be erased, and is what its digest says`() throws {
        let ground = try Ground()
        let log = try ground.open()
        let body: Value = ["path": "/etc/hosts", "password": "hunter2hunter2"]
        let digest = try log.append(body: body)
        var entry = record(0)
        entry.body = digest
        _ = try log.wait(for: try log.append(entry))
        #expect(String(decoding: try ground.reader.body(digest), as: UTF8.self) == #"{"password":"[redacted]","path":"/etc/hosts"}"#)
        _ = try log.publish()
        let file = "side/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
        #expect(ground.files().contains(file))
        #expect(ground.fault() == nil)
        try ground.write(Array("{}".utf8), file)
        #expect(ground.fault()?.message.contains("does not hold the body that it is named for") == true)
        try ground.remove(file)
        #expect(ground.fault() == nil)
        try log.close()
    }

    @Test func `bounds are kept`() throws {
        let ground = try Ground()
        var options = Log.Options()
        options.queueBytes = 100
        let log = try ground.open(options)
        var large = record(0)
        large.data = .array(Array(repeating: .string(String(repeating: "x", count: 4000)), count: 20))
        #expect(throws: LogError.self) { try log.append(large) }
        _ = try log.append(record(1), .fast)
        #expect(throws: LogError(.queueFull)) { for index in 0..<100 { _ = try log.append(record(index), .fast) } }
        try log.close()
        #expect(throws: LogError(.closed)) { try log.append(record(2)) }
    }

    @Test func `another key's log is not opened`() throws {
        let ground = try Ground()
        try append(1, to: try ground.open())
        let other = try SigningKey(name: "other", seed: Array(repeating: 8, count: 32))
        #expect(throws: LogError.self) { try Log(folder: ground.log, key: other) }
    }
}

/// State behind a lock, for tests.
final class Mutexed<State>: @unchecked Sendable {
    private let lock = NSLock()
    private var state: State
    init(_ state: State) { self.state = state }
    func with<Result>(_ body: (inout State) -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body(&state)
    }
}

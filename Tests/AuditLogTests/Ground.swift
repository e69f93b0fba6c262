// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the log stand on: folders in memory that go away again, a key, records. Nothing here judges.

import AuditLog
import Foundation
import JSON
import Testing

/// A folder that goes away with the test; in memory where there is such a place, since nothing here is about the disk.
final class Ground: Sendable {
    let path: String
    let key: SigningKey

    init(_ name: String = #function) throws {
        let base = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        path = "\(base)/fumehood-log-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        key = try SigningKey(name: "test.example/log", seed: Array(repeating: 7, count: 32))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var log: String { path + "/log" }
    var reader: LogReader { LogReader(folder: log, key: key.verifier) }

    func open(_ options: Log.Options = Log.Options(), redactor: Redactor = Redactor()) throws -> Log {
        var options = options
        options.allocationBytes = 4096
        return try Log(folder: log, key: key, redactor: redactor, options: options)
    }

    /// Every file of the log but locks, by its path below the folder.
    func files() -> [String] {
        (FileManager.default.subpaths(atPath: log) ?? []).filter { name in
            let kind = (try? FileManager.default.attributesOfItem(atPath: "\(log)/\(name)"))?[.type] as? FileAttributeType
            return kind == .typeRegular && !name.hasSuffix("lock")
        }.sorted()
    }

    func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: "\(log)/\(name)"))) }
    func write(_ bytes: [UInt8], _ name: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: "\(log)/\(name)")) }
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(log)/\(name)") }

    /// All of the log, as it is now, to be put back.
    func copy() throws -> [String: [UInt8]] {
        var all: [String: [UInt8]] = [:]
        for name in files() { all[name] = try bytes(name) }
        return all
    }

    func restore(_ files: [String: [UInt8]]) throws {
        try FileManager.default.removeItem(atPath: log)
        for (name, bytes) in files {
            try FileManager.default.createDirectory(
                atPath: URL(fileURLWithPath: "\(log)/\(name)").deletingLastPathComponent().path, withIntermediateDirectories: true)
            try write(bytes, name)
        }
    }

    /// The journal's bytes without the space that is set aside at its end.
    func journal() throws -> (name: String, bytes: [UInt8]) {
        let name = try #require(files().last { $0.hasPrefix("journal/") })
        let bytes = try bytes(name)
        return (name, Array(bytes[...(bytes.lastIndex { $0 != 0 } ?? 0)]))
    }

    /// The kinds of all records, in order.
    func kinds() throws -> [String] {
        var kinds: [String] = []
        try reader.read { (number, entry) throws(LogError) in kinds.append(ShownRecord(number: number, entry: entry).kind ?? "?") }
        return kinds
    }

    /// The message of the first thing that is wrong; nil where nothing is.
    func fault(against trusted: Checkpoint? = nil, isWhole: Bool = true) -> LogError? {
        do throws(LogError) {
            _ = try reader.verify(against: trusted, isWhole: isWhole)
            return nil
        } catch { return error }
    }
}

let instant = Instant(boot: "b", bootNanoseconds: 1, wallNanoseconds: 1_790_000_000_123_456_789)

func record(_ index: Int, _ kind: Record.Kind = .decision) -> Record {
    var record = Record(kind, at: instant)
    record.tool = "tool\(index)"
    return record
}

/// Appends and waits, one group after another.
func append(_ count: Int, to log: Log, from first: Int = 0) throws {
    for index in first..<(first + count) { _ = try log.wait(for: try log.append(record(index))) }
}

// SPDX-License-Identifier: Apache-2.0
//
// How many records a second many callers get on disk when each waits for its own, beside what the disk gives to groups of as many records
// that are written by nobody but one loop; and what an append costs that waits for nothing.

import AuditLog
import Glibc
import JSON
import Linux

struct Bench: Sendable {
    let folder: String
    let key: SigningKey
    let seconds: Int
    let threads: Int

    private static let digest = Digest(of: [1])

    private func record(_ instants: Instants) -> Record {
        var record = Record(.decision, at: instants.now)
        record.principal = "Agent::\"local\""
        record.tool = "files.read"
        record.policies = ["allow-reads"]
        record.outcome = "allow"
        record.latencyNanoseconds = 12_345
        record.argumentsDigest = Self.digest
        record.policySet = Self.digest
        return record
    }

    func run() throws {
        let ceiling = try ceiling()
        let log = try Log(folder: folder, key: key)
        let append = try append(log)
        let began = Clock.monotonic
        let end = began + UInt64(seconds) * 1_000_000_000
        let tally = Monitor((records: 0, ended: 0), conditions: 1)
        for _ in 0..<threads {
            _ = try Thread { [self] in
                let instants = Instants()
                var done = 0
                while Clock.monotonic < end {
                    guard let ticket = try? log.append(record(instants)), (try? log.wait(for: ticket)) != nil else { break }
                    done += 1
                }
                tally.with { $0 = ($0.records + done, $0.ended + 1) }
                tally.wakeAll(0)
            }
        }
        let records = tally.wait(on: 0) { $0.ended == threads ? $0.records : nil } ?? 0
        let rate = Double(records) * 1e9 / Double(Clock.monotonic - began)
        let after = try self.ceiling()
        _ = try log.publish()
        try log.close()
        let best = max(ceiling, after)
        say(
            "{\"append_ns\": \(append), \"ceiling_per_s\": \(Int(best)), \"ratio\": \(Double(Int(rate / best * 1000)) / 1000), "
                + "\"records\": \(records), \"records_per_s\": \(Int(rate)), \"threads\": \(threads)}")
    }

    /// Records a second that one loop gets on disk in groups of `threads`: the better half of a second's worth of groups.
    private func ceiling() throws -> Double {
        let group = [UInt8](repeating: 0x61, count: threads * 420 + 300)
        let path = "\(folder).ceiling"
        let file = try Files.open(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        try Storage.allocate(file, from: 0, count: group.count * 2000)
        try Storage.synchronise(path)
        let began = Clock.monotonic
        var groups = 0
        while Clock.monotonic - began < 1_000_000_000, groups < 2000 {
            try Storage.write(group, to: file, at: groups * group.count)
            try Storage.synchroniseData(file)
            groups += 1
        }
        let seconds = Double(Clock.monotonic - began) / 1e9
        try Storage.remove(path)
        return Double(groups * threads) / seconds
    }

    /// Nanoseconds of an append that waits for nothing: redaction, encoding, queue. The median of batches.
    private func append(_ log: Log) throws -> Int {
        let instants = Instants()
        var times: [UInt64] = []
        for _ in 0..<50 {
            let began = Clock.monotonic
            for _ in 0..<200 { _ = try log.append(record(instants), .fast) }
            times.append((Clock.monotonic - began) / 200)
            usleep(20_000)
        }
        return Int(times.sorted()[times.count / 2])
    }
}

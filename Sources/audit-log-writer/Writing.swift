// SPDX-License-Identifier: Apache-2.0
//
// The writing of records by threads, each of which waits for its record to be on disk before it says so.

import AuditLog
import Glibc
import JSON
import Linux

struct Writing: Sendable {
    let folder: String
    let key: SigningKey
    let count: Int
    let options: [String]

    init(folder: String, key: SigningKey, count: Int, options: [String]) {
        self.folder = folder
        self.key = key
        self.count = count
        self.options = options
    }

    private func number(_ name: String) -> Int? { value(name).flatMap { Int($0) } }
    private func value(_ name: String) -> String? { options.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) } }

    func run() throws {
        var bounds = Log.Options()
        if let publish = number("publish") { bounds.publishEvery = UInt64(publish) }
        if let lock = number("lock") { bounds.lockMilliseconds = lock }
        if let segment = number("segment") { bounds.segmentBytes = segment }
        let log = try Log(folder: folder, key: key, options: bounds)
        let threads = number("threads") ?? 1
        let (padding, pause) = (String(repeating: "x", count: number("bytes") ?? 100), number("pause") ?? 0)
        var running: [Int] = []
        let failed = Monitor(0, conditions: 1)
        for thread in 0..<threads {
            running.append(thread)
            let begun = failed
            _ = try Thread { [self] in
                write(log, thread, padding, pause, begun)
                begun.with { $0 += 1 }
                begun.wakeAll(0)
            }
        }
        _ = failed.wait(on: 0) { $0 >= threads ? true : nil }
        if options.contains("hold") { _ = readLine() }
        try log.close()
        say("closed")
    }

    private func write(_ log: Log, _ thread: Int, _ padding: String, _ pause: Int, _ failed: Monitor<Int>) {
        let instants = Instants()
        for index in 0..<count {
            var record = Record(options.contains("urgent") ? .exit : .decision, at: instants.now)
            record.principal = "writer-\(getpid())"
            record.tool = "tool"
            record.outcome = "allow"
            record.data = ["thread": .integer(Int64(thread)), "index": .integer(Int64(index)), "padding": .string(padding)]
            if let secret = value("secret") {
                record.errors = ["password=\(secret)"]
                if let body = try? log.append(body: ["api_key": .string(secret), "url": .string("https://user:\(secret)@host/")]) { record.body = body }
            }
            do throws(LogError) {
                if options.contains("fast") {
                    _ = try log.append(record, .fast)
                } else {
                    say("ack \(try log.wait(for: try log.append(record))) \(getpid()) \(thread) \(index)")
                }
            } catch { say("refused \(thread) \(index) \(error.message)") }
            if pause > 0 { usleep(UInt32(pause) * 1000) }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// Writes, publishes, verifies and shows logs for tests and benchmarks, which need processes that can be killed, many at once, and a static
// program. It is no part of what is installed.
//
// audit-log-writer key NAME                              a new key: the private line, then the public one
// audit-log-writer write DIR KEY COUNT [OPTION...]       appends records and says `ack N` for each on disk
// audit-log-writer publish|close DIR KEY
// audit-log-writer verify DIR KEY [TRUSTED-NOTE [since]]
// audit-log-writer show DIR KEY
// audit-log-writer bench DIR KEY SECONDS THREADS         one JSON line
// audit-log-writer verify-bench DIR KEY                  one JSON line
//
// KEY is a file with a private or public key's line. Options of write: fast, bytes=N, threads=N, publish=N, segment=N, lock=MS, pause=MS, hold (waits
// for standard input to end before it closes), urgent (records that may take of the reserve), secret=TEXT.

import AuditLog
import Glibc
import JSON
import Linux

struct Usage: Error {}

func text(_ path: String) throws -> String { String(try Files.text(path).prefix { $0 != "\n" }) }

func signing(_ path: String) throws -> SigningKey { try SigningKey(try text(path)) }

func verifying(_ path: String) throws -> VerifyingKey {
    let line = try text(path)
    return line.hasPrefix("PRIVATE+") ? try SigningKey(line).verifier : try VerifyingKey(line)
}

/// At once, whole, also when killed after it.
func say(_ line: String) { try? Descriptor(owning: dup(1)).writeAll(Array((line + "\n").utf8)) }

func run(_ arguments: [String]) throws {
    guard arguments.count >= 2 else { throw Usage() }
    switch arguments[0] {
    case "key":
        let key = try SigningKey(name: arguments[1], seed: try Random.bytes(32))
        say(key.text)
        say(key.verifier.description)
    case "write" where arguments.count >= 4:
        try Writing(folder: arguments[1], key: try signing(arguments[2]), count: Int(arguments[3]) ?? 0, options: Array(arguments.dropFirst(4))).run()
    case "publish" where arguments.count == 3:
        let log = try Log(folder: arguments[1], key: try signing(arguments[2]))
        say("\(try log.publish().size)")
        try log.close()
    case "close" where arguments.count == 3: try Log(folder: arguments[1], key: try signing(arguments[2])).close()
    case "verify" where arguments.count >= 3:
        let key = try verifying(arguments[2])
        let trusted = arguments.count > 3 ? try Checkpoint(note: try Files.text(arguments[3]), by: key) : nil
        let result = try LogReader(folder: arguments[1], key: key).verify(against: trusted, isWhole: arguments.count < 5)
        say("ok \(result.size) records, \(result.checked) checked, published \(result.checkpoint?.size ?? 0), torn \(result.tornBytes), root \(result.root)")
    case "show" where arguments.count == 3:
        try LogReader(folder: arguments[1], key: try verifying(arguments[2])).read { (number, entry) throws(LogError) in
            say(ShownRecord(number: number, entry: entry).line)
        }
    case "bench" where arguments.count == 5:
        try Bench(folder: arguments[1], key: try signing(arguments[2]), seconds: Int(arguments[3]) ?? 1, threads: Int(arguments[4]) ?? 64).run()
    case "verify-bench" where arguments.count == 3:
        let began = Clock.monotonic
        let result = try LogReader(folder: arguments[1], key: try verifying(arguments[2])).verify()
        let seconds = Double(Clock.monotonic - began) / 1e9
        say("{\"records\": \(result.checked), \"records_per_s\": \(Int(Double(result.checked) / seconds))}")
    default: throw Usage()
    }
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch is Usage {
    say("usage: audit-log-writer key|write|publish|close|verify|show|bench|verify-bench ...")
    exit(2)
} catch let error as LogError {
    say("error: \(error)")
    exit(1)
} catch let error as SystemError {
    say("error: \(error.message)")
    exit(1)
}

// SPDX-License-Identifier: Apache-2.0
//
// Runs Cedar's conformance tests: `cedar-corpus DIR|FILE.tar.gz`. Ends with `N passed, N failed` and status 0 if none
// failed. `cedar-corpus lines` answers one JSON request per line instead (see Lines.swift).

import Foundation
import JSON

func tests(_ files: Files) throws -> [(name: String, test: JSON.Value)] {
    var options = ParseOptions()
    options.bytes = 64 << 20
    return try files.contents.keys.filter { $0.hasSuffix(".json") && !$0.hasSuffix(".entities.json") }.sorted()
        .compactMap { name in
            let value = try JSON.Value(parsing: files.contents[name] ?? [], options: options)
            return value["requests"] == nil ? nil : (name, value)
        }
}

func runCorpus(_ path: String) async throws -> Bool {
    let files = try Files(path)
    let all = try tests(files)
    let chunk = max(1, (all.count + 31) / 32)
    var tally = Tally()
    await withTaskGroup(of: Tally.self) { group in
        for start in stride(from: 0, to: all.count, by: chunk) {
            let part = Array(all[start..<min(start + chunk, all.count)])
            group.addTask {
                var check = Check(files)
                for (name, test) in part { check.run(name, test) }
                return check.tally
            }
        }
        for await part in group { tally.add(part) }
    }
    for message in tally.messages.sorted().prefix(40) { print(message) }
    if tally.messages.count > 40 { print(".. and \(tally.messages.count - 40) more") }
    print("\(tally.tests) tests, \(tally.requests) requests")
    print(
        "differences: \(tally.decision) decision, \(tally.reasons) reasons, \(tally.errors) errors, "
            + "\(tally.validation) validation, \(tally.requestValidation) request validation, "
            + "\(tally.unreadable) unreadable")
    print("\(tally.tests - tally.failedTests) passed, \(tally.failedTests) failed")
    return tally.failedTests == 0 && tally.tests > 0
}

let arguments = CommandLine.arguments.dropFirst()
do {
    switch arguments.first {
    case nil:
        print("usage: cedar-corpus DIR|FILE.tar.gz")
        exit(2)
    case "lines"?: Lines.run()
    case "bench"?: try Bench.run()
    case let path?: exit(try await runCorpus(path) ? 0 : 1)
    }
} catch {
    FileHandle.standardError.write(Data("cedar-corpus: \(error)\n".utf8))
    exit(2)
}

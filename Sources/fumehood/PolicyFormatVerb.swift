// SPDX-License-Identifier: Apache-2.0
// `fumehood policy format`: the one layout. All files are laid out before the first is written, and each is replaced as a
// whole.

import ArgumentParser
import Cedar
import Glibc
import JSON
import Linux

struct PolicyFormatVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "format", abstract: "Lays policies out; what they mean and their comments stay.",
        discussion: """
            Files are written in place, or to stdout with --stdout; `-` is stdin, to stdout. If one has an error, none is written. \
            Exit code 0: done, or with --check all are laid out. 1: with --check, some are not; or a text has an error. 2: a file cannot be read or written.
            """)

    @Flag(name: .customLong("check"), help: "write nothing; name the files that would change") var check = false
    @Flag(name: .customLong("stdout"), help: "write to stdout instead of the files") var standardOutput = false
    @Flag(name: .customLong("json"), help: "what changed, as one JSON object") var json = false
    @Argument(help: ArgumentHelp("policy files, folders of *.cedar, or - for stdin", valueName: "file|dir")) var paths: [String]

    func validate() throws {
        if check, standardOutput { throw ValidationError("--check writes nothing: leave out --stdout") }
        if json, standardOutput || paths.contains("-") { throw ValidationError("--json and a text on stdout exclude each other") }
    }

    func run() throws {
        try PolicyJudging.run(json: json) {
            var sources: [SourceText] = []
            for path in paths {
                if path == "-" {
                    sources.append(SourceText(name: "-", bytes: try standardInput()))
                } else {
                    sources += try PolicyFiles.policies([path]).map(\.text)
                }
            }
            var results: [(source: SourceText, text: String)] = []
            var problems: [PolicyProblem] = []
            for source in sources {
                do throws(CedarError) {
                    results.append((source, try PolicyFormatter.format(source)))
                } catch {
                    let found = PolicyCheck([PolicyLayer(name: source.name, bytes: source.bytes)], schema: nil, mode: .exact).problems
                    if found.isEmpty { throw PolicyFailure(error, in: source) }
                    problems += found
                }
            }
            guard problems.isEmpty else {
                if json {
                    PolicyJudging.write(["fumehood": 1, "verdict": "found", "files": [], "problems": .array(problems.map(\.json))])
                } else {
                    for problem in problems { Messages.write(problem.rendered + "\n") }
                    Messages.note("nothing was written")
                }
                return false
            }
            let changed = results.filter { !$0.source.bytes.elementsEqual($0.text.utf8) }
            if !check {
                for result in results where standardOutput || result.source.name == "-" { write(result.text) }
                if !standardOutput {
                    for result in changed where result.source.name != "-" { try PolicyFormatVerb.replace(result.source.name, Array(result.text.utf8)) }
                }
            }
            if json {
                let files = results.map { result -> JSON.Value in
                    ["file": .string(result.source.name), "changed": .bool(!result.source.bytes.elementsEqual(result.text.utf8))]
                }
                PolicyJudging.write([
                    "fumehood": 1, "verdict": .string(check && !changed.isEmpty ? "found" : "holds"), "files": .array(files), "problems": []
                ])
            } else if check {
                for result in changed { Messages.write("\(result.source.name) is not laid out\n") }
                if !changed.isEmpty { Messages.write("help: fumehood policy format \(changed.map(\.source.name).joined(separator: " "))\n") }
            }
            return !check || changed.isEmpty
        }
    }

    private func standardInput() throws -> [UInt8] {
        // Read once and closed: nothing else of this program reads it.
        let input = Descriptor(owning: 0)
        do { return try input.readAll(limit: PolicyFiles.longest) } catch { throw PolicyFailure("cannot read stdin: \(error.name)") }
    }

    /// The bytes as they are: a formatter is no place for escapes.
    private func write(_ text: String) {
        let output = Descriptor(owning: 1)
        try? output.writeAll(Array(text.utf8))
        _ = output.release()
    }

    /// Writes a file beside the old one and puts it in its place; links are followed, the mode is kept.
    static func replace(_ path: String, _ bytes: [UInt8]) throws(PolicyFailure) {
        do throws(SystemError) {
            let target = try Files.resolve(path)
            let mode = try FileStatus(path: target).mode
            let random = try Host.random64()
            let fresh = "\(target).\(String(random, radix: 36)).new"
            do throws(SystemError) {
                let file = try Files.open(fresh, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(bytes)
                if fchmod(file.number, mode_t(mode)) != 0 { throw SystemError("fchmod", fresh, errno) }
            } catch {
                _ = unsafe unlink(fresh)
                throw error
            }
            if unsafe rename(fresh, target) != 0 {
                let code = errno
                _ = unsafe unlink(fresh)
                throw SystemError("rename", path, code)
            }
        } catch {
            throw PolicyFailure("cannot write `\(path)`: \(errnoText(error.code)) (\(error.name))")
        }
    }
}

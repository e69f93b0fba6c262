// SPDX-License-Identifier: Apache-2.0
// `fumehood tools`: what is pinned, what servers offer in its place, and a person's word that it may.

import ArgumentParser
import Broker
import Glibc
import JSON
import Linux
import Session

struct ToolsVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tools", abstract: "The tools that are pinned, and what changed since.", subcommands: [List.self, Diff.self, Accept.self])

    /// The caller's file.
    static func file() throws -> ToolsLockFile {
        let environment = Host.environment()
        let place = try LogPlace(environment: environment, user: Identity.user, home: Host.home(environment["HOME"]))
        guard let file = ToolsLockFile(place) else { throw UsageError("there is no folder for tools.lock: HOME is not set", help: nil) }
        return file
    }

    /// Runs what may fail, and says why in our words. - Returns: the exit code.
    static func judged(_ body: () throws -> Int32) throws {
        let code: Int32
        do { code = try body() } catch let error as LockFileError {
            Messages.error(error.message, help: error.help)
            code = 2
        } catch let error as LogPlaceError {
            Messages.error(error.message, help: error.help)
            code = 2
        }
        if code != 0 { throw ExitCode(code) }
    }

    static func sorted(_ lock: ToolsLock) -> [(server: String, name: String, tool: ToolsLock.Tool)] {
        lock.servers.flatMap { server in server.value.tools.map { (server.key, $0.key, $0.value) } }
            .sorted { bytesPrecede("\($0.server)/\($0.name)", "\($1.server)/\($1.name)") }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What is pinned.")
        @Flag(help: "as JSON") var json = false

        func run() throws {
            try ToolsVerb.judged {
                let lock = try ToolsVerb.file().read()
                if json {
                    Messages.write(lock.text, to: 1)
                    return 0
                }
                for (server, name, tool) in ToolsVerb.sorted(lock) {
                    let marks = [
                        tool.offered == nil ? nil : "changed, set aside", tool.hasSideEffect ? nil : "no side effect", tool.isTrusted ? "trusted" : nil,
                    ].compactMap { $0 }
                    Messages.write("\(server)/\(name) \(tool.pinned.digest.prefix(12))\(marks.isEmpty ? "" : ": " + marks.joined(separator: ", "))\n", to: 1)
                }
                return 0
            }
        }
    }

    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What servers offer in place of what is pinned; 1 where there is anything.")

        func run() throws {
            try ToolsVerb.judged {
                var found: Int32 = 0
                for (server, name, tool) in ToolsVerb.sorted(try ToolsVerb.file().read()) {
                    guard let offered = tool.offered else { continue }
                    found = 1
                    Messages.write("\(server)/\(name)\n", to: 1)
                    func lines(_ definition: ToolsLock.Definition) -> [Substring] {
                        (definition.value?.pretty() ?? "too long to be kept; sha256 \(definition.digest)").split(separator: "\n")
                    }
                    for line in lines(offered).difference(from: lines(tool.pinned)) {
                        switch line {
                        case .remove(_, let text, _): Messages.write("- \(text)\n", to: 1)
                        case .insert(_, let text, _): Messages.write("+ \(text)\n", to: 1)
                        }
                    }
                }
                return found
            }
        }
    }

    struct Accept: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Pins what a server offers; look at `fumehood tools diff` before.")
        @Argument(help: "the server's id") var server: String
        @Argument(help: "its tools; all that changed where none is named") var tools: [String] = []

        func run() throws {
            try ToolsVerb.judged {
                var accepted: [String] = []
                try ToolsVerb.file().change { accepted = $0.accept(server, tools: tools) }
                for name in accepted { Messages.write("\(server)/\(name) is pinned as it is offered\n", to: 1) }
                if accepted.isEmpty { Messages.error("`\(server)` offers nothing in place of what is pinned", help: "fumehood tools list shows what is") }
                return accepted.isEmpty ? 1 : 0
            }
        }
    }
}

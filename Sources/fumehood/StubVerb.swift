// SPDX-License-Identifier: Apache-2.0
// `fumehood mcp --session NAME ... -- SERVER` and, inside an agent's cell, `fumehood mcp TOOL`: this process is a stub then, and the
// supervisor of the session does the rest. Nothing is parsed here that the supervisor parses.

import Glibc
import Linux
import Session

enum StubVerb {
    /// Where the socket of an agent's session stands inside its cell.
    static let insideSocket = "/run/fumehood.sock"

    /// How often a session that leaves just now is asked for again.
    private static let attempts = 20

    /// - Returns: nil where it is no stub that is asked for.
    static func main(_ arguments: [String]) -> Int32? {
        let words = arguments.dropFirst(2)
        let flags = words.prefix { $0 != "--" }
        if flags.contains(where: { ["--help", "-h", "--dry-run"].contains($0) }) { return nil }
        if words.count == 1, let tool = words.first, !tool.hasPrefix("-") { return inside(tool) }
        guard let place = flags.firstIndex(where: { $0 == "--session" || $0.hasPrefix("--session=") }) else { return nil }
        let name = flags[place] == "--session" ? flags.dropFirst(place - flags.startIndex + 1).first ?? "" : String(flags[place].dropFirst(10))
        guard SessionPlace.isName(name) else { return nil }  // said by whoever reads the flags
        return outside(name, words)
    }

    private static func prepared() throws(SystemError) -> SignalDescriptor {
        try occupyStandardDescriptors()
        signal(SIGPIPE, SIG_IGN)
        return try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
    }

    private static func outside(_ name: String, _ words: ArraySlice<String>) -> Int32 {
        // Only XDG_RUNTIME_DIR is wanted of the environment.
        let runtime = unsafe getenv("XDG_RUNTIME_DIR").map { unsafe String(cString: $0) }
        let place = SessionPlace(name: name, runtime: runtime, user: Identity.user)
        do throws(SystemError) {
            let signals = try prepared()
            let bytes = Host.words()
            for attempt in 0..<attempts {
                do throws(Stub.Failure) {
                    return try Stub.serve(bytes, at: place.socket, signals: signals) { Messages.write($0) }
                } catch {
                    switch error {
                    case .lost: return gone(name)
                    case .system(let error): throw error
                    case .absent:
                        // What is wrong with the flags is said before anything is started for them.
                        if attempt == 0, let code = SessionVerb.refusal(Array(words)) { return code }
                        if attempt > 2 { usleep(20_000) }
                        try Stub.ensure(place, start: ["fumehood", SessionVerb.name, name] + words.prefix { $0 != "--" })
                    }
                }
            }
            Messages.error("the supervisor of session `\(name)` ends as soon as it is started")
        } catch {
            Messages.error("session `\(name)` cannot be had: \(error.message)", help: help(error, place))
        }
        return 125
    }

    static func help(_ error: SystemError, _ place: SessionPlace) -> String? {
        switch error.code {
        case EPERM: "`\(place.folder)` must be a folder of yours that nobody else may open"
        case ENAMETOOLONG: "the name of a socket has 107 bytes: set XDG_RUNTIME_DIR to a shorter path"
        default: nil
        }
    }

    private static func gone(_ name: String) -> Int32 {
        Messages.error("the supervisor of session `\(name)` is gone, and everything that it ran")
        return 125
    }

    private static func inside(_ tool: String) -> Int32 {
        do throws(SystemError) {
            let signals = try prepared()
            do throws(Stub.Failure) {
                return try Stub.serve(Array("1\0\(tool)\0".utf8), at: insideSocket, signals: signals) { Messages.write($0) }
            } catch {
                switch error {
                case .lost: Messages.error("the session is gone")
                case .system(let error): throw error
                case .absent:
                    Messages.error(
                        "`\(tool)` would be a tool of a session, and this is no cell of an agent",
                        help: "put `--` before a server's command: fumehood mcp [FLAGS] -- \(tool) ...")
                }
            }
        } catch {
            Messages.error("tool `\(tool)` cannot be had: \(error.message)")
        }
        return 125
    }
}

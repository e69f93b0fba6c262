// SPDX-License-Identifier: Apache-2.0
// Why no cell was planned: what was asked for cannot be had, or makes no sense. Each is one sentence and a remedy.

package enum CellError: Error, Equatable, Sendable {
    case commandNotFound(String)
    case commandNotExecutable(String)
    /// The command exists, but the cell would not see it.
    case commandOutside(String, grant: String)
    /// A path of a flag or profile does not exist; `origin` says where it was named.
    case noSuchPath(String, origin: String)
    case refusedPath(String, why: String, origin: String)
    case wallsMissing([String], help: String)
    case downloads(String)
    case directoryGone
    case secret(String, why: String)
    case badValue(String)
    /// The only id that a cell could have is the one that is 0 outside as well.
    case hostRoot
    /// Named endpoints need answers to system calls, and a program around this one gives them already.
    case endpointsNested

    package var message: (text: String, help: String?) {
        switch self {
        case .commandNotFound(let name): ("`\(name)`: command not found", nil)
        case .commandNotExecutable(let path): ("`\(path)` is not executable", nil)
        case .commandOutside(let path, let grant): ("`\(path)` is not granted to the cell", "add -r \(grant)")
        case .noSuchPath(let path, let origin): ("no such file or directory: `\(path)` (\(origin))", nil)
        case .refusedPath(let path, let why, let origin): ("`\(path)` cannot be granted: \(why) (\(origin))", nil)
        case .wallsMissing(let walls, let help): ("this machine lacks \(walls.joined(separator: ", ")) and `require: all` is in force", help)
        case .downloads(let tool):
            ("`\(tool)` downloads at start and this cell has no network", "install the tool first (\(CellError.installer(tool)) NAME), then run its command")
        case .directoryGone: ("the current directory does not exist any more", "change to one that does")
        case .secret(let name, let why): ("secret `\(name)`: \(why)", nil)
        case .badValue(let text): (text, nil)
        case .endpointsNested:
            (
                "named endpoints cannot be reached here: a program around this one listens to system calls already (seccomp), and a process tree has one listener",
                "run it outside of that program, or with --net none or loopback"
            )
        case .hostRoot:
            (
                "the only user id here is root's of the surrounding system, and a cell is never that",
                "run it as an ordinary user, or where more ids are mapped (/proc/self/uid_map)"
            )
        }
    }

    /// 127 when the command is not there, 126 when it cannot be executed, 125 otherwise.
    package var exitCode: Int32 {
        switch self {
        case .commandNotFound: 127
        case .commandNotExecutable: 126
        default: 125
        }
    }

    private static func installer(_ tool: String) -> String {
        switch tool {
        case "uvx": "uv tool install"
        case "pipx": "pipx install"
        case "bunx": "bun add -g"
        default: "npm install -g"
        }
    }
}

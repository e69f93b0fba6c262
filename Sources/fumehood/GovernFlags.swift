// SPDX-License-Identifier: Apache-2.0
// The flags that say who asks, what may be done and what it may cost: as a table, like the cell's.

import Broker

enum GovernFlag {
    static let all: [CellFlag] = [
        CellFlag(names: ["--as"], value: "NAME", help: "the server's id in policies and messages (default: the command's name)")
    ]

    /// Written in the interface and not there yet.
    static let announced: [String: String] = [
        "--agent": "a name for the agent", "--policy": "a folder of policies", "--allow": "permits by pattern", "--ask": "questions by pattern",
        "--deny": "denials by pattern", "--budget": "a budget", "--session": "a session that calls share",
    ]

    /// What may name a server: part of an action, so that `name__tool` is unambiguous.
    static func isServerName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64 && name.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
            && name != "sys" && name != "llm"
    }

    /// The name of a command without one: its file's name in the letters that a server's name has.
    static func serverName(of command: String) -> String {
        let file = command.split(separator: "/").last.map(String.init) ?? command
        let name = String(file.lowercased().unicodeScalars.map { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "-"
        }.prefix(64))
        return isServerName(name) ? name : "server-" + name.prefix(40)
    }
}

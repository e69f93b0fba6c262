// SPDX-License-Identifier: Apache-2.0
//
// What one cell may do, resolved: a chain of profiles merged, paths absolute, quantities in numbers. It says what is wanted; what this machine
// can do and how a cell is built is decided elsewhere. Written form: the interface's section "Profile" and Profiles/profile.schema.json.

package import Config
package import Egress
package import Events

package struct Profile: Equatable, Sendable {
    /// `auto` grants the command's own installation read-only.
    package enum Runtime: String, Equatable, Sendable, CaseIterable { case auto, none }

    package enum Network: String, Equatable, Sendable, CaseIterable {
        case none, loopback
        /// The host's: waives a first wall.
        case host
    }

    package enum Requirement: String, Equatable, Sendable, CaseIterable {
        /// Every first wall; second walls as far as the kernel goes.
        case walls
        /// Second walls whole, too.
        case all
    }

    /// When a call of a tool may go on: when its record is on disk, or with the record on its way there.
    package enum Durability: String, Equatable, Sendable, CaseIterable { case strict, fast }

    package struct Environment: Equatable, Sendable {
        /// Names whose values the caller passes on; a `*` at the end stands for any rest.
        package var pass: [String] = []
        package var set: [String: String] = [:]
    }

    /// The profile that was asked for.
    package var name: String
    /// From the first extended profile to this one.
    package var chain: [String] = []
    package var description: String?
    package var runtime = Runtime.auto
    package var files = FileRules()
    /// Size of /tmp.
    package var tmpBytes: Int64 = 64 << 20
    package var network = Network.none
    /// What a cell with its own network may reach outside; none where `network` says all of it.
    package var endpoints: [Endpoint] = []
    /// Families, and single requests such as `ioctl:TIOCGPTPEER`; each once.
    package var syscalls: [String] = []
    /// These and nothing that follows from other keys: a network then needs its families here.
    package var isExact = false
    /// Groups that no profile should need.
    package var unsafeSyscalls: [String] = []
    package var environment = Environment()
    /// In the unit of each limit (`Limit.unit`); what is not there is not limited.
    package var limits: [Limit: Int64] = [:]
    /// What the files say of the ladder; nil for a cell without one.
    package var ladder: LadderLayer?
    package var requirement = Requirement.walls
    /// Of the tools in ``reads``; all others are strict.
    package var durability = Durability.strict
    /// Tools that only read, by their names at their server.
    package var reads: [String] = []
    package var waived: Set<Protection> = []

    package init(name: String) { self.name = name }
}

extension Limit {
    /// The limits that a profile can set, in the order of the interface.
    package static let ofProfiles: [Limit] = [.memory, .pids, .cpu, .cpuTime, .wall, .fileSize, .disk, .inodes, .output, .openFiles]

    /// Reads the bound of a limit as a profile or a flag writes it.
    /// - Returns: in the limit's unit.
    package func bound(_ text: String) throws(QuantityError) -> Int64 {
        switch unit {
        case "us": try Quantity.duration(text)
        case "bytes": try Quantity.size(text)
        case "millicores": try Quantity.cores(text)
        default: try Quantity.count(text)
        }
    }
}

extension Protection {
    /// The first wall of that name that may be given up.
    /// - Throws: why not.
    static func waiver(_ word: String) throws(ProfileFault) -> Protection {
        let waivable = Protection.allCases.filter(\.isWaivable).map(\.rawValue)
        let known = "these can be waived: \(waivable.joined(separator: ", "))"
        guard let wall = Protection(rawValue: word) else {
            let help = nearest(word, in: waivable).map { "did you mean `\($0)`?" } ?? known
            throw ProfileFault(message: "unknown wall \(quoted(word))", help: help)
        }
        if wall.isWaivable { return wall }
        if wall.isFirst { throw ProfileFault(message: "`\(wall.rawValue)` cannot be waived", help: known) }
        throw ProfileFault(message: "`\(wall.rawValue)` is a second wall and needs no waiver", help: "it is used as far as the kernel goes")
    }
}

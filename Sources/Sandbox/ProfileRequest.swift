// SPDX-License-Identifier: Apache-2.0
// A profile as the request for one cell. What a profile may say and this version cannot do yet has been refused by name
// when the profile was read.

package import Events
import Config
import Egress
package import Syscalls

extension CellRequest {
    /// - Parameters:
    ///   - places: where the caller stands.
    ///   - environment: the caller's.
    /// - Throws: a syscall word that the tables do not know.
    package init(_ profile: Profile, command: [String], places: Places, environment: [String: String]) throws(CellError) {
        self.init(command: command, directory: places.directory, environment: environment, syscalls: try profile.syscallPolicy())
        findsRuntime = profile.runtime == .auto
        network =
            switch profile.network {
            case .none: .none
            case .loopback: .loopback
            case .host: .host
            }
        if !profile.endpoints.isEmpty {
            network = .named
            reaches = AllowList(profile.endpoints)
        }
        if !profile.waived.isEmpty { waived = Set(profile.waived.compactMap { Waiver(rawValue: $0.rawValue) }) }
        if waived.contains(.user) {
            throw .badValue("a cell without a user namespace is not available yet: `user` cannot be waived")
        }
        if waived.contains(.net) {
            if network == .named { throw .badValue("a cell with the host's network reaches everything: endpoints and `net` waived do not go together") }
            network = .host
        }
        let complete = profile.files.complete().rules
        rules.reserveCapacity(complete.count + 8)
        for rule in complete { rules.append(Rule(rule)) }
        for name in profile.environment.pass {
            if name.utf8.last != 0x2a {
                passes.append(name)
            } else {
                let stem = name.utf8.dropLast()
                var matching: [String] = []
                for key in environment.keys where key.utf8.starts(with: stem) { matching.append(key) }
                matching.sort()
                passes += matching
            }
        }
        if !profile.environment.set.isEmpty { sets = profile.environment.set.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
        limits = Limits()
        limits.memory = profile.bound(.memory)
        limits.cpuMillicores = profile.bound(.cpu)
        limits.processes = profile.bound(.pids)
        limits.openFiles = profile.bound(.openFiles)
        limits.fileSize = profile.bound(.fileSize)
        limits.cpuSeconds = profile.bound(.cpuTime).map { ($0 + 999_999) / 1_000_000 }
        limits.scratch = UInt64(profile.tmpBytes)
        limits.inodes = profile.bound(.inodes) ?? limits.inodes
        if let ladder = profile.ladder { limits.steers = ladder.steers }
    }
}

extension Profile {
    package func bound(_ limit: Limit) -> UInt64? { limits[limit].map(UInt64.init) }

    package func syscallPolicy() throws(CellError) -> SyscallPolicy {
        var policy = SyscallPolicy()
        do {
            for word in syscalls { try policy.allow(word) }
            for word in unsafeSyscalls { try policy.allowUnsafe(word) }
            if !isExact && (network != .none || !endpoints.isEmpty || waived.contains(.net)) {
                try policy.allow("net-client")
                try policy.allow("net-server")
            }
        } catch {
            throw .badValue("\(error)")
        }
        policy.mediatesConnections = !endpoints.isEmpty
        if chain.contains("paranoid") { policy.paranoid = true }
        return policy
    }
}

extension FileRule.Kind {
    var request: CellRequest.Kind {
        switch self {
        case .read: .read
        case .write: .write
        case .hide: .hide
        case .protect: .protect
        }
    }
}

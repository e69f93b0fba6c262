// SPDX-License-Identifier: Apache-2.0
// `mode: audit` of a profile: calls that it does not grant go on, as far as a learning run would let them, and are recorded as denials that
// would be. Everything else of the cell stands. What a learning run never lets go on (forbidden groups, set-id modes, a network that the cell
// has not) is denied here as well.

import Events
import Sandbox
import Session
import Syscalls

enum Audit {
    /// - Parameter request: gets the filter of an audit.
    static func watch(_ profile: Profile, _ request: inout CellRequest) throws -> LearnWatch {
        var ceiling = SyscallPolicy.learnable(network: profile.network != .none || profile.waived.contains(.net))
        for group in profile.unsafeSyscalls { try ceiling.allowUnsafe(group) }
        for word in profile.syscalls { try ceiling.allow(word) }
        let own = request.syscalls
        let watch = LearnWatch(ceiling: ceiling, released: own, watchesPaths: false, watchesProcesses: !own.families.contains(.spawn), audits: true)
        request.syscalls = watch.released
        return watch
    }
}

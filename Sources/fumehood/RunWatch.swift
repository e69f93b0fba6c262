// SPDX-License-Identifier: Apache-2.0
// What watches the system calls of a run: a learning run, an audit, or nothing. A verb that starts cells asks for it between the profile and the
// plan, and again when the plan is there; whoever does not is refused by PreparedLaunch where the profile's mode asks for one.
//
// An audit lets go on what the profile does not grant, as far as a learning run would, and records it as a denial that would be. Everything
// else of the cell stands. What a learning run never lets go on (forbidden groups, set-id modes, a network that the cell has not) is denied.

import Events
import Sandbox
import Session
import Syscalls

struct RunWatch {
    let learner: Learner?
    let watch: LearnWatch?

    /// - Parameters:
    ///   - request: gets the filter of such a run.
    ///   - learner: of `fumehood learn`; a profile with `mode: learn` makes one.
    init(_ profile: Profile, _ request: inout CellRequest, run: RunOptions, places: Places, configuration: String?, learner: Learner?) throws {
        self.learner = learner ?? (profile.mode == .learn ? Learner(LearnOptions()) : nil)
        if let learner = self.learner {
            try learner.begin(profile, &request, run: run, places: places, configuration: configuration)
            watch = learner.watch
        } else {
            watch = profile.mode == .audit ? try RunWatch.audit(profile, &request) : nil
        }
    }

    /// Says it in the status, and holds the program to what was learned of it before.
    func check(_ launch: inout PreparedLaunch) throws {
        if watch != nil { launch.auditsCalls(word) }
        try learner?.check(launch.planned)
    }

    /// A process tree has one listener, and a program around us has it.
    func refuseNested() throws(UsageError) {
        if watch == nil { return }
        let (done, verb) = learner == nil ? ("audited", "audit") : ("learned", "learn")
        throw UsageError("nothing can be \(done) here: a program around this one listens to system calls already", help: "\(verb) outside of it")
    }

    private var word: String { learner == nil ? "mode audit" : "learning" }

    private static func audit(_ profile: Profile, _ request: inout CellRequest) throws -> LearnWatch {
        var ceiling = SyscallPolicy.learnable(network: profile.network != .none || profile.waived.contains(.net))
        for group in profile.unsafeSyscalls { try ceiling.allowUnsafe(group) }
        for word in profile.syscalls { try ceiling.allow(word) }
        let own = request.syscalls
        let watch = LearnWatch(ceiling: ceiling, released: own, watchesPaths: false, watchesProcesses: !own.families.contains(.spawn), audits: true)
        request.syscalls = watch.released
        return watch
    }
}

// SPDX-License-Identifier: Apache-2.0
// `fumehood run --govern`: a command that asks the door by itself, on a socket that it inherits. Composition only.

import Broker
import Events
import Governance
import JSON
import Linux
import Session

enum Governed {
    /// - Parameter over: who has the standard streams.
    static func streams(_ options: RunOptions, over inner: any StandardStreams, _ governing: Governing) throws -> DoorStreams {
        var settings = DoorLinesSettings(principal: governing.principal, seed: UInt32(truncatingIfNeeded: try Host.random64()))
        settings.cell = governing.cell
        settings.account = options.budgets.isEmpty ? nil : Governing.account
        let say: (String) -> Void = { if !options.quiet { Messages.note($0) } }
        let judge = governing.judge(say: say)
        let (door, session, cell) = (governing.door, governing.session, governing.cell)
        let lines = DoorLines(
            settings, judge: judge, budget: { _ in door.budget(of: Governing.account, at: governing.now) },
            record: { value, _ in
                var note = Note(.request, session: session, cell: cell)
                (note.outcome, note.data) = ("noted", ["note": value])
                if case .failure(let refusal) = door.note(note, at: governing.now) { return refusal }
                return nil
            })
        return try DoorStreams(inner, lines, records: governing.records, say: say)
    }
}

extension Governing {
    /// The door as those ask it who speak with programs.
    func judge(say: @escaping (String) -> Void) -> DoorJudge {
        DoorJudge(door, boot: boot, approvals: place.map { Approvals($0, boot: boot) }, rulebook: rulebook, say: say)
    }
}

// SPDX-License-Identifier: Apache-2.0
// The supervisor's side of the registry: its socket, one caller at a time, and what each act answers. A cell registers when
// it has run for a little while: most are over sooner, and nobody could ask for them.

import Events
import Glibc
import JSON
import Linux
import Sandbox

/// The listening end, and whoever is being answered.
struct CommandPost: ~Copyable {
    let registration: Registration
    let listener: Descriptor
    var caller: Descriptor?
    /// Asked for the kill, and told when it is proven.
    var waitsForEnd = false

    /// - Throws: why this cell stands in no list; it runs all the same.
    init(_ registration: Registration, user: UInt32) throws(SystemError) {
        self.registration = registration
        try Registry.prepare(registration.folder, user: user)
        do {
            listener = try LocalSocket.listen(at: registration.path)
        } catch {
            // Another cell's end removed the empty folder just now.
            guard error.code == ENOENT else { throw error }
            try Registry.prepare(registration.folder, user: user)
            listener = try LocalSocket.listen(at: registration.path)
        }
    }

    /// Takes whoever is waiting; one that has asked for nothing gives way.
    mutating func accept(proc: borrowing Descriptor) -> Bool {
        guard let next = LocalSocket.accept(listener) else { return false }
        guard let peer = try? LocalSocket.peer(of: next), Registry.admits(peer, user: Identity.user, proc: proc) else { return false }
        if waitsForEnd { return false }
        caller = consume next
        return true
    }

    /// What the caller asks for; nil when it went away or said something else.
    mutating func question() -> Registry.Act? {
        // Taken out and put back: the optimiser of Swift 6.3 cannot borrow it where it lies.
        guard let socket = caller.take() else { return nil }
        let bytes = (try? socket.read(upTo: 64)) ?? []
        guard let act = Registry.Act(rawValue: String(decoding: bytes, as: UTF8.self)) else { return nil }
        caller = consume socket
        return act
    }

    /// Answers, and lets the caller go. One that does not read is not waited for.
    mutating func answer(_ value: Value) {
        if let caller = caller.take() { try? caller.writeAll(value.serialisedBytes()) }
    }

    /// The name, and the folder when it was the last.
    func remove() {
        _ = unsafe unlink(registration.path)
        _ = unsafe rmdir(registration.folder)
    }
}

/// A running cell as `ps` shows it.
struct CellState {
    var registration: Registration
    var process: Int32
    var startedMicroseconds: Int64
    var ranMicroseconds: Int64
    var frozen: Bool
    var standsStill: Bool
    var backend: String
    var memoryBytes: UInt64?
    var processorMicroseconds: UInt64?
    var processes: UInt64?
    /// nil for a cell without a ladder.
    var rung: Rung?
    var lastChange: RungChange?
    var bytesOut: UInt64
    var limits: LoopLimits
    /// Calls of tools in the last sixty seconds; nil for a cell that is not called.
    var callsOfMinute: Int64?
    /// What is left of the budget that its calls are counted in.
    var budget: Value?

    /// Bytes of the command in an answer: each may be escaped to six, and the answer is read as one packet of 65,536.
    private static let shownBytes = 8192

    /// The command as far as an answer holds it.
    private var shownCommand: [Value] {
        var room = CellState.shownBytes
        var words: [Value] = []
        for word in registration.command.map(KernelText.shown) {
            let count = word.utf8.count
            if count + 3 > room {
                words.append(.string(String(decoding: word.utf8.prefix(max(0, room - 3)), as: UTF8.self) + "..."))
                break
            }
            words.append(.string(word))
            room -= count + 3
        }
        return words
    }

    var json: Value {
        func number(_ value: UInt64?) -> Value { value.map { .integer(Int64(clamping: $0)) } ?? .null }
        return [
            "fumehood": 1, "cell": .string(registration.cell), "session": .string(registration.session),
            "session_name": registration.name.map { .string($0) } ?? .null,
            "command": .array(shownCommand), "supervisor_pid": .integer(Int64(process)),
            "started_us": .integer(startedMicroseconds), "wall_us": .integer(ranMicroseconds),
            "state": .string(frozen ? standsStill ? "frozen" : "freezing" : "running"),
            "backend": .string(backend), "memory_bytes": number(memoryBytes), "cpu_us": number(processorMicroseconds), "pids": number(processes),
            "bytes_out": number(bytesOut), "rung": rung.map { .string($0.name) } ?? .null, "last_change": lastChange?.json ?? .null,
            "calls_minute": callsOfMinute.map { .integer($0) } ?? .null, "budget": budget ?? .null,
            "limits": [
                "memory_bytes": number(limits.measured.memory), "pids": number(limits.measured.pids), "cpu_millicores": number(limits.cores),
                "cpu_time_us": number(limits.measured.cpuTimeMicroseconds), "wall_us": number(limits.wall.map { $0 / 1000 }),
                "output_bytes": number(limits.output),
            ],
        ]
    }
}

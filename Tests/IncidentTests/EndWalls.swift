// SPDX-License-Identifier: Apache-2.0
// How runs end: exit codes, limits, signals, and that nothing of a cell outlives it or the program that started it.

import Foundation
import Glibc
import JSON
import Testing

extension Incidents.Ends {
    @Test(arguments: Caller.allCases)
    func `the command's exit code is the run's, each of 256`(caller: Caller) throws {
        // As root all of them; as an ordinary user those that could be confused with ours.
        for code in caller == .root ? Array(0...255) : [0, 1, 2, 99, 124, 125, 126, 127, 128, 137, 255] {
            let run = try Fumehood.run([], [Ground.shared.probe, "exit:\(code)"], as: caller)
            #expect(run.code == Int32(code), "\(code): \(run.code)")
            #expect(run.status == "exited" && run.record?["exit_code"]?.asInteger == Int64(code))
        }
    }

    @Test(arguments: Caller.allCases)
    func `a command that is not there is 127, one that cannot be executed 126, a wrong use 125`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        let plain = try put("text", work + "/plain", caller)
        let odd = try put("text without a first line", work + "/odd", caller, mode: 0o755)
        let orphan = try put("#!/no/such/interpreter\n", work + "/orphan", caller, mode: 0o755)
        let table: [([String], [String], Int32)] = [
            ([], ["no-such-command"], 127), ([], ["/no/such/path"], 127), ([], [plain], 126), ([], ["/etc"], 126), (["-r", work], [odd], 126),
            (["-r", work], [orphan], 127),
            (["--nonsense"], ["true"], 125), (["-p", "nobody"], ["true"], 125), (["--timeout", "soon"], ["true"], 125), ([], [], 125),
        ]
        for (flags, command, code) in table {
            let run = try Fumehood.run(flags, command, as: caller)
            #expect(run.code == code, "\(flags) \(command): \(run.code) \(run.err)")
            #expect(run.out.isEmpty && run.err.hasPrefix("fumehood: "), "\(run.err)")
        }
    }

    @Test(arguments: Caller.allCases, [1, 2, 3, 6, 8, 9, 11, 13, 14, 15, 24, 31])
    func `a signal that ends the command is 128 and its number`(caller: Caller, signal: Int) throws {
        let run = try Fumehood.run([], [Ground.shared.probe, "raise:\(signal)"], as: caller)
        #expect(run.code == 128 + Int32(signal))
        #expect(run.status == "signaled" && run.record?["signal"]?.asInteger == Int64(signal))
    }

    @Test(arguments: Caller.allCases)
    func `a limit of time or output is 124, with its cause and a proven kill`(caller: Caller) throws {
        let begun = Date()
        let late = try Fumehood.run(["--timeout", "300ms"], ["/bin/sh", "-c", "trap '' TERM INT HUP; sleep 60 & sleep 60"], as: caller)
        #expect(Date().timeIntervalSince(begun) < 5)
        let loud = try Fumehood.run(["--output", "100K"], [Ground.shared.probe, "flood:50000000"], as: caller)
        for (run, limit) in [(late, "wall"), (loud, "output")] {
            #expect(run.code == 124 && run.status == "killed", "\(run.code)")
            #expect(run.record?["cause"]?["limit"]?.asString == limit, "\(String(describing: run.record?["cause"]))")
            #expect(run.record?["kill"]?["left"]?.asInteger == 0)
            #expect(run.record?["kill"]?["all_gone_us"]?.asInteger != nil)
        }
        #expect(loud.bytes.count <= 100 * 1024, "\(loud.bytes.count) bytes passed a limit of 102400")
        #expect(loud.bytes.count >= 64 * 1024)
    }

    @Test(arguments: Caller.allCases)
    func `processes, memory, files and processor time are bounded`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        let profile = try put(
            "fumehood: 1\nextends: base\nfiles: {tmp: 8M}\nlimits: {pids: 20, memory: 64M, inodes: 200, open_files: 40, file_size: 1G}\n", work + "/p.yaml",
            caller)
        let run = try Fumehood.probe(
            ["-p", profile],
            ["multiply:200", "touch:32", "fill:/tmp/big", "fill:/dev/shm/big", "fill-inodes:/tmp", "limit:7", "limit:4", "limit:6"], as: caller)
        #expect(run["multiply:200"] == "19 EAGAIN", "\(run.out)")
        check(run, [("touch:32", "ok"), ("limit:7", "40 40"), ("limit:4", "0 0")])
        // The kernel ends a tree that is in a group at its bound, and refuses a process that is not.
        let greedy = try Fumehood.run(["-p", profile], [Ground.shared.probe, "touch:256"], as: caller)
        if greedy.record?["backend"]?.asString == "none" {
            #expect(greedy.out.contains("ENOMEM") && greedy.code == 0, "\(greedy.out)")
        } else {
            #expect(greedy.code == 124 && greedy.record?["cause"]?["limit"]?.asString == "memory", "\(greedy.code) \(greedy.err)")
            #expect(greedy.record?["oom_kills"]?.asInteger ?? 0 > 0)
        }
        for place in ["fill:/tmp/big", "fill:/dev/shm/big"] {
            let words = (run[place] ?? "").split(separator: " ")
            #expect(words.last == "ENOSPC" && Int(words.first ?? "")! <= 8 << 20, "\(place): \(words)")
        }
        let inodes = (run["fill-inodes:/tmp"] ?? "").split(separator: " ")
        #expect(inodes.last == "ENOSPC" && Int(inodes.first ?? "")! <= 200)
        let spinning = try Fumehood.run(["--cpu-time", "1s", "--timeout", "20s"], [Ground.shared.probe, "spin"], as: caller)
        #expect(spinning.code == 128 + 24 || spinning.code == 124, "\(spinning.code)")
        #expect(spinning.record?["cause"]?["limit"]?.asString == "cpu_time")
        let large = try Fumehood.run(["-p", profile], ["/bin/sh", "-c", "ulimit -f"], as: caller)
        #expect(large.out == "2097152\n" || large.out == "1048576\n", "\(large.out)")
    }

    // What is left -------------------------------------------------------------------------------------------------------

    @Test(arguments: Caller.allCases)
    func `a daemon that left its session is gone when the command has ended`(caller: Caller) throws {
        let begun = try Fumehood.begin(
            Ground.shared.grant, ["/bin/sh", "-c", "\(Ground.shared.probe) daemon:300 daemon:301; read line; exit 3"], as: caller, holdsInput: true)
        #expect(begun.says("daemon:301\tleft"))
        let cell = try #require(SeenCell(of: begun))
        #expect(cell.alive.count >= 4, "shell, two daemons and process 1 should be there")
        let run = begun.end()
        #expect(run.code == 3)
        #expect(cell.alive.isEmpty)
    }

    @Test(arguments: Caller.allCases)
    func `kill -9 of fumehood leaves nothing of the cell`(caller: Caller) throws {
        for _ in 0..<15 {
            let begun = try Fumehood.begin(Ground.shared.grant, ["/bin/sh", "-c", "\(Ground.shared.probe) daemon:300 sleep:300"], as: caller)
            #expect(begun.says("waiting"))
            let cell = try #require(SeenCell(of: begun))
            #expect(cell.alive.count >= 4)
            let victim = try #require(supervisor(of: begun))
            kill(victim, SIGKILL)
            let deadline = Date().addingTimeInterval(2)
            while !cell.alive.isEmpty && Date() < deadline { usleep(1000) }
            let left = cell.alive
            #expect(left.isEmpty, "\(left.map { contents("/proc/\($0)/status")?.prefix(40) ?? "" })")
            _ = begun.end()
        }
    }

    @Test(arguments: Caller.allCases)
    func `kill -9 of fumehood while the cell is being built leaves nothing either`(caller: Caller) throws {
        // At moments spread over the launch; what would be left is a process whose program is fumehood's, or the command's.
        let mark = "sleep:777\(Int.random(in: 10...99))"
        for i in 0..<40 {
            let begun = try Fumehood.begin([], [Ground.shared.probe, mark], as: caller)
            if i % 2 == 0 {
                usleep(UInt32(i * 1000))
            } else {
                // From the instant of the clone on, in steps of a tenth of a millisecond.
                let deadline = Date().addingTimeInterval(2)
                while Date() < deadline, begun.process.isRunning, supervisor(of: begun).map({ children($0).isEmpty }) ?? true {}
                usleep(UInt32(i / 2 * 100))
            }
            if let victim = supervisor(of: begun) { kill(victim, SIGKILL) } else { kill(begun.process.processIdentifier, SIGKILL) }
            _ = begun.end()
        }
        let deadline = Date().addingTimeInterval(3)
        var left: [Int32] = []
        repeat {
            usleep(10_000)
            left = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }.filter { pid in
                guard let stat = contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")"), !stat[end...].dropFirst(2).hasPrefix("Z") else {
                    return false
                }
                return (try? FileManagerLink.read("/proc/\(pid)/exe")) == Ground.shared.program || process(withWord: mark) == pid
            }
        } while !left.isEmpty && Date() < deadline
        #expect(left.isEmpty, "\(left)")
    }

    @Test(arguments: Caller.allCases)
    func `runs leave no mount, file or descriptor behind`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        func state() throws -> [String] {
            let mounts = contents("/proc/self/mountinfo")?.split(separator: "\n").count ?? -1
            // Without the folder in which the user's running cells stand: other tests run some at this moment.
            let temporary = try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter { !$0.hasPrefix(".") && $0 != "fumehood-12345" }.sorted()
            return ["\(mounts)", try FileManager.default.subpathsOfDirectory(atPath: work).joined(), temporary.filter { $0.contains("fumehood") }.joined()]
        }
        let before = try state()
        for flags in [[], ["-w", work], ["-p", "git", "-w", work], ["--timeout", "50ms"], ["-r", "/nowhere"]] {
            for _ in 0..<3 { _ = try Fumehood.run(flags, ["/bin/sh", "-c", "sleep 0.1"], as: caller) }
        }
        usleep(100_000)
        #expect(try state() == before)
    }

    // Signals ------------------------------------------------------------------------------------------------------------

    @Test(arguments: Caller.allCases, [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
    func `a signal to fumehood reaches the command`(caller: Caller, signal: Int32) throws {
        let begun = try Fumehood.begin([], [Ground.shared.probe, "hear"], as: caller)
        #expect(begun.says("listening"))
        kill(try #require(supervisor(of: begun)), signal)
        let run = begun.end(within: 10)
        #expect(run.out.contains("signal\t\(signal)\n"), "\(run.out)\(run.err)")
        #expect(run.code == 0)
    }

    @Test(arguments: Caller.allCases)
    func `a command that does not catch the signal ends by it`(caller: Caller) throws {
        let begun = try Fumehood.begin([], [Ground.shared.probe, "sleep:30"], as: caller)
        #expect(begun.says("waiting"))
        kill(try #require(supervisor(of: begun)), SIGTERM)
        #expect(begun.end(within: 10).code == 143)
    }
}

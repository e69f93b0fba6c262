// SPDX-License-Identifier: Apache-2.0
// `fumehood doctor`: what this machine allows, what blocks, and the exact remedy, all at once. Ends with the proof of the
// pudding: a cell built and run to its end. Changes nothing.

import ArgumentParser
import Events
import Glibc
import JSON
import Linux
import Sandbox
import Session

struct DoctorVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Says what this machine allows, what blocks, and the exact remedy.",
        discussion: "Exit code 0: cells work here. 1: something blocks them. 2: this could not be judged.")

    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func run() throws {
        let facts: DoctorFacts
        do { facts = try DoctorFacts.gather() } catch {
            if json {
                let document: Value = ["fumehood": 1, "verdict": "unknown", "error": .string(error.message)]
                _ = Messages.print(String(decoding: document.serialisedBytes(), as: UTF8.self) + "\n")
            } else {
                Messages.error("cannot judge this machine: \(error.message)", help: "doctor reads /proc; mount it")
            }
            throw ExitCode(2)
        }
        var lines = Doctor.lines(facts)
        // A launch says nothing new where a part of it is known to be blocked.
        if Doctor.works(lines) { lines.append(trial()) }
        let works = Doctor.works(lines)
        guard Messages.print(json ? document(lines, works) : text(lines, works)) else { throw ExitCode(2) }
        if !works { throw ExitCode(1) }
    }

    /// The smallest cell there is, with all its walls: `true` under the base profile.
    private func trial() -> Doctor.Line {
        let name = "a whole cell"
        func line(_ status: Doctor.Status, _ detail: String, _ remedy: String? = nil) -> Doctor.Line {
            Doctor.Line(name: name, status: status, detail: detail, remedy: remedy, first: true)
        }
        guard let program = ["/bin/true", "/usr/bin/true"].first(where: { Files.allows($0, 1 /* X_OK */) }) else {
            return line(.partial, "not tried: there is no `true` here")
        }
        let began = Clock.monotonic
        _ = signal(SIGPIPE, SIG_IGN)  // the trial does not read what is given to it
        do {
            let places = Places(home: nil, directory: "/")
            let request = try CellRequest(
                try ProfileLibrary(places: places).profile(named: "base"), command: [program], places: places, environment: ["PATH": "/usr/bin:/bin"])
            let proc = try Host.openProc()
            var launch = try PreparedLaunch(request, facts: try HostFacts(proc: proc))
            let limits = LoopLimits(wall: 10_000_000_000, output: 1 << 20)
            var outcome = try launch.run(proc: proc, limits: limits, began: began, onDenials: nil)
            if case .failed(let error) = outcome.end, error.isNested {
                try launch.answerByErrno()
                outcome = try launch.run(proc: proc, limits: limits, began: began, onDenials: nil)
            }
            let tenths = (Clock.monotonic - began) / 100_000
            switch outcome.end {
            case .exited(.exited(0)): return line(.on, "built, proved, run and gone in \(tenths / 10).\(tenths % 10) ms")
            case .failed(let error): return line(.blocked, error.message.text, error.message.help)
            case .exited(let status): return line(.blocked, "`true` ended with \(status)")
            case .killed(.message(let text)): return line(.blocked, "`true` was ended: \(text)")
            case .killed: return line(.blocked, "`true` did not end within 10 s")
            }
        } catch let error as LaunchError {
            return line(.blocked, error.message.text, error.message.help)
        } catch let error as CellError {
            return line(.blocked, error.message.text, error.message.help)
        } catch let error as SystemError {
            return line(.blocked, error.message)
        } catch {
            return line(.blocked, "\(error)")
        }
    }

    // Text ------------------------------------------------------------------------------------------------------------

    private func text(_ lines: [Doctor.Line], _ works: Bool) -> String {
        var out = ""
        for line in lines {
            out += "\(line.status.rawValue.padded(8))\(line.name.padded(19))\(line.detail)\n"
            if let remedy = line.remedy, line.status != .on { out += "        help: \(remedy)\n" }
        }
        let blocked = lines.filter { $0.first && $0.status == .blocked }.map(\.name)
        out += works ? "\ncells work here\n" : "\nno cell can be built here: \(blocked.joined(separator: ", "))\n"
        return out
    }

    private func document(_ lines: [Doctor.Line], _ works: Bool) -> String {
        let list: [Value] = lines.map { line in
            [
                "name": .string(line.name), "status": .string(line.status.rawValue), "detail": .string(line.detail),
                "remedy": line.remedy.map { .string($0) } ?? .null,
                "required": .bool(line.first),
            ]
        }
        let document: Value = ["fumehood": 1, "verdict": .string(works ? "works" : "blocked"), "lines": .array(list)]
        return String(decoding: document.serialisedBytes(), as: UTF8.self) + "\n"
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

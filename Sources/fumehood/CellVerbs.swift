// SPDX-License-Identifier: Apache-2.0
// `ps`, `kill`, `freeze`, `thaw`: the cells of this user that run now. Composition only: who is meant, the question to each
// cell's supervisor, the answers as lines or JSON.

import ArgumentParser
import Events
import Glibc
import JSON
import Linux
import Session

struct PsVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "Lists the cells of this user that run now.",
        discussion: "A cell is listed once it has run for 20 ms. Exit code 0, also where there is none; 2: the list cannot be had.")

    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func run() throws {
        let cells = try RunningCells.all()
        if json {
            let document: Value = ["fumehood": 1, "cells": .array(cells)]
            guard Messages.print(String(decoding: document.serialisedBytes(), as: UTF8.self) + "\n") else { throw ExitCode(2) }
            return
        }
        var text = "CELL        SESSION     STATE     TIME        MEMORY   PIDS  COMMAND\n"
        for cell in cells {
            text += RunningCells.column(cell["cell"]?.asString ?? "", 12) + RunningCells.column(cell["session_name"]?.asString ?? "-", 12)
            text += RunningCells.column(cell["state"]?.asString ?? "", 10)
            text += RunningCells.column(RunningCells.seconds(cell["wall_us"]?.asInteger ?? 0), 12)
            text += RunningCells.column(cell["memory_bytes"]?.asInteger.map { "\($0 >> 20)M" } ?? "-", 9)
            text += RunningCells.column(cell["pids"]?.asInteger.map { "\($0)" } ?? "-", 6)
            let command = (cell["command"]?.asArray ?? []).compactMap(\.asString).joined(separator: " ").replacing("\n", with: " ")
            text += (command.count > 80 ? command.prefix(77) + "..." : command) + "\n"
        }
        guard Messages.print(text) else { throw ExitCode(2) }
    }
}

struct KillVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Kills cells, and waits until each is proven to be gone.", discussion: RunningCells.discussion)
    @OptionGroup var meant: RunningCells
    func run() throws { try meant.tell(.kill, done: "killed") }
}

struct FreezeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze", abstract: "Lets cells stand still until thaw; time limits go on.", discussion: RunningCells.discussion)
    @OptionGroup var meant: RunningCells
    func run() throws { try meant.tell(.freeze, done: "frozen") }
}

struct ThawVerb: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "thaw", abstract: "Lets frozen cells go on.", discussion: RunningCells.discussion)
    @OptionGroup var meant: RunningCells
    func run() throws { try meant.tell(.thaw, done: "thawed") }
}

/// Which cells are meant, and what becomes of telling them.
struct RunningCells: ParsableArguments {
    static let discussion =
        "Exit code 0: done for each that was meant. 1: one is not there, or would not. 2: the list of cells cannot be had. Only the owner and root can."

    @Argument(help: ArgumentHelp("ids of cells or sessions, or names of sessions, as ps and --result show them", valueName: "id")) var ids: [String] = []
    @Flag(name: .customLong("all"), help: "every cell of this user") var all = false
    @Flag(name: .customLong("json"), help: "as one JSON object") var json = false

    func validate() throws {
        if ids.isEmpty == !all { throw ValidationError(all ? "`--all` and ids do not go together" : "say which: ids of cells, of sessions, or --all") }
    }

    func tell(_ act: Registry.Act, done: String) throws {
        let folder = RunningCells.folder
        let cells = try RunningCells.all()
        var results: [Value] = []
        var failed = false
        let meant = all ? cells : cells.filter { cell in ids.contains { RunningCells.names($0, cell) } }
        for id in ids where !meant.contains(where: { RunningCells.names(id, $0) }) {
            if act == .kill, endSession(id) {
                if !json { Messages.write("\(id) \(done)\n", to: 1) }
                results.append(["id": .string(id), "result": .string(done)])
                continue
            }
            failed = true
            if !json { Messages.error("no cell or session `\(id)` runs here", help: "fumehood ps lists them") }
            results.append(["id": .string(id), "result": "absent"])
        }
        // The session first: its supervisor starts nothing more then.
        if act == .kill { for id in ids where meant.contains(where: { RunningCells.names(id, $0) }) { _ = endSession(id) } }
        for cell in meant {
            let id = cell["cell"]?.asString ?? ""
            do {
                let answer = try Registry.ask(act, of: id, in: folder)
                let left = answer?["kill"]?["left"]?.asInteger ?? 0
                if left > 0 { failed = true }
                if !json { Messages.write(left > 0 ? "\(id) unkillable: \(left) left\n" : "\(id) \(answer == nil ? "had ended" : done)\n", to: 1) }
                results.append(["cell": .string(id), "result": .string(left > 0 ? "unkillable" : answer == nil ? "ended" : done), "answer": answer ?? .null])
            } catch {
                failed = true
                if !json { Messages.error("cell `\(id)`: \(error.message)") }
                results.append(["cell": .string(id), "result": "failed", "error": .string(error.message)])
            }
        }
        if json {
            let document: Value = ["fumehood": 1, "act": .string(act.rawValue), "results": .array(results)]
            if !Messages.print(String(decoding: document.serialisedBytes(), as: UTF8.self) + "\n") { failed = true }
        }
        if failed { throw ExitCode(1) }
    }

    /// Whether a word of the caller's means this cell.
    private static func names(_ word: String, _ cell: Value) -> Bool {
        word == cell["cell"]?.asString || word == cell["session"]?.asString || word == cell["session_name"]?.asString
    }

    /// Ends the supervisor of a session that stubs share, and waits until it has gone. - Returns: false where there is none of that name.
    private func endSession(_ name: String) -> Bool {
        guard SessionPlace.isName(name) else { return false }
        let place = SessionPlace(name: name, runtime: Host.environment()["XDG_RUNTIME_DIR"], user: Identity.user)
        return (try? Stub.end(at: place.socket)) ?? false
    }

    static var folder: String { Registry.folder(runtime: Host.environment()["XDG_RUNTIME_DIR"], user: Identity.user) }

    /// What each cell says of itself. One that has ended meanwhile is left out.
    static func all() throws -> [Value] {
        let folder = folder
        do {
            return try Registry.cells(in: folder, user: Identity.user).compactMap { id in
                do {
                    return try Registry.ask(.status, of: id, in: folder)
                } catch {
                    Messages.error("cell `\(id)` does not answer: \((error as? SystemError)?.message ?? "\(error)")")
                    return nil
                }
            }
        } catch {
            Messages.error("cannot list the cells in `\(folder)`: \(error.message)", help: "it must be a folder of yours that nobody else may open")
            throw ExitCode(2)
        }
    }

    static func column(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(1, width - text.count)) }

    static func seconds(_ microseconds: Int64) -> String {
        let seconds = microseconds / 1_000_000
        if seconds >= 3600 { return "\(seconds / 3600)h\(seconds / 60 % 60)m" }
        return seconds >= 60 ? "\(seconds / 60)m\(seconds % 60)s" : "\(seconds).\(microseconds / 100_000 % 10)s"
    }
}

// SPDX-License-Identifier: Apache-2.0
// Names that must not be made, on real folders: the placeholder is made, shared, taken over from the dead, and always gone in the end.

import Dispatch
import Foundation
import Linux
import Testing

@testable import Sandbox

@Suite("placeholders")
final class PlaceholderTests: Sendable {
    let folder: String

    init() throws {
        folder = "/tmp/fumehood-placeholders-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }
    private func absent(_ names: String...) -> [Placeholders.Absent] { names.map { .init(host: folder + "/" + $0, at: folder + "/" + $0) } }
    private func status(_ name: String) throws -> FileStatus { try FileStatus(path: folder + "/" + name, followLinks: false) }
    private func makeFolder(_ name: String) throws { try FileManager.default.createDirectory(atPath: folder + "/" + name, withIntermediateDirectories: true) }

    @Test func `a missing name is kept by an empty folder and is free again afterwards`() throws {
        var held = try Placeholders.hold(absent: absent(".claude"), present: [])
        #expect(names == [".claude"])
        let found = try status(".claude")
        #expect(found.isPlaceholder && found.mode == 0o555)
        #expect(held.entries == [.protect(CellSpec.Source(path: folder + "/.claude", status: found), at: String(folder.dropFirst()) + "/.claude")])
        held.remove()
        #expect(names == [])
    }

    @Test func `of a path with several missing parts the first is kept`() throws {
        var held = try Placeholders.hold(absent: absent("a/b/c", "a/d"), present: [])
        #expect(names == ["a"])
        #expect(held.entries.map(\.path) == [String(folder.dropFirst()) + "/a"])
        held.remove()
        #expect(names == [])
    }

    @Test func `in a moved folder the placeholder stands where the cell sees it`() throws {
        try makeFolder("x")
        var held = try Placeholders.hold(absent: [.init(host: folder + "/x/a/b", at: "/mnt/x/a/b")], present: [])
        #expect(held.entries.map(\.path) == ["mnt/x/a"])
        held.remove()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/x").isEmpty)
    }

    @Test func `a second cell joins and the last one removes`() throws {
        var first = try Placeholders.hold(absent: absent(".claude"), present: [])
        let inode = try status(".claude").inode
        var second = try Placeholders.hold(absent: absent(".claude"), present: [])
        #expect(second.entries.count == 1)
        first.remove()
        #expect(try status(".claude").inode == inode)
        second.remove()
        #expect(names == [])
    }

    @Test func `a cell that finds the placeholder as a file joins it`() throws {
        var first = try Placeholders.hold(absent: absent(".claude"), present: [])
        var second = try Placeholders.hold(absent: [], present: [CellSpec.Source(path: folder + "/.claude", status: try status(".claude"))])
        #expect(second.entries.isEmpty)
        first.remove()
        #expect(names == [".claude"])
        second.remove()
        #expect(names == [])
    }

    /// What is left when the launcher and its janitor are both killed.
    @Test func `an abandoned placeholder is taken over and removed`() throws {
        try makeFolder(".claude")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o555, .modificationDate: Date(timeIntervalSince1970: Double(Placeholders.mark))], ofItemAtPath: folder + "/.claude")
        let inode = try status(".claude").inode
        #expect(try status(".claude").isPlaceholder)
        var held = try Placeholders.hold(absent: absent(".claude/settings.json"), present: [])
        #expect(held.entries.map(\.path) == [String(folder.dropFirst()) + "/.claude"])
        #expect(try status(".claude").inode == inode)
        held.remove()
        #expect(names == [])
    }

    @Test func `a folder of somebody's is never taken for a placeholder`() throws {
        try makeFolder("theirs")
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder + "/theirs")
        var held = try Placeholders.hold(absent: absent("theirs"), present: [CellSpec.Source(path: folder + "/theirs", status: try status("theirs"))])
        held.remove()
        #expect(names == ["theirs"])
    }

    @Test func `what somebody put into a placeholder stays`() throws {
        var held = try Placeholders.hold(absent: absent(".claude"), present: [])
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder + "/.claude")
        try Data("x".utf8).write(to: URL(filePath: folder + "/.claude/settings"))
        held.remove()
        #expect(names == [".claude"])
    }

    @Test func `a name below a file or a link is nobody's business`() throws {
        try Data().write(to: URL(filePath: folder + "/file"))
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "/nonexistent")
        var held = try Placeholders.hold(absent: absent("file/x", "link/x"), present: [])
        #expect(held.entries.isEmpty)
        held.remove()
        #expect(names == ["file", "link"])
    }

    @Test func `eight cells that come and go leave nothing`() throws {
        let failures = Failures()
        DispatchQueue.concurrentPerform(iterations: 8) { number in
            for round in 0..<25 {
                do {
                    var held = try Placeholders.hold(absent: absent(".claude", ".vscode/x", "own-\(number)"), present: [])
                    let kept = names
                    if !kept.contains(".claude") || !kept.contains(".vscode") || held.entries.count != 3 { failures.add("\(number)/\(round): \(kept)") }
                    held.remove()
                } catch {
                    failures.add("\(number)/\(round): \(error)")
                }
            }
        }
        #expect(failures.list == [])
        #expect(names == [])
    }
}

private final class Failures: @unchecked Sendable {
    private let lock = NSLock()
    private var entries: [String] = []
    func add(_ text: String) { lock.withLock { entries.append(text) } }
    var list: [String] { lock.withLock { entries } }
}

// SPDX-License-Identifier: Apache-2.0
// What the rules about files come to, on real folders: above all that a denial holds whatever stands beside what it denies.

import Foundation
import Testing

@testable import Sandbox

@Suite("the view of a cell")
struct ViewTests {
    /// A folder of this test's own, made of the given folders.
    private func folder(_ names: [String]) throws -> String {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("fumehood-view-\(UUID().uuidString)").path
        for name in names { try FileManager.default.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: true) }
        return root
    }

    private func entries(_ rules: [CellRequest.Rule], mapsOwners: Bool = true) throws -> [CellSpec.Entry] {
        var view = View(files: KernelFiles(), mapsOwners: mapsOwners)
        try view.apply(rules)
        return view.entries
    }

    /// Characters that sort before the slash: a sibling's name may begin with the folder's and go on with one of them.
    @Test(arguments: ["ws-2", "ws.bak", "ws 2", "ws+", "ws!", "ws"])
    func `a denial inside a grant holds beside a sibling`(sibling: String) throws {
        let root = try folder(["ws/.git/hooks", "ws/secret", sibling])
        defer { try? FileManager.default.removeItem(atPath: root) }
        let found = try entries([
            .init(.write, root + "/ws", origin: "-w"), .init(.read, root + "/" + sibling, origin: "-r"),
            .init(.protect, root + "/ws/.git/hooks", origin: "p"), .init(.hide, root + "/ws/secret", origin: "p"),
        ])
        let here = root.dropFirst()
        #expect(found.contains { if case .protect(_, let at) = $0 { at == here + "/ws/.git/hooks" } else { false } })
        #expect(found.contains { if case .mask(let at, _) = $0 { at == here + "/ws/secret" } else { false } })
    }

    @Test(arguments: [(CellRequest.Kind.write, true, true), (.write, false, true), (.read, false, true), (.read, true, false)])
    func `what may be written belongs to the cell, whoever grants it`(kind: CellRequest.Kind, builtin: Bool, mapped: Bool) throws {
        let root = try folder(["ws"])
        defer { try? FileManager.default.removeItem(atPath: root) }
        let found = try entries([.init(kind, root + "/ws", origin: "x", builtin: builtin)])
        #expect(found.contains { if case .bind(_, _, _, let mapOwner) = $0 { mapOwner == mapped } else { false } })
    }
}

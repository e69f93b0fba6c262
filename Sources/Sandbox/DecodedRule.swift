// SPDX-License-Identifier: Apache-2.0
//
// A file rule of a built-in profile as DecodedProfiles.swift writes it: checked when the binary was made, so that a launch only puts the
// caller's places in front of it.

import Config

struct Decoded {
    /// What the path counts from.
    enum Base { case root, home, directory }

    let kind: FileRule.Kind
    let base: Base
    /// With a leading slash; empty for the base itself.
    let rest: String
    let line: Int
    let column: Int
    let everywhere: String?

    init(_ kind: FileRule.Kind, _ base: Base, _ rest: String, _ line: Int, _ column: Int, everywhere: String? = nil) {
        self.kind = kind
        self.base = base
        self.rest = rest
        self.line = line
        self.column = column
        self.everywhere = everywhere
    }

    /// The rules that a profile's entries are to this caller. Entries below HOME fall away where there is none.
    static func rules(_ profile: String, _ places: Places, _ entries: [Decoded]) -> [FileRule] {
        let file = profile + ".yaml"
        var rules: [FileRule] = []
        rules.reserveCapacity(entries.count)
        for entry in entries {
            guard let path = entry.path(places) else { continue }
            let origin = Origin(profile: profile, file: file, mark: Mark(line: entry.line, column: entry.column), isBuiltIn: true)
            rules.append(FileRule(entry.kind, path: path, everywhere: entry.everywhere, origin: origin))
        }
        return rules
    }

    private func path(_ places: Places) -> String? {
        switch base {
        case .root: rest
        case .home: places.home.map { $0.utf8.count == 1 ? rest : $0 + rest }
        case .directory: rest.isEmpty ? places.directory : places.directory.utf8.count == 1 ? rest : places.directory + rest
        }
    }
}

extension DecodedProfiles {
    /// What a built-in profile says; nil for any other source.
    static func layer(of source: ProfileSource, places: Places) -> ProfileLayer? {
        source.builtIn ? layer(source.name, places: places) : nil
    }
}

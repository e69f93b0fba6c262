// SPDX-License-Identifier: Apache-2.0
//
// One profile file, decoded and not yet merged: nil where it says nothing. Keys whose machinery is not there yet are refused by name, never
// ignored. The keys here and those of Profiles/profile.schema.json are held together by a test.

import Config
import Egress
import Events

/// A profile's text and where it came from.
package struct ProfileSource: Equatable, Sendable {
    package let name: String
    /// As the user knows it; for messages.
    package let file: String
    private let read: [UInt8]
    /// The text that the binary carries.
    let builtIn: Bool
    package var bytes: [UInt8] {
        guard builtIn, let text = BuiltinProfiles.all.first(where: { $0.name == name })?.text else { return read }
        return Array(String(describing: text).utf8)
    }
    /// The file's folder, absolute and without links; nil for a built-in profile, whose relative paths count from the caller's directory.
    package let folder: String?

    package init(name: String, file: String, bytes: [UInt8], folder: String?) {
        self.name = name
        self.file = file
        read = bytes
        builtIn = false
        self.folder = folder
    }

    /// The built-in profile of that name.
    init(builtIn name: String) {
        self.name = name
        file = name + ".yaml"
        read = []
        builtIn = true
        folder = nil
    }
}

/// Every key that a profile may have, by the map it stands in.
enum ProfileKeys {
    static let top = [
        "fumehood", "extends", "description", "runtime", "files", "network", "syscalls", "environment", "limits", "ladder", "durability", "reads",
        "require", "waive", "learned",
    ]
    static let files = ["read", "write", "hide", "protect", "tmp"]
    static let readEntry = ["path"]
    static let writeEntry = ["path", "mode"]
    static let network = ["allow"]
    static let syscalls = ["allow", "only", "mode", "unsafe"]
    static let environment = ["pass", "set"]
    static let limits = Limit.ofProfiles.map(\.rawValue)
}

struct ProfileLayer {
    /// The profile's name, and its place where there is a file to point at.
    var extends: (name: String, field: Field?)?
    var description: String?
    var runtime: Profile.Runtime?
    var rules: [FileRule] = []
    var tmpBytes: Int64?
    var network: Profile.Network?
    /// Set with `network`.
    var endpoints: [Endpoint] = []
    var syscalls: [String] = []
    /// In place of what the extended profile allows.
    var onlySyscalls: [String]?
    var unsafeSyscalls: [String] = []
    var pass: [String] = []
    var set: [(String, String)] = []
    var limits: [(Limit, Int64)] = []
    var ladder: LadderLayer?
    var requirement: Profile.Requirement?
    var waived: [Protection] = []
    var durability: Profile.Durability?
    var reads: [String] = []
    /// Not decoded now, but when the binary was made.
    private(set) var isBuiltIn = false

    /// For the built-in profiles, which are decoded already.
    init(builtIn extends: String) {
        self.extends = (extends, nil)
        isBuiltIn = true
    }

    init(_ source: ProfileSource, places: Places) throws(ConfigError) {
        let top = try Field(parsing: source.bytes, file: source.file).map(keys: ProfileKeys.top)
        try top.checkVersion()
        if let field = top["extends"] { extends = (try field.text(), field) }
        description = try top["description"]?.text()
        runtime = try top["runtime"]?.choice()
        if let field = top["files"] { try decodeFiles(field, source, places) }
        if let field = top["network"] { try decodeNetwork(field) }
        if let field = top["syscalls"] { try decodeSyscalls(field) }
        if let field = top["environment"] { try decodeEnvironment(field) }
        if let field = top["limits"] { try decodeLimits(field, source, places.machine) }
        ladder = try top["ladder"].flatMap { (field) throws(ConfigError) in try LadderLayer(field) }
        durability = try top["durability"]?.choice()
        reads =
            try top["reads"]?.words { (name) throws(ProfileFault) in
                guard (1...128).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                    throw ProfileFault(message: "\(quoted(name)) is not a tool's name", help: "name it as its server lists it: `read_query`")
                }
                return name
            } ?? []
        // What it was learned from: for people, and for the next learning run.
        _ = try top["learned"]?.entries()
        requirement = try top["require"]?.choice()
        waived = try top["waive"]?.words { (word) throws(ProfileFault) in try Protection.waiver(word) } ?? []
    }

    private mutating func decodeFiles(_ field: Field, _ source: ProfileSource, _ places: Places) throws(ConfigError) {
        let map = try field.map(keys: ProfileKeys.files)
        for kind in FileRule.Kind.allCases {
            for item in try map[kind.rawValue]?.list() ?? [] {
                if let rule = try rule(kind, item, source, places) { rules.append(rule) }
            }
        }
        tmpBytes = try map["tmp"]?.size()
    }

    private func rule(_ kind: FileRule.Kind, _ item: Field, _ source: ProfileSource, _ places: Places) throws(ConfigError) -> FileRule? {
        var path = item
        var splits = true
        if case .map = item.node.content, kind == .read || kind == .write {
            let map = try item.map(keys: kind == .write ? ProfileKeys.writeEntry : ProfileKeys.readEntry)
            path = try map.required("path")
            splits = false
            if let mode = map["mode"], try mode.choice(["direct", "overlay"]) == "overlay" {
                throw mode.notAvailable("mode `overlay`", help: "write `mode: direct`, or leave it out")
            }
        }
        let origin = Origin(profile: source.name, file: source.file, mark: path.node.mark, isBuiltIn: source.folder == nil)
        return try path.word { (text) throws(ProfileFault) in
            try FileRule.read(kind, text, splits: splits, base: source.folder ?? places.directory, home: places.home, origin: origin)
        }
    }

    private mutating func decodeNetwork(_ field: Field) throws(ConfigError) {
        if case .map = field.node.content {
            let allow = try field.map(keys: ProfileKeys.network).required("allow")
            let list = try allow.words { (word) throws(ProfileFault) in try Profile.endpoint(word) }
            if list.isEmpty { throw allow.error("nothing is named", help: "write `network: none`") }
            if list.count > AllowList.most { throw allow.error("more than \(AllowList.most) endpoints", help: nil) }
            (network, endpoints) = (Profile.Network.none, list)
            return
        }
        (network, endpoints) = (try field.choice(), [])
    }

    private mutating func decodeSyscalls(_ field: Field) throws(ConfigError) {
        let map = try field.map(keys: ProfileKeys.syscalls)
        if let mode = map["mode"] {
            let word = try mode.choice(["enforce", "audit", "learn"])
            if word != "enforce" { throw mode.notAvailable("mode `\(word)`", help: "write `mode: enforce`, or leave it out") }
        }
        func grant(_ word: String) throws(ProfileFault) -> String {
            try ProfileGrant.checkAllowed(word)
            return word
        }
        syscalls = try map["allow"]?.words(grant) ?? []
        onlySyscalls = try map["only"]?.words(grant)
        if let field = map["only"], !syscalls.isEmpty {
            throw field.error("`only` and `allow` do not go together", help: "`only` replaces what the extended profile allows, `allow` adds to it")
        }
        unsafeSyscalls =
            try map["unsafe"]?.words { (word) throws(ProfileFault) in
                try ProfileGrant.checkUnsafe(word)
                return word
            } ?? []
    }

    private mutating func decodeEnvironment(_ field: Field) throws(ConfigError) {
        let map = try field.map(keys: ProfileKeys.environment)
        pass =
            try map["pass"]?.words { (name) throws(ProfileFault) in
                try ProfileName.checkVariable(name, orPrefix: true)
                return name
            } ?? []
        for (name, mark, value) in try map["set"]?.entries() ?? [] {
            do {
                try ProfileName.checkVariable(name, orPrefix: false)
            } catch {
                throw ConfigError(file: field.file, mark: mark, path: value.path, message: error.message, help: error.help)
            }
            set.append((name, try value.anyText()))
        }
    }

    private mutating func decodeLimits(_ field: Field, _ source: ProfileSource, _ machine: Machine) throws(ConfigError) {
        let map = try field.map(keys: ProfileKeys.limits)
        for limit in Limit.ofProfiles {
            guard let field = map[limit.rawValue] else { continue }
            let bound: Int64
            switch limit.unit {
            case "us": bound = try field.duration()
            case "bytes": bound = try field.size()
            case "millicores": bound = try field.cores()
            default: bound = try field.count()
            }
            // What is built in fits most machines, not every one.
            if source.folder != nil, let fault = limit.fault(bound, (try? field.anyText()) ?? "\(bound)", on: machine) {
                throw field.error(fault.message, help: fault.help)
            }
            limits.append((limit, bound))
        }
        if source.folder != nil, let wrong = Limit.contradiction(Dictionary(uniqueKeysWithValues: limits), on: machine), let field = map[wrong.limit.rawValue] {
            throw field.error(wrong.message, help: wrong.help)
        }
    }
}

extension Field {
    fileprivate func notAvailable(_ what: String, help: String) -> ConfigError { error("\(what) is not available yet", help: help) }

    /// The text as something else, with this place for what is wrong with it.
    fileprivate func word<Result>(_ read: (String) throws(ProfileFault) -> Result) throws(ConfigError) -> Result {
        let text = try text()
        do {
            return try read(text)
        } catch {
            throw self.error(error.message, help: error.help)
        }
    }

    fileprivate func words<Result>(_ read: (String) throws(ProfileFault) -> Result) throws(ConfigError) -> [Result] {
        var words: [Result] = []
        for item in try list() { words.append(try item.word(read)) }
        return words
    }
}

enum ProfileName {
    /// Letters, digits and `_`, not starting with a digit; with `orPrefix` also `NAME*`.
    static func checkVariable(_ name: String, orPrefix: Bool) throws(ProfileFault) {
        let stem = orPrefix && name.utf8.last == 0x2a ? name.utf8.dropLast() : name.utf8[...]
        let valid = stem.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f: true
            default: false
            }
        }
        guard let first = stem.first, valid, !(0x30...0x39 ~= first) else {
            throw ProfileFault(message: "\(quoted(name)) is not a variable's name", help: orPrefix ? "write `NAME`, or `LC_*` for all that start so" : nil)
        }
    }

    /// 1 to 64 of `a-z`, `0-9` and `-`; so that a name is never a path.
    static func isProfile(_ name: String) -> Bool {
        1...64 ~= name.utf8.count && name.utf8.allSatisfy { 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2d }
    }
}

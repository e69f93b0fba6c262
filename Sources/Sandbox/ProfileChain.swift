// SPDX-License-Identifier: Apache-2.0
//
// `extends`: a chain of files becomes one profile. A file that does not say what it extends extends `base`; `extends: none` starts from nothing.
//
// How files merge, from the first extended one to the last:
// - lists are united, what was there first stays first: files.read, write, hide and protect, syscalls.allow and unsafe, environment.pass, waive;
// - what is one value is replaced: runtime, network, files.tmp, require, each limit, each variable of environment.set,
//   each rung's bound of a reading of the ladder and each of its settings (`ladder: none` drops what was inherited);
// - syscalls.only, which learned profiles have, replaces all that was allowed before it;
// - description is the last file's own.
// Otherwise a profile can only add to what it extends. To have less, extend less, or hide and protect what must not be had.

package import Config

extension Profile {
    /// Greatest number of files in a chain.
    package static let longestChain = 8

    /// Reads a profile and all that it extends.
    /// - Parameters:
    ///   - names: the names that could be meant; asked only to make an error.
    ///   - loader: gives the profile of a name (`a-z`, `0-9`, `-`), nil where there is none.
    /// - Throws: the first fault in any of the files, with its place.
    package init(
        _ source: ProfileSource, places: Places, names: () -> [String], loader: (String) throws(ConfigError) -> ProfileSource?
    ) throws(ConfigError) {
        var layers: [(source: ProfileSource, layer: ProfileLayer)] = []
        var next: ProfileSource? = source
        while let current = next {
            let decoded = DecodedProfiles.layer(of: current, places: places)
            let layer = if let decoded { decoded } else { try ProfileLayer(current, places: places) }
            layers.append((current, layer))
            next = try Profile.extended(by: layer, current, seen: layers.map(\.source), names: names, loader: loader)
        }
        self.init(name: source.name)
        for i in layers.indices.reversed() { merge(layers[i].layer, named: layers[i].source.name) }
        description = layers[0].layer.description
    }

    private static func extended(
        by layer: ProfileLayer, _ current: ProfileSource, seen: [ProfileSource], names: () -> [String],
        loader: (String) throws(ConfigError) -> ProfileSource?
    ) throws(ConfigError) -> ProfileSource? {
        let name = layer.extends?.name ?? "base"
        if name == "none" { return nil }
        func fault(_ message: String, _ help: String?) -> ConfigError {
            layer.extends?.field?.error(message, help: help) ?? ConfigError(file: current.file, mark: nil, message: message, help: help)
        }
        guard ProfileName.isProfile(name) else {
            throw fault("\(quoted(name)) is not a profile's name", "a name has only a-z, 0-9 and -")
        }
        guard let next = try loader(name) else {
            let known = names()
            throw fault(
                "unknown profile \(quoted(name))",
                nearest(name, in: known).map { "did you mean `\($0)`?" } ?? "profiles: \(known.joined(separator: ", "))")
        }
        if seen.contains(where: { $0.file == next.file && $0.folder == next.folder }) {
            throw fault("profiles extend one another in a circle: \((seen.map(\.name) + [next.name]).joined(separator: ", "))", nil)
        }
        if seen.count >= longestChain { throw fault("more than \(longestChain) profiles extend one another", nil) }
        return next
    }

    private mutating func merge(_ layer: ProfileLayer, named name: String) {
        func unite(_ list: inout [String], _ more: [String]) {
            for word in more where !list.contains(word) { list.append(word) }
        }
        chain.append(name)
        runtime = layer.runtime ?? runtime
        files.append(layer.rules, eachOnce: layer.isBuiltIn)
        tmpBytes = layer.tmpBytes ?? tmpBytes
        if let own = layer.network { (network, endpoints) = (own, layer.endpoints) }
        if let only = layer.onlySyscalls { (syscalls, isExact) = (only, true) }
        unite(&syscalls, layer.syscalls)
        unite(&unsafeSyscalls, layer.unsafeSyscalls)
        unite(&environment.pass, layer.pass)
        for (name, value) in layer.set { environment.set[name] = value }
        for (limit, bound) in layer.limits { limits[limit] = bound }
        if let new = layer.ladder {
            var merged = ladder ?? LadderLayer()
            merged.merge(new)
            ladder = merged == LadderLayer() ? nil : merged
        }
        requirement = layer.requirement ?? requirement
        waived.formUnion(layer.waived)
        durability = layer.durability ?? durability
        unite(&reads, layer.reads)
    }

    /// Reads a built-in profile.
    /// - Returns: nil where there is none of that name.
    package static func builtIn(_ name: String, places: Places) throws(ConfigError) -> Profile? {
        guard let source = BuiltinProfiles.source(name) else { return nil }
        return try Profile(
            source, places: places, names: { BuiltinProfiles.names }, loader: { (name) throws(ConfigError) in BuiltinProfiles.source(name) })
    }
}

extension BuiltinProfiles {
    package static var names: [String] { all.map(\.name) }

    /// The text of a built-in profile; nil where there is none of that name.
    package static func source(_ name: String) -> ProfileSource? {
        all.contains { $0.name == name } ? ProfileSource(builtIn: name) : nil
    }
}

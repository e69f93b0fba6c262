// SPDX-License-Identifier: Apache-2.0
// Where profiles are found by name: in the binary, then in ./fumehood/profiles, the user's configuration, /etc/fumehood.
// A name with a slash or an ending is a file.

package import Config
import Linux

package struct ProfileLibrary: Sendable {
    private let places: Places
    /// Absolute folders, in the order in which they are asked.
    package let folders: [String]

    /// - Parameter configuration: XDG_CONFIG_HOME, if it is set and absolute.
    package init(places: Places, configuration: String? = nil) {
        self.places = places
        let user = configuration ?? places.home.map { $0 + "/.config" }
        folders = [places.directory + "/fumehood/profiles"] + (user.map { [$0 + "/fumehood/profiles"] } ?? []) + ["/etc/fumehood/profiles"]
    }

    /// The resolved profile. - Throws: where it is wrong, or that there is none of this name.
    package func profile(named name: String) throws(ConfigError) -> Profile {
        guard let source = try name.contains("/") || name.hasSuffix(".yaml") ? file(name) : source(name) else {
            let known = names()
            throw ConfigError(
                file: "-p", mark: nil, message: "unknown profile \(quoted(name))",
                help: nearest(name, in: known).map { "did you mean `\($0)`?" } ?? "profiles: \(known.joined(separator: ", "))")
        }
        return try Profile(source, places: places, names: names, loader: { (name) throws(ConfigError) in try self.source(name) })
    }

    /// The file that a name means; nil for a built-in profile.
    package func file(of name: String) -> String? {
        if name.contains("/") || name.hasSuffix(".yaml") { return Paths.absolute(name, from: places.directory) }
        if BuiltinProfiles.names.contains(name) { return nil }
        return folders.map { "\($0)/\(name).yaml" }.first { Files.exists($0) }
    }

    /// Every name that can be meant.
    package func names() -> [String] {
        var names = Set(BuiltinProfiles.names)
        for folder in folders {
            for name in (try? Files.list(folder)) ?? [] where name.hasSuffix(".yaml") { names.insert(String(name.dropLast(5))) }
        }
        return names.sorted()
    }

    private func source(_ name: String) throws(ConfigError) -> ProfileSource? {
        if let builtIn = BuiltinProfiles.source(name) { return builtIn }
        for folder in folders where Files.exists("\(folder)/\(name).yaml") { return try file("\(folder)/\(name).yaml") }
        return nil
    }

    private func file(_ written: String) throws(ConfigError) -> ProfileSource {
        let path = Paths.absolute(written, from: places.directory)
        let shown = written.hasPrefix("/") && written.hasPrefix(places.directory + "/") ? String(written.dropFirst(places.directory.count + 1)) : written
        do {
            let bytes = try Files.read(path, limit: 1 << 20)
            var name = Paths.name(path)
            if name.hasSuffix(".yaml") { name.removeLast(5) }
            return ProfileSource(name: name, file: shown, bytes: bytes, folder: Paths.parent(path))
        } catch {
            throw ConfigError(file: shown, mark: nil, message: "cannot be read: \(errnoText(error.code)) (\(error.name))")
        }
    }
}

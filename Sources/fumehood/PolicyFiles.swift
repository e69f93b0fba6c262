// SPDX-License-Identifier: Apache-2.0
// The files of the policy verbs: which a path means, read whole, and what is in them as values. A file that cannot be read is
// a failure to judge, never an empty set.

import Cedar
import JSON
import Linux

enum PolicyFiles {
    /// Longer files are refused.
    static let longest = 16 << 20

    static func read(_ path: String) throws(PolicyFailure) -> SourceText {
        if try isFolder(path) { throw PolicyFailure("`\(path)` is a folder, not a file") }
        do throws(SystemError) { return SourceText(name: path, bytes: try Files.read(path, limit: longest)) } catch {
            throw failure(error, path)
        }
    }

    private static func failure(_ error: SystemError, _ path: String) -> PolicyFailure {
        PolicyFailure("cannot read `\(path)`: \(errnoText(error.code)) (\(error.name))")
    }

    static func join(_ folder: String, _ name: String) -> String {
        if name.hasPrefix("/") || folder.isEmpty || folder == "." { return name.isEmpty ? folder : name }
        if name.isEmpty || name == "." { return folder }
        return folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The folder that holds a file; `.` for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func isFolder(_ path: String) throws(PolicyFailure) -> Bool {
        do throws(SystemError) { return try FileStatus(path: path).kind == .directory } catch { throw failure(error, path) }
    }

    /// The files right in a folder with this ending, sorted.
    static func list(_ folder: String, _ ending: String) throws(PolicyFailure) -> [String] {
        do throws(SystemError) {
            return try Files.list(folder).filter { $0.hasSuffix(ending) && !$0.hasPrefix(".") }.sorted().map { join(folder, $0) }
        } catch {
            throw failure(error, folder)
        }
    }

    /// The policy files that the paths mean: a file itself, of a folder the `*.cedar` right in it.
    static func policies(_ paths: [String]) throws(PolicyFailure) -> [PolicyLayer] {
        var layers: [PolicyLayer] = []
        for path in paths {
            var files = [path]
            if try isFolder(path) {
                files = try list(path, ".cedar")
                if files.isEmpty { throw PolicyFailure("no `*.cedar` file is in `\(path)`", help: "name a file, or the folder that holds them") }
            }
            for file in files where !layers.contains(where: { sameBytes($0.name, file) }) {
                layers.append(PolicyLayer(name: file, bytes: try read(file).bytes))
            }
        }
        return layers
    }

    /// The schema of a file in either notation.
    static func schema(_ path: String) throws(PolicyFailure) -> Schema {
        let source = try read(path)
        do throws(CedarError) {
            // Only the JSON notation begins with a brace.
            let first = source.bytes.first { !($0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D) }
            return first == UInt8(ascii: "{") ? try Schema(json: source) : try Schema(parsing: source)
        } catch {
            throw PolicyFailure(error, in: source)
        }
    }

    /// The one `*.cedarschema` beside the first of the paths; nil where there is none.
    static func schemaBeside(_ paths: [String]) throws(PolicyFailure) -> String? {
        guard let first = paths.first else { return nil }
        let folder = try isFolder(first) ? first : folder(of: first)
        let found = try list(folder, ".cedarschema")
        if found.count > 1 {
            throw PolicyFailure("\(found.count) schemas are in `\(folder)`", help: "name one with --schema")
        }
        return found.first
    }

    /// The schema for a set.
    ///
    /// - Throws: where mode strict finds none.
    static func schema(_ named: String?, beside paths: [String], mode: PolicySnapshot.Mode) throws(PolicyFailure) -> Schema? {
        var path = named
        if path == nil { path = try schemaBeside(paths) }
        if let path { return try schema(path) }
        if mode == .exact { return nil }
        throw PolicyFailure(
            "there is no schema: policies that govern agents are checked against one",
            help: "name it with --schema, or judge as Cedar alone would with --mode exact")
    }

    static func json(_ source: SourceText) throws(PolicyFailure) -> JSON.Value {
        do throws(JSONError) { return try JSON.Value(parsing: source.bytes) } catch {
            throw PolicyFailure("\(source.name)" + (error.place.map { ":\($0.line):\($0.column)" } ?? "") + ": \(error.message)")
        }
    }

    static func entities(_ path: String, schema: Schema?) throws(PolicyFailure) -> [Entity] {
        let source = try read(path)
        return try entities(try json(source), schema: schema, source: source)
    }

    /// Entities without the schema's actions.
    static func entities(_ json: JSON.Value, schema: Schema?, source: SourceText) throws(PolicyFailure) -> [Entity] {
        do throws(CedarError) {
            // The store adds the actions; a store of stores would see them twice.
            return try Array(Entities(json: json, schema: schema).all)
        } catch {
            throw PolicyFailure(error, in: source)
        }
    }

    /// A store of entities with the schema's actions.
    static func store(_ entities: [Entity], schema: Schema?, strict: Bool, name: String) throws(PolicyFailure) -> Entities {
        do throws(CedarError) {
            let present = Set(entities.map(\.uid))
            let actions = (schema?.actionEntities ?? []).filter { !present.contains($0.uid) }
            let store = try Entities(entities + actions)
            if strict, let schema { try schema.validateEntities(store) }
            return store
        } catch {
            throw PolicyFailure(error, in: SourceText(name: name, ""))
        }
    }
}

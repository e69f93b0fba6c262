// SPDX-License-Identifier: Apache-2.0
// `*.cases.yaml`: cases beside the policies, read with exact errors. Paths in it count from its own folder; what is not given
// is the policies and the one schema of that folder.

import Cedar
import Config
import JSON

/// A file of cases, read; its policies are loaded by the verb, which may share them among files.
struct PolicyCaseFile {
    let path: String
    let policies: [String]
    let schema: String?
    let mode: PolicySnapshot.Mode
    private let cases: [Field]
    private let entities: Field?
    private let folder: String

    static let keys = ["fumehood", "policies", "schema", "mode", "entities", "cases"]
    static let caseKeys = [
        "name", "principal", "action", "resource", "context", "entities", "match", "not_match", "decision", "verdict", "errors", "obligations"
    ]

    init(_ path: String) throws {
        let source = try PolicyFiles.read(path)
        let top = try Field(parsing: source.bytes, file: path).map(keys: Self.keys)
        try top.checkVersion()
        let folder = PolicyFiles.folder(of: path)
        self.path = path
        self.folder = folder
        policies =
            try top["policies"].map { field -> [String] in
                if case .list = field.node.content { return try field.texts() }
                return [try field.text()]
            }.map { $0.map { PolicyFiles.join(folder, $0) } } ?? [folder]
        schema = try top["schema"]?.text()
        mode = try top["mode"]?.choice(["strict", "exact"]) == "exact" ? .exact : .strict
        entities = top["entities"]
        cases = try top.required("cases").list()
        if cases.isEmpty { throw try top.required("cases").error("there is no case") }
    }

    var schemaPath: String? { schema.map { PolicyFiles.join(folder, $0) } }

    /// The cases, with the ids of policies made whole.
    func read(schema: Schema?, places: PolicyPlaces) throws -> [PolicyCase] {
        let shared = try entities.map { try list($0, schema) } ?? []
        var names: [String: Mark] = [:]
        return try cases.map { field in
            let map = try field.map(keys: Self.caseKeys)
            let nameField = try map.required("name")
            let name = try nameField.text()
            if let first = names.updateValue(nameField.node.mark, forKey: name) {
                throw nameField.error("two cases have this name, the first at \(first)")
            }
            let action = try entity(map.required("action"))
            let context = try map["context"].map { try record($0, action, schema) } ?? .empty
            let request = Request(
                principal: try entity(map.required("principal")), action: action, resource: try entity(map.required("resource")), context: context)
            if mode == .strict, let schema {
                do throws(CedarError) { try schema.validateRequest(request) } catch { throw field.error(error.message, help: error.help) }
            }
            let own = try map["entities"].map { try list($0, schema) } ?? []
            let replaced = Set(own.map(\.uid))
            let store = try PolicyFiles.store(
                shared.filter { !replaced.contains($0.uid) } + own, schema: schema, strict: mode == .strict,
                name: "\(path):\((map["entities"] ?? entities ?? field).node.mark)")
            var test = PolicyCase(name: name, request: request, entities: store)
            test.match = try map["match"].map { try ids($0, places) } ?? []
            test.notMatch = try map["not_match"].map { try ids($0, places) } ?? []
            test.errors = try map["errors"].map { try ids($0, places) }
            test.decision = try map["decision"].map { try $0.choice(["allow", "deny"]) }.flatMap(Decision.init(rawValue:))
            test.verdict = try map["verdict"].map { try $0.choice(Verdict.self) }
            if let obligations = map["obligations"] { try read(obligations, into: &test) }
            guard ["match", "not_match", "decision", "verdict", "errors", "obligations"].contains(where: { map[$0] != nil }) else {
                throw field.error("the case expects nothing", help: "add `verdict:`, `decision:`, `match:` or `not_match:`")
            }
            return test
        }
    }

    private func read(_ field: Field, into test: inout PolicyCase) throws {
        let map = try field.map(keys: ["ask", "throttle", "redact", "raise"])
        test.ask = try map["ask"].map { Text(try $0.anyText()) }
        test.throttle = try map["throttle"].map { field in
            let text = try field.text()
            guard let throttle = Throttle(Text(text)) else {
                throw field.error("`\(text)` is no rate", help: "write a number of calls and a window, such as 10/1m")
            }
            return throttle
        }
        test.redact = try map["redact"].map { try $0.texts().map { Text($0) } }
        test.raise = try map["raise"]?.count()
    }

    private func ids(_ field: Field, _ places: PolicyPlaces) throws -> [Text] {
        try field.list().map { item in
            let name = Text(try item.text())
            do throws(CedarError) { return try places.resolve(name) } catch {
                throw item.error(error.message, help: error.help)
            }
        }
    }

    private func entity(_ field: Field) throws -> EntityUID {
        let text = try field.text()
        do throws(CedarError) { return try PolicyParser.entity(SourceText(text)) } catch {
            throw field.error("\(quoted(text)) is no entity: \(error.message)", help: "write a type and an id: Agent::\"clerk\"")
        }
    }

    // MARK: Values

    private func record(_ field: Field, _ action: EntityUID, _ schema: Schema?) throws -> Record {
        let json: JSON.Value
        if case .scalar(let name) = field.node.content {
            let source = try PolicyFiles.read(PolicyFiles.join(folder, name))
            json = try PolicyFiles.json(source)
        } else {
            json = field.node.plain.json(as: schema?.actions[action].map { .record($0.context) })
        }
        do throws(CedarError) { return try Record(context: json, action: action, schema: schema) } catch {
            throw field.error(error.message, help: error.help)
        }
    }

    /// A file, or a list of `{uid, attrs?, parents?, tags?}` with entities written as in policies.
    private func list(_ field: Field, _ schema: Schema?) throws -> [Entity] {
        if case .scalar(let name) = field.node.content { return try PolicyFiles.entities(PolicyFiles.join(folder, name), schema: schema) }
        var documents: [JSON.Value] = []
        for item in try field.list() {
            let map = try item.map(keys: ["uid", "attrs", "parents", "tags"])
            let uid = try entity(map.required("uid"))
            let type = schema?.entityTypes[uid.type]
            var members = [JSON.Member(name: "uid", value: uid.json)]
            let attributes = map["attrs"].map { $0.node.plain.json(as: type.map { .record($0.attributes) }) } ?? [:]
            members.append(JSON.Member(name: "attrs", value: attributes))
            let parents = try map["parents"].map { try $0.list().map { try entity($0).json } } ?? []
            members.append(JSON.Member(name: "parents", value: .array(parents)))
            if let tags = map["tags"] {
                let entries = try tags.entries().map { JSON.Member(name: $0.key, value: $0.value.node.plain.json(as: type?.tags)) }
                members.append(JSON.Member(name: "tags", value: .object(JSON.Object(entries))))
            }
            documents.append(.object(JSON.Object(members)))
        }
        do throws(CedarError) { return try Array(Entities(json: .array(documents), schema: schema).all) } catch {
            throw field.error(error.message, help: error.help)
        }
    }
}

extension Node {
    /// The node without its places.
    var plain: PlainValue {
        switch content {
        case .nothing: .nothing
        case .scalar(let text): .text(text)
        case .list(let items): .list(items.map(\.plain))
        case .map(let entries): .map(entries.map { ($0.key, $0.value.plain) })
        }
    }
}

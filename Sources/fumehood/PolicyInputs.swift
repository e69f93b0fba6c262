// SPDX-License-Identifier: Apache-2.0
// What `authorize` and `explain` are asked: policies, schema, entities and one request, from files or from flags.

import ArgumentParser
import Cedar
import JSON

/// The modes as flags spell them.
enum PolicyModeFlag: String, ExpressibleByArgument, CaseIterable {
    case strict, exact

    var mode: PolicySnapshot.Mode { self == .strict ? .strict : .exact }
}

struct PolicyInputs: ParsableArguments {
    @Option(name: .customLong("policies"), help: ArgumentHelp("a policy file, or a folder of *.cedar (repeatable; all are one set)", valueName: "file|dir"))
    var policies: [String] = []
    @Option(
        name: .customLong("schema"), help: ArgumentHelp("the schema, as text or JSON (default: the one *.cedarschema beside the policies)", valueName: "file"))
    var schema: String?
    @Option(
        name: .customLong("entities"),
        help: ArgumentHelp("the entities, a file or a JSON list (default: none but the schema's actions)", valueName: "file|json"))
    var entities: String?
    @Option(name: .customLong("request"), help: ArgumentHelp("the request, a JSON object with principal, action, resource and context", valueName: "file"))
    var request: String?
    @Option(name: .customLong("principal"), help: ArgumentHelp("instead of --request: who asks, as T::\"id\"", valueName: "entity"))
    var principal: String?
    @Option(name: .customLong("action"), help: ArgumentHelp("what is to be done, as Action::\"id\"", valueName: "entity"))
    var action: String?
    @Option(name: .customLong("resource"), help: ArgumentHelp("on what, as T::\"id\"", valueName: "entity"))
    var resource: String?
    @Option(name: .customLong("context"), help: ArgumentHelp("the context, a file or a JSON object (default: empty)", valueName: "file|json"))
    var context: String?
    @Option(name: .customLong("mode"), help: "strict: as in a session, everything must fit the schema. exact: as Cedar alone")
    var mode: PolicyModeFlag = .strict

    func validate() throws {
        if policies.isEmpty { throw ValidationError("no policies: name a file or folder with --policies") }
        let inline = [principal, action, resource]
        if request != nil, inline.contains(where: { $0 != nil }) || context != nil {
            throw ValidationError("--request and --principal, --action, --resource, --context are two ways to say the same: use one")
        }
        if request == nil, inline.contains(where: { $0 == nil }) {
            throw ValidationError("no request: name a file with --request, or give --principal, --action and --resource")
        }
    }

    /// Everything read and checked.
    struct Loaded {
        let snapshot: PolicySnapshot
        let places: PolicyPlaces
        let request: Request
        let entities: Entities
    }

    func load() throws -> Loaded {
        let layers = try PolicyFiles.policies(policies)
        let schema = try PolicyFiles.schema(schema, beside: policies, mode: mode.mode)
        let snapshot = try PolicySnapshot(layers: layers, schema: schema, mode: mode.mode)
        let (entities, name) = try readEntities(schema)
        let store = try PolicyFiles.store(entities, schema: schema, strict: mode == .strict, name: name)
        let request = try readRequest(schema)
        return Loaded(snapshot: snapshot, places: PolicyPlaces(snapshot, layers: layers), request: request, entities: store)
    }

    private func readEntities(_ schema: Schema?) throws -> ([Entity], String) {
        guard let given = entities else { return ([], "the entities") }
        guard given.hasPrefix("[") else { return (try PolicyFiles.entities(given, schema: schema), given) }
        let written = SourceText(name: "--entities", given)
        return (try PolicyFiles.entities(PolicyFiles.json(written), schema: schema, source: written), written.name)
    }

    private func readRequest(_ schema: Schema?) throws -> Request {
        var source = SourceText(name: "the request", "")
        var json: JSON.Value
        if let path = request {
            source = try PolicyFiles.read(path)
            json = try PolicyFiles.json(source)
        } else {
            var members: [JSON.Member] = []
            for (name, text) in [("principal", principal), ("action", action), ("resource", resource)] {
                let flag = SourceText(name: "--\(name)", text ?? "")
                do throws(CedarError) { members.append(JSON.Member(name: name, value: try PolicyParser.entity(flag).json)) } catch {
                    throw PolicyFailure(error, in: flag)
                }
            }
            if let context {
                let written = context.hasPrefix("{") ? SourceText(name: "--context", context) : try PolicyFiles.read(context)
                members.append(JSON.Member(name: "context", value: try PolicyFiles.json(written)))
            }
            json = .object(JSON.Object(members))
        }
        do throws(CedarError) {
            let request = try Request(json: json, schema: schema)
            if mode == .strict { try schema?.validateRequest(request) }
            return request
        } catch {
            // A place in a flag's text is none in the file.
            throw PolicyFailure(CedarError(error.kind, error.message, help: error.help), in: source)
        }
    }
}

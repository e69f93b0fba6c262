// SPDX-License-Identifier: Apache-2.0
//
// Where the policies of a snapshot stand in the texts they were read from, and how a person names them: by the whole id
// (`FILE#ID`), or by the part after the `#` where only one policy has it.

/// The texts behind a snapshot.
public struct PolicyPlaces: Sendable {
    private let sources: [Text: SourceText]
    private let policies: [Text: Policy]
    /// The ids, in the order of the set.
    public let ids: [Text]

    public init(_ snapshot: PolicySnapshot, layers: [PolicyLayer]) {
        var sources: [Text: SourceText] = [:]
        for policy in snapshot.policies.policies {
            // A name may hold `#` itself, so the longest one that fits is the layer's.
            let layer = layers.filter { policy.id.hasPrefix(Text($0.name + "#")) }.max { $0.name.utf8.count < $1.name.utf8.count }
            if let layer { sources[policy.id] = layer.text }
        }
        self.sources = sources
        ids = snapshot.policies.policies.map(\.id)
        policies = Dictionary(snapshot.policies.policies.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// `FILE:LINE:COLUMN` of a policy; its id where the text is not known.
    public func place(_ id: Text) -> String {
        guard let source = sources[id], let policy = policies[id] else { return id.string }
        return "\(source.name):\(source.position(of: Int(policy.span.start)))"
    }

    /// The line on which a policy begins.
    public func line(_ id: Text) -> Int? {
        guard let source = sources[id], let policy = policies[id] else { return nil }
        return source.position(of: Int(policy.span.start)).line
    }

    /// What the author wrote at a span of a policy's text, its blanks and comments made one blank.
    public func text(_ span: SourceSpan, of id: Text) -> String? {
        guard let source = sources[id], span.start < span.end, Int(span.end) <= source.bytes.count else { return nil }
        let written = source.bytes[Int(span.start)..<Int(span.end)]
        let slash = UInt8(ascii: "/")
        let quote = UInt8(ascii: "\"")
        var out: [UInt8] = []
        var index = written.startIndex
        var isBlank = false
        while index < written.endIndex {
            let byte = written[index]
            if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                isBlank = true
                index += 1
            } else if byte == slash, index + 1 < written.endIndex, written[index + 1] == slash {
                index = written[index...].firstIndex(of: 0x0A) ?? written.endIndex
            } else {
                if isBlank, !out.isEmpty { out.append(0x20) }
                isBlank = false
                let start = index
                index += 1
                if byte == quote {
                    while index < written.endIndex, written[index] != quote { index += written[index] == UInt8(ascii: "\\") ? 2 : 1 }
                    index = min(index + 1, written.endIndex)
                }
                out += written[start..<index]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The part of an id after its layer.
    public func short(_ id: Text) -> Text {
        guard let source = sources[id] else { return id }
        return Text(String(decoding: Array(id.utf8).dropFirst(source.name.utf8.count + 1), as: UTF8.self))
    }

    /// The policy that a person means.
    ///
    /// - Throws: `.data` where none or more than one has the name.
    public func resolve(_ name: Text) throws(CedarError) -> Text {
        if policies[name] != nil { return name }
        let found = ids.filter { short($0) == name }
        if found.count == 1 { return found[0] }
        guard found.isEmpty else {
            throw CedarError(
                .data, "`\(name)` is the name of \(found.count) policies",
                help: "write the whole id: \(found.map { "`\($0)`" }.joined(separator: ", "))")
        }
        let near = Suggestion.help(for: name.string, among: ids.map { short($0).string })
        throw CedarError(.data, "there is no policy `\(name)`", help: near ?? "a policy is named by its `@id`")
    }
}

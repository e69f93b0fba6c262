// SPDX-License-Identifier: Apache-2.0
//
// Takes secrets out of everything before it is hashed and written: by the name that they stand under, by their shape, and by their value
// where it is known. What it cannot know, it cannot take out: a password in a sentence stays. SecretShapes.swift lists the shapes.

public import JSON

/// What is taken for a secret.
public struct Redactor: Sendable {
    /// Stands where a secret stood.
    public static let mark = "[redacted]"
    /// Values shorter than this are in too many texts by chance.
    static let shortestValue = 6

    private let names: Set<String>
    /// Known secrets, the longest first.
    private let values: [[UInt8]]
    private let begins: SecretShapes.Begins

    /// - Parameters:
    ///   - names: of members, options and variables, beside the well-known ones; upper and lower case, `-` and `_` make no difference.
    ///   - values: secrets that this session was given. Those of fewer than 6 bytes are not looked for.
    public init(names: [String] = [], values: [String] = []) {
        self.names = Set(names.map { Self.plain($0.utf8) })
        let known = Set(values.map { Array($0.utf8) }.filter { $0.count >= Self.shortestValue })
        self.values = known.sorted { $0.count != $1.count ? $0.count > $1.count : $0.lexicographicallyPrecedes($1) }
        begins = SecretShapes.Begins(values: self.values)
    }

    /// Whether what stands under this name is a secret.
    public func isSecret(name: String) -> Bool { isSecret(name.utf8) }

    func isSecret(_ name: some Collection<UInt8>) -> Bool {
        guard 3...64 ~= name.count else { return false }
        let plain = Self.plain(name)
        return names.contains(plain) || SecretShapes.names.contains(plain) || SecretShapes.endings.contains { plain.hasSuffix($0) }
    }

    /// Lower case, without `-`, `_`, `.` and spaces.
    private static func plain(_ name: some Collection<UInt8>) -> String {
        String(
            decoding: name.compactMap { byte -> UInt8? in
                switch byte {
                case 0x41...0x5a: byte + 0x20
                case 0x2d, 0x5f, 0x2e, 0x20: nil
                default: byte
                }
            }, as: UTF8.self)
    }

    /// The text without what looks like a secret.
    public func redacted(_ text: String) -> String {
        var text = text
        let found = text.withUTF8 { unsafe secrets(in: Span(_unsafeElements: $0)) }
        if found.isEmpty { return text }
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        var place = 0
        for range in found {
            kept += bytes[place..<range.lowerBound]
            kept += Self.mark.utf8
            place = range.upperBound
        }
        kept += bytes[place...]
        return String(decoding: kept, as: UTF8.self)
    }

    /// The value with every text in it redacted, and whole members and arguments that stand under a secret's name.
    public func redacted(_ value: Value) -> Value {
        switch value {
        case .string(let text): return .string(redacted(text))
        case .array(let elements):
            var isNext = false
            return .array(
                elements.map { element in
                    defer { isNext = element.asString.map(isOption) ?? false }
                    return isNext && element.asString != nil ? .string(Self.mark) : redacted(element)
                })
        case .object(let object):
            return .object(
                Object(
                    object.members.map { member in
                        Member(name: redacted(member.name), value: isSecret(name: member.name) ? hidden(member.value) : redacted(member.value))
                    }))
        default: return value
        }
    }

    /// `--password`, whose value is the next argument.
    private func isOption(_ text: String) -> Bool { text.utf8.first == 0x2d && isSecret(text.utf8.drop { $0 == 0x2d }) }

    /// Nothing, true and false are no secrets.
    private func hidden(_ value: Value) -> Value {
        switch value {
        case .null, .bool: value
        default: .string(Self.mark)
        }
    }

    /// Whether redaction would alter the text.
    func findsSecret(in text: Span<UInt8>) -> Bool {
        for place in text.indices {
            let kind = begins.kind(text[place])
            if kind != 0, secret(in: text, at: place, kind) != nil { return true }
        }
        return false
    }

    /// Where secrets are, in order and apart.
    private func secrets(in text: Span<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = 0
        while place < text.count {
            let kind = begins.kind(text[place])
            if kind == 0 {
                place += 1
                continue
            }
            if let range = secret(in: text, at: place, kind), range.lowerBound >= found.last?.upperBound ?? 0 {
                found.append(range)
                place = max(range.upperBound, place + 1)
            } else {
                place += 1
            }
        }
        return found
    }

    private func secret(in text: Span<UInt8>, at place: Int, _ kind: UInt8) -> Range<Int>? {
        if kind & SecretShapes.Begins.value != 0 {
            for value in values where value.count <= text.count - place && value.indices.allSatisfy({ text[place + $0] == value[$0] }) {
                return place..<(place + value.count)
            }
        }
        if kind & SecretShapes.Begins.shape != 0, let range = SecretShapes.token(in: text, at: place) { return range }
        if kind & SecretShapes.Begins.assignment != 0 { return assigned(in: text, at: place) }
        return nil
    }

    /// What follows `NAME=` or `NAME:` with the name of a secret.
    private func assigned(in text: Span<UInt8>, at place: Int) -> Range<Int>? {
        // `Agent::"name"` assigns nothing.
        if text[place] == 0x3a, (place > 0 && text[place - 1] == 0x3a) || (place + 1 < text.count && text[place + 1] == 0x3a) { return nil }
        var end = place
        // `"password": "x"` within a text: the quotation mark of the name, the space and the mark of the value.
        if end > 0, text[end - 1] == 0x22 || text[end - 1] == 0x27 { end -= 1 }
        var begin = end
        while begin > 0, end - begin <= 64, SecretShapes.isName(text[begin - 1]) { begin -= 1 }
        while begin < end, text[begin] == 0x2d { begin += 1 }
        guard 3...64 ~= end - begin else { return nil }
        var name: [UInt8] = []
        for at in begin..<end { name.append(text[at]) }
        guard isSecret(name) else { return nil }
        var first = place + 1
        while first < text.count, text[first] == 0x20 || text[first] == 0x09 { first += 1 }
        guard first < text.count else { return nil }
        var closing: UInt8?
        if text[first] == 0x22 || text[first] == 0x27 {
            closing = text[first]
            first += 1
        }
        var last = first
        while last < text.count, closing.map({ text[last] != $0 }) ?? !SecretShapes.endsValue(text[last]) { last += 1 }
        // `Authorization: Bearer TOKEN`: the scheme is no secret, what follows it is.
        if closing == nil, last < text.count, text[last] == 0x20, SecretShapes.isScheme(in: text, first..<last) {
            last += 1
            while last < text.count, !SecretShapes.endsValue(text[last]) { last += 1 }
        }
        return last > first ? first..<last : nil
    }
}

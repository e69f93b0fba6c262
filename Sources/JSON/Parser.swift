// SPDX-License-Identifier: Apache-2.0
//
// The reader: RFC 8259 and nothing beside it (no comments, no trailing commas, no byte order mark), under limits. Bad UTF-8, lone
// surrogates and, unless asked otherwise, duplicate members are errors: what two readers could understand differently is refused.

/// What a text may cost, and how duplicates are taken.
public struct ParseOptions: Sendable {
    /// Greatest length of the text, in bytes.
    public var bytes = 16 << 20
    /// Greatest depth of arrays and objects. Each level costs about 300 bytes of stack.
    public var depth = 128
    /// Greatest number of elements of one array or members of one object.
    public var members = 1 << 20
    /// Greatest number of values altogether, those inside others counted too: what bounds the memory of a text of many small ones.
    public var values = Int.max
    /// Greatest length of one number, in bytes.
    public var numberBytes = 512
    /// Whether a name may occur again in an object; then its last value counts.
    public var allowsDuplicates = false

    public init() {}
}

extension Value {
    /// Reads one JSON text.
    /// - Throws: the first thing that is wrong with it, and where.
    public init(parsing bytes: Span<UInt8>, options: ParseOptions = ParseOptions()) throws(JSONError) {
        var parser = Parser(options: options, layout: nil)
        self = try parser.text(bytes)
    }

    public init(parsing bytes: [UInt8], options: ParseOptions = ParseOptions()) throws(JSONError) {
        try self.init(parsing: bytes.span, options: options)
    }

    public init(parsing text: String, options: ParseOptions = ParseOptions()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), options: options)
    }
}

struct Parser {
    let options: ParseOptions
    var at = 0
    private var values = 0
    /// Where values stand, recorded only for a `Document`.
    var layout: Layout?

    init(options: ParseOptions, layout: Layout?) {
        self.options = options
        self.layout = layout
    }

    mutating func text(_ bytes: Span<UInt8>) throws(JSONError) -> Value {
        if bytes.count > options.bytes { throw error(.tooManyBytes(limit: options.bytes), bytes, options.bytes) }
        skipSpace(bytes)
        let result = try value(bytes, depth: 0, nameStart: -1)
        skipSpace(bytes)
        if at < bytes.count { throw error(.trailingData, bytes, at) }
        return result
    }

    private func error(_ reason: JSONError.Reason, _ bytes: Span<UInt8>, _ offset: Int) -> JSONError {
        JSONError(reason: reason, place: Place(offset: offset, in: bytes))
    }

    private func unexpected(_ expected: String, _ bytes: Span<UInt8>) -> JSONError {
        at < bytes.count
            ? error(.unexpectedByte(bytes[at], expected: expected), bytes, at) : error(.unexpectedEnd(expected: expected), bytes, at)
    }

    @inline(__always)
    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0a, 0x0d, 0x09: at += 1
            default: return
            }
        }
    }

    private mutating func value(_ bytes: Span<UInt8>, depth: Int, nameStart: Int) throws(JSONError) -> Value {
        guard at < bytes.count else { throw unexpected("a value", bytes) }
        if values >= options.values { throw error(.tooManyValues(limit: options.values), bytes, at) }
        values += 1
        let entry = layout?.open(start: at, nameStart: nameStart)
        let result: Value
        switch bytes[at] {
        case 0x22: result = .string(try string(bytes))
        case 0x7b: result = try object(bytes, depth: depth)
        case 0x5b: result = try array(bytes, depth: depth)
        case 0x2d, 0x30...0x39: result = try number(bytes)
        case 0x74:
            try word("true", bytes)
            result = .bool(true)
        case 0x66:
            try word("false", bytes)
            result = .bool(false)
        case 0x6e:
            try word("null", bytes)
            result = .null
        default: throw unexpected("a value", bytes)
        }
        if let entry { layout?.close(entry, end: at) }
        return result
    }

    private mutating func word(_ word: StaticString, _ bytes: Span<UInt8>) throws(JSONError) {
        let start = at
        for byte in String(describing: word).utf8 {
            guard at < bytes.count else { throw unexpected("`\(word)`", bytes) }
            guard bytes[at] == byte else { throw error(.unexpectedByte(bytes[start], expected: "a value"), bytes, start) }
            at += 1
        }
    }

    private mutating func number(_ bytes: Span<UInt8>) throws(JSONError) -> Value {
        let start = at
        guard let (end, integral) = Number.scan(bytes, from: at) else { throw error(.invalidNumber, bytes, at) }
        // `01` scans as `0`; the digit that follows is what is wrong.
        if end < bytes.count, bytes[end] &- 0x30 < 10 { throw error(.invalidNumber, bytes, start) }
        if end - start > options.numberBytes { throw error(.numberTooLong(limit: options.numberBytes), bytes, start) }
        at = end
        if integral, let value = integer(bytes, start..<end) { return .integer(value) }
        return .number(Number(checked: try copy(bytes, start..<end)))
    }

    private func integer(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        let negative = bytes[range.lowerBound] == 0x2d
        // Down from zero, as the negative side is the larger one.
        var value: Int64 = 0
        for place in (negative ? range.lowerBound + 1 : range.lowerBound)..<range.upperBound {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, underflow) = tens.subtractingReportingOverflow(Int64(bytes[place] &- 0x30))
            if overflow || underflow { return nil }
            value = next
        }
        if negative { return value == 0 ? nil : value }
        return value == .min ? nil : -value
    }

    private func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(JSONError) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes.extracting(range)))
        } catch {
            throw self.error(.invalidUTF8, bytes, range.lowerBound + error.byteOffsets.lowerBound)
        }
    }

    private mutating func string(_ bytes: Span<UInt8>) throws(JSONError) -> String {
        at += 1
        let start = at
        while at < bytes.count {
            let byte = bytes[at]
            if byte == 0x22 {
                let result = try copy(bytes, start..<at)
                at += 1
                return result
            }
            if byte == 0x5c { return try escapedString(bytes, start: start) }
            if byte < 0x20 { throw error(.controlCharacter(byte), bytes, at) }
            at += 1
        }
        throw unexpected("the end of a string", bytes)
    }

    /// The rest of a string from its first escape.
    private mutating func escapedString(_ bytes: Span<UInt8>, start: Int) throws(JSONError) -> String {
        var result = try copy(bytes, start..<at)
        while at < bytes.count {
            switch bytes[at] {
            case 0x22:
                at += 1
                return result
            case 0x5c: try result.unicodeScalars.append(escape(bytes))
            case 0..<0x20: throw error(.controlCharacter(bytes[at]), bytes, at)
            default:
                let first = at
                while at < bytes.count, bytes[at] != 0x22, bytes[at] != 0x5c, bytes[at] >= 0x20 { at += 1 }
                result += try copy(bytes, first..<at)
            }
        }
        throw unexpected("the end of a string", bytes)
    }

    private mutating func escape(_ bytes: Span<UInt8>) throws(JSONError) -> Unicode.Scalar {
        let start = at
        at += 1
        guard at < bytes.count else { throw unexpected("an escape", bytes) }
        let letter = bytes[at]
        at += 1
        switch letter {
        case 0x22, 0x5c, 0x2f: return Unicode.Scalar(letter)
        case 0x62: return "\u{8}"
        case 0x66: return "\u{c}"
        case 0x6e: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75:
            let unit = try hex(bytes, start)
            if let scalar = Unicode.Scalar(unit) { return scalar }
            // A surrogate: only a high one with its low one after it means something.
            guard unit < 0xdc00, at + 1 < bytes.count, bytes[at] == 0x5c, bytes[at + 1] == 0x75 else {
                throw error(.loneSurrogate, bytes, start)
            }
            at += 2
            let low = try hex(bytes, at - 2)
            guard 0xdc00..<0xe000 ~= low,
                let scalar = Unicode.Scalar(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
            else { throw error(.loneSurrogate, bytes, start) }
            return scalar
        default: throw error(.invalidEscape, bytes, start)
        }
    }

    private mutating func hex(_ bytes: Span<UInt8>, _ start: Int) throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard at < bytes.count else { throw unexpected("a hexadecimal digit", bytes) }
            switch bytes[at] {
            case 0x30...0x39: unit = unit << 4 | UInt32(bytes[at] - 0x30)
            case 0x41...0x46: unit = unit << 4 | UInt32(bytes[at] - 0x41 + 10)
            case 0x61...0x66: unit = unit << 4 | UInt32(bytes[at] - 0x61 + 10)
            default: throw error(.invalidEscape, bytes, start)
            }
            at += 1
        }
        return unit
    }

    private mutating func array(_ bytes: Span<UInt8>, depth: Int) throws(JSONError) -> Value {
        if depth >= options.depth { throw error(.tooDeep(limit: options.depth), bytes, at) }
        at += 1
        skipSpace(bytes)
        if at < bytes.count, bytes[at] == 0x5d {
            at += 1
            return .array([])
        }
        var elements: [Value] = []
        while true {
            skipSpace(bytes)
            if elements.count >= options.members { throw error(.tooManyMembers(limit: options.members), bytes, at) }
            elements.append(try value(bytes, depth: depth + 1, nameStart: -1))
            skipSpace(bytes)
            guard at < bytes.count, bytes[at] == 0x2c || bytes[at] == 0x5d else { throw unexpected("`,` or `]`", bytes) }
            at += 1
            if bytes[at - 1] == 0x5d { return .array(elements) }
        }
    }

    private mutating func object(_ bytes: Span<UInt8>, depth: Int) throws(JSONError) -> Value {
        if depth >= options.depth { throw error(.tooDeep(limit: options.depth), bytes, at) }
        let start = at
        at += 1
        skipSpace(bytes)
        if at < bytes.count, bytes[at] == 0x7d {
            at += 1
            return .object(Object())
        }
        var members: [Member] = []
        while true {
            skipSpace(bytes)
            guard at < bytes.count, bytes[at] == 0x22 else { throw unexpected("a member's name", bytes) }
            let nameStart = at
            if members.count >= options.members { throw error(.tooManyMembers(limit: options.members), bytes, at) }
            let name = try string(bytes)
            if members.count < Object.smallCount, !options.allowsDuplicates {
                for member in members where sameBytes(member.name, name) { throw error(.duplicateMember(name), bytes, nameStart) }
            }
            skipSpace(bytes)
            guard at < bytes.count, bytes[at] == 0x3a else { throw unexpected("`:`", bytes) }
            at += 1
            skipSpace(bytes)
            members.append(Member(name: name, value: try value(bytes, depth: depth + 1, nameStart: nameStart)))
            skipSpace(bytes)
            guard at < bytes.count, bytes[at] == 0x2c || bytes[at] == 0x7d else { throw unexpected("`,` or `}`", bytes) }
            at += 1
            if bytes[at - 1] == 0x7d { break }
        }
        if options.allowsDuplicates { return .object(Object(members)) }
        if members.count <= Object.smallCount { return .object(Object(distinct: members)) }
        guard let sorted = Object.index(members) else {
            throw duplicate(members, bytes, objectStart: start)
        }
        return .object(Object(distinct: members, sorted: sorted))
    }

    /// The error for the first name of a large object that had occurred before, found by reading the object again.
    private func duplicate(_ members: [Member], _ bytes: Span<UInt8>, objectStart: Int) -> JSONError {
        var seen: Set<[UInt8]> = []
        let first = members.firstIndex { !seen.insert(Array($0.name.utf8)).inserted } ?? 0
        // Read it again with duplicates let through, as only the places are wanted.
        var lenient = options
        lenient.allowsDuplicates = true
        var again = Parser(options: lenient, layout: Layout())
        again.at = objectStart
        _ = try? again.value(bytes, depth: 0, nameStart: -1)
        let offset = again.layout?.nameStart(ofChild: first, in: 0) ?? objectStart
        return error(.duplicateMember(members[first].name), bytes, offset)
    }
}

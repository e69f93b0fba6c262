// SPDX-License-Identifier: Apache-2.0
//
// A record as the bytes of its entry: redacted first, then written, members sorted by name, texts cut where they are long. Every byte that
// acts on a terminal is escaped here, so that an entry is one line wherever it is printed.

internal import Events
internal import JSON

struct RecordText {
    static let largest = 65_535
    /// Bytes of one text; what is longer is cut to its begin, its length and its digest.
    static let longestText = 4096
    private static let shownOfLonger = 1024

    private let redactor: Redactor
    private var bytes: [UInt8] = []

    /// - Throws: `entryTooLarge`.
    static func entry(_ record: Record, _ redactor: Redactor) throws(LogError) -> [UInt8] {
        var text = RecordText(redactor: redactor)
        text.write(record)
        guard text.bytes.count <= largest else { throw LogError(.entryTooLarge(bytes: text.bytes.count)) }
        return text.bytes
    }

    private init(redactor: Redactor) {
        self.redactor = redactor
        bytes.reserveCapacity(512)
    }

    /// INVARIANT: in the order of the names.
    private mutating func write(_ record: Record) {
        if let digest = record.argumentsDigest { member("args_sha256", digest) }
        if let digest = record.body { member("body_sha256", digest) }
        member("boot_id", record.at.boot)
        member("boot_ns", record.at.bootNanoseconds)
        if let call = record.call { member("call", call.text) }
        if let cell = record.cell { member("cell", cell.text) }
        if let data = record.data {
            name("data")
            bytes += cut(redactor.redacted(data)).serialisedBytes()
        }
        list("errors", record.errors)
        member("fumehood", 1)
        member("kind", record.kind.rawValue)
        if let latency = record.latencyNanoseconds { member("latency_ns", latency) }
        if let lease = record.lease { member("lease", Int64(clamping: lease)) }
        list("obligations", record.obligations)
        if let outcome = record.outcome { member("outcome", outcome) }
        list("policies", record.policies)
        if let digest = record.policySet { member("policy_set_sha256", digest) }
        if let principal = record.principal { member("principal", principal) }
        if let session = record.session { member("session", session.text) }
        member("time_ns", record.at.wallNanoseconds)
        if let tool = record.tool { member("tool", tool) }
        // The comma before the first member.
        bytes[0] = 0x7b
        bytes.append(0x7d)
    }

    private mutating func name(_ name: StaticString) {
        bytes.append(0x2c)
        bytes.append(0x22)
        // SAFETY: a static string of ASCII has a pointer to its bytes.
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(0x22)
        bytes.append(0x3a)
    }

    private mutating func member(_ name: StaticString, _ number: Int64) {
        self.name(name)
        Decimal.append(number, to: &bytes)
    }

    private mutating func member(_ name: StaticString, _ digest: Digest) {
        self.name(name)
        bytes.append(0x22)
        digest.append(hexTo: &bytes)
        bytes.append(0x22)
    }

    private mutating func member(_ name: StaticString, _ text: String) {
        self.name(name)
        write(text)
    }

    private mutating func list(_ name: StaticString, _ texts: [String]) {
        if texts.isEmpty { return }
        self.name(name)
        bytes.append(0x5b)
        for (place, text) in texts.enumerated() {
            if place > 0 { bytes.append(0x2c) }
            write(text)
        }
        bytes.append(0x5d)
    }

    private mutating func write(_ text: String) {
        var text = text
        let isWritten = text.withUTF8 { unsafe writePlain(Span(_unsafeElements: $0)) }
        if !isWritten { bytes += Value.string(Self.cut(redactor.redacted(text))).serialisedBytes() }
    }

    /// Short texts of ASCII without secrets, which most are; false, and nothing written, for any other.
    private mutating func writePlain(_ text: Span<UInt8>) -> Bool {
        guard text.count <= Self.longestText, !redactor.findsSecret(in: text) else { return false }
        let start = bytes.count
        bytes.append(0x22)
        for place in text.indices {
            let byte = text[place]
            if byte < 0x20 || byte >= 0x7f {
                bytes.removeSubrange(start...)
                return false
            }
            if byte == 0x22 || byte == 0x5c { bytes.append(0x5c) }
            bytes.append(byte)
        }
        bytes.append(0x22)
        return true
    }

    private func cut(_ value: Value) -> Value {
        switch value {
        case .string(let text): .string(Self.cut(text))
        case .array(let elements): .array(elements.map(cut))
        case .object(let object): .object(Object(object.members.map { Member(name: Self.cut($0.name), value: cut($0.value)) }))
        default: value
        }
    }

    static func cut(_ text: String) -> String {
        if text.utf8.count <= longestText { return text }
        var shown = 0
        let begin = text.unicodeScalars.prefix {
            shown += Unicode.UTF8.width($0)
            return shown <= shownOfLonger
        }
        return "\(String(begin))... (\(text.utf8.count) bytes, sha256 \(Digest(of: Array(text.utf8))))"
    }
}

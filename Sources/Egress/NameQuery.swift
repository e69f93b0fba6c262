// SPDX-License-Identifier: Apache-2.0
// The resolver inside a cell, as a function from a question to an answer. It knows the names of the list and nothing else: an address that
// stands for the name for A, honestly none for AAAA, no such name for any other, REFUSED for every other type. It follows no pointer and
// keeps nothing. Source: RFC 1035, RFC 2308, RFC 6891.

package struct NameQuery: Equatable, Sendable {
    package enum Kind: Equatable, Sendable { case a, aaaa, other(UInt16) }

    /// What the asker said, to be said back.
    let id: [UInt8]
    let wantsRecursion: Bool
    /// Name, type and class as they came.
    let question: [UInt8]
    /// Canonical, without the dot at the end; nil where it is no name of a host.
    package let name: String?
    package let kind: Kind

    /// The longest question that is read.
    package static let longest = 512

    /// - Returns: nil for what is no question: nothing is answered then.
    package init?(_ message: [UInt8]) {
        // Header: id, flags, four counts. A question has QR 0; only standard ones (opcode 0) with one question are heard.
        guard message.count >= 17, message.count <= NameQuery.longest, message[2] & 0xf8 == 0, message[4] == 0, message[5] == 1, message[6] == 0,
            message[7] == 0
        else { return nil }
        var place = 12
        var text: [UInt8] = []
        var isPlain = true
        while true {
            guard place < message.count else { return nil }
            let length = Int(message[place])
            place += 1
            if length == 0 { break }
            // 64 and more are pointers and other kinds: nothing stands before a question that it could point to.
            guard length < 64, place + length <= message.count, text.count + length + 1 <= 255 else { return nil }
            let label = message[place..<(place + length)]
            // A dot within a label would make another name of it.
            if label.contains(0x2e) { isPlain = false }
            if !text.isEmpty { text.append(0x2e) }
            text += label
            place += length
        }
        guard place + 4 <= message.count else { return nil }
        let (type, klass) = (UInt16(message[place]) << 8 | UInt16(message[place + 1]), UInt16(message[place + 2]) << 8 | UInt16(message[place + 3]))
        id = Array(message[0..<2])
        wantsRecursion = message[2] & 1 != 0
        question = Array(message[12..<(place + 4)])
        kind = klass != 1 ? .other(type) : type == 1 ? .a : type == 28 ? .aaaa : .other(type)
        if isPlain, !text.isEmpty, text.last != 0x2e, case .name(let name)? = try? Host(text) { self.name = name } else { name = nil }
    }

    package enum Code: UInt8, Sendable { case fine = 0, serverFailed = 2, noSuchName = 3, refused = 5 }

    /// Seconds that an answer holds: the table is the same as long as the cell lives.
    private static let life: [UInt8] = [0, 0, 0, 60]

    /// An answer with that code and, for A, that address.
    package func answer(_ code: Code, _ address: NetAddress? = nil) -> [UInt8] {
        let bytes = if kind == .a, code == .fine, let address, address.isV4 { address.bytes } else { [UInt8]() }
        var message = id + [0x80 | (wantsRecursion ? 1 : 0), 0x80 | code.rawValue, 0, 1, 0, bytes.isEmpty ? 0 : 1, 0, 0, 0, 0] + question
        // The name by a pointer to the question.
        if !bytes.isEmpty { message += [0xc0, 12, 0, 1, 0, 1] + NameQuery.life + [0, 4] + bytes }
        return message
    }
}

// SPDX-License-Identifier: Apache-2.0
// Questions to the host's own name servers and what is taken of their answers: addresses of the name that was asked for, through aliases, and
// nothing else. Bounded in every direction: an answer is hostile input. Source: RFC 1035, RFC 6891.

package enum NameLookup {
    /// Bytes of an answer that are asked for by UDP.
    package static let room: UInt16 = 1232
    /// Aliases that are followed, and addresses that are kept.
    static let mostAliases = 16
    package static let mostAddresses = 16

    package enum Record: UInt16, Sendable { case a = 1, aaaa = 28 }

    /// A question with recursion wanted.
    package static func question(_ name: String, _ record: Record, id: UInt16) -> [UInt8] {
        var message: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + encoded(name)
        message += [0, UInt8(record.rawValue), 0, 1]
        // EDNS: root, OPT, room, no flags, no options.
        return message + [0, 0, 41, UInt8(room >> 8), UInt8(room & 0xff), 0, 0, 0, 0, 0, 0]
    }

    private static func encoded(_ name: String) -> [UInt8] {
        name.utf8.split(separator: 0x2e).flatMap { [UInt8($0.count)] + Array($0) } + [0]
    }

    package enum Reply: Equatable, Sendable {
        /// Of the name, in the order of the answer; none where it has none of that kind.
        case addresses([NetAddress])
        case noSuchName
        /// Not for this question: to be passed over.
        case unrelated
        case truncated
        case failed(UInt8)
    }

    package static func read(_ message: [UInt8], _ name: String, _ record: Record, id: UInt16) -> Reply {
        guard message.count >= 12, message[0] == UInt8(id >> 8), message[1] == UInt8(id & 0xff), message[2] & 0xf8 == 0x80 else { return .unrelated }
        guard message[4] == 0, message[5] == 1 else { return .unrelated }
        var place = 12
        guard let asked = readName(message, &place), asked == name, place + 4 <= message.count else { return .unrelated }
        guard message[place] == 0, message[place + 1] == UInt8(record.rawValue), message[place + 2] == 0, message[place + 3] == 1 else { return .unrelated }
        place += 4
        if message[2] & 2 != 0 { return .truncated }
        switch message[3] & 0x0f {
        case 0: break
        case 3: return .noSuchName
        case let code: return .failed(code)
        }
        var aliases: [String: String] = [:]
        var found: [String: [NetAddress]] = [:]
        for _ in 0..<min(Int(message[6]) << 8 | Int(message[7]), 128) {
            guard let owner = readName(message, &place), place + 10 <= message.count else { break }
            let type = UInt16(message[place]) << 8 | UInt16(message[place + 1])
            let isInternet = message[place + 2] == 0 && message[place + 3] == 1
            let length = Int(message[place + 8]) << 8 | Int(message[place + 9])
            place += 10
            guard place + length <= message.count else { break }
            let data = message[place..<(place + length)]
            switch type {
            case 5 where isInternet:
                var inner = place
                if let target = readName(message, &inner) { aliases[owner] = aliases[owner] ?? target }
            case 1 where isInternet && length == 4 && record == .a: found[owner, default: []].append(NetAddress(v4: data))
            case 28 where isInternet && length == 16 && record == .aaaa: found[owner, default: []].append(NetAddress(v6: data))
            default: break
            }
            place += length
        }
        var owner = name
        for _ in 0..<mostAliases {
            if let addresses = found[owner] { return .addresses(Array(addresses.prefix(mostAddresses))) }
            guard let next = aliases[owner] else { break }
            owner = next
        }
        return .addresses([])
    }

    /// A name in small letters without the dot at the end. Pointers lead backwards only, so that there is an end.
    private static func readName(_ message: [UInt8], _ place: inout Int) -> String? {
        var text: [UInt8] = []
        var at = place
        var lowest = place
        var hasJumped = false
        while true {
            guard at < message.count else { return nil }
            let length = Int(message[at])
            if length >= 0xc0 {
                guard at + 1 < message.count else { return nil }
                let target = (length & 0x3f) << 8 | Int(message[at + 1])
                if !hasJumped { place = at + 2 }
                hasJumped = true
                guard target < lowest else { return nil }
                (lowest, at) = (target, target)
                continue
            }
            at += 1
            if length == 0 { break }
            guard length < 64, at + length <= message.count, text.count + length < 255 else { return nil }
            if !text.isEmpty { text.append(0x2e) }
            // A byte that is of no name (a dot among them) makes it one that nobody asked for.
            text += message[at..<(at + length)].map { 0x41 <= $0 && $0 <= 0x5a ? $0 | 0x20 : $0 == 0x2e ? 0x3f : $0 }
            at += length
        }
        if !hasJumped { place = at }
        return String(decoding: text, as: UTF8.self)
    }
}

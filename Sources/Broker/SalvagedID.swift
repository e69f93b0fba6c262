// SPDX-License-Identifier: Apache-2.0
//
// The id of a line that was refused, where it can be told beyond doubt from its outermost level: the peer that waits for an answer gets one.
// Not a parser: it only skips strings and counts brackets, and gives up on anything that looks odd.

import JSON

enum SalvagedID {
    /// The `id` of the outermost object; nil where there is none, or more than one, or it is no string and no integer.
    static func find(in line: [UInt8]) -> RequestID? {
        var at = 0
        var depth = 0
        var found: RequestID?
        while at < line.count {
            switch line[at] {
            case 0x7b, 0x5b: depth += 1
            case 0x7d, 0x5d: depth -= 1
            case 0x22:
                guard let end = endOfString(line, at) else { return found }
                if depth == 1, line[at...end].elementsEqual(name) {
                    var next = skipSpace(line, end + 1)
                    guard next < line.count, line[next] == 0x3a else { break }
                    next = skipSpace(line, next + 1)
                    guard found == nil, let id = scalar(line, next) else { return nil }
                    found = id
                }
                at = end
            default: break
            }
            at += 1
        }
        return found
    }

    /// The id of a line of which only the ends are known: as its second member, or as its last.
    static func find(head: [UInt8], tail: [UInt8]) -> RequestID? {
        if let id = find(in: head) { return id }
        // `..."id":7}` with nothing after it: brackets cannot be counted from here, so it must stand at the very end.
        guard let brace = tail.lastIndex(of: 0x7d), tail[(brace + 1)...].allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) else { return nil }
        let members = name + [0x3a]
        guard tail.count > members.count,
            let place = (0...(tail.count - members.count)).last(where: { tail[$0..<($0 + members.count)].elementsEqual(members) }),
            place + members.count <= brace
        else { return nil }
        guard let value = try? Value(parsing: Array(tail[(place + members.count)..<brace])) else { return nil }
        return RequestID(value)
    }

    private static let name = Array(#""id""#.utf8)

    private static func skipSpace(_ line: [UInt8], _ start: Int) -> Int {
        var at = start
        while at < line.count, line[at] == 0x20 || line[at] == 0x09 || line[at] == 0x0d { at += 1 }
        return at
    }

    private static func endOfString(_ line: [UInt8], _ start: Int) -> Int? {
        var at = start + 1
        while at < line.count {
            if line[at] == 0x22 { return at }
            at += line[at] == 0x5c ? 2 : 1
        }
        return nil
    }

    private static func scalar(_ line: [UInt8], _ start: Int) -> RequestID? {
        guard start < line.count else { return nil }
        var end = start
        if line[start] == 0x22 {
            guard let close = endOfString(line, start) else { return nil }
            end = close + 1
        } else {
            while end < line.count, line[end] == 0x2d || 0x30...0x39 ~= line[end] { end += 1 }
            guard end < line.count, ![0x2e, 0x65, 0x45].contains(line[end]) else { return nil }
        }
        guard let value = try? Value(parsing: Array(line[start..<end])) else { return nil }
        return RequestID(value)
    }
}

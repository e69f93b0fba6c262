// SPDX-License-Identifier: Apache-2.0
//
// Numbers in the one form in which they are judged and passed on: an integer of 64 bits, or the text that RFC 8785 gives a double. `1.0` is
// the integer 1 for both sides, and a number that a double would alter or that is beyond doubles is refused.

import JSON

extension Value {
    /// The same value with regular numbers.
    func regular() throws(JSONError) -> Value {
        switch self {
        case .number(let number):
            if number.isShortest { return self }
            let text = String(decoding: try canonical(), as: UTF8.self)
            if let integer = Int64(text) { return .integer(integer) }
            guard let number = Number(text) else { return self }
            return .number(number)
        case .array(let elements):
            guard holdsNumber else { return self }
            var regular: [Value] = []
            regular.reserveCapacity(elements.count)
            for element in elements { regular.append(try element.regular()) }
            return .array(regular)
        case .object(let object):
            guard holdsNumber else { return self }
            var regular = object
            for member in object where member.value.holdsNumber { regular[member.name] = try member.value.regular() }
            return .object(regular)
        default: return self
        }
    }

    /// Whether there is a number in it that may have to be written otherwise.
    private var holdsNumber: Bool {
        switch self {
        case .number(let number): !number.isShortest
        case .array(let elements): elements.contains { $0.holdsNumber }
        case .object(let object): object.members.contains { $0.value.holdsNumber }
        default: false
        }
    }
}

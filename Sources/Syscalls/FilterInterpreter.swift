// SPDX-License-Identifier: Apache-2.0
//
// Runs a checked classic BPF program on one call, as the kernel would, and tells which words of the call it read: an answer
// that was found without reading an argument is one that the kernel keeps in its bitmap, at no cost to the call.

/// `struct seccomp_data` as sixteen 32-bit words: number, architecture, instruction pointer (2), arguments (2 each, low first).
struct SeccompCall {
    var words = [16 of UInt32](repeating: 0)

    init(architecture: UInt32, number: UInt32, arguments: Arguments = Arguments()) {
        words[0] = number
        words[1] = architecture
        for index in UInt8(0)..<6 {
            words[4 + 2 * Int(index)] = UInt32(truncatingIfNeeded: arguments[index])
            words[5 + 2 * Int(index)] = UInt32(truncatingIfNeeded: arguments[index] >> 32)
        }
    }

    /// The argument registers.
    var arguments: Arguments {
        func register(_ index: Int) -> UInt64 { UInt64(words[4 + 2 * index]) | UInt64(words[5 + 2 * index]) << 32 }
        return Arguments(register(0), register(1), register(2), register(3), register(4), register(5))
    }
}

public enum FilterInterpreter {
    /// The return value of `program`, which must have passed `FilterCheck`, for one call.
    public static func run(
        _ program: [BPFInstruction], architecture: UInt32, number: UInt32, arguments: Arguments = Arguments()
    ) -> UInt32 {
        run(program.span, SeccompCall(architecture: architecture, number: number, arguments: arguments)).value
    }

    /// The return value and a mask of the words read (bit n is word n of `SeccompCall`).
    @inline(__always)
    static func run(_ program: Span<BPFInstruction>, _ call: borrowing SeccompCall) -> (value: UInt32, read: UInt16) {
        var accumulator: UInt32 = 0
        var index: UInt32 = 0
        var counter = 0
        var read: UInt16 = 0
        while true {
            let instruction = program[counter]
            counter += 1
            switch instruction.code {
            case 0x35: counter += Int(accumulator >= instruction.k ? instruction.jt : instruction.jf)
            case 0x15: counter += Int(accumulator == instruction.k ? instruction.jt : instruction.jf)
            case 0x06: return (instruction.k, read)
            case 0x20:
                let word = Int(instruction.k >> 2)
                accumulator = call.words[word]
                read |= 1 << UInt16(truncatingIfNeeded: word)
            case 0x25: counter += Int(accumulator > instruction.k ? instruction.jt : instruction.jf)
            case 0x45: counter += Int(accumulator & instruction.k != 0 ? instruction.jt : instruction.jf)
            case 0x05: counter += Int(instruction.k)
            case 0x54: accumulator &= instruction.k
            case 0xA4: accumulator ^= instruction.k
            case 0x4C: accumulator |= index
            case 0x07: index = accumulator
            // FilterCheck admits no other code; the kernel's answer to a broken program would be to kill.
            default: return (Answer.kill.returnValue, .max)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// A compiled filter: what is cached, and what is made of it for one launch. The cached form cannot be loaded by mistake: its
// instructions come out only with a cookie put in.

/// A policy's compiled filter, without a launch's cookie.
public struct SyscallFilter: Hashable, Sendable {
    /// Instructions, cookie constants 0. Not for loading: see `program(admitting:)`.
    let template: [BPFInstruction]
    /// Indices of the two instructions whose constants are the cookie's lower and upper half; `nil` where `exec` is granted
    /// and execveat needs no admission.
    public let cookieSites: CookieSites?
    /// The errno that the canary number answers: 1024...4095, so it cannot be taken for an errno of the kernel's (those end
    /// at 133, the internal ones lie in 512...531, and 38 is what the number answers without any filter).
    public let canary: UInt16
    /// It was proved when the binary was made, and needs no proof at launch. See ProvedFilters.swift.
    public let isProved: Bool

    /// Where a launch's cookie goes.
    public struct CookieSites: Hashable, Sendable {
        public let low: Int
        public let high: Int
    }

    /// Compiles a policy. Pure; nothing is proved here: `FilterProof.check` does.
    public init(_ policy: SyscallPolicy, architecture: Architecture = .native) {
        self.init { policy.rules(for: architecture, canary: $0) }
    }

    /// The filter of a cell's PID 1.
    public static func cellInit(architecture: Architecture = .native) -> SyscallFilter {
        SyscallFilter { InitFilter.rules(for: architecture, canary: $0) }
    }

    /// Compiles the table that `rules` makes for a canary's errno, and puts in the errno that follows from the program's digest.
    private init(_ rules: (_ canary: UInt16) -> RuleTable) {
        let placeholder: UInt16 = 1023
        let compiled = FilterCompiler.compile(rules(placeholder))
        let patched = Answer.errno(placeholder).returnValue
        var program = compiled.program
        for index in program.indices where program[index].code == BPFCode.return && program[index].k == patched {
            program[index].k = Answer.errno(0).returnValue
        }
        let canary = Self.canary(of: program)
        for index in program.indices where compiled.program[index].code == BPFCode.return && compiled.program[index].k == patched {
            program[index].k = Answer.errno(canary).returnValue
        }
        template = program
        cookieSites = compiled.cookie.map { CookieSites(low: $0.low, high: $0.high) }
        self.canary = canary
        isProved = false
    }

    /// A program that the binary carries. - Parameter sites: where the cookie goes; -1 where it goes nowhere.
    init(proved words: [UInt64], _ sites: (low: Int, high: Int), canary: UInt16) {
        template = words.map { BPFInstruction(word: $0) }
        cookieSites = sites.low < 0 ? nil : CookieSites(low: sites.low, high: sites.high)
        self.canary = canary
        isProved = true
    }

    /// The instructions to load, with the launch's cookie in its two places.
    public func program(admitting cookie: ExecCookie) -> [BPFInstruction] {
        var program = template
        if let sites = cookieSites {
            program[sites.low].k = cookie.low
            program[sites.high].k = cookie.high
        }
        return program
    }

    /// The same as the kernel's sock_filter lies in memory.
    public func words(admitting cookie: ExecCookie) -> [UInt64] {
        var words: [UInt64] = []
        words.reserveCapacity(template.count)
        for instruction in template { words.append(instruction.word) }
        if let sites = cookieSites {
            words[sites.low] = words[sites.low] & 0xFFFF_FFFF | UInt64(cookie.low) << 32
            words[sites.high] = words[sites.high] & 0xFFFF_FFFF | UInt64(cookie.high) << 32
        }
        return words
    }

    /// FNV-1a over the instructions, canary and cookie being 0, folded into 1024...4095. It tells one filter from another at
    /// launch; it is no protection against somebody who makes filters.
    private static func canary(of program: [BPFInstruction]) -> UInt16 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for instruction in program {
            hash = (hash ^ instruction.word) &* 0x100_0000_01B3
        }
        hash ^= hash >> 32
        return 1024 + UInt16(truncatingIfNeeded: (hash ^ hash >> 16) % 3072)
    }
}

// The form for a cache on disk: 16 bytes of head, then 8 bytes per instruction, little-endian.
extension SyscallFilter {
    private static let magic: UInt32 = 0x4246_4846  // "FHFB"

    /// The filter as bytes.
    public var serialized: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 + 8 * template.count)
        func put(_ value: UInt64, _ count: Int) {
            for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
        }
        put(UInt64(Self.magic), 4)
        put(UInt64(template.count), 4)
        put(UInt64(cookieSites?.low ?? 0xFFFF), 2)
        put(UInt64(cookieSites?.high ?? 0xFFFF), 2)
        put(UInt64(canary), 4)
        for instruction in template {
            put(UInt64(instruction.code), 2)
            put(UInt64(instruction.jt), 1)
            put(UInt64(instruction.jf), 1)
            put(UInt64(instruction.k), 4)
        }
        return bytes
    }

    /// A filter from its bytes, or `nil` when they are not of this form. Whether it is the right one, the proof says.
    public init?(serialized bytes: [UInt8]) {
        func get(_ offset: Int, _ count: Int) -> UInt64 {
            var value: UInt64 = 0
            for shift in 0..<count { value |= UInt64(bytes[offset + shift]) << UInt64(8 * shift) }
            return value
        }
        guard bytes.count >= 16, get(0, 4) == UInt64(Self.magic) else { return nil }
        let count = Int(get(4, 4))
        guard count <= FilterCheck.maximumLength, bytes.count == 16 + 8 * count else { return nil }
        let (low, high, canary) = (Int(get(8, 2)), Int(get(10, 2)), get(12, 4))
        guard (1024...4095).contains(canary) else { return nil }
        if low == 0xFFFF && high == 0xFFFF {
            cookieSites = nil
        } else {
            guard low < count, high < count, low != high else { return nil }
            cookieSites = CookieSites(low: low, high: high)
        }
        self.canary = UInt16(canary)
        isProved = false
        template = (0..<count).map { index in
            let offset = 16 + 8 * index
            return BPFInstruction(
                code: UInt16(get(offset, 2)), jt: bytes[offset + 2], jf: bytes[offset + 3], k: UInt32(get(offset + 4, 4)))
        }
    }
}

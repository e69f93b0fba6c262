// SPDX-License-Identifier: Apache-2.0
// What makes one run of a command another run: its arguments, the folder it runs in, the files that its arguments name, and a file given as
// standard input. A digest of them, made before the command starts. It tells runs apart and protects nothing: FNV-1a, 64 bits.

import Glibc
import Linux

package struct RunInput {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// What is read of one file, and how many names of a folder count.
    static let fileBound = 1 << 20, nameBound = 1000

    private init() {}

    /// - Parameters:
    ///   - command: the words of the command line.
    ///   - folder: where it runs; its names and sizes count, one level deep.
    ///   - roots: folders that flags grant, whose names count as well.
    /// - Returns: sixteen hexadecimal digits.
    package static func digest(of command: [String], in folder: String, roots: [String]) -> String {
        var input = RunInput()
        for word in command { input.mix(word) }
        input.mix(folder)
        for word in command.dropFirst() {
            let text = word.hasPrefix("-") ? word.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? "" : word
            if !text.isEmpty { input.mix(file: text.hasPrefix("/") ? text : folder + "/" + text) }
        }
        for root in Set(roots).union([folder]).sorted(by: before) { input.mix(names: root) }
        // What is piped in is not known before it is read.
        if let status = try? FileStatus(of: 0), status.kind == .regular { input.mix(descriptor: 0, size: status.size) }
        return input.digits
    }

    /// Of a run of a server, told apart by the calls that were made of it, whatever their order. - Parameter calls: a text for each.
    package static func digest(of input: String, calls: Set<String>) -> String {
        var all = RunInput()
        all.mix(input)
        for call in calls.sorted(by: before) { all.mix(call) }
        return all.digits
    }

    private var digits: String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private mutating func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }

    private mutating func mix(_ text: String) {
        for byte in text.utf8 { mix(byte) }
        mix(0)
    }

    private mutating func mix(file path: String) {
        guard let status = FileStatus(at: path, followLinks: true) else { return }
        switch status.kind {
        case .directory: mix(names: path)
        case .regular:
            guard let file = try? Files.open(path, O_RDONLY | O_NONBLOCK) else { return }
            mix(descriptor: file.number, size: status.size)
        default: break
        }
    }

    private mutating func mix(descriptor: Int32, size: Int) {
        mix("\(size)")
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var place = 0
        while place < RunInput.fileBound {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, place) }
            if count <= 0 { break }
            for byte in buffer[..<count] { mix(byte) }
            place += count
        }
    }

    private mutating func mix(names folder: String) {
        for name in ((try? Files.list(folder, limit: RunInput.nameBound)) ?? []).sorted(by: before) {
            mix(name)
            if let status = FileStatus(at: folder + "/" + name, followLinks: false), status.kind == .regular { mix("\(status.size)") }
        }
        mix(1)
    }
}

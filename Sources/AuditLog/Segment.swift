// SPDX-License-Identifier: Apache-2.0
//
// One file of the journal, named by the number of its first record, and the reading of its frames one after another. It judges frames, not
// groups: Groups.swift does.

internal import Glibc
internal import JSON
internal import Linux

final class Segment: Sendable {
    /// Where a segment ends at the next group.
    static let bytes = 8 << 20
    static let nameDigits = 20

    let path: String
    /// The number of its first record.
    let first: UInt64
    let file: Descriptor

    init(folder: String, first: UInt64, isWritten: Bool) throws(LogError) {
        self.first = first
        path = Self.path(folder, first)
        let path = path
        file = try asked { () throws(SystemError) in try Files.open(path, (isWritten ? O_RDWR : O_RDONLY) | O_NOFOLLOW) }
    }

    static func path(_ folder: String, _ first: UInt64) -> String { "\(folder)/journal/\(name(first))" }

    static func name(_ first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: nameDigits - digits.utf8.count) + digits
    }

    /// The first records of all segments, in order.
    static func all(_ folder: String) throws(LogError) -> [UInt64] {
        try asked { () throws(SystemError) in try Files.list("\(folder)/journal") }
            .compactMap { $0.utf8.count == nameDigits ? UInt64($0) : nil }.sorted()
    }

    var size: Int { get throws(LogError) { try asked { () throws(SystemError) in try FileStatus(of: file).size } } }

    /// Whether the file still has its name.
    var hasName: Bool { (try? FileStatus(of: file).links) ?? 0 > 0 }
}

/// Reads frames from a place on, in large parts.
struct FrameReader {
    private let part: Int
    let segment: Segment
    /// The place of the next frame in the file.
    private(set) var place: Int
    private(set) var bytes: [UInt8] = []
    private var base = 0
    private var isAtEnd = false

    /// - Parameter part: bytes that are read at once.
    init(_ segment: Segment, at place: Int, part: Int = 256 << 10) {
        self.part = part
        self.segment = segment
        self.place = place
        base = place
    }

    enum Step {
        /// The payload's place in `bytes`, good until the next step.
        case frame(FrameKind, Range<Int>)
        case end
        case torn
    }

    mutating func next() throws(LogError) -> Step {
        var wanted = Frame.headerBytes
        while true {
            switch Frame.read(unsafe bytes.span.bytes, at: place - base) {
            case .frame(let kind, let payload):
                place = base + payload.upperBound
                return .frame(kind, payload)
            case .end: return .end
            case .torn: return .torn
            case .needs(let count):
                if isAtEnd { return bytes[(place - base)...].allSatisfy { $0 == 0 } ? .end : .torn }
                wanted = max(count, part)
                let (segment, place) = (segment, place)
                bytes = try asked { () throws(SystemError) in try Storage.read(segment.file, at: place, count: wanted) }
                isAtEnd = bytes.count < wanted
                base = place
            }
        }
    }

    func payload(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[range] }
}

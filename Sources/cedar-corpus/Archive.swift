// SPDX-License-Identifier: Apache-2.0
//
// The files of a folder or of a .tar.gz, in memory. The archive is unpacked by gzip(1) and read here (POSIX ustar, with
// pax and GNU long names); nothing is written.

import Foundation

struct Files {
    /// By their path below the root.
    var contents: [String: [UInt8]] = [:]
    let root: URL

    init(_ path: String) throws {
        let url = URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL
        guard let isFolder = try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory else {
            throw Failure("there is no `\(path)`")
        }
        root = isFolder ? url : url.deletingLastPathComponent()
        guard isFolder else {
            try add(archive: url, under: "")
            return
        }
        for case let file as URL in FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil) ?? .init() {
            let name = String(file.standardizedFileURL.path.dropFirst(root.path.count + 1))
            if name.hasSuffix(".tar.gz") {
                try add(archive: file, under: name + "/")
            } else if ["json", "cedar", "cedarschema"].contains(file.pathExtension) {
                contents[name] = [UInt8](try Data(contentsOf: file))
            }
        }
    }

    /// The file that `path` means in a file at `place`: below one of the folders above it.
    func find(_ path: String, from place: String) -> [UInt8]? {
        var folder = place.split(separator: "/").dropLast()
        while true {
            if let found = contents[(folder + [Substring(path)]).joined(separator: "/")] { return found }
            if folder.isEmpty { break }
            folder.removeLast()
        }
        var above = root
        for _ in 0..<4 {
            above.deleteLastPathComponent()
            if let data = try? Data(contentsOf: above.appendingPathComponent(path)) { return [UInt8](data) }
        }
        return nil
    }

    private mutating func add(archive: URL, under prefix: String) throws {
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", archive.path]
        let pipe = Pipe()
        gzip.standardOutput = pipe
        try gzip.run()
        let bytes = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
        gzip.waitUntilExit()
        guard gzip.terminationStatus == 0 else { throw Failure("gzip cannot read `\(archive.path)`") }
        var index = 0
        var longName: String?
        func text(_ range: Range<Int>) -> String {
            String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self)
        }
        while index + 512 <= bytes.count, bytes[index] != 0 {
            let header = index
            let size = Int(text(header + 124..<header + 136).trimmingCharacters(in: .whitespaces), radix: 8) ?? 0
            let body = header + 512..<min(header + 512 + size, bytes.count)
            index = header + 512 + (size + 511) / 512 * 512
            switch bytes[header + 156] {
            case UInt8(ascii: "L"): longName = text(body)
            case UInt8(ascii: "x"):
                let records = String(decoding: bytes[body], as: UTF8.self).split(separator: "\n")
                longName =
                    records.lazy.compactMap { record in
                        record.range(of: " path=").map { String(record[$0.upperBound...]) }
                    }.first
            case UInt8(ascii: "0"), 0:
                let folder = text(header + 345..<header + 500)
                let short = text(header..<header + 100)
                let name = longName ?? (folder.isEmpty ? short : folder + "/" + short)
                contents[prefix + name] = Array(bytes[body])
                longName = nil
            default: longName = nil
            }
        }
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

// SPDX-License-Identifier: Apache-2.0
// The interpreter of launch plans calls the kernel and nothing else: what its object file asks of the linker is held to a
// list. A C library function there could allocate or lock between clone and exec.

import Foundation
import Testing

@Suite("the child is alone")
struct ChildTests {
    /// What a compiler puts in by itself for copying and clearing, and nothing else.
    static let allowed: Set<String> = ["memset", "memcpy", "memmove", "_GLOBAL_OFFSET_TABLE_"]

    /// Beside the test program: the object that was built with it.
    static let object: String? = {
        guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
        let folder = URL(fileURLWithPath: program).deletingLastPathComponent()
        let known = [folder.path, Repository.root.appendingPathComponent(".build/debug").path]
        return known.map { $0 + "/CLinux.build/child.c.o" }.first { FileManager.default.fileExists(atPath: $0) }
    }()

    @Test func `its object needs no library`() throws {
        let object = try #require(Self.object, "the object of child.c was not found beside the test program")
        let names = try #require(output(of: "nm", ["-u", object]) ?? output(of: "llvm-nm", ["-u", object]), "neither nm nor llvm-nm is there")
        let needed = Set(names.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) })
        // Built for AddressSanitizer, the sanitizer's own calls are in it.
        let foreign = needed.subtracting(Self.allowed).filter { !$0.hasPrefix("__asan") }
        #expect(foreign.isEmpty, "child.c calls \(foreign.sorted().joined(separator: ", "))")
    }
}

// SPDX-License-Identifier: Apache-2.0
// Single questions to the running kernel. Kernel: uname(2), prlimit(2), proc(5), getrandom(2).

import CLinux
import Glibc

package enum Host {
    /// Such as `6.18.44`.
    package static func kernelRelease() throws(SystemError) -> String {
        var name = utsname()
        try checkErrno("uname") { unsafe uname(&name) }
        return unsafe withUnsafeBytes(of: &name.release) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The inode that a path under `directory` leads to, links followed; nil if it leads nowhere.
    package static func inode(_ path: String, under directory: borrowing Descriptor) -> UInt64? {
        var raw = stat()
        return unsafe fstatat(directory.number, path, &raw, 0) == 0 ? UInt64(raw.st_ino) : nil
    }

    /// The hard limit of a resource, all bits set for none.
    package static func hardLimit(_ resource: UInt32) -> UInt64? {
        var limit: (UInt64, UInt64) = (0, 0)
        let result = unsafe withUnsafeMutablePointer(to: &limit) { rawCall(302, 0, Int(resource), 0, Int(bitPattern: $0)) }
        return result < 0 ? nil : limit.1
    }

    /// Bytes of memory of the whole machine. Kernel: sysinfo(2).
    package static func memoryBytes() -> UInt64 {
        var info = [UInt64](repeating: 0, count: 14)  // uptime, three loads, totalram, ...; the last word begins with mem_unit
        let result = unsafe info.withUnsafeMutableBytes { rawCall(99, Int(bitPattern: $0.baseAddress)) }
        return result < 0 ? .max : info[4] * max(1, info[13] & 0xffff_ffff)
    }

    /// Processors that this process may run on. Kernel: sched_getaffinity(2).
    package static func processors() -> Int {
        var mask = [UInt64](repeating: 0, count: 128)
        let size = unsafe mask.withUnsafeMutableBytes { rawCall(204, 0, $0.count, Int(bitPattern: $0.baseAddress)) }
        return size > 0 ? mask.reduce(0) { $0 + $1.nonzeroBitCount } : 1
    }

    /// /proc as a directory that has been checked to be procfs, so that nothing mounted over it can lie to us.
    package static func openProc() throws(SystemError) -> Descriptor {
        let proc = try Files.open("/proc", O_DIRECTORY | 0o10_000_000 /* O_PATH */)
        var file = statfs()
        let number = proc.number
        try checkErrno("fstatfs", "/proc") { unsafe fstatfs(number, &file) }
        guard file.f_type == 0x9fa0 /* PROC_SUPER_MAGIC */ else { throw SystemError("fstatfs", "/proc", ENODEV) }
        return proc
    }

    /// Random bytes of the kernel. Kernel: getrandom(2).
    package static func random64() throws(SystemError) -> UInt64 {
        var value: UInt64 = 0
        try check("getrandom") { unsafe withUnsafeMutablePointer(to: &value) { rawCall(318, Int(bitPattern: $0), 8, 0) } }
        return value
    }

    /// The user's home folder: HOME if it is an absolute path, else what /etc/passwd says (no name service: a static program
    /// has none). Without one, what is hidden below `~` could not be told.
    package static func home(_ variable: String?) -> String? {
        if let variable, variable.hasPrefix("/") { return variable }
        guard let text = try? Files.text("/etc/passwd") else { return nil }
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count >= 7, UInt32(fields[2]) == Identity.user, fields[5].hasPrefix("/") { return String(fields[5]) }
        }
        return nil
    }

    /// This process's arguments, the program's name first: from the stack, never from /proc, which may not be the kernel's.
    package static func arguments() -> [String] {
        guard let vector = unsafe cl_argument_vector() else { return [] }
        return (0..<Int(cl_argument_count())).compactMap { i in unsafe vector[i].map { unsafe KernelText.text($0) } }
    }

    /// Where the argument strings lie in memory, as /proc/PID/cmdline shows them.
    package static func argumentArea() -> (start: UInt, count: Int) {
        guard let vector = unsafe cl_argument_vector(), let first = unsafe vector[0] else { return (0, 0) }
        var count = 0
        for i in 0..<Int(cl_argument_count()) { if let argument = unsafe vector[i] { count = unsafe argument - first + strlen(argument) + 1 } }
        return (UInt(bitPattern: first), count)
    }

    /// Where malloc's heap begins in memory.
    package static func heapStart() -> UInt { UInt(bitPattern: unsafe cl_heap_start()) }

    /// This process's arguments and environment as bytes: each with NUL behind it, the number of arguments first.
    package static func words() -> [UInt8] {
        var bytes: [UInt8] = Array("\(cl_argument_count())".utf8) + [0]
        func add(_ word: UnsafePointer<CChar>) {
            unsafe bytes += UnsafeRawBufferPointer(start: word, count: strlen(word))
            bytes.append(0)
        }
        if let vector = unsafe cl_argument_vector() { for i in 0..<Int(cl_argument_count()) { if let word = unsafe vector[i] { unsafe add(word) } } }
        var entry = unsafe environ
        while let line = unsafe entry.pointee {
            unsafe add(line)
            unsafe entry += 1
        }
        return bytes
    }

    /// What ``words()`` made: arguments, and the environment, in which of two entries of one name the first counts.
    /// - Returns: nil for anything else.
    package static func words(of bytes: [UInt8]) -> (arguments: [String], environment: [String: String])? {
        guard bytes.last == 0 else { return nil }
        var words: [String] = []
        for part in bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false) {
            words.append(unsafe part.withUnsafeBytes { unsafe KernelText.text($0) })
        }
        guard let count = words.first.flatMap({ Int($0) }), count > 0, count < words.count else { return nil }
        var table = [String: String](minimumCapacity: words.count)
        for line in words[(count + 1)...] {
            guard let split = line.utf8.firstIndex(of: 0x3d) else { continue }
            let name = String(line[..<split])
            if table[name] == nil { table[name] = String(line[line.utf8.index(after: split)...]) }
        }
        return (Array(words[1...count]), table)
    }

    /// This process's environment; of two entries of one name, the first.
    package static func environment() -> [String: String] {
        var count = 0
        while unsafe environ[count] != nil { count += 1 }
        // Of the right size from the beginning: the first growth of such a table costs 100 us.
        var table = [String: String](minimumCapacity: count)
        var entry = unsafe environ
        while let line = unsafe entry.pointee {
            let text = unsafe KernelText.text(line)
            if let split = text.utf8.firstIndex(of: 0x3d) {
                let name = String(text[..<split])
                if table[name] == nil { table[name] = String(text[text.utf8.index(after: split)...]) }
            }
            unsafe entry += 1
        }
        return table
    }
}

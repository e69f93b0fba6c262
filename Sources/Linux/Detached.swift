// SPDX-License-Identifier: Apache-2.0
// This program once more, as a process of its own: another session of processes, no terminal, and one file of ours. C library:
// posix_spawn(3), whose child shares our memory until it executes; so nothing is copied. Kernel: setsid(2), close_range(2).

import Glibc

package enum Detached {
    /// The number under which it finds the file that it was given.
    package static let file: Int32 = 3

    /// - Parameters:
    ///   - arguments: its own, the program's name first.
    ///   - file: stays open here.
    package static func start(_ arguments: [String], giving file: Int32) throws(SystemError) {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        try done(unsafe posix_spawn_file_actions_init(&actions))
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        try done(unsafe posix_spawnattr_init(&attributes))
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        try done(unsafe posix_spawn_file_actions_adddup2(&actions, file, Self.file))
        for number in Int32(0)...2 { try done(unsafe posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)) }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        try done(unsafe posix_spawnattr_setsigmask(&attributes, &none))
        try done(unsafe posix_spawnattr_setsigdefault(&attributes, &all))
        let newSession: Int32 = 0x80
        try done(unsafe posix_spawnattr_setflags(&attributes, Int16(newSession | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF))))
        var words: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { word in unsafe KernelText.with(word) { unsafe strdup($0) } }
        unsafe words.append(nil)
        defer { unsafe words.forEach { unsafe free($0) } }
        var process: pid_t = 0
        // The child has our memory, and so our program.
        try done(unsafe posix_spawn(&process, "/proc/self/exe", &actions, &attributes, words, environ))
    }

    /// Closes what else it inherited; what it does first.
    package static func closeOthers() { _ = rawCall(436, Int(file) + 1, Int(UInt32.max), 0) }

    private static func done(_ code: Int32) throws(SystemError) { if code != 0 { throw SystemError("posix_spawn", "/proc/self/exe", code) } }
}

// SPDX-License-Identifier: Apache-2.0
// Finding the command, and what its program needs of its own installation: the links that lead to it, its `#!`
// interpreter, a virtual environment's base, a version folder. This is `runtime: auto`; nothing of it is ever a home
// directory, the root, or something hidden.

import Linux

/// Where a command was found and what it needs to run.
package struct Runtime: Equatable, Sendable {
    /// The path to execute.
    package var executable: String
    /// A version manager's script was looked through.
    package var resolvedShim = false
    /// Folders and files to grant for reading, with the reason that `--dry-run` shows.
    package var grants: [Grant] = []

    package struct Grant: Equatable, Sendable {
        package let path: String
        package let reason: String
    }
}

package struct RuntimeFinder<Host: HostFiles> {
    let files: Host
    let directory: String
    let environment: [String: String]
    let home: String?

    package init(files: Host, directory: String, environment: [String: String], home: String?) {
        self.files = files
        self.directory = directory
        self.environment = environment
        self.home = home
    }

    /// - Throws: ``CellError/commandNotFound(_:)`` or ``CellError/commandNotExecutable(_:)``.
    package func find(_ command: String) throws(CellError) -> Runtime {
        let path = try search(command)
        var runtime = Runtime(executable: path)
        if let real = shimTarget(path) {
            runtime.executable = real
            runtime.resolvedShim = true
        }
        follow(runtime.executable, into: &runtime, depth: 0)
        return runtime
    }

    /// By the caller's PATH, or as a path.
    private func search(_ command: String) throws(CellError) -> String {
        if command.contains("/") {
            let path = Paths.absolute(command, from: directory)
            guard let status = files.status(path, followLinks: true) else { throw .commandNotFound(command) }
            guard status.kind == .regular, files.isExecutable(path) else { throw .commandNotExecutable(path) }
            return path
        }
        var notExecutable: String?
        for entry in (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") where entry.hasPrefix("/") {
            let path = Paths.absolute(command, from: String(entry))
            guard let status = files.status(path, followLinks: true), status.kind == .regular else { continue }
            if files.isExecutable(path) { return path }
            notExecutable = notExecutable ?? path
        }
        if let notExecutable { throw .commandNotExecutable(notExecutable) }
        throw .commandNotFound(command)
    }

    /// pyenv and its kind put a script under `shims` that looks up the version and runs the real program: run that at once.
    private func shimTarget(_ path: String) -> String? {
        let folder = Paths.parent(path)
        guard Paths.name(folder) == "shims" else { return nil }
        let root = Paths.parent(folder)
        let manager = Paths.name(root).drop { $0 == "." }.uppercased()
        var candidates = environment["\(manager)_VERSION"].map { $0.split(separator: ":").map(String.init) } ?? []
        for file in localVersionFiles() + [root + "/version"] where candidates.isEmpty {
            guard let text = files.head(file, 256) else { continue }
            candidates = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
        }
        for version in candidates where !version.contains("/") {
            let target = "\(root)/versions/\(version)/bin/\(Paths.name(path))"
            if files.isExecutable(target) { return target }
        }
        return nil
    }

    private func localVersionFiles() -> [String] {
        var folder = directory
        var list: [String] = []
        while folder != "/" {
            list.append(folder + "/.python-version")
            folder = Paths.parent(folder)
        }
        return list
    }

    /// Grants each link, the real file's installation, a virtual environment, an interpreter.
    private func follow(_ start: String, into runtime: inout Runtime, depth: Int) {
        guard depth < 5 else { return }
        virtualEnvironment(of: start, into: &runtime)
        var path = start
        for _ in 0..<16 {
            guard let target = files.link(path) else { break }
            grant(path, "link to the program", &runtime)
            path = Paths.absolute(target, from: Paths.parent(path))
            guard isVouched(path, runtime) else { return }
            virtualEnvironment(of: path, into: &runtime)
        }
        guard let real = files.resolve(path), real == start || isVouched(real, runtime) else { return }
        installation(of: real, into: &runtime)
        if Paths.name(Paths.parent(start)) == "shims" { grant(Paths.parent(Paths.parent(start)), "version manager", &runtime) }
        guard let interpreter = interpreter(of: real), files.isExecutable(interpreter), isVouched(interpreter, runtime) else { return }
        follow(interpreter, into: &runtime, depth: depth + 1)
    }

    /// Whether a path that a file names (a link, a `#!`, pyvenv.cfg) may be granted because it does: programs that nobody
    /// has vouched for would otherwise choose what they see. Vouched for is where systems and version managers install, what
    /// lies beside a folder of the caller's PATH, and what is granted already for the command that the caller named.
    private func isVouched(_ path: String, _ runtime: Runtime) -> Bool {
        let systems = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/snap", "/gnu", "/etc/alternatives"]
        if systems.contains(where: { Paths.contains($0, path) }) || runtime.grants.contains(where: { Paths.contains($0.path, path) }) { return true }
        let managers = [
            ".pyenv", ".nvm", ".asdf", ".rbenv", ".nodenv", ".volta", ".rustup", ".cargo", ".local/share/uv", ".local/share/mise", ".local/pipx",
            ".local/share/pipx",
        ]
        if let home, managers.contains(where: { Paths.contains(Paths.join(home, $0), path) }) { return true }
        for entry in (environment["PATH"] ?? "").split(separator: ":") where entry.hasPrefix("/") {
            let prefix = Paths.parent(String(entry))
            if mayBeGranted(prefix) && Paths.contains(prefix, path) { return true }
        }
        return false
    }

    /// The folder that holds `bin` and `lib` of the program, if it is one; else the program alone.
    private func installation(of real: String, into runtime: inout Runtime) {
        let bin = Paths.parent(real)
        let prefix = Paths.parent(bin)
        let isInstallation =
            ["bin", "sbin", "libexec"].contains(Paths.name(bin)) && mayBeGranted(prefix)
            && (files.status(prefix + "/lib", followLinks: true)?.kind == .directory || files.status(prefix + "/pyvenv.cfg", followLinks: true) != nil)
        grant(isInstallation ? prefix : real, isInstallation ? "installation of the program" : "the program", &runtime)
    }

    private func virtualEnvironment(of path: String, into runtime: inout Runtime) {
        let prefix = Paths.parent(Paths.parent(path))
        guard let text = files.head(prefix + "/pyvenv.cfg", 4096), mayBeGranted(prefix) else { return }
        grant(prefix, "virtual environment", &runtime)
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.drop { $0 == " " }.reversed().drop { $0 == " " || $0 == "\r" }.reversed() }
            guard parts.count == 2, String(parts[0]) == "home" else { continue }
            let base = Paths.parent(Paths.absolute(String(parts[1]), from: prefix))
            if let real = files.resolve(base), mayBeGranted(real), isVouched(real, runtime) { grant(real, "base of the virtual environment", &runtime) }
        }
    }

    /// The interpreter of a script, through `/usr/bin/env` as well.
    private func interpreter(of path: String) -> String? {
        guard let head = files.head(path, 256), head.starts(with: [0x23, 0x21]) else { return nil }
        let line = String(decoding: head.dropFirst(2).prefix { $0 != 0x0a }, as: UTF8.self)
        let words = line.split(separator: " ").map(String.init)
        guard let first = words.first, first.hasPrefix("/") else { return nil }
        if Paths.name(first) == "env", let program = words.dropFirst().first(where: { !$0.hasPrefix("-") && !$0.contains("=") }) {
            return try? search(program)
        }
        return first
    }

    private func grant(_ path: String, _ reason: String, _ runtime: inout Runtime) {
        guard path != "/", !runtime.grants.contains(where: { $0.path == path }) else { return }
        runtime.grants.append(Runtime.Grant(path: path, reason: reason))
    }

    /// Never the root, a home directory or a folder above one, nor the shared folders of one.
    private func mayBeGranted(_ folder: String) -> Bool {
        if folder == "/" || folder == "/usr" || folder == "/opt" || folder == "/home" { return folder == "/usr" }
        guard let home else { return true }
        return !Paths.contains(folder, home) && folder != home + "/.local" && folder != home + "/.config" && folder != home + "/.cache"
    }
}

// SPDX-License-Identifier: Apache-2.0
// `runtime: auto` on made-up hosts: what a program needs of its own installation, and above all what is never granted for it.

import Testing

@testable import Sandbox

private let interpreters = FakeFiles.debian.adding(
    """
    l /etc/alternatives/awk -> /usr/bin/mawk
    l /usr/bin/awk -> /etc/alternatives/awk
    x /usr/bin/mawk
    x /opt/node/bin/node
    d /opt/node/lib
    d /opt/tool/lib
    x /opt/tool/bin/tool : #!/usr/bin/env node\\nx
    f /usr/bin/notes
    x /home/u/project/main.py owner 1001 : #!/usr/bin/env -S python3 -u\\nprint()
    x /home/u/project/run.sh owner 1001 : #! /usr/bin/sh -e\\necho
    x /home/u/project/lost owner 1001 : #!/usr/bin/env nothing\\n
    x /home/u/project/circle owner 1001 : #!/home/u/project/circle\\n
    x /home/u/bin/mine owner 1001
    d /home/u/lib owner 1001
    x /home/u/.local/bin/flake8 owner 1001 : #!/usr/bin/python3\\n
    d /home/u/.local/lib/python3.11 owner 1001
    l /home/u/.local/bin/tool -> /home/u/.local/share/uv/tools/tool/bin/tool
    x /home/u/.local/share/uv/tools/tool/bin/tool owner 1001 : #!/home/u/.local/share/uv/tools/tool/bin/python\\n
    l /home/u/.local/share/uv/tools/tool/bin/python -> /home/u/.local/share/uv/python/cpython-3.12/bin/python3.12
    x /home/u/.local/share/uv/python/cpython-3.12/bin/python3.12 owner 1001
    d /home/u/.local/share/uv/python/cpython-3.12/lib owner 1001
    f /home/u/.local/share/uv/tools/tool/pyvenv.cfg : home = /home/u/.local/share/uv/python/cpython-3.12/bin\\nversion = 3.12\\n
    l /home/u/venv/bin/python -> /usr/bin/python3
    f /home/u/venv/pyvenv.cfg : home = /usr/bin\\ninclude-system-site-packages = false\\n
    d /home/u/venv/lib owner 1001
    x /home/u/venv/bin/pip owner 1001 : #!/home/u/venv/bin/python\\n
    f /home/u/evil/pyvenv.cfg : home = /home/u/bin\\n
    x /home/u/evil/bin/python owner 1001
    x /home/u/.pyenv/shims/python owner 1001 : #!/usr/bin/env bash\\nexec pyenv
    x /home/u/.pyenv/versions/3.11.7/bin/python owner 1001
    d /home/u/.pyenv/versions/3.11.7/lib owner 1001
    x /home/u/.pyenv/versions/3.12.1/bin/python owner 1001
    d /home/u/.pyenv/versions/3.12.1/lib owner 1001
    f /home/u/.pyenv/version : 3.11.7\\n
    x /home/u/.nvm/versions/node/v20.1.0/bin/node owner 1001
    d /home/u/.nvm/versions/node/v20.1.0/lib owner 1001
    l /home/u/.nvm/versions/node/v20.1.0/bin/npm -> ../lib/node_modules/npm/bin/npm-cli.js
    x /home/u/.nvm/versions/node/v20.1.0/lib/node_modules/npm/bin/npm-cli.js owner 1001 : #!/usr/bin/env node\\n
    x /opt/hostedtoolcache/Python/3.12.1/x64/bin/python owner 1001
    d /opt/hostedtoolcache/Python/3.12.1/x64/lib owner 1001
    d /opt/bin
    d /opt/lib
    x /opt/bin/odd
    d /lib2
    x /rootbin
    """)

private func find(
    _ command: String, path: String = "/usr/local/bin:/usr/bin:/bin", directory: String = "/home/u/project", more: [String: String] = [:],
    files: FakeFiles = interpreters
) -> String {
    let finder = RuntimeFinder(files: files, directory: directory, environment: ["PATH": path].merging(more) { $1 }, home: "/home/u")
    do {
        let runtime = try finder.find(command)
        return runtime.executable + (runtime.resolvedShim ? " (shim)" : "") + " <- " + runtime.grants.map(\.path).sorted().joined(separator: " ")
    } catch {
        return error.message.text
    }
}

@Suite("the program and its installation")
struct RuntimeTests {
    @Test(arguments: [
        ("sh", "/usr/bin/sh <- /usr"),
        ("awk", "/usr/bin/awk <- /etc/alternatives/awk /usr /usr/bin/awk"),
        ("python3", "/usr/bin/python3 <- /usr /usr/bin/python3"),
        ("./run.sh", "/home/u/project/run.sh <- /home/u/project/run.sh /usr"),
        ("./main.py", "/home/u/project/main.py <- /home/u/project/main.py /usr /usr/bin/python3"),
        ("./lost", "/home/u/project/lost <- /home/u/project/lost"),
        ("./circle", "/home/u/project/circle <- /home/u/project/circle"),
        ("../project/./run.sh", "/home/u/project/run.sh <- /home/u/project/run.sh /usr"),
        ("/opt/node/bin/node", "/opt/node/bin/node <- /opt/node"),
        ("/opt/hostedtoolcache/Python/3.12.1/x64/bin/python", "/opt/hostedtoolcache/Python/3.12.1/x64/bin/python <- /opt/hostedtoolcache/Python/3.12.1/x64"),
        ("/home/u/.nvm/versions/node/v20.1.0/bin/node", "/home/u/.nvm/versions/node/v20.1.0/bin/node <- /home/u/.nvm/versions/node/v20.1.0"),
    ])
    func `a program brings its installation`(command: String, expected: String) {
        #expect(find(command) == expected)
    }

    @Test func `an interpreter is looked for as the caller would`() {
        #expect(find("/opt/tool/bin/tool", path: "/opt/node/bin:/usr/bin") == "/opt/tool/bin/tool <- /opt/node /opt/tool")
        let bin = "/home/u/.nvm/versions/node/v20.1.0/bin"
        #expect(
            find("npm", path: bin) == "\(bin)/npm <- /home/u/.nvm/versions/node/v20.1.0 \(bin)/npm \(bin.dropLast(4))/lib/node_modules/npm/bin/npm-cli.js"
                || find("npm", path: bin).hasPrefix("\(bin)/npm <- /home/u/.nvm/versions/node/v20.1.0 "))
    }

    @Test func `a virtual environment brings its base`() {
        #expect(find("/home/u/venv/bin/python") == "/home/u/venv/bin/python <- /home/u/venv /home/u/venv/bin/python /usr /usr/bin/python3")
        #expect(find("/home/u/venv/bin/pip") == "/home/u/venv/bin/pip <- /home/u/venv /home/u/venv/bin/python /usr /usr/bin/python3")
        #expect(find("pip", path: "/home/u/venv/bin").hasPrefix("/home/u/venv/bin/pip <- /home/u/venv "))
    }

    @Test func `a tool of uv brings its environment and its python`() {
        let found = find("tool", path: "/home/u/.local/bin")
        #expect(found.contains(" /home/u/.local/share/uv/tools/tool "))
        #expect(found.contains(" /home/u/.local/share/uv/python/cpython-3.12"))
        #expect(found.hasPrefix("/home/u/.local/bin/tool <- "))
    }

    @Test func `a shim is looked through`() {
        #expect(find("python", path: "/home/u/.pyenv/shims") == "/home/u/.pyenv/versions/3.11.7/bin/python (shim) <- /home/u/.pyenv/versions/3.11.7")
        #expect(
            find("python", path: "/home/u/.pyenv/shims", more: ["PYENV_VERSION": "3.12.1:3.11.7"])
                == "/home/u/.pyenv/versions/3.12.1/bin/python (shim) <- /home/u/.pyenv/versions/3.12.1")
        let local = interpreters.adding("f /home/u/project/.python-version : 3.12.1\\n")
        #expect(
            find("python", path: "/home/u/.pyenv/shims", directory: "/home/u/project/src", files: local).hasPrefix(
                "/home/u/.pyenv/versions/3.12.1/bin/python (shim)"))
        // A version that is a path leads nowhere else.
        #expect(find("python", path: "/home/u/.pyenv/shims", more: ["PYENV_VERSION": "../../bin"]).hasPrefix("/home/u/.pyenv/shims/python <- "))
    }

    static let greedy = [
        "/home/u/bin/mine", "/home/u/.local/bin/flake8", "/home/u/evil/bin/python", "/opt/bin/odd", "/rootbin", "/home/u/project/circle",
        "/home/u/.pyenv/shims/python",
    ]

    @Test(arguments: greedy)
    func `no home, no folder above one and not the root is granted`(command: String) {
        let finder = RuntimeFinder(files: interpreters, directory: "/home/u", environment: [:], home: "/home/u")
        let grants = (try? finder.find(command))?.grants.map(\.path) ?? []
        #expect(!grants.isEmpty)
        for path in ["/", "/home", "/home/u", "/home/u/.local", "/home/u/.config", "/home/u/.cache", "/opt"] { #expect(!grants.contains(path), "\(grants)") }
    }

    @Test(arguments: ["/", "/home", "/home/u", "/srv/x"])
    func `the home is never granted wherever it lies`(home: String) {
        let files = FakeFiles("x \(home == "/" ? "" : home)/bin/tool\nd \(home == "/" ? "" : home)/lib")
        let finder = RuntimeFinder(files: files, directory: "/", environment: ["PATH": "\(home == "/" ? "" : home)/bin"], home: home)
        let grants = (try? finder.find("tool"))?.grants.map(\.path) ?? []
        #expect(grants == ["\(home == "/" ? "" : home)/bin/tool"])
    }

    @Test(arguments: [
        ("nothing", "`nothing`: command not found"), ("./nothing", "`./nothing`: command not found"), ("notes", "`/usr/bin/notes` is not executable"),
        ("/usr/bin", "`/usr/bin` is not executable"), ("/etc/services", "`/etc/services` is not executable"), ("relative", "`relative`: command not found"),
    ])
    func `what cannot be run is said`(command: String, expected: String) {
        #expect(find(command, path: "/usr/local/bin:relative/bin::/usr/bin") == expected)
    }
}

// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file
//
// The profiles of Profiles/ as the decoder reads them. Made by Profiles/embed.sh: change the YAML files, then run it. A test holds
// each to its text.

import Events

enum DecodedProfiles {
    /// What the built-in profile of that name says; nil where there is none.
    static func layer(_ name: String, places: Places) -> ProfileLayer? {
        switch name {
        case "base": base(places)
        case "tool": tool(places)
        case "shell": shell(places)
        case "python": python(places)
        case "node": node(places)
        case "git": git(places)
        case "build": build(places)
        case "agent": agent(places)
        case "paranoid": paranoid(places)
        default: nil
        }
    }

    private static func base(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "none")
        layer.description = "A command with the system's programs and nothing of yours"
        layer.runtime = .auto
        layer.rules = Decoded.rules("base", places, [
            Decoded(.read, .root, "/usr", 8, 7),
            Decoded(.read, .root, "/bin", 9, 7),
            Decoded(.read, .root, "/sbin", 10, 7),
            Decoded(.read, .root, "/lib", 11, 7),
            Decoded(.read, .root, "/lib64", 12, 7),
            Decoded(.read, .root, "/etc/alternatives", 13, 7),
            Decoded(.read, .root, "/etc/ld.so.cache", 14, 7),
            Decoded(.read, .root, "/etc/localtime", 15, 7),
            Decoded(.read, .root, "/etc/mime.types", 16, 7),
            Decoded(.read, .root, "/etc/protocols", 17, 7),
            Decoded(.read, .root, "/etc/services", 18, 7),
            Decoded(.read, .root, "/etc/ssl/certs", 19, 7),
            Decoded(.read, .root, "/etc/ssl/openssl.cnf", 20, 7),
            Decoded(.hide, .home, "/.ssh", 21, 10),
            Decoded(.hide, .home, "/.gnupg", 21, 18),
            Decoded(.hide, .home, "/.aws", 21, 28),
            Decoded(.hide, .home, "/.azure", 21, 36),
            Decoded(.hide, .home, "/.kube", 21, 46),
            Decoded(.hide, .home, "/.docker", 21, 55),
            Decoded(.hide, .home, "/.config/gcloud", 21, 66),
            Decoded(.hide, .home, "/.config/gh", 21, 84),
            Decoded(.hide, .home, "/.git-credentials", 21, 98),
            Decoded(.hide, .home, "/.netrc", 21, 118),
            Decoded(.hide, .home, "/.npmrc", 21, 128),
            Decoded(.hide, .home, "/.pypirc", 22, 5),
            Decoded(.hide, .home, "/.bash_history", 22, 16),
            Decoded(.hide, .home, "/.local/share/keyrings", 22, 33),
            Decoded(.hide, .home, "/.password-store", 22, 58),
            Decoded(.hide, .home, "/.mozilla", 22, 77),
            Decoded(.hide, .home, "/.config/google-chrome", 22, 89),
            Decoded(.hide, .home, "/.config/chromium", 22, 114),
            Decoded(.hide, .root, "/etc/shadow", 23, 5),
            Decoded(.hide, .root, "/etc/gshadow", 23, 18),
            Decoded(.hide, .root, "/etc/ssh", 23, 32),
            Decoded(.hide, .root, "/run/docker.sock", 23, 42),
            Decoded(.hide, .root, "/run/containerd", 23, 60),
            Decoded(.hide, .root, "/run/podman", 23, 77),
            Decoded(.hide, .root, "/run/dbus", 23, 90),
            Decoded(.hide, .root, "/run/user", 23, 101),
            Decoded(.protect, .directory, "/.git/hooks", 25, 13, everywhere: ".git/hooks"),
            Decoded(.protect, .directory, "/.git/config", 25, 25, everywhere: ".git/config"),
            Decoded(.protect, .directory, "/.git/config.worktree", 25, 38, everywhere: ".git/config.worktree"),
            Decoded(.protect, .directory, "/.git/commondir", 25, 60, everywhere: ".git/commondir"),
            Decoded(.protect, .directory, "/.claude", 25, 76, everywhere: ".claude"),
            Decoded(.protect, .directory, "/.mcp.json", 25, 85, everywhere: ".mcp.json"),
            Decoded(.protect, .directory, "/.vscode", 25, 96, everywhere: ".vscode"),
            Decoded(.protect, .directory, "/.idea", 25, 105, everywhere: ".idea"),
            Decoded(.protect, .directory, "/.envrc", 25, 112, everywhere: ".envrc"),
            Decoded(.protect, .directory, "/fumehood.yaml", 25, 120, everywhere: "fumehood.yaml"),
            Decoded(.protect, .directory, "/fumehood/profiles", 25, 135, everywhere: "fumehood/profiles"),
        ])
        layer.tmpBytes = 268435456
        layer.network = Profile.Network.none
        layer.syscalls = ["exec", "spawn", "fs-mutate"]
        layer.pass = ["LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "COLORTERM", "NO_COLOR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]
        layer.limits = [(.memory, 2147483648), (.pids, 512), (.fileSize, 1073741824), (.disk, 1073741824), (.inodes, 100000), (.openFiles, 1024)]
        layer.requirement = .walls
        return layer
    }

    private static func tool(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "base")
        layer.description = "A tool that computes, without network"
        layer.limits = [(.memory, 1073741824), (.pids, 128), (.wall, 60000000), (.disk, 268435456)]
        return layer
    }

    private static func shell(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "tool")
        layer.description = "Shell scripts and pipelines, without network"
        layer.syscalls = ["splice"]
        layer.limits = [(.pids, 256), (.wall, 600000000)]
        return layer
    }

    private static func python(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "tool")
        layer.description = "Python programs in the current directory, read-only, without network"
        layer.rules = Decoded.rules("python", places, [
            Decoded(.read, .directory, "", 5, 10),
        ])
        layer.set = [("PYTHONDONTWRITEBYTECODE", "1")]
        layer.limits = [(.pids, 256)]
        return layer
    }

    private static func node(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "tool")
        layer.description = "Node programs in the current directory, read-only, without network"
        layer.rules = Decoded.rules("node", places, [
            Decoded(.read, .directory, "", 5, 10),
        ])
        layer.syscalls = ["jit", "inotify"]
        layer.limits = [(.memory, 2147483648), (.pids, 256)]
        return layer
    }

    private static func git(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "tool")
        layer.description = "Git in the current directory, without network"
        layer.rules = Decoded.rules("git", places, [
            Decoded(.read, .home, "/.gitconfig", 5, 10),
            Decoded(.read, .home, "/.config/git", 5, 24),
            Decoded(.write, .directory, "", 6, 11),
        ])
        layer.limits = [(.wall, 600000000), (.disk, 1073741824)]
        return layer
    }

    private static func build(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "tool")
        layer.description = "Compilers and build tools in the current directory, without network"
        layer.rules = Decoded.rules("build", places, [
            Decoded(.write, .directory, "", 5, 11),
        ])
        layer.tmpBytes = 1073741824
        layer.syscalls = ["inotify", "jit", "splice"]
        layer.limits = [(.memory, 4294967296), (.pids, 1024), (.wall, 3600000000), (.fileSize, 4294967296), (.disk, 8589934592), (.openFiles, 4096)]
        return layer
    }

    private static func agent(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "tool")
        layer.description = "An agent of a session, whatever its language"
        layer.syscalls = ["inotify", "jit", "splice", "unix-socket"]
        layer.limits = [(.memory, 4294967296), (.pids, 512), (.wall, 86400000000), (.disk, 1073741824)]
        return layer
    }

    private static func paranoid(_ places: Places) -> ProfileLayer {
        var layer = ProfileLayer(builtIn: "none")
        layer.description = "One program alone, under tight limits"
        layer.runtime = .auto
        layer.rules = Decoded.rules("paranoid", places, [
            Decoded(.read, .root, "/usr", 8, 7),
            Decoded(.read, .root, "/bin", 9, 7),
            Decoded(.read, .root, "/sbin", 10, 7),
            Decoded(.read, .root, "/lib", 11, 7),
            Decoded(.read, .root, "/lib64", 12, 7),
            Decoded(.read, .root, "/etc/alternatives", 13, 7),
            Decoded(.read, .root, "/etc/ld.so.cache", 14, 7),
            Decoded(.read, .root, "/etc/localtime", 15, 7),
            Decoded(.hide, .home, "/.ssh", 16, 10),
            Decoded(.hide, .home, "/.gnupg", 16, 18),
            Decoded(.hide, .home, "/.aws", 16, 28),
            Decoded(.hide, .home, "/.azure", 16, 36),
            Decoded(.hide, .home, "/.kube", 16, 46),
            Decoded(.hide, .home, "/.docker", 16, 55),
            Decoded(.hide, .home, "/.config/gcloud", 16, 66),
            Decoded(.hide, .home, "/.config/gh", 16, 84),
            Decoded(.hide, .home, "/.git-credentials", 16, 98),
            Decoded(.hide, .home, "/.netrc", 16, 118),
            Decoded(.hide, .home, "/.npmrc", 16, 128),
            Decoded(.hide, .home, "/.pypirc", 17, 5),
            Decoded(.hide, .home, "/.bash_history", 17, 16),
            Decoded(.hide, .home, "/.local/share/keyrings", 17, 33),
            Decoded(.hide, .home, "/.password-store", 17, 58),
            Decoded(.hide, .home, "/.mozilla", 17, 77),
            Decoded(.hide, .home, "/.config/google-chrome", 17, 89),
            Decoded(.hide, .home, "/.config/chromium", 17, 114),
            Decoded(.hide, .root, "/etc/shadow", 18, 5),
            Decoded(.hide, .root, "/etc/gshadow", 18, 18),
            Decoded(.hide, .root, "/etc/ssh", 18, 32),
            Decoded(.hide, .root, "/run/docker.sock", 18, 42),
            Decoded(.hide, .root, "/run/containerd", 18, 60),
            Decoded(.hide, .root, "/run/podman", 18, 77),
            Decoded(.hide, .root, "/run/dbus", 18, 90),
            Decoded(.hide, .root, "/run/user", 18, 101),
            Decoded(.protect, .directory, "/.git/hooks", 19, 13, everywhere: ".git/hooks"),
            Decoded(.protect, .directory, "/.git/config", 19, 25, everywhere: ".git/config"),
            Decoded(.protect, .directory, "/.git/config.worktree", 19, 38, everywhere: ".git/config.worktree"),
            Decoded(.protect, .directory, "/.git/commondir", 19, 60, everywhere: ".git/commondir"),
            Decoded(.protect, .directory, "/.claude", 19, 76, everywhere: ".claude"),
            Decoded(.protect, .directory, "/.mcp.json", 19, 85, everywhere: ".mcp.json"),
            Decoded(.protect, .directory, "/.vscode", 19, 96, everywhere: ".vscode"),
            Decoded(.protect, .directory, "/.idea", 19, 105, everywhere: ".idea"),
            Decoded(.protect, .directory, "/.envrc", 19, 112, everywhere: ".envrc"),
            Decoded(.protect, .directory, "/fumehood.yaml", 19, 120, everywhere: "fumehood.yaml"),
            Decoded(.protect, .directory, "/fumehood/profiles", 19, 135, everywhere: "fumehood/profiles"),
        ])
        layer.tmpBytes = 16777216
        layer.network = Profile.Network.none
        layer.pass = ["LANG", "LC_*", "TZ"]
        layer.limits = [(.memory, 268435456), (.pids, 32), (.cpu, 1000), (.cpuTime, 30000000), (.wall, 60000000), (.fileSize, 16777216), (.disk, 16777216), (.inodes, 1000), (.output, 8388608), (.openFiles, 64)]
        layer.requirement = .walls
        return layer
    }
}

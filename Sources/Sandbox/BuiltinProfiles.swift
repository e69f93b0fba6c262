// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file
//
// The profiles of Profiles/ as the binary carries them. Made by Profiles/embed.sh: change the YAML files, then run it.

package enum BuiltinProfiles {
    /// Name and text, in the order in which help lists them.
    package static let all: [(name: String, text: StaticString)] = [
        ("base", base),
        ("tool", tool),
        ("shell", shell),
        ("python", python),
        ("node", node),
        ("git", git),
        ("build", build),
        ("agent", agent),
        ("paranoid", paranoid),
    ]

    private static let base: StaticString = #"""
# The ground of every other profile: system programs, an empty home, no network, nothing of the caller's.
fumehood: 1
extends: none
description: A command with the system's programs and nothing of yours
runtime: auto
files:
  read:
    - /usr
    - /bin
    - /sbin
    - /lib
    - /lib64
    - /etc/alternatives
    - /etc/ld.so.cache
    - /etc/localtime
    - /etc/mime.types
    - /etc/protocols
    - /etc/services
    - /etc/ssl/certs
    - /etc/ssl/openssl.cnf
  hide: [~/.ssh, ~/.gnupg, ~/.aws, ~/.azure, ~/.kube, ~/.docker, ~/.config/gcloud, ~/.config/gh, ~/.git-credentials, ~/.netrc, ~/.npmrc,
    ~/.pypirc, ~/.bash_history, ~/.local/share/keyrings, ~/.password-store, ~/.mozilla, ~/.config/google-chrome, ~/.config/chromium,
    /etc/shadow, /etc/gshadow, /etc/ssh, /run/docker.sock, /run/containerd, /run/podman, /run/dbus, /run/user]
  # What runs later outside the cell, with the user's own rights.
  protect: [.git/hooks, .git/config, .git/config.worktree, .git/commondir, .claude, .mcp.json, .vscode, .idea, .envrc, fumehood.yaml, fumehood/profiles]
  tmp: 256M
network: none
syscalls:
  allow: [exec, spawn, fs-mutate]
environment:
  pass: [LANG, LANGUAGE, LC_*, TZ, TERM, COLORTERM, NO_COLOR, SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS]
limits: { memory: 2G, pids: 512, file_size: 1G, disk: 1G, inodes: 100000, open_files: 1024 }
require: walls

"""#

    private static let tool: StaticString = #"""
# Programs that serve tool calls. The wall limit is per call there, and for the whole command under `run`.
fumehood: 1
extends: base
description: A tool that computes, without network
limits: { memory: 1G, pids: 128, wall: 60s, disk: 256M }

"""#

    private static let shell: StaticString = #"""
fumehood: 1
extends: tool
description: Shell scripts and pipelines, without network
syscalls:
  # sort, tee and cat move data between pipes and files inside the kernel.
  allow: [splice]
limits: { pids: 256, wall: 10m }

"""#

    private static let python: StaticString = #"""
fumehood: 1
extends: tool
description: Python programs in the current directory, read-only, without network
files:
  read: [.]
environment:
  # The current directory is read-only: without this each import tries to write.
  set: { PYTHONDONTWRITEBYTECODE: "1" }
limits: { pids: 256 }

"""#

    private static let node: StaticString = #"""
fumehood: 1
extends: tool
description: Node programs in the current directory, read-only, without network
files:
  read: [.]
syscalls:
  # V8 compiles at run time; fs.watch is inotify.
  allow: [jit, inotify]
limits: { memory: 2G, pids: 256 }

"""#

    private static let git: StaticString = #"""
fumehood: 1
extends: tool
description: Git in the current directory, without network
files:
  read: [~/.gitconfig, ~/.config/git]
  write: [.]
limits: { disk: 1G, wall: 10m }

"""#

    private static let build: StaticString = #"""
fumehood: 1
extends: tool
description: Compilers and build tools in the current directory, without network
files:
  write: [.]
  tmp: 1G
syscalls:
  allow: [inotify, jit, splice]
limits: { memory: 4G, pids: 1024, wall: 1h, file_size: 4G, disk: 8G, open_files: 4096 }

"""#

    private static let agent: StaticString = #"""
# Agents reach their tools through the session's socket, and see no more of the machine than a tool does.
fumehood: 1
extends: tool
description: An agent of a session, whatever its language
syscalls:
  allow: [inotify, jit, splice, unix-socket]
limits: { memory: 4G, pids: 512, wall: 1d, disk: 1G }

"""#

    private static let paranoid: StaticString = #"""
# One program that reads, computes and writes its answer: it starts no other program and changes no file but in /tmp and where `-w` lets it.
fumehood: 1
extends: none
description: One program alone, under tight limits
runtime: auto
files:
  read:
    - /usr
    - /bin
    - /sbin
    - /lib
    - /lib64
    - /etc/alternatives
    - /etc/ld.so.cache
    - /etc/localtime
  hide: [~/.ssh, ~/.gnupg, ~/.aws, ~/.azure, ~/.kube, ~/.docker, ~/.config/gcloud, ~/.config/gh, ~/.git-credentials, ~/.netrc, ~/.npmrc,
    ~/.pypirc, ~/.bash_history, ~/.local/share/keyrings, ~/.password-store, ~/.mozilla, ~/.config/google-chrome, ~/.config/chromium,
    /etc/shadow, /etc/gshadow, /etc/ssh, /run/docker.sock, /run/containerd, /run/podman, /run/dbus, /run/user]
  protect: [.git/hooks, .git/config, .git/config.worktree, .git/commondir, .claude, .mcp.json, .vscode, .idea, .envrc, fumehood.yaml, fumehood/profiles]
  tmp: 16M
network: none
environment:
  pass: [LANG, LC_*, TZ]
limits: { memory: 256M, pids: 32, cpu: 1.0, cpu_time: 30s, wall: 60s, file_size: 16M, disk: 16M, inodes: 1000, output: 8M, open_files: 64 }
require: walls

"""#
}

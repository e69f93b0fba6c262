// SPDX-License-Identifier: Apache-2.0
// Operations as people read them: a line of `--dry-run`, and the first half of the sentence when one fails.

import Linux

extension Proof {
    package var text: String {
        switch self {
        case .unshareUser: "a nested user namespace is refused"
        case .mount: "mounting is refused"
        case .openForWriting(let path): "opening `\(path)` for writing is refused"
        case .create(let path): "creating `\(path)` is refused"
        case .capability: "a capability cannot be regained"
        case .identity: "becoming uid 0 is refused"
        case .hostname: "setting the host name is refused"
        case .namespace(let path, _): "`\(path)` is not the host's"
        case .childOfFirst: "the command is a child of process 1"
        case .noNewPrivileges: "no_new_privs is set"
        case .capabilitiesEmpty: "no capability is left"
        case .absent(let path): "`\(path)` does not exist"
        case .descriptorsCloseOnExec: "no other descriptor survives the exec"
        }
    }
}

extension Operation {
    package var text: String {
        switch self {
        case .openTerminal(let rows, let columns): "terminal of \(rows) rows and \(columns) columns"
        case .waitForMaps: "wait for the id maps"
        case .waitForRecord: "wait until the launch is in the log"
        case .write(let slot, let path, let data): "write \(slot.name)/\(path) \(Operation.quoted(data))"
        case .unshare(let namespaces): "unshare \(namespaces.words)"
        case .beginNetwork: "begin network namespace (helper thread)"
        case .joinNetwork: "join network namespace"
        case .identity(let user, let group): "become uid \(user) gid \(group) without groups"
        case .deathSignal: "die with the launcher"
        case .joinGroup(let slot): "join \(slot.name)"
        case .joinKeyring: "join a new session keyring"
        case .makePrivate: "make every mount private"
        case .loopbackUp: "bring loopback up"
        case .openResolver: "hand the resolver's socket to the supervisor"
        case .tmpfs(let slot, let size, let inodes, let mode, let attributes):
            "tmpfs \(slot.name) size \(size) inodes \(inodes) mode \(Operation.octal(mode))\(attributes.words)"
        case .proc(_, let subset, let attributes): "proc\(subset.map { " subset=\($0)" } ?? "")\(attributes.words)"
        case .devpts(_, let attributes): "devpts\(attributes.words)"
        case .openTree(_, let path, _, _, let deep): "open tree \(path)\(deep ? " with what is mounted below" : "")"
        case .copyOfRoot(_, let path): "copy of /\(path)"
        case .setAttributes(let slot, let attributes, let deep): "set \(slot.name)\(attributes.words)\(deep ? " deep" : "")"
        case .attachRoot(let slot): "attach \(slot.name) over /"
        case .attach(let slot, let path, _): "attach \(slot.name) at /\(path)"
        case .attachInProc(let slot, let path): "attach \(slot.name) at /proc/\(path)"
        case .makeDirectory(let path, let mode): "directory /\(path) mode \(Operation.octal(mode))"
        case .makeSymlink(let path, let target): "symlink /\(path) -> \(target)"
        case .makeFile(let path, let contents, let mode): "file /\(path) mode \(Operation.octal(mode)) (\(contents.utf8.count) bytes)"
        case .openInRoot(_, let path): "open /\(path)"
        case .openInProc(_, let path): "open /proc/\(path)"
        case .close(let slot): "close \(slot.name)"
        case .landlockRule(let slot, let access): "landlock \(slot.name)\(access.words)"
        case .pivot: "pivot_root, detach the old root"
        case .changeDirectory(let path): "chdir \(path), verified inside"
        case .hostname(let name): "hostname \(name)"
        case .newSession: "new session"
        case .controllingTerminal: "controlling terminal"
        case .duplicate(let slot, let number): "dup \(slot.name) to \(number)"
        case .umask(let mask): "umask \(Operation.octal(mask))"
        case .nice(let value): "nice \(value)"
        case .limit(let limit): "rlimit \(limit.name) \(limit.soft)"
        case .dropCapabilities: "drop all capabilities from five sets, lock securebits"
        case .noNewPrivileges: "no_new_privs"
        case .spawnCommand(let count): "spawn process 2 (\(count) operations)"
        case .resetSignals: "reset signal dispositions and mask"
        case .closeOnExec(let from): "close-on-exec from descriptor \(from)"
        case .landlockRestrict: "restrict by landlock"
        case .prove(let proof): "prove: \(proof.text)"
        case .commandFilter(let count, let notify, _): "seccomp filter of \(count) instructions\(notify ? " with a listener" : ", errno answers")"
        case .initFilter(let count): "seccomp filter of process 1, \(count) instructions"
        case .canary(let code): "canary answers errno \(code)"
        case .execute(let path): "execute \(path)"
        case .handOver: "hand over to the supervisor"
        case .forgetArguments: "forget the launcher's arguments"
        case .nonDumpable: "process 1 becomes non-dumpable"
        case .seal: "process 1 keeps one descriptor"
        case .releaseHeap: "process 1 gives the launcher's heap back"
        case .reap: "process 1 reaps"
        case .stage(let stage): "stage \(stage.name)"
        }
    }

    static func octal(_ value: UInt32) -> String { String(value, radix: 8) }

    /// Short and on one line.
    static func quoted(_ text: String) -> String {
        let line = text.split(separator: "\n").joined(separator: " | ")
        return "\"\(line.count > 60 ? line.prefix(57) + "..." : line)\""
    }
}

extension MountTree.Attributes {
    var words: String {
        [(MountTree.Attributes.readOnly, " ro"), (.noSetuid, " nosuid"), (.noDevices, " nodev"), (.noExecute, " noexec"), (.idMapped, " idmapped")]
            .filter { contains($0.0) }.map(\.1).joined()
    }
}

extension Landlock.Access {
    var words: String {
        let write = Landlock.Access(rawValue: 0x7ff0 | 2)
        return (contains(.readFile) ? " read" : "") + (contains(.readDirectory) ? " list" : "") + (contains(.execute) ? " execute" : "")
            + (isDisjoint(with: write) ? "" : " write")
    }
}

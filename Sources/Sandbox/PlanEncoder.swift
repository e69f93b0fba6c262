// SPDX-License-Identifier: Apache-2.0
// A plan in the form that CLinux/child.c interprets: 48-byte operations and one buffer of bytes behind them.
// Nothing is decided here.

import CLinux
import Linux

/// The flat form of a plan. Lives in the parent until the clone; the child works on its copy.
struct EncodedPlan {
    var operations: [cl_op] = []
    var bytes: [UInt8] = []

    /// - Parameter cookie: this launch's random admission of its own exec (Syscalls).
    init(_ plan: LaunchPlan, spec: CellSpec, program: [UInt64], cookie: UInt64) {
        operations.reserveCapacity(plan.steps.count)
        bytes.reserveCapacity(16 * 1024)
        for step in plan.steps {
            var op = encode(step.operation, spec: spec, program: program, cookie: cookie)
            if step.optional { op.flags |= UInt16(CL_FLAG_OPTIONAL) }
            operations.append(op)
        }
    }

    private mutating func text(_ string: String) -> UInt32 {
        let offset = UInt32(bytes.count)
        KernelText.append(string, to: &bytes)
        bytes.append(0)
        return offset
    }

    private mutating func blob(_ program: [UInt64]) -> UInt32 {
        while bytes.count % 8 != 0 { bytes.append(0) }
        let offset = UInt32(bytes.count)
        unsafe program.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        return offset
    }

    private func op(
        _ kind: cl_op_kind, dst: Slot? = nil, src: Slot? = nil, _ first: UInt32 = CL_NO_TEXT, _ second: UInt32 = CL_NO_TEXT, _ third: UInt32 = CL_NO_TEXT,
        n: UInt32 = 0, x: UInt64 = 0, y: UInt64 = 0, z: UInt64 = 0, flags: Int32 = 0
    ) -> cl_op {
        cl_op(
            kind: kind, flags: UInt16(flags), dst: dst?.index ?? Int16(CL_SLOT_NONE), src: src?.index ?? Int16(CL_SLOT_NONE),
            text: (first, second, third), n: n, x: x, y: y, z: z)
    }

    private mutating func encode(_ operation: Operation, spec: CellSpec, program: [UInt64], cookie: UInt64) -> cl_op {
        switch operation {
        case .waitForMaps, .waitForRecord: return op(.CL_OP_WAIT_GO)
        case .openTerminal(let rows, let columns): return op(.CL_OP_TERMINAL, src: .root, text("dev/pts/ptmx"), x: UInt64(rows), y: UInt64(columns))
        case .write(let slot, let path, let data):
            return op(.CL_OP_WRITE, src: slot, text(path), text(data), n: UInt32(data.utf8.count))
        case .unshare(let namespaces): return op(.CL_OP_UNSHARE, x: namespaces.rawValue)
        case .beginNetwork: return op(.CL_OP_NETNS_BEGIN, src: .proc)
        case .joinNetwork: return op(.CL_OP_NETNS_JOIN)
        case .identity(let user, let group): return op(.CL_OP_IDENTITY, x: UInt64(user), y: UInt64(group))
        case .deathSignal: return op(.CL_OP_DEATH_SIGNAL)
        case .joinGroup(let slot): return op(.CL_OP_JOIN_GROUP, src: slot)
        case .joinKeyring: return op(.CL_OP_KEYRING)
        case .makePrivate: return op(.CL_OP_PRIVATE)
        case .loopbackUp: return op(.CL_OP_LOOPBACK_UP)
        case .openResolver: return op(.CL_OP_RESOLVER)
        case .tmpfs(let slot, let size, let inodes, let mode, let attributes):
            return op(.CL_OP_TMPFS, dst: slot, text("\(size)"), text("\(inodes)"), text(Operation.octal(mode)), x: attributes.rawValue)
        case .proc(let slot, let subset, let attributes): return op(.CL_OP_PROC, dst: slot, subset.map { text($0) } ?? CL_NO_TEXT, x: attributes.rawValue)
        case .devpts(let slot, let attributes): return op(.CL_OP_DEVPTS, dst: slot, x: attributes.rawValue)
        case .openTree(let slot, let path, let device, let inode, let deep):
            return at(CWD, op(.CL_OP_OPEN_TREE, dst: slot, text(path), y: device, z: inode, flags: deep ? CL_FLAG_RECURSIVE : 0))
        case .copyOfRoot(let slot, let path): return op(.CL_OP_OPEN_TREE, dst: slot, src: .root, text(path))
        case .setAttributes(let slot, let attributes, let deep):
            return op(.CL_OP_SETATTR, src: slot, x: attributes.rawValue, flags: deep ? CL_FLAG_RECURSIVE : 0)
        case .attachRoot(let slot):
            var result = op(.CL_OP_MOVE, src: slot, text("/"))
            result.dst = CWD
            return result
        case .attach(let slot, let path, let absentIsFine):
            return op(.CL_OP_MOVE, dst: .root, src: slot, text(path), flags: absentIsFine ? CL_FLAG_ABSENT_OK : 0)
        case .attachInProc(let slot, let path): return op(.CL_OP_MOVE, dst: .procTree, src: slot, text(path), flags: CL_FLAG_ABSENT_OK)
        case .makeDirectory(let path, let mode): return op(.CL_OP_MKDIR, src: .root, text(path), n: mode)
        case .makeSymlink(let path, let target): return op(.CL_OP_SYMLINK, src: .root, text(target), text(path))
        case .makeFile(let path, let contents, let mode):
            return op(.CL_OP_FILE, src: .root, text(path), text(contents), n: UInt32(contents.utf8.count), x: UInt64(mode))
        case .openInRoot(let slot, let path): return op(.CL_OP_OPEN, dst: slot, src: .root, text(path), x: pathOnly, y: beneath)
        case .openInProc(let slot, let path): return op(.CL_OP_OPEN, dst: slot, src: .procTree, text(path), x: pathOnly, y: beneath)
        case .close(let slot): return op(.CL_OP_CLOSE, src: slot)
        case .landlockRule(let slot, let access): return op(.CL_OP_LANDLOCK_RULE, dst: .ruleset, src: slot, x: access.rawValue)
        case .pivot: return op(.CL_OP_PIVOT, src: .root)
        case .changeDirectory(let path): return op(.CL_OP_CHDIR, text(path))
        case .hostname(let name): return op(.CL_OP_HOSTNAME, text(name), n: UInt32(name.utf8.count))
        case .newSession: return op(.CL_OP_SETSID)
        case .controllingTerminal(let slot): return op(.CL_OP_CONTROLLING_TTY, src: slot)
        case .duplicate(let slot, let number): return op(.CL_OP_DUP, src: slot, n: UInt32(number))
        case .umask(let mask): return op(.CL_OP_UMASK, n: mask)
        case .nice(let value): return op(.CL_OP_NICE, n: UInt32(bitPattern: value))
        case .limit(let limit): return op(.CL_OP_RLIMIT, n: limit.resource, x: limit.soft, y: limit.hard)
        case .dropCapabilities: return op(.CL_OP_DROP_CAPABILITIES)
        case .noNewPrivileges: return op(.CL_OP_NO_NEW_PRIVS)
        case .spawnCommand(let count): return op(.CL_OP_SPAWN, dst: .command, n: UInt32(count))
        case .resetSignals: return op(.CL_OP_RESET_SIGNALS)
        case .closeOnExec(let from): return op(.CL_OP_CLOEXEC_FROM, n: UInt32(from))
        case .landlockRestrict: return op(.CL_OP_LANDLOCK_RESTRICT, src: .ruleset)
        case .prove(let proof): return encode(proof)
        case .commandFilter(_, let notify, let waitKillable):
            // SECCOMP_FILTER_FLAG_NEW_LISTENER and, with it, WAIT_KILLABLE_RECV
            let flags: UInt64 = notify ? (1 << 3 | (waitKillable ? 1 << 5 : 0)) : 0
            return op(.CL_OP_FILTER, dst: notify ? .listener : nil, blob(program), n: UInt32(program.count), x: flags)
        case .initFilter: return op(.CL_OP_FILTER, blob(spec.initFilter), n: UInt32(spec.initFilter.count))
        case .canary(let code): return op(.CL_OP_CANARY, n: code)
        case .execute(let path): return op(.CL_OP_EXEC, text(path), x: cookie)
        case .handOver(let notify): return op(.CL_OP_HANDOVER, dst: .command, src: notify ? .listener : nil)
        case .forgetArguments:
            let area = Host.argumentArea()
            return op(.CL_OP_FORGET, n: 0, x: UInt64(area.start), y: UInt64(area.count))
        case .nonDumpable: return op(.CL_OP_NON_DUMPABLE)
        case .seal: return op(.CL_OP_SEAL)
        case .releaseHeap: return op(.CL_OP_RELEASE, x: UInt64(Host.heapStart()))
        case .reap: return op(.CL_OP_REAP)
        case .stage(let stage): return op(.CL_OP_STAGE, n: stage.rawValue)
        }
    }

    private let CWD = Int16(CL_SLOT_CWD)
    /// O_PATH | O_NOFOLLOW
    private let pathOnly: UInt64 = 0o10_000_000 | 0o400_000
    /// RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
    private let beneath: UInt64 = 0x08 | 0x04

    private func at(_ slot: Int16, _ op: cl_op) -> cl_op {
        var op = op
        op.src = slot
        return op
    }

    private mutating func encode(_ proof: Proof) -> cl_op {
        func proved(_ kind: cl_proof, _ path: UInt32 = CL_NO_TEXT, x: UInt64 = 0) -> cl_op { op(.CL_OP_PROVE, path, n: kind.rawValue, x: x) }
        switch proof {
        case .unshareUser: return proved(.CL_PROOF_UNSHARE_USER)
        case .mount: return proved(.CL_PROOF_MOUNT, text("/tmp"))
        case .openForWriting(let path): return proved(.CL_PROOF_OPEN_WRITE, text(path))
        case .create(let path): return proved(.CL_PROOF_CREATE, text(path))
        case .capability: return proved(.CL_PROOF_CAPABILITY)
        case .identity: return proved(.CL_PROOF_IDENTITY)
        case .hostname: return proved(.CL_PROOF_HOSTNAME)
        case .namespace(let path, let inode): return proved(.CL_PROOF_NAMESPACE, text(path), x: inode)
        case .childOfFirst: return proved(.CL_PROOF_PID)
        case .noNewPrivileges: return proved(.CL_PROOF_NO_NEW_PRIVS)
        case .capabilitiesEmpty: return proved(.CL_PROOF_READ_CAPS)
        case .absent(let path): return proved(.CL_PROOF_ABSENT, text(path))
        case .descriptorsCloseOnExec: return proved(.CL_PROOF_DESCRIPTORS)
        }
    }
}

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks one protection after the other and demands that the named test notices.

Each mutant is one change of a line or two of our own sources, applied to a copy of the tree, built (debug, one scratch path, so
that only what changed is compiled), and tried by the tests as they were built from the unchanged sources: the tests run the
program that FUMEHOOD_BIN names. A mutant whose test still passes survives, and the run fails.

    Tests/Mutants/run.py [-k PART-OF-A-NAME] [--list]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
WORK = os.path.join(ROOT, ".build-mutants")
TREE = os.path.join(WORK, "tree")
SCRATCH = os.path.join(WORK, "scratch")

PLAN, CHILD = "Sources/Sandbox/LaunchPlan.swift", "Sources/CLinux/child.c"
RULES, STANDING = "Sources/Syscalls/ArgumentRules.swift", "Sources/Syscalls/Standing.swift"
BUILDER, SUPERVISOR = "Sources/Sandbox/CellBuilder.swift", "Sources/Session/Supervisor.swift"

# name: (file, text, replacement, filter of the tests, of which one must fail)
MUTANTS = {
    # Namespaces
    "no network namespace": (PLAN, "if ownNetwork { add(.joinNetwork) }", "", "seen from outside|network holds nothing"),
    "no ipc namespace": (PLAN, "if !has(.ipc) { result.cloned.insert(.ipc) }", "", "incident 11: no bit|seen from outside"),
    "no uts namespace": (PLAN, "if !has(.uts) { result.cloned.insert(.uts) }", "", "seen from outside"),
    "no cgroup namespace": (PLAN, "result.cloned.insert(.cgroup)", "_ = 0", "seen from outside"),
    "no time namespace": (PLAN, "add(.unshare(.time), optional: true)", "", "seen from outside"),
    "nested user namespaces are allowed": (
        PLAN, 'add(.write(under: .proc, path: "sys/user/max_user_namespaces", "0"))', "", "incident 26: the second wall"),
    # Mounts
    "the old root stays": (CHILD, 'if (r >= 0) r = CL_CALL(SYS_umount2, ".", MNT_DETACH);', "", "every mount is nosuid|root holds"),
    "the root can be written": (PLAN, "add(.setAttributes(.root, confined.union(.readOnly), deep: false))", "", "every mount is nosuid"),
    "binds are not read-only": (PLAN, "case .read: [.noSetuid, .noDevices, .readOnly]", "case .read: [.noSetuid, .noDevices]", "incident 10|every mount"),
    "binds are not nosuid": (PLAN, "case .read: [.noSetuid, .noDevices, .readOnly]", "case .read: [.noDevices, .readOnly]", "every mount is nosuid"),
    "/proc can be written": (
        PLAN, "[.noSetuid, .noDevices, .noExecute, .readOnly]))", "[.noSetuid, .noDevices, .noExecute]))", "incident 5: the kernel|what the kernel tells"),
    "/proc/keys is not masked": (PLAN, 'for name in ["keys", ', "for name in [", "what the kernel tells|incident 11: no bit"),
    "/proc is not checked": ("Sources/Linux/Host.swift", "guard file.f_type == 0x9fa0 /* PROC_SUPER_MAGIC */ else", "guard file.f_type != 1 else", "incident 3"),
    "/dev/null is not checked": (BUILDER, "status.rawDevice == 1 << 8 | number", "number > 0", "incident 5: a /dev/null"),
    "a target may be a link": (
        CHILD, "struct open_how how = {O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};\n    long target",
        "struct open_how how = {O_PATH | O_CLOEXEC, 0, 0};\n    long target", "incident 4"),
    "hidden paths are not masked": ("Sources/Sandbox/View.swift", "entries.append(.mask(at, directory: source.status.kind == .directory))", "_ = at", "incident 25|incident 16: a path"),
    "protected paths are not": ("Sources/Sandbox/View.swift", "entries.append(.protect(source, at: at))", "_ = source", "incident 20: protected paths that exist"),
    # Landlock
    "no Landlock": (PLAN, "if spec.landlockABI > 0 { add(.landlockRestrict) }", "", "Landlock stands behind|incident 30"),
    "no Landlock scopes": ("Sources/Sandbox/Launcher.swift", "scopes: 3", "scopes: 0", "incident 30"),
    "Landlock's absence is silent": ("Sources/Sandbox/Protections.swift", 'if abi == 0 { return .absent(missing: ["Landlock (Linux 5.13)"]) }', "if abi == 0 { return .on }", "incident 18: without Landlock the status"),
    # Privileges
    "capabilities are kept": (CHILD, "case CL_OP_DROP_CAPABILITIES: return drop_capabilities();", "case CL_OP_DROP_CAPABILITIES: return drop_capabilities == 0;", "incident 27: all five|seen from outside"),
    "the bounding set is kept": (CHILD, "if (r && (r = CL_CALL(SYS_prctl, PR_CAPBSET_DROP, c, 0, 0, 0)) < 0) return r;", "", "incident 27: all five|seen from outside"),
    "securebits are not locked": (CHILD, "SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |", "SECBIT_NOROOT |", "incident 27: all five"),
    "no_new_privs is left out": (PLAN, "add(.noNewPrivileges)", "", "incident 24: what runs|seen from outside"),
    "inside it is another user": ("Sources/Sandbox/CellSpec.swift", "insideUser: UInt32 = 1000", "insideUser: UInt32 = 1001", "incident 27: all five"),
    # The filter
    "TIOCSTI is allowed": (RULES, "injection = unsafe.contains(.terminalInjection) ? Outcome.allowed", "injection = unsafe.bits == 0 ? Outcome.allowed", "incident 12: terminal"),
    "unshare is allowed": (STANDING, "case .unshare, .setns,", "case .unshare: return .base\n        case .setns,", "incident 26: no namespace|every call"),
    "io_uring is allowed": (STANDING, "return .probed(.ioUring)", "return .base", "incident 14"),
    "clone3 is EPERM": (STANDING, "return .probed(.clone3)", "return .forbidden(.namespaces, Errno.permission)", "incident 26: no namespace"),
    "ptrace is allowed": (STANDING, "case .ptrace, .process_vm_readv,", "case .ptrace: return .base\n        case .process_vm_readv,", "incident 8: process 1|every call"),
    "limits of process 1 can be set": (RULES, "case .prlimit64: Rule([Case([Condition(0, in: [0])], .allowed)]", "case .prlimit64: Rule([Case([Condition(0, in: [0, 1])], .allowed)]", "incident 31: the cell"),
    "process 1 can be signalled": (RULES, "case .kill, .tkill: refusingInit([0])", "case .kill, .tkill: plain(.allowed)", "incident 31: the cell"),
    "AF_VSOCK is allowed": (RULES, "Case([Condition(0, in: [AddressFamily.unix])], unless(.unixSocket))", "Case([Condition(0, in: [40])], .allowed), Case([Condition(0, in: [AddressFamily.unix])], unless(.unixSocket))", "incident 15: no address"),
    "datagram pairs are allowed": (RULES, "let types: [UInt32] = [1, 5]", "let types: [UInt32] = [1, 2, 5]", "incident 19: a socket"),
    "i386 calls are allowed": ("Sources/Syscalls/SyscallPolicy.swift", "let compat = foreignABI == .kill ? foreign", "let compat = foreignABI == .kill ? Outcome.allowed", "incident 13: calls"),
    "no filter is loaded": (PLAN, "add(.commandFilter(instructions:", "if spec.umaskless { add(.commandFilter(instructions:", None),
    "another filter is loaded": (CHILD, "long r = filter(op);", "long r = op->dst == CL_SLOT_NONE ? filter(op) : 0;", "incident 24: what runs|every call"),
    "denials are not recorded": ("Sources/Session/DenialBook.swift", "entries.append((denial, 1))", "entries = entries.isEmpty ? [(denial, 1)] : entries", "every call|incident 31: the cell"),
    # Descriptors, environment, limits
    "descriptors are inherited": (PLAN, "add(.closeOnExec(from: 3))", "", "incident 2: a descriptor"),
    "the environment is inherited": (BUILDER, "for name in request.passes {", "for name in request.environment.keys {", "environment is what"),
    "no limit of processes": (BUILDER, 'add("nproc", 6, wanted.processes.map { $0 + 1 })', 'add("nproc", 6, nil)', "processes, memory, files"),
    "no limit of memory": (BUILDER, 'add("data", 2, wanted.memory)', 'add("data", 2, nil)', "processes, memory, files"),
    "the tmpfs has no size": (CHILD, '{"size", a}', '{"size", ""}', "processes, memory, files"),
    "signal dispositions are inherited": (PLAN, "add(.resetSignals)", "", "signal mask, dispositions"),
    # Proofs: a wall that is missing is noticed by the launch itself
    "a mount that succeeds is no failure of the proof": (CHILD, "return r < 0 ? 0 : -CL_ERROR_PROOF;", "return 0;", None),
    # Death and secrets of the launcher
    "no death signal and no liveness": (CHILD, "if (r > 0 && (watched[0].revents & (POLLHUP | POLLERR | POLLNVAL))) leave(125);", "", None),
    "the child holds the supervisor's end": (CHILD, "CL_CALL(SYS_close, plan->slots[CL_SLOT_SUPERVISOR]);", "", "while the cell is being built"),
    "process 1 can be dumped": (CHILD, "case CL_OP_NON_DUMPABLE: return CL_CALL(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);", "case CL_OP_NON_DUMPABLE: return 0;", "incident 1|process 1 is closed"),
    "the command line is not forgotten": (CHILD, "for (uint64_t i = 0; i < op->y; i++) area[i] =", "for (uint64_t i = op->y; i < op->y; i++) area[i] =", "incident 8: the launcher"),
    "the keyring is the caller's": (PLAN, "add(.joinKeyring, optional: true)", "", "every protection is on"),
    "the wall clock is not watched": (SUPERVISOR, "try? timer.set(limits.wall.map { started + $0 })", "try? timer.set(nil)", "limit of time or output"),
    "terminal sequences pass": ("Sources/Session/TerminalFilter.swift", "for byte in bytes { step(byte, &out) }", "out += bytes", "made harmless"),
}

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks one protection after the other and demands that the named test notices.

Each mutant is one change of a line or two of our own sources, applied to a copy of the tree, built (debug, one scratch path, so
that only what changed is compiled), and tried by the tests as they were built from the unchanged sources: the tests run the
program that FUMEHOOD_BIN names. Where the launch itself refuses, as one of its proofs fails, that is said, and the mutant is
tried once more without the proofs. A mutant whose test still passes survives, and the run fails.

    Tests/Mutants/run.py [-k PART-OF-A-NAME] [--list]
"""

import argparse
import os
import re
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

# What the launch itself checks before the command runs. Where a mutant is refused by that, it is built again without it, so that
# the named test must notice by itself.
PROOFS = [(PLAN, "for proof in proofs() { add(.prove(proof)) }", "_ = proofs()"), (PLAN, "add(.canary(errno: spec.filter.canary))", "")]

VIEW, SANDBOX = "Sources/Sandbox/View.swift", "Sources/Sandbox/"

# name, edits (file, text, replacement), the tests of which one must fail.
MUTANTS = [
    # Namespaces
    ("no network namespace", [(PLAN, "if ownNetwork { add(.joinNetwork) }", "")], "seen from outside|network holds nothing"),
    ("no ipc namespace", [(PLAN, "if !has(.ipc) { result.cloned.insert(.ipc) }", "")], "incident 11: no bit|seen from outside"),
    ("no uts namespace", [(PLAN, "if !has(.uts) { result.cloned.insert(.uts) }", "")], "seen from outside"),
    ("no time namespace", [(PLAN, "add(.unshare(.time), optional: true)", "")], "seen from outside"),
    ("nested user namespaces are allowed", [(PLAN, 'add(.write(under: .proc, path: "sys/user/max_user_namespaces", "0"))', "")], "incident 26: the second wall"),
    # Mounts, pivot_root, /proc
    ("the root can be written", [(PLAN, "add(.setAttributes(.root, confined.union(.readOnly), deep: false))", "")], "every mount is nosuid"),
    ("binds are not read-only", [(PLAN, "case .read: [.noSetuid, .noDevices, .readOnly]", "case .read: [.noSetuid, .noDevices]")], "incident 10|every mount is nosuid"),
    ("binds are not nosuid", [(PLAN, "case .read: [.noSetuid, .noDevices, .readOnly]", "case .read: [.noDevices, .readOnly]")], "every mount is nosuid"),
    ("/proc can be written", [(PLAN, "[.noSetuid, .noDevices, .noExecute, .readOnly]))", "[.noSetuid, .noDevices, .noExecute]))")], "every mount is nosuid|what the kernel tells"),
    ("/proc/keys is not masked", [(PLAN, 'for name in ["keys", ', "for name in [")], "what the kernel tells|incident 11: no bit"),
    ("/proc around us is not checked", [("Sources/Linux/Host.swift", "guard file.f_type == 0x9fa0 /* PROC_SUPER_MAGIC */ else", "guard file.f_type != 1 else")], "incident 3: a false"),
    ("arguments come from /proc", [("Sources/fumehood/Main.swift", "let arguments = Host.arguments()", "let arguments = CommandLine.arguments")], "incident 3: a false"),
    ("/dev/null is not checked", [(BUILDER, "status.rawDevice == 1 << 8 | number", "number > 0")], "incident 5: a /dev/null"),
    ("a mount's target may be a link", [(CHILD, "O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH}", "O_PATH | O_CLOEXEC, 0, 0}")], "incident 4: a racing target"),
    ("hidden paths are not masked", [(VIEW, "entries.append(.mask(at, directory: source.status.kind == .directory))", "_ = (at, source)")], "incident 25|incident 16: a path"),
    ("protected paths are not protected", [(VIEW, "entries.append(.protect(source, at: at))", "_ = (at, source)")], "incident 20: protected paths that exist"),
    ("absent protected paths are forgotten", [(VIEW, "else { placeholders.append(Placeholders.Absent(host: item.host, at: item.path)) }", "else { _ = at }")], "incident 20: protected paths that are absent"),
    # Limits
    ("groups are not joined", [(PLAN, "add(.joinGroup(.group(i)))", "")], "processes, memory, files"),
    ("a cell may command cells", [("Sources/Session/Registry.swift", "return depth <= own", "return depth > 0 && own > 0")], "a cell commands no cell"),
    # Landlock
    ("no Landlock", [(PLAN, "if spec.landlockABI > 0 { add(.landlockRestrict) }", "")], "Landlock stands behind|incident 30"),
    ("no Landlock scopes", [(SANDBOX + "Launcher.swift", "scopes: 3", "scopes: 0")], "incident 30"),
    ("Landlock's absence is silent", [(SANDBOX + "Protections.swift", 'if abi == 0 { return .absent(missing: ["Landlock (Linux 5.13)"]) }', "if abi == 0 { return .on }")], "incident 18: without Landlock the status"),
    # Privileges
    ("capabilities are kept", [(CHILD, "PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);\n    if (r < 0) return r;", "PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);\n    if (r < 4096) return 0;")], "incident 27: all five"),
    ("the bounding set is kept", [(CHILD, "if (r && (r = CL_CALL(SYS_prctl, PR_CAPBSET_DROP, c, 0, 0, 0)) < 0) return r;", "")], "incident 27: all five|seen from outside"),
    ("securebits are not locked", [(CHILD, "SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |", "SECBIT_NOROOT |")], "incident 27: all five"),
    ("no_new_privs is left out", [(PLAN, "add(.noNewPrivileges)", "")], "incident 24: what runs|seen from outside"),
    ("inside it is another user", [(SANDBOX + "CellSpec.swift", "insideUser: UInt32 = 1000", "insideUser: UInt32 = 1001")], "incident 27: all five"),
    ("the keyring is the caller's", [(PLAN, "add(.joinKeyring, optional: true)", "")], "keyring is its own"),
    # The filter
    ("no filter is loaded", [(PLAN, "add(.commandFilter(instructions: spec.filter.program.count, notify: spec.filter.notify, waitKillable: spec.filter.waitKillable))", "")], "incident 24: what runs|every call"),
    ("TIOCSTI is allowed", [(RULES, "injection = unsafe.contains(.terminalInjection) ? Outcome.allowed", "injection = unsafe.bits == 0 ? Outcome.allowed")], "incident 12: terminal"),
    ("unshare is allowed", [(STANDING, "case .unshare, .setns,", "case .unshare: return .base\n        case .setns,")], "incident 26: no namespace|every call"),
    ("io_uring is allowed", [(STANDING, "return .probed(.ioUring)", "return .base")], "incident 14"),
    ("clone3 is EPERM", [(STANDING, "return .probed(.clone3)", "return .forbidden(.namespaces, Errno.permission)")], "incident 26: no namespace"),
    ("clone may make namespaces", [(RULES, "let newNamespace: UInt32 = 0x7E02_0000", "let newNamespace: UInt32 = 0x0002_0000")], "incident 26: no namespace"),
    ("ptrace is allowed", [(STANDING, "case .ptrace, .process_vm_readv,", "case .ptrace: return .base\n        case .process_vm_readv,")], "every call|incident 8: process 1"),
    ("limits of process 1 can be set", [(RULES, "case .prlimit64: Rule([Case([Condition(0, in: [0])], .allowed)]", "case .prlimit64: Rule([Case([Condition(0, in: [0, 1])], .allowed)]")], "incident 31: the cell"),
    ("process 1 can be signalled", [(RULES, "case .kill, .tkill: refusingInit([0])", "case .kill, .tkill: plain(.allowed)")], "incident 31: the cell"),
    ("AF_INET is allowed", [(RULES, "Case([Condition(0, in: [AddressFamily.unix])], unless(.unixSocket))", "Case([Condition(0, in: [2])], .allowed), Case([Condition(0, in: [AddressFamily.unix])], unless(.unixSocket))")], "incident 15: no address"),
    ("datagram pairs are allowed", [(RULES, "let types: [UInt32] = [1, 5]", "let types: [UInt32] = [1, 2, 5]")], "incident 19: a socket"),
    ("i386 calls are allowed", [("Sources/Syscalls/SyscallPolicy.swift", "let compat = foreignABI == .kill ? foreign", "let compat = foreignABI == .kill ? Outcome.allowed")], "incident 13: calls"),
    ("denials are not recorded", [("Sources/Session/DenialBook.swift", "entries.append((denial, 1))", "if entries.isEmpty { entries.append((denial, 1)) }")], "every call|incident 31: the cell"),
    # Descriptors, environment, limits
    ("descriptors are inherited", [(PLAN, "add(.closeOnExec(from: 3))", "")], "incident 2: a descriptor"),
    ("the environment is inherited", [(BUILDER, "for name in request.passes {", "for name in request.environment.keys {")], "environment is what"),
    ("no limit of processes", [(BUILDER, 'add("nproc", 6, wanted.processes.map { $0 + 1 })', 'add("nproc", 6, nil)')], "processes, memory, files"),
    ("no limit of memory", [(BUILDER, 'add("data", 2, wanted.memory)', 'add("data", 2, nil)')], "processes, memory, files"),
    ("the tmpfs has no size", [(CHILD, '{"size", a}', '{"size", ""}')], "processes, memory, files"),
    ("signal dispositions are inherited", [(PLAN, "add(.resetSignals)", "")], "signal mask, dispositions"),
    ("the wall clock is not watched", [(SUPERVISOR, "try? timer.set(limits.wall.map { started + $0 })", "try? timer.set(nil)")], "limit of time or output"),
    # Death and secrets of the launcher. One of the two, death signal or liveness, is enough: both are taken away.
    ("no death signal and no liveness", [
        (CHILD, "if (r > 0 && (watched[0].revents & (POLLHUP | POLLERR | POLLNVAL))) leave(125);", ""),
        (CHILD, "long r = CL_CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);\n        struct pollfd", "long r = 0;\n        struct pollfd"),
    ], "kill -9 of fumehood leaves nothing of"),
    ("the child holds the supervisor's end", [(CHILD, "CL_CALL(SYS_close, plan->slots[CL_SLOT_SUPERVISOR]);", "")], "while the cell is being built"),
    ("process 1 can be dumped", [(CHILD, "case CL_OP_NON_DUMPABLE: return CL_CALL(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);", "case CL_OP_NON_DUMPABLE: return 0;")], "incident 1:|process 1 is closed"),
    ("the command line is not forgotten", [(CHILD, "for (uint64_t i = 0; i < op->y; i++) area[i] =", "for (uint64_t i = op->y; i < op->y; i++) area[i] =")], "incident 8: the launcher"),
    ("terminal sequences pass", [("Sources/Session/TerminalFilter.swift", "for byte in bytes { step(byte, &out) }", "out += bytes")], "made harmless"),
    ("a terminal as input is read without asking", [("Sources/Session/Relay.swift", "asksFirst = !Transfer.isPipe(source)", "asksFirst = source < 0")], "incident 12: terminal|made harmless"),
]


def fresh_tree():
    """Brings the copy of the tree to what the sources are now; only what differs is touched, so that builds stay incremental."""
    os.makedirs(TREE, exist_ok=True)
    for entry in ["Package.swift", "Sources", "Profiles", "Tests", "Benchmarks"]:
        source = os.path.join(ROOT, entry)
        for folder, _, names in os.walk(source) if os.path.isdir(source) else [(ROOT, [], [entry])] if os.path.exists(source) else []:
            for name in names:
                copy_if_changed(os.path.join(folder, name), os.path.join(TREE, os.path.relpath(os.path.join(folder, name), ROOT)))
    for folder, _, names in os.walk(TREE):
        for name in names:
            path = os.path.join(folder, name)
            if name != "Package.resolved" and not os.path.exists(os.path.join(ROOT, os.path.relpath(path, TREE))):
                os.remove(path)


def copy_if_changed(source, target):
    with open(source, "rb") as file:
        wanted = file.read()
    try:
        with open(target, "rb") as file:
            if file.read() == wanted:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(wanted)


def apply(edits):
    """Writes the changed files into the copy. Returns what could not be found."""
    texts = {}
    for file, old, new in edits:
        text = texts.get(file) or open(os.path.join(ROOT, file), encoding="utf-8").read()
        if text.count(old) != 1:
            return f"`{old[:60]}` is there {text.count(old)} times in {file}"
        texts[file] = text.replace(old, new)
    for file, text in texts.items():
        with open(os.path.join(TREE, file), "w", encoding="utf-8") as out:
            out.write(text)
    return None


def restore(edits):
    for file in {edit[0] for edit in edits}:
        copy_if_changed(os.path.join(ROOT, file), os.path.join(TREE, file))


def build():
    done = subprocess.run(
        ["swift", "build", "--package-path", TREE, "--scratch-path", SCRATCH, "--product", "fumehood"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else "\n".join(line for line in done.stdout.splitlines() if "error:" in line)[:600] or done.stdout[-600:]


PROGRAM = os.path.join(SCRATCH, "debug", "fumehood")


def refused_by_proof():
    """Whether the launch itself notices, before the command runs."""
    done = subprocess.run([PROGRAM, "run", "--", "/bin/true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode == 125 and ("a wall does not hold" in done.stderr or "canary" in done.stderr)


def tests_fail(names):
    """(whether a test failed, how many tests ran)"""
    environment = dict(os.environ, FUMEHOOD_BIN=PROGRAM)
    command = ["swift", "test", "--package-path", ROOT, "--skip-build", "--filter", f"IncidentTests.*({names})"]
    # A mutant may hang a test: that is a failure of it as well.
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return True, 1
    ran = re.search(r"Test run with (\d+) test", out)
    return process.returncode != 0, int(ran.group(1)) if ran else (1 if process.returncode != 0 and "started" in out else 0)


def main():
    arguments = argparse.ArgumentParser(description="Breaks each protection and demands that its test fails.")
    arguments.add_argument("-k", metavar="PART", default="", help="only mutants whose name holds PART")
    arguments.add_argument("--list", action="store_true", help="print the mutants and stop")
    options = arguments.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.k in mutant[0]]
    if options.list:
        for name, edits, tests in chosen:
            print(f"{name}: {', '.join(sorted({edit[0] for edit in edits}))}: {tests}")
        return 0

    fresh_tree()
    print("building the tests and the unchanged program ...", flush=True)
    subprocess.run(["swift", "build", "--package-path", ROOT, "--build-tests"], check=True, stdout=subprocess.DEVNULL)
    problem = build()
    if problem:
        print(problem)
        return 2
    results = []
    for name, edits, tests in chosen:
        begun = time.monotonic()
        verdict, note = "killed", ""
        problem = apply(edits) or build()
        if not problem and refused_by_proof():
            note = "and the launch itself refuses"
            problem = apply(edits + PROOFS) or build()
            edits = edits + PROOFS
        if problem:
            verdict, note = "broken", problem
        else:
            failed, ran = tests_fail(tests)
            if ran == 0:
                verdict, note = "broken", f"no test is called `{tests}`"
            elif not failed:
                verdict = "SURVIVED"
        restore(edits)
        results.append(verdict)
        print(f"{verdict:9} {name:45} {time.monotonic() - begun:5.0f} s  {note}", flush=True)
    killed = results.count("killed")
    print(f"{killed} of {len(results)} mutants killed, {results.count('SURVIVED')} survived, {results.count('broken')} broken")
    return 0 if killed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())

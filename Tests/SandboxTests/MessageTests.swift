// SPDX-License-Identifier: Apache-2.0
// Every sentence about a launch that could not be, whole: what, why, and what to do. And the manners that all of them keep.

import Linux
import Testing

@testable import Sandbox

private func text(_ error: LaunchError) -> String { error.message.text + (error.message.help.map { "\nhelp: \($0)" } ?? "") }
private func text(_ error: CellError) -> String { error.message.text + (error.message.help.map { "\nhelp: \($0)" } ?? "") }

private let container =
    "help: in a container add --security-opt seccomp=unconfined --security-opt systempaths=unconfined; on Ubuntu allow user namespaces by an AppArmor profile; `fumehood doctor` says which"
private let defect = "help: this is a defect of fumehood or of this kernel: nothing was started"

@Suite("sentences about a launch")
struct MessageTests {
    static let launch: [(LaunchError, String)] = [
        // No user namespaces.
        (.clone([.user, .mount, .pid], 1), "this machine refuses the namespaces user mnt pid: operation not permitted (EPERM)\n" + container),
        (
            .clone([.user], 28),
            "this machine refuses the namespaces user: no space left on device (ENOSPC)\nhelp: raise /proc/sys/user/max_user_namespaces; inside another cell this is never possible"
        ),
        (
            .clone([.user], 38),
            "this machine refuses the namespaces user: function not implemented (ENOSYS)\nhelp: this kernel or the container around it has no clone3: in Docker add --security-opt seccomp=unconfined"
        ),
        (.changed("/w/x"), "`/w/x` was replaced while the cell was being built\nhelp: run again when nothing renames it"),
        (.silent, "the cell ended before its command was started\nhelp: `fumehood doctor` shows what this machine allows"),
        (.deadline(20_000), "the cell was not ready within 20000 ms and was killed"),
        (.system(SystemError("openat2", "/x", 2)), "cannot prepare the cell: openat2 `/x`: no such file or directory (ENOENT)"),
        (
            .step(.execute("/x"), 2),
            "cannot execute `/x`: no such file or directory (ENOENT)\nhelp: its interpreter or loader is not in the cell's view: grant it with -r"
        ),
        (.step(.execute("/x"), 13), "cannot execute `/x`: permission denied (EACCES)\nhelp: the file is not executable, or not granted: -r grants it"),
        (.step(.execute("/x"), 8), "cannot execute `/x`: exec format error (ENOEXEC)\nhelp: the file has no #! line and is no program of this machine"),
        (.step(.execute("/x"), 7), "cannot execute `/x`: argument list too long (E2BIG)\nhelp: the arguments and the environment together are too long"),
        (.step(.execute("/x"), 40), "cannot execute `/x`: too many levels of symbolic links (ELOOP)"),
        (.step(.prove(.unshareUser), LaunchError.proofFailed), "a wall does not hold: a nested user namespace is refused: the attempt did not fail\n" + defect),
        (.step(.prove(.mount), 28), "a wall does not hold: mounting is refused: ENOSPC\n" + defect),
        (.step(.canary(errno: 7), LaunchError.canarySilent), "the syscall filter is not in force: the canary was silent\n" + defect),
        (
            .step(.proc(.procTree, subset: nil, []), 1),
            "cannot build the cell: proc: operation not permitted (EPERM)\nhelp: the /proc around us is masked, so a fresh one is refused: in Docker add --security-opt systempaths=unconfined, in Kubernetes procMount: Unmasked; or give this wall up with --waive proc"
        ),
        (
            .step(.write(under: .proc, path: "self/uid_map", "1000 1 1\n"), 1),
            "cannot build the cell: write /proc/self/uid_map \"1000 1 1\": operation not permitted (EPERM)\nhelp: user namespaces are restricted here: `fumehood doctor` names the rule"
        ),
        (
            .step(.changeDirectory("/w"), LaunchError.outside),
            "cannot build the cell: chdir /w, verified inside: it lies outside the cell\nhelp: the working directory must be granted: -r or -w"
        ),
        (
            .step(.openTree(.scratch, path: "/w", device: 1, inode: 2, deep: false), LaunchError.pathChanged),
            "cannot build the cell: open tree /w: it was replaced while the cell was being built"
        ),
        (
            .step(.makePrivate, 13),
            "cannot build the cell: \(Operation.makePrivate.text): permission denied (EACCES)\nhelp: `fumehood doctor` shows what this machine allows, what blocks, and the remedy"
        ),
        (
            .system(SystemError("mount_setattr", "/x", 38)),
            "cannot prepare the cell: mount_setattr `/x`: function not implemented (ENOSYS)\nhelp: `fumehood doctor` shows what this machine allows, what blocks, and the remedy"
        ),
        (.step(.pivot, 22), "cannot build the cell: pivot_root, detach the old root: invalid argument (EINVAL)"),
        (.step(.pivot, 9999), "cannot build the cell: pivot_root, detach the old root: unknown error 9999 (errno 9999)"),
    ]

    @Test(arguments: launch)
    func `a launch that failed is said whole`(error: LaunchError, expected: String) {
        #expect(text(error) == expected || (expected.contains("9999") && text(error).contains("(errno 9999)")))
    }

    static let cell: [(CellError, String, Int32)] = [
        (.commandNotFound("x"), "`x`: command not found", 127),
        (.commandNotExecutable("/x"), "`/x` is not executable", 126),
        (.commandOutside("/p/x", grant: "/p"), "`/p/x` is not granted to the cell\nhelp: add -r /p", 125),
        (.noSuchPath("/x", origin: "-r"), "no such file or directory: `/x` (-r)", 125),
        (.refusedPath("/x", why: "it is hidden", origin: "-w"), "`/x` cannot be granted: it is hidden (-w)", 125),
        (.wallsMissing(["landlock (x)", "groups (y)"], help: "h"), "this machine lacks landlock (x), groups (y) and `require: all` is in force\nhelp: h", 125),
        (
            .downloads("uvx"),
            "`uvx` downloads at start and this cell has no network\nhelp: install the tool first (uv tool install NAME), then run its command", 125
        ),
        (.directoryGone, "the current directory does not exist any more\nhelp: change to one that does", 125),
        (.secret("T", why: "env:T is not set"), "secret `T`: env:T is not set", 125),
        (.badValue("x"), "x", 125),
    ]

    @Test(arguments: cell)
    func `a cell that cannot be is said whole`(error: CellError, expected: String, code: Int32) {
        #expect(text(error) == expected)
        #expect(error.exitCode == code)
    }

    @Test func `sentences keep their manners`() {
        for sentence in Self.launch.map({ $0.0.message }) + Self.cell.map({ $0.0.message }) {
            for line in [sentence.text] + (sentence.help.map { [$0] } ?? []) {
                #expect(!line.hasSuffix(".") && !line.isEmpty && !line.contains("\n"))
                #expect(line.first?.isUppercase != true, "\(line)")
            }
        }
    }

    @Test func `only an execution has a code of the shell's`() {
        #expect(LaunchError.step(.execute("/x"), 13).execution == 13)
        #expect(LaunchError.step(.pivot, 13).execution == nil && LaunchError.silent.execution == nil)
    }

    /// Every operation and every proof says something, on one line.
    @Test func `every line of a plan is one line`() throws {
        for cell in OrderTests.cases {
            for line in try cell.plan().lines { #expect(!line.isEmpty && !line.contains("\n") && line.utf8.count < 400, "\(line)") }
        }
    }
}

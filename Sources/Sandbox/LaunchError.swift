// SPDX-License-Identifier: Apache-2.0
// Everything that can go wrong with a launch, and the one place where it becomes a sentence with its remedy.

import Glibc
package import Linux

package enum LaunchError: Error, Equatable, Sendable {
    /// The parent's own part.
    case system(SystemError)
    /// The clone was refused: namespaces are not to be had here.
    case clone(Namespaces, Int32)
    /// A path no longer names the file that was planned.
    case changed(String)
    /// An operation in the child.
    case step(Operation, Int32)
    /// The child went away without a word.
    case silent
    /// The cell was not ready in time. Milliseconds.
    case deadline(Int)

    /// Whether the command itself could not be executed: its errno.
    package var execution: Int32? {
        if case .step(.execute, let code) = self { code } else { nil }
    }

    /// One sentence, and a remedy if there is one.
    package var message: (text: String, help: String?) {
        switch self {
        case .system(let error):
            return ("cannot prepare the cell: \(error.message)", LaunchError.surroundings(error.code))
        case .clone(let namespaces, let code):
            return ("this machine refuses the namespaces \(namespaces.words): \(errnoText(code)) (\(errnoName(code)))", LaunchError.namespaceHelp(code))
        case .changed(let path):
            return ("`\(path)` was replaced while the cell was being built", "run again when nothing renames it")
        case .silent:
            return ("the cell ended before its command was started", "`fumehood doctor` shows what this machine allows")
        case .deadline(let milliseconds):
            return ("the cell was not ready within \(milliseconds) ms and was killed", nil)
        case .step(.execute(let path), let code):
            return ("cannot execute `\(path)`: \(errnoText(code)) (\(errnoName(code)))", LaunchError.executeHelp(code))
        case .step(.prove(let proof), let code):
            let reason = code == LaunchError.proofFailed ? "the attempt did not fail" : errnoName(code)
            return ("a wall does not hold: \(proof.text): \(reason)", "this is a defect of fumehood or of this kernel: nothing was started")
        case .step(.canary, _):
            return ("the syscall filter is not in force: the canary was silent", "this is a defect of fumehood or of this kernel: nothing was started")
        case .step(let operation, let code):
            let reason =
                switch code {
                case LaunchError.pathChanged: "it was replaced while the cell was being built"
                case LaunchError.outside: "it lies outside the cell"
                default: "\(errnoText(code)) (\(errnoName(code)))"
                }
            return ("cannot build the cell: \(operation.text): \(reason)", LaunchError.help(operation, code))
        }
    }

    /// Codes of the interpreter that are no errno: CL_ERROR_* in clinux.h.
    package static let proofFailed: Int32 = 4097
    package static let canarySilent: Int32 = 4098
    package static let pathChanged: Int32 = 4099
    package static let outside: Int32 = 4100

    private static func namespaceHelp(_ code: Int32) -> String {
        switch code {
        case ENOSPC: "raise /proc/sys/user/max_user_namespaces; inside another cell this is never possible"
        case ENOSYS: "this kernel or the container around it has no clone3: in Docker add --security-opt seccomp=unconfined"
        case EAGAIN, ENOMEM, EMFILE: scarcity(code) ?? ""
        default:
            "in a container add --security-opt seccomp=unconfined --security-opt systempaths=unconfined; on Ubuntu allow user namespaces by an AppArmor profile; `fumehood doctor` says which"
        }
    }

    private static func executeHelp(_ code: Int32) -> String? {
        switch code {
        case ENOENT: "its interpreter or loader is not in the cell's view: grant it with -r"
        case EACCES: "the file is not executable, or not granted: -r grants it"
        case ENOEXEC: "the file has no #! line and is no program of this machine"
        case E2BIG: "the arguments and the environment together are too long"
        default: nil
        }
    }

    private static func help(_ operation: Operation, _ code: Int32) -> String? {
        switch operation {
        case .proc where code == EPERM:
            "the /proc around us is masked, so a fresh one is refused: in Docker add --security-opt systempaths=unconfined, in Kubernetes procMount: Unmasked; or give this wall up with --waive proc"
        case .write(_, let path, _) where path.hasSuffix("uid_map") || path.hasSuffix("gid_map") || path.hasSuffix("setgroups"):
            "user namespaces are restricted here: `fumehood doctor` names the rule"
        case .changeDirectory: "the working directory must be granted: -r or -w"
        default: surroundings(code)
        }
    }

    /// What a container's filter or a security module answers, to whichever call of a launch.
    private static func surroundings(_ code: Int32) -> String? {
        [EPERM, EACCES, ENOSYS].contains(code) ? "`fumehood doctor` shows what this machine allows, what blocks, and the remedy" : scarcity(code)
    }

    /// What the caller's own limits take from us.
    package static func scarcity(_ code: Int32) -> String? {
        switch code {
        case EMFILE: "this shell allows too few open files: `ulimit -n 256` or more; `ulimit -n` shows it"
        case ENFILE: "the machine has no open files left: /proc/sys/fs/file-max"
        case EAGAIN: "this user may have no more processes (`ulimit -u` shows how many), or the machine has none left (/proc/sys/kernel/pid_max)"
        case ENOMEM: "memory is scarce, or this shell allows too little (`ulimit -v`, `ulimit -l`)"
        case EFBIG: "this shell allows only small files: `ulimit -f unlimited`"
        default: nil
        }
    }
}

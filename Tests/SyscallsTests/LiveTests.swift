// SPDX-License-Identifier: Apache-2.0
//
// The filter in the kernel: loaded into a process of its own (an exit test), whose calls are then answered as the model says.
// Denials are errnos here, as nobody listens.

import Glibc
import Testing

@testable import Syscalls

/// Loads a program into the calling thread; everything after it runs on that thread.
private func load(_ program: [BPFInstruction]) -> Bool {
    // prctl(PR_SET_NO_NEW_PRIVS, 1)
    guard Kernel.call(157, 38, 1) == 0 else { return false }
    return unsafe program.withUnsafeBufferPointer { instructions in
        // struct sock_fprog: length and pointer.
        let fprog = [UInt(instructions.count), UInt(bitPattern: instructions.baseAddress)]
        return unsafe fprog.withUnsafeBufferPointer { Kernel.call(317, 1, 0, UInt(bitPattern: $0.baseAddress)) == 0 }
    }
}

private func expectAnswers(_ expected: [(Int, Int)]) {
    for (index, pair) in expected.enumerated() where pair.0 != pair.1 { _exit(Int32(10 + index)) }
}

@Suite(.enabled(if: Architecture.native == .x86_64, "the live tests call x86_64 numbers")) struct LiveTests {
    @Test func `the kernel answers as the model says`() async {
        await #expect(processExitsWith: .success) {
            let filter = SyscallFilter(SyscallPolicy(families: [.spawn], denials: .errno))
            let cookie = ExecCookie(0x0123_4567_89AB_CDEF)!
            guard load(filter.program(admitting: cookie)) else { _exit(9) }
            let high: UInt = 1 << 32
            expectAnswers([
                (Kernel.call(0x2C0_FFEE), -Int(filter.canary)),  // the canary
                (Kernel.call(0x2C0_FFEF), -38),
                (Kernel.call(-1), -38),
                (Kernel.call(39) > 0 ? 0 : 1, 0),  // getpid
                (Kernel.call(41, 40, 1), -97),  // socket(AF_VSOCK)
                (Kernel.call(41, high | 40, 1), -97),
                (Kernel.call(41, 2, 1), -97),
                (Kernel.call(435, 0, 0), -38),  // clone3
                (Kernel.call(425, 1, 0), -38),  // io_uring_setup
                (Kernel.call(272, 0x1000_0000), -1),  // unshare(CLONE_NEWUSER)
                (Kernel.call(272, high | 0x1000_0000), -1),
                (Kernel.call(101, 0), -1),  // ptrace(PTRACE_TRACEME)
                (Kernel.call(16, 0, 0x5412, 0), -1),  // ioctl(TIOCSTI)
                (Kernel.call(16, 0, high | 0x5412, 0), -1),
                (Kernel.call(62, 1, 0), -1),  // kill(1, 0)
                (Kernel.call(302, 1, 7, 0, 0), -1),  // prlimit64(1)
                (Kernel.call(302, 0, 7, 0, 0), 0),
                (Kernel.call(157, 35, 0), -1),  // prctl(PR_SET_MM)
                (Kernel.call(157, high | 39), 1),  // prctl(PR_GET_NO_NEW_PRIVS)
                (Kernel.call(59, 0, 0, 0), -1),  // execve
                (Kernel.call(322, 0, 0, 0, 0, 0, 0), -1),  // execveat without the cookie
                (Kernel.call(322, 0, 0, 0, 0, 0, UInt(cookie.value) ^ 1), -1),
                (Kernel.call(322, 0, 0, 0, 0, 0, UInt(cookie.value)), -14),  // with it: the kernel looks at the path, EFAULT
                (Kernel.call(334), -22),  // rseq is allowed, and complains itself
            ])
            _exit(0)
        }
    }

    @Test func `x32 is killed with SIGSYS`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            let filter = SyscallFilter(SyscallPolicy(denials: .errno))
            guard load(filter.program(admitting: ExecCookie(7)!)) else { _exit(9) }
            _ = Kernel.call(0x4000_0000 | 39)
            _exit(0)
        }
    }

    @Test func `paranoid kills a forbidden call`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            let filter = SyscallFilter(SyscallPolicy(denials: .errno, paranoid: true))
            guard load(filter.program(admitting: ExecCookie(7)!)) else { _exit(9) }
            _ = Kernel.call(101, 0)
            _exit(0)
        }
    }

    @Test func `PID 1's filter leaves waiting and takes opening`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            let filter = SyscallFilter.cellInit()
            guard load(filter.program(admitting: ExecCookie(7)!)) else { _exit(9) }
            expectAnswers([(Kernel.call(0x2C0_FFEE), -Int(filter.canary)), (Kernel.call(61, 0, 0, 1, 0), -10)])
            _ = Kernel.call(2, 0, 0)
            _exit(0)
        }
    }
}

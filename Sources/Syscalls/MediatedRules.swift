// SPDX-License-Identifier: Apache-2.0
//
// What changes where the supervisor connects for the cell. A socket that was handed in is one of the host's network: whatever could make it
// lead elsewhere comes to the supervisor (connect, and shutdown, which dissolves a connection that is being made) or is refused by its flags
// (MSG_FASTOPEN connects in a send). What a send's address is lies behind a pointer: only that there is one is seen, and the network namespace
// decides. Source: inet_stream_connect, inet_shutdown and tcp_sendmsg_fastopen of the kernel.

extension SyscallPolicy {
    private static let fastOpen: UInt32 = 0x2000_0000

    /// A handed-in socket whose connection was reset could be bound to a port of the host's. Unix sockets are bound in the cell's own view, where
    /// the supervisor is not: with them granted, binding stays the cell's.
    func mediates(_ syscall: Syscall) -> Bool {
        syscall == .connect || syscall == .shutdown || syscall == .bind && !families.contains(.unixSocket)
    }

    func mediatedRule(_ syscall: Syscall) -> Rule? {
        switch syscall {
        case .sendto:
            // The address is the fifth argument: with one, the call is seen on its way.
            let none = Condition(4, in: [0])
            let noneAbove = Condition(argument: 4, high: true, ranges: [WordRange(0, 0)])
            return Rule([opening(3), Case([none, noneAbove], .allowed)], otherwise: .mediated)
        case .sendmsg: return Rule([opening(2)], otherwise: .allowed)
        case .sendmmsg: return Rule([opening(3)], otherwise: .allowed)
        default: return nil
        }
    }

    private func opening(_ flags: UInt8) -> Case {
        Case([Condition(flags, mask: SyscallPolicy.fastOpen, in: [SyscallPolicy.fastOpen])], Outcome(.errno(Errno.notSupported), .item))
    }
}

// SPDX-License-Identifier: Apache-2.0
// The book of denials: one entry for each kind of call, counted, bounded however hard a cell tries, and always an errno.

import Events
import Syscalls
import Testing

@testable import Linux
@testable import Session

private func trap(_ number: Int32, _ arguments: UInt64...) -> Trap {
    Trap(
        id: 1, thread: 2, number: number, architecture: Architecture.native.auditIdentity,
        arguments: arguments + Array(repeating: 0, count: 6 - arguments.count))
}

private let socket: Int32 = 41, unshare: Int32 = 272, ptrace: Int32 = 101, ioctl: Int32 = 16

@Suite("the book of denials")
struct DenialBookTests {
    private func book() -> DenialBook { DenialBook(SyscallPolicy(), canary: 77, seed: 42) }

    @Test func `calls of one kind are counted together in the order of the first`() {
        var book = book()
        for _ in 0..<3 { _ = book.answer(trap(socket, 2, 1)) }
        _ = book.answer(trap(unshare, 0x1000_0000))
        _ = book.answer(trap(socket, 2, 1, 6))
        #expect(book.denials.map(\.what) == ["socket(AF_INET, SOCK_STREAM)", "unshare(CLONE_NEWUSER)"])
        #expect(book.denials.map(\.count) == [4, 1])
        #expect(book.denials[0].remedy == "add --net ...")
        #expect(Set(book.denials.map(\.id)).count == 2)
    }

    @Test(arguments: [(socket, [2, 1]), (unshare, [0x1000_0000]), (ptrace, [16, 1]), (9999, []), (-1, [])] as [(Int32, [UInt64])])
    func `every call gets an errno, the same each time`(number: Int32, arguments: [UInt64]) {
        var book = book()
        let call = Trap(
            id: 1, thread: 2, number: number, architecture: Architecture.native.auditIdentity,
            arguments: arguments + Array(repeating: 0, count: 6 - arguments.count))
        let code = book.answer(call)
        #expect((1...4095).contains(code))
        #expect(book.answer(call) == code)
    }

    @Test func `pointers do not make new kinds`() {
        var book = book()
        for address in 0..<10_000 as Range<UInt64> { _ = book.answer(trap(165, 0x7f00_0000_0000 + address * 64, 0x7f10_0000_0000 + address)) }  // mount
        #expect(book.denials.count == 1)
        #expect(book.denials[0].count == 10_000)
    }

    @Test func `kinds without end are counted in one last entry`() {
        var book = book()
        for request in 0..<5000 as Range<UInt64> { _ = book.answer(trap(ioctl, 0, 0x7000_0000 + request)) }
        let denials = book.denials
        #expect(denials.count == DenialBook.capacity + 1)
        #expect(denials.last?.what == "other calls")
        #expect(denials.reduce(0) { $0 + $1.count } == 5000)
        #expect(Set(denials.map(\.id)).count == denials.count)
    }

    @Test func `only new kinds are news`() {
        var book = book()
        _ = book.answer(trap(socket, 2, 1))
        #expect(book.takeNew().map(\.what) == ["socket(AF_INET, SOCK_STREAM)"])
        _ = book.answer(trap(socket, 2, 1))
        #expect(book.takeNew().isEmpty)
        _ = book.answer(trap(unshare, 0x1000_0000))
        #expect(book.takeNew().map(\.what) == ["unshare(CLONE_NEWUSER)"])
        #expect(book.denials.count == 2)
    }
}

// SPDX-License-Identifier: Apache-2.0
// Both ends of a cell's standard streams, before the clone: pipes of ours, or one terminal of ours for all three. Never
// the caller's own files: a file given as stdin could be opened again for writing through /proc/self/fd/0.

package import Linux

package struct CellEnds: ~Copyable {
    private var inputPipe: Pipe
    private var outputPipe: Pipe
    private var errorPipe: Pipe
    private let terminal: Bool
    /// The command's end of the socket at which it asks the door; the caller's, -1 for none.
    let door: Int32

    /// - Parameter terminal: the cell makes its terminal itself, and its master comes by the control socket: the pipes are not used.
    package init(terminal: Bool = false, door: Int32 = -1) throws(SystemError) {
        self.terminal = terminal
        self.door = door
        let input = try Pipe()
        let output = try Pipe()
        let errors = try Pipe()
        inputPipe = input
        outputPipe = output
        errorPipe = errors
    }

    /// What the cell gets.
    var inner: (input: Int32, output: Int32, errors: Int32) {
        terminal ? (-1, -1, -1) : (inputPipe.read.number, outputPipe.write.number, errorPipe.write.number)
    }

    /// As root: /dev/stdout and its like are opened by the cell's own user.
    borrowing func give(to user: UInt32, _ group: UInt32) throws(SystemError) {
        try Files.changeOwner(of: inputPipe.read, to: user, group)
        try Files.changeOwner(of: outputPipe.write, to: user, group)
        try Files.changeOwner(of: errorPipe.write, to: user, group)
    }

    /// What we keep; the cell's ends are closed here.
    consuming func outer() -> Streams {
        terminal ? Streams() : Streams(input: inputPipe.keepWrite(), output: outputPipe.keepRead(), errors: errorPipe.keepRead())
    }
}

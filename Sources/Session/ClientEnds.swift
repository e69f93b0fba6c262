// SPDX-License-Identifier: Apache-2.0
// Whose standard streams a cell's are joined to: this process's own, or those of a process that handed them over. Numbers only: whoever made
// this keeps the files open as long as the cell has them.

import Glibc
package import Linux

package struct ClientEnds: Sendable {
    package let input: Int32
    package let output: Int32
    package let errors: Int32

    package init(input: Int32, output: Int32, errors: Int32) { (self.input, self.output, self.errors) = (input, output, errors) }

    /// Our own.
    package static let standard = ClientEnds(input: 0, output: 1, errors: 2)
}

/// Three files that another process handed over.
package final class HandedEnds {
    private let files: [HandedFile]

    /// One open file in a list.
    private final class HandedFile {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    /// Takes the first three.
    /// - Parameter isSuspect: they come from inside a cell. What could keep us waiting in a read or write is refused then.
    /// - Returns: nil where they are not there, or refused.
    package init?(_ received: ReceivedFiles, isSuspect: Bool) {
        var files: [HandedFile] = []
        for place in 0..<3 {
            guard let file = received.take(place), let status = try? FileStatus(of: file) else { return nil }
            if isSuspect, !HandedEnds.isHarmless(status) { return nil }
            // Another process may read from the same pipe what was seen waiting: ours must not wait in a read, whatever the pipe's flags are.
            if place == 0, status.kind == .fifo {
                if let again = HandedEnds.opened(file.number, status) {
                    files.append(HandedFile(again))
                    continue
                }
                if isSuspect { return nil }
            }
            files.append(HandedFile(file))
        }
        self.files = files
    }

    /// Pipes, sockets and files; of devices /dev/null alone.
    private static func isHarmless(_ status: FileStatus) -> Bool {
        switch status.kind {
        case .fifo, .socket, .regular: true
        case .characterDevice: status.rawDevice == 1 << 8 | 3
        default: false
        }
    }

    /// The same pipe with an open file of our own, which does not block.
    private static func opened(_ number: Int32, _ status: FileStatus) -> Descriptor? {
        guard let again = try? Files.open("/proc/self/fd/\(number)", O_RDONLY | O_NONBLOCK), let now = try? FileStatus(of: again),
            now.device == status.device, now.inode == status.inode
        else { return nil }
        return again
    }

    package var ends: ClientEnds {
        ClientEnds(input: files[0].descriptor.number, output: files[1].descriptor.number, errors: files[2].descriptor.number)
    }
}

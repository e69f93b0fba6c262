// SPDX-License-Identifier: Apache-2.0
// One direction of a cell's standard streams: a source, a sink, and never more than one of them waited for. Bytes are
// spliced inside the kernel where that is possible, counted always, and made harmless where the sink is a terminal.
// Owns neither descriptor. What to wait for next is the return value of `pump`; the loop does the waiting.

import Linux

struct Relay {
    enum Waiting: Equatable { case source, sink, finished }

    let source: Int32
    let sink: Int32
    /// Bytes that passed.
    private(set) var count: UInt64 = 0
    /// Bytes that may still pass before ``exceeded``.
    private(set) var allowance: UInt64
    private(set) var exceeded = false
    /// The reader of the sink went away: the cell should notice as it would without us.
    private(set) var sinkClosed = false

    private var filter: TerminalFilter?
    private var splices: Bool
    private var pending: ArraySlice<UInt8> = []
    private var atEnd = false
    private var widened = false
    private let chunk: Int

    /// - Parameter allowance: the most bytes that may pass; nil for any number.
    init(from source: Int32, to sink: Int32, filtered: Bool, allowance: UInt64?) {
        self.source = source
        self.sink = sink
        self.allowance = allowance ?? .max
        filter = filtered ? TerminalFilter() : nil
        splices = !filtered
        // A terminal or socket that is ready may still block on a large write; a pipe is spliced and cannot.
        chunk = Transfer.isPipe(sink) ? 64 * 1024 : 4096
    }

    /// Moves what can be moved now.
    /// - Parameter limit: bytes after which other work gets its turn.
    mutating func pump(limit: Int = 4 << 20) -> Waiting {
        var moved = 0
        while moved < limit {
            if !pending.isEmpty {
                switch Transfer.write(pending.prefix(chunk), to: sink) {
                case .moved(let n): pending = pending.dropFirst(n)
                case .wouldBlock: return .sink
                default: return closeSink()
                }
                continue
            }
            if atEnd || exceeded { return .finished }
            let room = Int(min(allowance &+ (allowance == .max ? 0 : 1), 1 << 20))
            var result: Transfer.Result
            if splices {
                result = Transfer.splice(from: source, to: sink, atMost: room)
                if result == .unsupported {
                    splices = false
                    continue
                }
            } else {
                var buffer: [UInt8] = []
                result = Transfer.read(source, into: &buffer, atMost: min(room, 64 * 1024))
                if case .moved(let n) = result {
                    let admitted = allowance == .max ? n : min(n, Int(min(allowance, UInt64(Int.max))))
                    let part = buffer[..<admitted]
                    pending = filter == nil ? part : filter!.pass(part)[...]
                }
            }
            switch result {
            case .moved(let n):
                count += UInt64(n)
                moved += n
                if n >= 64 * 1024 && splices && !widened { widen() }
                if allowance != .max {
                    if UInt64(n) > allowance { exceeded = true }
                    allowance -= min(allowance, UInt64(n))
                }
                // A short read empties a pipe: the next attempt would only say so.
            case .wouldBlock:
                return splices && Transfer.isReadable(source) ? .sink : .source
            case .ended:
                atEnd = true
                if let rest = filter?.finish(), !rest.isEmpty { pending = rest[...] }
            case .sinkClosed: return closeSink()
            default: return closeSink()
            }
        }
        return .source
    }

    private mutating func closeSink() -> Waiting {
        sinkClosed = true
        pending = []
        return .finished
    }

    /// Large transfers get large pipes: a quarter of the wake-ups. Small ones never pay for it.
    private mutating func widen() {
        widened = true
        for end in [source, sink] where Transfer.isPipe(end) { Transfer.widen(end, to: 1 << 20) }
    }
}

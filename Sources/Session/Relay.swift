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
    /// There was more than the allowance of the last pump.
    private(set) var exceeded = false
    /// The reader of the sink went away: the cell should notice as it would without us.
    private(set) var sinkClosed = false
    /// What ended the relay before its time, such as ENOSPC: bytes are lost, and that must be said.
    private(set) var failure: Int32?

    private var filter: TerminalFilter?
    private var splices: Bool
    private var pending: ArraySlice<UInt8> = []
    private var atEnd = false
    private var widened = false
    private let chunk: Int
    /// The source is a terminal, a socket or a device, and blocks: it is the caller's, and others use it as it is.
    private let asksFirst: Bool

    init(from source: Int32, to sink: Int32, filtered: Bool) {
        self.source = source
        self.sink = sink
        filter = filtered ? TerminalFilter() : nil
        splices = !filtered
        asksFirst = !Transfer.isPipe(source)
        // A terminal or socket that is ready may still block on a large write; a pipe is spliced and cannot.
        chunk = Transfer.isPipe(sink) ? 64 * 1024 : 4096
    }

    /// Moves what can be moved now.
    /// - Parameters:
    ///   - allowance: the most bytes that may pass; what comes after them is not passed, and ``exceeded`` says so.
    ///   - limit: bytes after which other work gets its turn.
    mutating func pump(allowance: UInt64 = .max, limit: Int = 4 << 20) -> Waiting {
        var moved = 0
        while moved < limit {
            if !pending.isEmpty {
                switch Transfer.write(pending.prefix(chunk), to: sink) {
                case .moved(let n): pending = pending.dropFirst(n)
                case .wouldBlock: return .sink
                case .failed(let code):
                    failure = code
                    return closeSink()
                default: return closeSink()
                }
                continue
            }
            if atEnd || exceeded { return .finished }
            if asksFirst && !Transfer.isReadable(source) { return .source }
            let room = Int(min(allowance - min(allowance, UInt64(moved)), 1 << 20))
            if room == 0 {
                var surplus: [UInt8] = []
                switch Transfer.read(source, into: &surplus, atMost: 1) {
                case .moved: exceeded = true
                case .wouldBlock: return .source
                default: atEnd = true
                }
                continue
            }
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
                if case .moved = result { pending = filter == nil ? buffer[...] : filter!.pass(buffer[...])[...] }
            }
            switch result {
            case .moved(let n):
                count += UInt64(n)
                moved += n
                if n >= 64 * 1024 && splices && !widened { widen() }
            case .wouldBlock:
                return splices && Transfer.isReadable(source) ? .sink : .source
            case .ended:
                atEnd = true
                if let rest = filter?.finish(), !rest.isEmpty { pending = rest[...] }
            case .failed(let code):
                failure = code
                return closeSink()
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

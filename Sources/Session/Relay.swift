// SPDX-License-Identifier: Apache-2.0
// One direction of a cell's standard streams: a source, a sink, and never more than one of them waited for. Bytes are
// spliced inside the kernel where that is possible, counted always, and made harmless where the sink is a terminal.
// Owns no descriptor. What to wait for next is the return value of `pump`; the loop does the waiting.

import Linux

struct Relay {
    enum Waiting: Equatable { case source, sink, finished }

    let source: Int32
    let outlet: Outlet
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
    /// What was read, made once and only where nothing is spliced; what is to be written, the same without a filter.
    private var raw: [UInt8] = []
    private var buffer: [UInt8] = []
    /// The part of ``buffer`` that has not passed yet.
    private var pending = 0..<0
    private var atEnd = false
    private var widened = false
    /// The source is a terminal, a socket or a device, and blocks: it is the caller's, and others use it as it is.
    private let asksFirst: Bool
    private let receives: Bool

    /// Bytes that one turn moves at most.
    static let turn = 4 << 20

    var sink: Int32 { outlet.number }

    /// - Parameter screen: what is filtered may use the whole screen: the source is a terminal of a cell's own.
    init(from source: Int32, to outlet: Outlet, filtered: Bool, screen: Bool = false) {
        self.source = source
        self.outlet = outlet
        filter = filtered ? TerminalFilter(screen: screen) : nil
        let kind = (try? FileStatus(of: source))?.kind
        receives = kind == .socket
        // A splice from a socket waits by the socket's own flags, whatever the splice's are.
        splices = !filtered && outlet.takesSplices && !receives
        asksFirst = kind != .fifo
    }

    init(from source: Int32, to sink: Int32, filtered: Bool) { self.init(from: source, to: Outlet(sink), filtered: filtered) }

    /// Moves what can be moved now.
    /// - Parameters:
    ///   - allowance: the most bytes that may pass; what comes after them is not passed, and ``exceeded`` says so.
    ///   - limit: bytes after which other work gets its turn.
    mutating func pump(allowance: UInt64 = .max, limit: Int = Relay.turn) -> Waiting {
        var moved = 0
        while moved < limit {
            if !pending.isEmpty {
                switch outlet.write(buffer[pending]) {
                case .moved(let n): pending = pending.lowerBound + n..<pending.upperBound
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
            let room = Int(min(allowance - min(allowance, UInt64(moved)), 1 << 20, UInt64(limit - moved)))
            if room == 0 {
                var surplus: [UInt8] = [0]
                switch Transfer.read(source, into: &surplus, atMost: 1, receives: receives) {
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
                result = read(room)
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
                if let rest = filter?.finish(), !rest.isEmpty { (buffer, pending) = (rest, 0..<rest.count) }
            case .failed(let code):
                failure = code
                return closeSink()
            default: return closeSink()
            }
        }
        return .source
    }

    /// To be written at the next turn.
    private mutating func read(_ room: Int) -> Transfer.Result {
        // One owner while it is read into, or it would be copied.
        var bytes = filter == nil ? buffer : raw
        (buffer, raw) = ([], [])
        if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: 64 * 1024) }
        let result = Transfer.read(source, into: &bytes, atMost: room, receives: receives)
        guard case .moved(let n) = result else {
            if filter == nil { buffer = bytes } else { raw = bytes }
            return result
        }
        if filter == nil {
            buffer = bytes
            pending = 0..<n
        } else {
            buffer = filter!.pass(bytes[0..<n])
            raw = bytes
            pending = 0..<buffer.count
        }
        return result
    }

    /// What puts the terminal back that the cell has left in some state.
    var restoration: [UInt8] { filter?.restoration ?? [] }

    private mutating func closeSink() -> Waiting {
        sinkClosed = true
        pending = 0..<0
        return .finished
    }

    /// Large transfers get large pipes: a quarter of the wake-ups. Small ones never pay for it.
    private mutating func widen() {
        widened = true
        for end in [source, sink] where Transfer.isPipe(end) { Transfer.widen(end, to: 1 << 20) }
    }
}

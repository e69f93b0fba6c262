// SPDX-License-Identifier: Apache-2.0
// The seam between a running cell and whoever speaks with it: the supervisor's loop waits, and asks the handler when a
// descriptor that it watches is ready, when the time has come that it named, when a signal is its own. `fumehood run` relays
// the caller's streams (RelayedStreams); a program that speaks a protocol with the cell puts its own handler there.
// Everything happens on the loop's thread. A handler never waits by itself: deadlines would wait with it.

package import Events
package import Linux
package import Sandbox

/// What a handler may ask of the loop.
package protocol StreamLoop: AnyObject {
    /// Waits for a descriptor, under a key of the handler's own (from 0, small). Again with the same descriptor changes nothing;
    /// with another one, the first is forgotten. What the kernel cannot wait for (a regular file) counts as always ready.
    func watch(_ number: Int32, _ interest: Epoll.Interest, key: Int)

    /// Waits for it no more. To be called before the descriptor is closed.
    func unwatch(key: Int)

    /// The next moment at which ``StandardStreams/due()`` is asked for; nanoseconds of CLOCK_MONOTONIC, nil for none.
    func wake(at moment: UInt64?)

    /// The processor time of the cell so far, in microseconds; nil where nobody counts it.
    var processorMicroseconds: Int64? { get }

    /// Sends the command a signal.
    func signal(_ signal: Int32)

    /// Ends the cell for this cause. Where it has ended by itself nothing changes, unless its output is lost.
    func end(_ cause: Cause, isLoss: Bool)

    /// ``StandardStreams/isDrained`` may have become true.
    func drained()
}

/// Who handles a cell's standard streams while it runs. One object serves one cell.
package protocol StandardStreams: AnyObject {
    /// Signals that it wants to hear of, besides those that the supervisor passes on to the command.
    var signals: [Int32] { get }

    /// A socket that the command gets beside its standard streams: our copy of its end, and the number that it has there, which is kept free.
    var door: (source: Int32, number: Int32)? { get }

    /// The cell's ends are there. They do not block. The command does not run yet.
    func begin(_ streams: consuming Streams, on loop: any StreamLoop)

    /// The command runs. Before, nothing is to be written to it: a launch that fails may be tried anew.
    func launched()

    /// A descriptor that was watched is ready.
    func ready(key: Int, _ events: Epoll.Interest)

    /// The moment that was named has come.
    func due()

    /// A signal came. - Returns: whether it was the handler's own; else the command gets it.
    func take(_ signal: Int32) -> Bool

    /// Whether what passes is short messages that wait for one another: then the loop may look for the next before it sleeps.
    var lingers: Bool { get }

    /// Whether nothing that the cell wrote is on its way any more. The run is over when the cell has ended and this is true.
    var isDrained: Bool { get }

    /// Bytes that went into the cell and came out of it.
    var passed: (into: UInt64, out: UInt64) { get }

    /// How fast what the cell writes is read from now on: at most so many bytes a turn, 0 for nothing, nil for all there is. Called
    /// again as time passes; a handler that goes by it reads on when it may.
    func pace(bytesPerTurn: Int?)

    /// Nothing of the cell is left, and nobody is asked any more.
    func end()
}

extension StandardStreams {
    package var signals: [Int32] { [] }
    package var lingers: Bool { false }
    package var door: (source: Int32, number: Int32)? { nil }
    package func due() {}
    package func pace(bytesPerTurn: Int?) {}
    package func take(_ signal: Int32) -> Bool { false }
    package func end() {}
}

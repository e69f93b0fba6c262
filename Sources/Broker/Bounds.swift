// SPDX-License-Identifier: Apache-2.0
//
// Every bound of the exchange with its number. They are safety boundaries: an honest peer meets none of them.

/// What one peer may make us hold or do.
public struct Bounds: Sendable {
    /// Greatest length of one line, its line feed left out, in bytes.
    public var lineBytes = 16 << 20
    /// Greatest depth of a message.
    public var depth = 96
    /// Greatest number of values in one message, those inside others counted too.
    public var values = 1 << 17
    /// Greatest length of an id or a progress token that is a string, in bytes.
    public var idBytes = 1024
    /// Messages of one batch.
    public var batch = 256
    /// Requests of the client that wait for their end; while there are so many, no more of the client's input is wanted.
    public var inFlight = 1024
    /// Bytes of those requests together; they are kept until their end.
    public var inFlightBytes = 8 << 20
    /// Requests of the server that wait for the client's answer; more are refused.
    public var serverRequests = 64
    /// Bytes that wait to be written to one side; while there are more, no more of the other side's input is wanted.
    public var waitingBytes = 1 << 20
    /// Greatest length of a result as it is passed on, in bytes; a longer one becomes an error.
    public var resultBytes = 8 << 20
    /// Tools of one server; what comes after them is left out of the list.
    public var tools = 4096
    /// Pages that we ask for when we list tools ourselves.
    public var pages = 128
    /// Questions of the server to the client (`input_required`) that wait for their retry; the oldest is forgotten.
    public var openInputs = 256
    /// Notes that wait to be taken; more are counted only.
    public var notes = 64

    public init() {}
}

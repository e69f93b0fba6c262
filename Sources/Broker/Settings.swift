// SPDX-License-Identifier: Apache-2.0
//
// What one exchange is told when it is made.

public import Events
public import Governance

/// A folder of the cell, as a server may be told of it.
public struct Root: Sendable, Hashable {
    /// A `file://` URI.
    public var uri: String
    public var name: String

    public init(uri: String, name: String) {
        self.uri = uri
        self.name = name
    }
}

public struct ExchangeSettings: Sendable {
    /// The server's id, `[a-z0-9-]+`: in actions, resources and messages.
    public var server: String
    public var bounds = Bounds()
    /// Nanoseconds that one call may take; nil for any time.
    public var callTimeout: Int64?
    public var pins = Pins()
    /// What `roots/list` is answered with.
    public var roots: [Root] = []
    /// Who asks, and from which cell the answer comes.
    public var principal: Principal
    public var cell: CellID?
    /// Which account pays for calls; nil where nothing is counted.
    public var account: String?
    /// What a call reserves of dimensions that are counted while it runs or reported when it has ended, and again when it has used it up.
    public var slices: [Cost] = []
    /// Tools whose calls go while their records are on the way to the disk.
    public var fast: Set<String> = []
    /// The greatest `maxTokens` that sampling is passed on with.
    public var samplingTokens: Int64 = 4096
    /// What call ids begin with; random, so that ids of two runs differ.
    public var seed: UInt32
    /// SHA-256.
    public var sha256: @Sendable ([UInt8]) -> [UInt8]

    public init(server: String, principal: Principal, seed: UInt32, sha256: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.server = server
        self.principal = principal
        self.seed = seed
        self.sha256 = sha256
    }
}

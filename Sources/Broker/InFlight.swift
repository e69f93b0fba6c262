// SPDX-License-Identifier: Apache-2.0
//
// Which tools the server is at work on: for whoever notes what a call needs of the system. An answer that is on its way in the pipe counts as
// work still; between reading it and writing it to the client nothing is attributed to anybody.

extension Exchange {
    /// Names of tools whose calls the server has, and has not answered; each once, sorted.
    public var toolsInFlight: [String] {
        if calls.isEmpty { return [] }
        var names: Set<String> = []
        for call in calls.values where call.isSent { if let tool = call.tool { names.insert(tool.name) } }
        return names.sorted()
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// tools.lock: first use pins, a change is offered and not taken, a person's acceptance is what pins it.

import JSON
import Testing

@testable import Broker

@Suite("tools.lock")
struct LockTests {
    static let one = String(repeating: "a", count: 64)
    static let other = String(repeating: "b", count: 64)

    @Test func `first use pins, a change is offered, acceptance takes it`() throws {
        var lock = ToolsLock()
        lock.take([Pin(tool: "t", digest: Self.one, definition: ["name": "t"])], of: "srv")
        #expect(lock.pins(of: "srv").digests == ["t": Self.one])
        lock.take([Pin(tool: "t", digest: Self.other, definition: ["name": "t", "title": "x"])], of: "srv")
        #expect(lock.pins(of: "srv").digests == ["t": Self.one])
        #expect(lock.pins(of: "elsewhere").digests.isEmpty)
        lock = try ToolsLock(parsing: Array(lock.text.utf8))
        #expect(lock.servers["srv"]?.tools["t"]?.offered?.value == ["name": "t", "title": "x"])
        #expect(lock.accept("srv", tools: ["nope"]).isEmpty)
        #expect(lock.accept("srv", tools: []) == ["t"])
        #expect(lock.pins(of: "srv").digests == ["t": Self.other])
        #expect(lock.accept("srv", tools: []).isEmpty)
    }

    @Test func `a tool that goes back to its pin is offered no more`() {
        var lock = ToolsLock()
        for digest in [Self.one, Self.other, Self.one] { lock.take([Pin(tool: "t", digest: digest, definition: [:])], of: "srv") }
        #expect(lock.servers["srv"]?.tools["t"]?.offered == nil)
    }

    @Test func `a reviewed server gets no new tools`() throws {
        var lock = try ToolsLock(
            parsing: Array(
                #"{"fumehood":1,"servers":{"srv":{"reviewed":true,"tools":{"t":{"sha256":"\#(Self.one)","side_effect":false,"trusted":true}}}}}"#.utf8))
        lock.take([Pin(tool: "new", digest: Self.other, definition: [:])], of: "srv")
        let pins = lock.pins(of: "srv")
        #expect(pins.reviewed && pins.digests == ["t": Self.one] && pins.readOnly == ["t"] && pins.trusted == ["t"])
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"fumehood":2,"servers":{}}"#, #"{"fumehood":1}"#, #"{"fumehood":1,"servers":{"s":{"tools":{"t":{"sha256":"x"}}}}}"#,
        #"{"fumehood":1,"servers":{},"servers":{}}"#,
    ])
    func `what is no lock is refused`(text: String) {
        #expect(throws: LockError.self) { try ToolsLock(parsing: Array(text.utf8)) }
    }

    @Test func `definitions with one digest are the same to a model`() throws {
        let shown: Value = ["name": "t", "description": "d", "inputSchema": ["type": "object"], "execution": ["x": 1]]
        let again: Value = ["inputSchema": ["type": "object"], "description": "d", "name": "t", "_meta": ["y": 2]]
        #expect(try Pins.counted(shown.asObject!).canonical() == Pins.counted(again.asObject!).canonical())
        let changed: Value = ["name": "t", "description": "d ", "inputSchema": ["type": "object"]]
        #expect(try Pins.counted(shown.asObject!).canonical() != Pins.counted(changed.asObject!).canonical())
    }
}

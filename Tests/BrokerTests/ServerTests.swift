// SPDX-License-Identifier: Apache-2.0
//
// What a server asks and what it hides: sampling, elicitation, roots, in both eras; hidden characters; redaction.

import JSON
import Testing

@testable import Broker
@testable import Governance

@Suite("what servers ask and hide")
struct ServerTests {
    @Test func `roots are the cell's own, and the client is not asked`() {
        let peers = Peers { $0.roots = [Root(uri: "file:///p", name: "p")] }
        peers.handshake()
        peers.server(#"{"jsonrpc":"2.0","id":"r","method":"roots/list"}"#)
        #expect(peers.taken(.client).isEmpty)
        #expect(peers.taken(.server) == [json(#"{"jsonrpc":"2.0","id":"r","result":{"roots":[{"uri":"file:///p","name":"p"}]}}"#)])
    }

    @Test func `sampling is asked about, capped, and settled by the answer`() {
        let peers = Peers { $0.samplingTokens = 50 }
        peers.handshake()
        peers.server(#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":9000,"includeContext":"allServers"}}"#)
        let asked = peers.taken(.client)
        #expect(asked[0]["params"] == json(#"{"messages":[],"maxTokens":50}"#))
        #expect(peers.judge.questions.map(\.action) == ["llm__sample"])
        #expect(peers.judge.questions[0].estimate == [Cost("tokens_out", 50)])
        peers.client(
            #"{"jsonrpc":"2.0","id":\#(asked[0]["id"]!.serialised()),"result":{"role":"assistant","content":{"type":"text","text":"hi"},"model":"m"}}"#)
        #expect(peers.taken(.server)[0]["id"] == 1)
        #expect(peers.judge.settled.map(\.outcome) == [.completed])
    }

    @Test func `sampling that is denied is an error to the server`() {
        let peers = Peers()
        peers.handshake()
        peers.judge.decides = { _ in .verdict(.deny(Refusal(.policy, "no models"))) }
        peers.server(#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":9}}"#)
        #expect(peers.taken(.client).isEmpty)
        #expect(peers.taken(.server)[0]["error"]?["message"] == "denied: no models")
    }

    @Test func `pending sampling is answered when it is approved`() {
        let peers = Peers()
        peers.handshake()
        peers.judge.decides = { _ in pending(.max, "") }
        peers.server(#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":9}}"#)
        #expect(peers.taken(.client).isEmpty)
        peers.exchange.resume(peers.judge.questions[0].call, .allow(permit()), at: peers.now)
        #expect(peers.taken(.client).map { $0["method"] } == ["sampling/createMessage"])
    }

    @Test(arguments: [
        (#"{"message":"Your name?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}"#, true),
        (#"{"message":"hotpot or crossover?","requestedSchema":{"type":"object","properties":{"dish":{"type":"string"}}}}"#, true),
        (#"{"message":"Your name?","requestedSchema":{"type":"object","properties":{"password":{"type":"string"}}}}"#, false),
        (#"{"message":"Your name?","requestedSchema":{"type":"object","properties":{"x":{"type":"string","title":"API key"}}}}"#, false),
        (#"{"message":"Please type your GitHub access token","requestedSchema":{"type":"object","properties":{"x":{"type":"string"}}}}"#, false),
        (#"{"mode":"url","message":"log in","url":"https://example.com/","elicitationId":"1"}"#, true),
        (#"{"mode":"url","message":"log in","url":"file:///etc/passwd","elicitationId":"1"}"#, false),
    ])
    func `a form that asks for secrets is declined`(params: String, passes: Bool) {
        let peers = Peers()
        peers.handshake()
        peers.server(#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":\#(params)}"#)
        #expect(peers.taken(.client).count == (passes ? 1 : 0))
        #expect(peers.taken(.server).map { $0["result"] } == (passes ? [] : [["action": "decline"]]))
    }

    @Test func `a server's doubled ids, unknown methods and cancelled requests`() {
        let peers = Peers()
        peers.handshake()
        peers.server(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
        peers.server(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
        peers.server(#"{"jsonrpc":"2.0","id":2,"method":"client/run"}"#)
        #expect(peers.taken(.server).map { $0["error"]?["code"] } == [-32600, -32601])
        let asked = peers.taken(.client)
        #expect(asked.count == 1)
        peers.server(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
        #expect(peers.taken(.client)[0]["params"]?["requestId"] == asked[0]["id"])
        peers.client(#"{"jsonrpc":"2.0","id":\#(asked[0]["id"]!.serialised()),"result":{}}"#)
        #expect(peers.taken(.server).isEmpty, "the late answer is dropped")
    }

    // Since 2026-07-28 ----------------------------------------------------------------------------------------------------

    private func inputRequired(_ requests: String, state: String = #""s1""#) -> String {
        #"{"resultType":"input_required","inputRequests":\#(requests),"requestState":\#(state)}"#
    }

    @Test func `a retry answers what this server asked for this call, and once`() {
        let peers = Peers { $0.roots = [Root(uri: "file:///p", name: "p")] }
        peers.list()
        let own = peers.call("1", "free", #"{"x":1}"#, meta: modern)[0]["id"]!
        peers.reply(
            own,
            inputRequired(
                #"{"who":{"method":"elicitation/create","params":{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}},"where":{"method":"roots/list"}}"#
            ))
        #expect(peers.taken(.client)[0]["result"]?["requestState"] == "s1")
        #expect(peers.judge.settled.map(\.outcome) == [.completed])
        func retry(
            _ id: Int, tool: String = "free", arguments: String = #"{"x":1}"#, state: String = "s1",
            responses: String = #"{"who":{"action":"accept"},"where":{"roots":[{"uri":"file:///etc"}]}}"#
        ) -> [Value] {
            peers.client(
                #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"\#(tool)","arguments":\#(arguments),"_meta":\#(modern),"requestState":"\#(state)","inputResponses":\#(responses)}}"#
            )
            return peers.taken(.server)
        }
        #expect(retry(2, state: "s2").isEmpty)
        #expect(retry(3, arguments: #"{"x":2}"#).isEmpty)
        #expect(retry(4, tool: "add", arguments: #"{"a":1}"#).isEmpty)
        #expect(retry(5, responses: #"{"other":{}}"#).isEmpty)
        #expect(peers.taken(.client).map { $0["error"]?["code"] } == [-32602, -32602, -32602, -32602])
        let sent = retry(6)
        #expect(sent[0]["params"]?["requestState"] == "s1")
        #expect(sent[0]["params"]?["inputResponses"] == json(#"{"who":{"action":"accept"},"where":{"roots":[{"uri":"file:///p","name":"p"}]}}"#))
        #expect(retry(7).isEmpty)
    }

    @Test func `secrets and sampling inside of a result are held to the same rules`() {
        let peers = Peers { $0.samplingTokens = 5 }
        peers.list()
        let one = peers.call("1", meta: modern)[0]["id"]!
        peers.reply(one, inputRequired(#"{"a":{"method":"elicitation/create","params":{"message":"Your password?","requestedSchema":{}}}}"#))
        #expect(peers.taken(.client)[0]["result"]?["isError"] == true)
        let two = peers.call("2", meta: modern)[0]["id"]!
        peers.reply(two, inputRequired(#"{"a":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":900}}}"#))
        #expect(peers.taken(.client)[0]["result"]?["inputRequests"]?["a"]?["params"]?["maxTokens"] == 5)
        peers.judge.decides = { $0.action == "llm__sample" ? .verdict(.deny(Refusal(.policy, "no"))) : .verdict(.allow(permit())) }
        let three = peers.call("3", meta: modern)[0]["id"]!
        peers.reply(three, inputRequired(#"{"a":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":900}}}"#))
        #expect(peers.taken(.client)[0]["result"]?["isError"] == true)
        #expect(peers.judge.isEven)
    }

    // Hidden text ---------------------------------------------------------------------------------------------------------

    @Test(arguments: [
        ("plain", "plain"), ("gr\u{fc}\u{df}e \u{2013} \u{65e5}\u{672c}", "gr\u{fc}\u{df}e \u{2013} \u{65e5}\u{672c}"),
        ("a\u{200b}b", "ab"), ("a\u{202e}b\u{202c}", "ab"), ("x\u{e0041}\u{e0042}", "x"), ("\u{feff}x", "x"), ("a\u{200d}b", "ab"),
        ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"), ("\u{2764}\u{fe0f}", "\u{2764}\u{fe0f}"), ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
        ("\u{2764}\u{fe0f}\u{fe01}\u{fe02}", "\u{2764}\u{fe0f}"), ("x\u{fe01}\u{fe02}", "x"), ("x\u{e0101}", "x"),
        ("\u{0645}\u{200c}\u{0646}", "\u{0645}\u{200c}\u{0646}"),
        ("a\u{2066}b\u{2069}\u{ad}c", "abc"),
    ])
    func `hidden characters are removed, and those that words need stay`(text: String, expected: String) {
        var removed = 0
        #expect(sameBytes(HiddenText.clean(text, &removed), expected))
        #expect((removed > 0) == !sameBytes(text, expected))
    }

    @Test func `a result and a description lose what is hidden in them`() {
        let peers = Peers()
        let shown = peers.list(#"[{"name":"free","description":"adds\#u{e0069}\#u{e0067}","inputSchema":{}}]"#)
        #expect(shown[0]["description"] == "adds")
        let own = peers.call("1")[0]["id"]!
        peers.reply(own, #"{"content":[{"type":"text","text":"o\u200bk"}],"structuredContent":{"k\u202e":"v\u2066"}}"#)
        #expect(peers.taken(.client)[0]["result"] == json(#"{"content":[{"type":"text","text":"ok"}],"structuredContent":{"k":"v"}}"#))
        #expect(peers.exchange.takeNotes().count == 2)
    }

    @Test func `redaction takes a member out of structure and text`() {
        let peers = Peers()
        peers.list()
        peers.judge.decides = { _ in .verdict(.allow(permit(redactions: ["iban"]))) }
        let own = peers.call("1")[0]["id"]!
        peers.reply(own, #"{"content":[{"type":"text","text":"{\"iban\":\"DE1\",\"n\":[{\"iban\":2}]}"}],"structuredContent":{"iban":{"x":1},"n":1}}"#)
        #expect(
            peers.taken(.client)[0]["result"]
                == json(
                    #"{"content":[{"type":"text","text":"{\"iban\":\"[redacted]\",\"n\":[{\"iban\":\"[redacted]\"}]}"}],"structuredContent":{"iban":"[redacted]","n":1}}"#
                ))
    }

    @Test func `a result taints the session, unless the tool is trusted`() {
        let peers = Peers { $0.pins.trusted = ["add"] }
        peers.handshake()
        peers.reply(peers.call("1", "add", #"{"a":1}"#)[0]["id"]!)
        peers.reply(peers.call("2", "free")[0]["id"]!)
        peers.reply(peers.call("3", "free")[0]["id"]!)
        #expect(peers.judge.questions.map { $0.context["provenance"]?["tainted"] } == [false, false, true])
    }
}

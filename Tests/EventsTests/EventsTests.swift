// SPDX-License-Identifier: Apache-2.0
//
// The written forms that other programs build on, asserted whole: a change here is a change of the interface.

import Events
import JSON
import Testing

private let session = ID<SessionKind>(bytes: [1, 2, 3, 4, 5])
private let cell = ID<CellKind>(bytes: [0xff, 0xff, 0xff, 0xff, 0xff])

@Test(
    arguments: [
        ([0, 0, 0, 0, 0], "c00000000"), ([0xff, 0xff, 0xff, 0xff, 0xff], "czzzzzzzz"), ([1, 2, 3, 4, 5], "c04106105"), ([0xff, 0xff], "czzzg"),
        ([], nil), ([1], nil), ([UInt8](repeating: 7, count: 17), nil),
    ] as [([UInt8], String?)])
func `an id is made of the bytes it is given`(_ bytes: [UInt8], _ expected: String?) { #expect(CellID(bytes: bytes)?.text == expected) }

@Test func `an id reads back as its own kind only`() throws {
    let id = try #require(cell)
    #expect(CellID(id.text) == id)
    #expect(SessionID(id.text) == nil)
    for text in ["", "c", "c123", "czzzzzzzu", "cZZZZZZZZ", "c0000 000", "c" + String(repeating: "0", count: 27), "é00000000"] {
        #expect(CellID(text) == nil, "\(text)")
    }
    #expect(CellID(try #require(CellID(bytes: [UInt8](repeating: 9, count: 16))).text) != nil)
}

@Test func `an event is one line with sorted members`() throws {
    let denial = Denial(id: try #require(DenialID("d7f3a")), what: "open(\"\u{1b}]52;\n\")", count: 3, remedy: nil)
    let event = Event(
        .denial, session: try #require(session), cell: cell, timeMicroseconds: 1_700_000_000_000_000, bootMicroseconds: 42, data: denial.json)
    #expect(
        String(decoding: event.line, as: UTF8.self)
            == #"{"boot_us":42,"cell":"czzzzzzzz","data":{"count":3,"id":"d7f3a","remedy":null,"what":"open(\"\u001b]52;\n\")"},"fumehood":1,"kind":"denial","session":"s04106105","time_us":1700000000000000}"#
            + "\n")
}

@Test func `an empty result record names everything`() {
    #expect(
        String(decoding: ResultRecord(status: .refused).line, as: UTF8.self)
            == #"{"backend":"none","bytes_in":null,"bytes_out":null,"bytes_written":null,"calls":null,"cause":null,"cell":null,"connections":null,"cpu_system_us":null,"cpu_user_us":null,"denials":[],"exit_code":null,"frozen_us":0,"fumehood":1,"kill":null,"ladder":null,"launch_us":{},"memory_peak_bytes":null,"oom_kills":null,"pids_peak":null,"protections":{},"session":null,"signal":null,"status":"refused","throttled_us":null,"tokens_in":null,"tokens_out":null,"usd_micros":null,"wall_us":null}"#
            + "\n")
}

@Test func `a full result record keeps its names and units`() throws {
    var record = ResultRecord(status: .killed)
    record.session = session
    record.cell = cell
    record.exitCode = 3
    record.signal = 9
    record.cause = .limit(.wall, bound: 1_000_000, reading: 1_000_123)
    record.usage.wallMicroseconds = 1
    record.usage.memoryPeakBytes = 2
    record.usage.pidsPeak = 3
    record.usage.throttledMicroseconds = 4
    record.usage.cpuUserMicroseconds = 5
    record.usage.cpuSystemMicroseconds = 6
    record.usage.bytesWritten = 7
    record.usage.bytesOut = 8
    record.usage.bytesIn = 14
    record.usage.usdMicros = 9
    record.usage.tokensIn = 10
    record.usage.tokensOut = 11
    record.usage.calls = 12
    record.oomKills = 1
    record.denials = [Denial(id: try #require(DenialID("d7f3a")), what: "socket(AF_INET)", count: 3, remedy: "add --net HOST:PORT")]
    record.protections = [
        .noNewPrivs: .on, .landlock: .partial(missing: ["TCP ports"]), .cgroupLimits: .absent(missing: ["no controller"]), .net: .waived,
    ]
    record.backend = .v2
    record.launch = [.init(name: "mounts", microseconds: 200), .init(name: "clone", microseconds: 100)]
    record.kill = .init(issuedMicroseconds: 50, allGoneMicroseconds: 60, left: 0)
    record.frozenMicroseconds = 13
    record.ladder = [RungChange(from: .observe, to: .throttle, reason: .reading, gauge: .cpu, bound: 800, reading: 990, wallMicroseconds: 14)]
    let expected = #"""
        {
          "backend": "v2",
          "bytes_in": 14,
          "bytes_out": 8,
          "bytes_written": 7,
          "calls": 12,
          "cause": {
            "limit": "wall",
            "limit_us": 1000000,
            "reading_us": 1000123
          },
          "cell": "czzzzzzzz",
          "connections": null,
          "cpu_system_us": 6,
          "cpu_user_us": 5,
          "denials": [
            {
              "count": 3,
              "id": "d7f3a",
              "remedy": "add --net HOST:PORT",
              "what": "socket(AF_INET)"
            }
          ],
          "exit_code": 3,
          "frozen_us": 13,
          "fumehood": 1,
          "kill": {
            "all_gone_us": 60,
            "issued_us": 50,
            "left": 0
          },
          "ladder": [
            {
              "bound_millicores": 800,
              "from": "observe",
              "gauge": "cpu",
              "reading_millicores": 990,
              "reason": "reading",
              "rung": "throttle",
              "wall_us": 14
            }
          ],
          "launch_us": {
            "clone": 100,
            "mounts": 200
          },
          "memory_peak_bytes": 2,
          "oom_kills": 1,
          "pids_peak": 3,
          "protections": {
            "cgroup_limits": {
              "missing": [
                "no controller"
              ],
              "status": "absent"
            },
            "landlock": {
              "missing": [
                "TCP ports"
              ],
              "status": "partial"
            },
            "net": {
              "status": "waived"
            },
            "no_new_privs": {
              "status": "on"
            }
          },
          "session": "s04106105",
          "signal": 9,
          "status": "killed",
          "throttled_us": 4,
          "tokens_in": 10,
          "tokens_out": 11,
          "usd_micros": 9,
          "wall_us": 1
        }
        """#
    #expect(record.json.pretty() == expected)
    #expect(try Value(parsing: record.line) == record.json)
}

@Test func `each cause has its own members`() {
    #expect(Cause.policy("p1").json.serialised() == #"{"policy":"p1"}"#)
    #expect(Cause.missing([.user, .pivotRoot]).json.serialised() == #"{"missing":["user","pivot_root"]}"#)
    #expect(Cause.message("no such file").json.serialised() == #"{"message":"no such file"}"#)
    #expect(Cause.limit(.pids, bound: 64, reading: 65).json.serialised() == #"{"limit":"pids","limit_count":64,"reading_count":65}"#)
    #expect(
        Cause.ladder(RungChange(from: .freeze, to: .terminate, reason: .time, gauge: .wall, bound: 1, reading: 2, wallMicroseconds: 3)).json.serialised()
            == #"{"ladder":{"bound_us":1,"from":"freeze","gauge":"wall","reading_us":2,"reason":"time","rung":"terminate","wall_us":3}}"#)
    #expect(Cause.limit(.memory, bound: 1, reading: 2).json.serialised() == #"{"limit":"memory","limit_bytes":1,"reading_bytes":2}"#)
}

@Test func `only walls that something else stands behind can be waived`() {
    #expect(Protection.allCases.filter(\.isWaivable) == [.user, .net, .ipc, .uts, .proc])
    #expect(Protection.allCases.filter { !$0.isFirst } == [.landlock, .cgroupNamespace, .timeNamespace, .cgroupLimits, .keyring, .groups])
    #expect(Protection.allCases.allSatisfy { $0.isFirst || !$0.isWaivable })
}

@Test func `rungs and gauges are found by their names`() {
    for rung in Rung.allCases { #expect(Rung(name: rung.name) == rung) }
    for gauge in Gauge.allCases { #expect(Gauge(name: gauge.name) == gauge) }
    #expect(Rung(name: "stop") == nil && Gauge(name: "cpuTime") == nil)
    #expect(Rung.allCases.map(\.name) == ["observe", "warn", "slow", "throttle", "freeze", "terminate", "kill"])
}

// SPDX-License-Identifier: Apache-2.0
// Incidents of channels: between two cells, from a cell to what listens on the host. All of it on this machine, between
// processes that the tests started.

import Foundation
import Syscalls
import Testing

extension Incidents.Channels {
    /// A profile that grants every family with which processes talk.
    private func talking(_ caller: Caller, _ work: String) throws -> String {
        try put("fumehood: 1\nextends: base\nsyscalls: {allow: [unix-socket, sysv-ipc, mqueue]}\n", work + "/talk.yaml", caller)
    }

    @Test(arguments: Caller.allCases)
    func `incident 11: no bit crosses between two cells but by a lock on a file that both see`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        let profile = try talking(caller, work)
        let shared = try put("shared", work + "/shared/file", caller)
        let name = "@fumehood-test-\(UUID().uuidString.prefix(8))"
        let key = "\(Int.random(in: 1_000_000...2_000_000))"
        let flags = ["-p", profile, "-r", work + "/shared"] + Ground.shared.grant
        let first = try Fumehood.begin(
            flags,
            [
                "/bin/sh", "-c",
                "\(Ground.shared.probe) send-message:\(key) take-message:\(key) send-message:\(key); echo x >/tmp/bit; echo x >/dev/shm/bit; \(Ground.shared.probe) serve:\(name)",
            ], as: caller, holdsInput: true)
        defer { _ = first.end() }
        #expect(first.says("serving"), "\(first.outputSoFar)")
        #expect(first.outputSoFar.contains("take-message:\(key)\tok"), "the queue would not work between the cell's own processes")
        let second = try Fumehood.probe(
            flags,
            [
                "connect:" + name, "take-message:" + key, "read:/tmp/bit", "read:/dev/shm/bit", call(.add_key), call(.keyctl, 0, 0xffff_ffff_ffff_fffd),
                "open-w:" + shared, "read:/proc/keys",
            ], as: caller)
        check(
            second,
            [
                ("connect:" + name, "ECONNREFUSED"), ("take-message:" + key, "ENOENT"), ("read:/tmp/bit", "ENOENT"), ("read:/dev/shm/bit", "ENOENT"),
                (call(.add_key), "EPERM"), (call(.keyctl, 0, 0xffff_ffff_ffff_fffd), "EPERM"), ("open-w:" + shared, "EROFS"), ("read:/proc/keys", "EACCES"),
            ])
        #expect(second.recorded("add_key") == 1)
    }

    @Test(arguments: Caller.allCases)
    func `incident 11: the residual channel: a lock on a shared file is seen by another cell that may change files`(caller: Caller) throws {
        // Named as residual in THREATS.md: flock needs no right to write. A profile without fs-mutate closes it.
        let work = try Ground.shared.workspace(caller)
        let shared = try put("shared", work + "/shared/file", caller)
        let holder = try Fumehood.begin(["-r", work + "/shared"], [Ground.shared.probe, "hold-flock:" + shared], as: caller, holdsInput: true)
        #expect(holder.says("\tok"))
        let seen = try Fumehood.probe(["-r", work + "/shared"], ["flock:" + shared], as: caller)
        check(seen, [("flock:" + shared, "EAGAIN")])
        let closed = try Fumehood.probe(["-p", "paranoid", "-r", work + "/shared"], ["flock:" + shared], as: caller)
        check(closed, [("flock:" + shared, "EPERM")])
        _ = holder.end()
    }

    @Test(arguments: Caller.allCases)
    func `incident 19: a socket of the host in a granted folder is not reached`(caller: Caller) throws {
        try caller.available()
        let work = try Ground.shared.workspace(caller)
        let path = work + "/s"
        let server = try companion(caller.prefix + [Ground.shared.probe, "serve:" + path])
        #expect(server.says("serving"), "\(server.outputSoFar)")
        let run = try Fumehood.probe(["-r", work], ["connect:" + path, "dgram-pair:" + path, "stream-pair"], as: caller)
        check(run, [("connect:" + path, "EAFNOSUPPORT"), ("dgram-pair:" + path, "EPERM"), ("stream-pair", "ok")])
        #expect(run.recorded("socket") == 1 && run.recorded("socketpair") == 1)
        // Even with unix sockets granted, where the socket is not in the view.
        let talking = try talking(caller, work)
        let apart = try Fumehood.probe(
            ["-p", talking],
            ["connect:" + path, "connect:/run/docker.sock", "connect:/run/dbus/system_bus_socket", "connect:/tmp/.X11-unix/X0", "connect:@/tmp/.X11-unix/X0"],
            as: caller)
        for line in apart.out.split(separator: "\n") { #expect(line.hasSuffix("\tENOENT") || line.hasSuffix("\tECONNREFUSED"), "\(line)") }
        // Residual, by name: a profile that grants unix sockets and a folder grants the sockets in it. A connect made on behalf of the
        // cell, which would judge each, does not exist yet.
        let both = try Fumehood.probe(["-p", talking, "-r", work], ["connect:" + path], as: caller)
        check(both, [("connect:" + path, "ok")])
        #expect(server.end().out.contains("came\t1\n"))
    }

    @Test(arguments: Caller.allCases)
    func `incident 19: hidden sockets stay hidden in a granted folder`(caller: Caller) throws {
        try caller.available()
        let work = try Ground.shared.workspace(caller)
        try makeFolder(work + "/run", caller)
        let path = work + "/run/s"
        let server = try companion(caller.prefix + [Ground.shared.probe, "serve:" + path])
        defer { _ = server.end() }
        #expect(server.says("serving"))
        let profile = try put(
            "fumehood: 1\nextends: base\nfiles: {read: [\(work)], hide: [\(path)]}\nsyscalls: {allow: [unix-socket]}\n", work + "/p.yaml", caller)
        let run = try Fumehood.probe(["-p", profile], ["connect:" + path], as: caller)
        #expect(["EACCES", "ECONNREFUSED", "ENOTSOCK", "EPERM"].contains(run["connect:" + path]), "\(run.out)")
    }

    @Test(arguments: Caller.allCases)
    func `incident 30: under --net host abstract sockets of the host are refused, or the status says what is missing`(caller: Caller) throws {
        try caller.available()
        let work = try Ground.shared.workspace(caller)
        let name = "@fumehood-test-\(UUID().uuidString.prefix(8))"
        let server = try companion([Ground.shared.probe, "serve:" + name])
        #expect(server.says("serving"))
        let profile = try talking(caller, work)
        let run = try Fumehood.probe(["-p", profile, "--net", "host"], ["connect:" + name], as: caller)
        #expect(run.protection("net") == "waived")
        if run.protection("landlock") == "on" {
            check(run, [("connect:" + name, "EPERM")])
        } else {
            #expect(run.missing("landlock").contains { $0.contains("abstract sockets") }, "\(run.missing("landlock"))")
        }
        let outside = try Fumehood.outside(["connect:" + name], as: caller)
        check(outside, [("connect:" + name, "ok")])
        // Without Landlock it is reachable, and the status must name that.
        let near = [Ground.shared.sandboxee("refuse"), "\(number(.landlock_create_ruleset))=38", "--"]
        let bare = try Fumehood.probe(["-p", profile, "--net", "host"], ["connect:" + name], as: caller, near: near)
        #expect(bare.protection("landlock") == "absent")
        // With the network's families alone there is no unix socket at all.
        let plain = try Fumehood.probe(["--net", "host"], ["connect:" + name], as: caller)
        check(plain, [("connect:" + name, "EAFNOSUPPORT")])
        _ = server.end()
    }

    @Test(arguments: Caller.allCases)
    func `a cell's session keyring is its own, even where the calls are opened by name`(caller: Caller) throws {
        let work = try Ground.shared.workspace(caller)
        let profile = try put("fumehood: 1\nextends: base\nsyscalls: {unsafe: [keyrings]}\n", work + "/k.yaml", caller)
        let near = [Ground.shared.sandboxee("refuse"), "keyring", "--"]
        let run = try Fumehood.probe(["-p", profile], ["search-key"], as: caller, near: near)
        if run.protection("keyring") != "on" { try Test.cancel("no new session keyring: \(run.missing("keyring"))") }
        check(run, [("search-key", "ENOKEY")])
        #expect(try Fumehood.outside(["search-key"], as: caller, near: near)["search-key"] == "ok", "the probe would not notice a missing wall")
    }

    @Test(arguments: Caller.allCases)
    func `a cell's network holds nothing but a loopback that is down`(caller: Caller) throws {
        let run = try Fumehood.run(
            [], ["/bin/sh", "-c", "grep -c : /proc/net/dev; cat /proc/net/route | grep -c 0; cat /proc/net/tcp | grep -c :0"], as: caller)
        #expect(run.out == "1\n0\n0\n", "\(run.out)\(run.err)")
    }
}

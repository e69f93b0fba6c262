// SPDX-License-Identifier: Apache-2.0
// Each built-in profile with the programs that it is for, through the built binary, as root and as an ordinary user. What a profile must not
// let through is in the incident tests; here honest work gets done, and what is refused is explained.

import BuiltBinary
import Foundation
import Testing

/// Where a program lies; nil if it is not there.
func found(_ name: String) -> String? {
    Ground.path.split(separator: ":").map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}

func fumehoodLines(_ run: Finished) -> [String] { run.errLines.filter { $0.hasPrefix("fumehood:") } }

/// A run that must succeed without a word of ours.
func check(_ run: Finished, _ expected: String) {
    #expect(run.code == 0, "\(run.err)")
    #expect(run.out == expected, "\(run.err)")
    #expect(fumehoodLines(run) == [])
}

@Suite("profiles and real programs", .enabled(if: Ground.program != nil, "the program is not built"))
struct ProgramTests {
    @Test(arguments: Caller.possible)
    func `base runs what the system has and sees nothing of the caller's`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put("secret")
        #expect(try ground.cell([], ["/bin/cat", ground.work + "/secret"]).code == 1)
        #expect(try ground.cell([], ["/bin/ls", "/root", "/sys", "/var/lib"]).code != 0)
        check(try ground.cell([], ["id", "-un"]), "cell\n")
        check(try ground.cell([], ["/bin/cat"], input: "one\ntwo\n"), "one\ntwo\n")
    }

    @Test(arguments: Caller.possible)
    func `shell runs pipelines, jobs, here-documents and traps`(caller: Caller) throws {
        let ground = try Ground(caller)
        let script = """
            set -euo pipefail
            printf 'b\\na\\nc\\n' | sort | tee /tmp/sorted | wc -l
            head -1 < /tmp/sorted
            cat <<< "here"
            cat <(echo substituted)
            trap 'echo trapped' USR1; kill -USR1 $$
            sleep 0.01 & wait $!
            seq 1 2000 | xargs -P 4 -n 100 echo | wc -l
            f() { local x=$1; echo "${x^^}"; }; f done
            mkdir ~/d && cp /tmp/sorted ~/d/ && find ~/d -type f | wc -l
            awk 'BEGIN { print 6 * 7 }'; sed s/a/b/ <<< a; grep -c . /tmp/sorted
            (exit 3) || echo "code $?"
            """
        check(
            try ground.cell(["-p", "shell"], ["/bin/bash", "-c", script]),
            "3\na\nhere\nsubstituted\ntrapped\n20\nDONE\n1\n42\nb\n3\ncode 3\n")
    }

    @Test(arguments: Caller.possible)
    func `python has threads, subprocesses, sqlite and processes of its own`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put("helper.py", "value = 20\n")
        try ground.put(
            "main.py",
            """
            import asyncio, concurrent.futures, getpass, multiprocessing, os, sqlite3, subprocess, tempfile, threading
            import helper
            total = []
            threads = [threading.Thread(target=total.append, args=(i,)) for i in range(8)]
            [t.start() for t in threads]; [t.join() for t in threads]
            print(sum(total))
            print(subprocess.run(["sh", "-c", "echo sub; exit 3"], capture_output=True, text=True).stdout.strip())
            with tempfile.TemporaryDirectory() as d:
                c = sqlite3.connect(d + "/x.db"); c.execute("create table t(a)"); c.execute("insert into t values (7)"); c.commit()
                print(c.execute("select a from t").fetchone()[0])
            with concurrent.futures.ThreadPoolExecutor(4) as pool: print(sum(pool.map(lambda x: x * x, range(10))))
            def double(x): return 2 * x
            with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(double, [helper.value + 1]))
            async def main():
                p = await asyncio.create_subprocess_exec("echo", "async", stdout=asyncio.subprocess.PIPE)
                return (await p.communicate())[0].decode().strip()
            print(getpass.getuser(), os.getcwd() == os.path.dirname(os.path.abspath(__file__)))
            """)
        let run = try ground.cell(["-p", "python"], ["/usr/bin/python3", "main.py"])
        check(run, "28\nsub\n7\n285\n[42]\ncell True\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: ground.work).sorted() == ["helper.py", "main.py"])
    }

    @Test(arguments: Caller.possible)
    func `a virtual environment is found with its base`(caller: Caller) throws {
        let ground = try Ground(caller)
        let made = try ground.run(["/usr/bin/python3", "-m", "venv", "--without-pip", ground.home + "/venv"])
        #expect(made.code == 0, "\(made.err)")
        try ground.put(
            ground.home + "/venv/bin/greet", "#!\(ground.home)/venv/bin/python\nimport sys\nprint(sys.prefix, sys.prefix != sys.base_prefix)\n", mode: 0o755)
        check(try ground.cell(["-p", "python"], [ground.home + "/venv/bin/greet"]), "\(ground.home)/venv True\n")
        check(try ground.cell(["-p", "python"], ["greet"], environment: ["PATH": ground.home + "/venv/bin:/usr/bin:/bin"]), "\(ground.home)/venv True\n")
        check(
            try ground.cell(
                ["-p", "python"], ["python", "-c", "import json, sys; print(sys.prefix)"], environment: ["PATH": ground.home + "/venv/bin:/usr/bin:/bin"]),
            "\(ground.home)/venv\n")
    }

    @Test(arguments: Caller.possible)
    func `a version manager's shim runs the real program`(caller: Caller) throws {
        let ground = try Ground(caller)
        let root = ground.home + "/.pyenv"
        try ground.put(root + "/shims/python", "#!/usr/bin/env bash\nexec pyenv exec python \"$@\"\n", mode: 0o755)
        for version in ["3.1.4", "2.7.1"] {
            try ground.put(root + "/versions/\(version)/bin/python", "#!/bin/sh\necho version \(version) \"$@\"\n", mode: 0o755)
            try ground.put(root + "/versions/\(version)/lib/x", "")
        }
        try ground.put(root + "/version", "3.1.4\n")
        let path = ["PATH": root + "/shims:/usr/bin:/bin"]
        check(try ground.cell(["-p", "python"], ["python", "a b"], environment: path), "version 3.1.4 a b\n")
        try ground.put(".python-version", "2.7.1\n")
        check(try ground.cell(["-p", "python"], ["python"], environment: path), "version 2.7.1\n")
        check(try ground.cell(["-p", "python"], ["python"], environment: path.merging(["PYENV_VERSION": "3.1.4"]) { $1 }), "version 3.1.4\n")
        // A program that calls it by name finds the same one.
        check(try ground.cell(["-p", "python"], ["python", "x"], environment: path), "version 2.7.1 x\n")
    }

    @Test(.enabled(if: found("node") != nil, "node is absent"), arguments: Caller.possible)
    func `node runs modules, workers, children and timers`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put("m.js", "module.exports = x => x * 2\n")
        try ground.put(
            "main.js",
            """
            const { Worker } = require('worker_threads'), { execSync } = require('child_process'), fs = require('fs'), os = require('os'), zlib = require('zlib')
            console.log(require('./m.js')(21), os.userInfo().username)
            console.log(execSync('echo child').toString().trim())
            console.log(zlib.gunzipSync(zlib.gzipSync('zip')).toString())
            fs.writeFileSync('/tmp/x', 'y'); fs.promises.readFile('/tmp/x', 'utf8').then(t => console.log(t)).then(() => {
              const w = new Worker("require('worker_threads').parentPort.postMessage('worker')", { eval: true })
              w.on('message', m => { console.log(m); setTimeout(() => console.log('timer'), 5) })
            })
            """)
        check(try ground.cell(["-p", "node"], ["node", "main.js"]), "42 cell\nchild\nzip\ny\nworker\ntimer\n")
    }

    @Test(.enabled(if: found("gcc") != nil && found("make") != nil, "gcc or make is absent"), arguments: Caller.possible)
    func `build compiles, links and runs what it made`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put("a.c", "int twice(int x) { return 2 * x; }\n")
        try ground.put("main.c", "#include <stdio.h>\nint twice(int);\nint main(void) { printf(\"%d\\n\", twice(21)); return 0; }\n")
        try ground.put("Makefile", "app: a.o main.o\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -O2 -g -pipe -c -o $@ $<\ncheck: app\n\t./app\n.PHONY: check\n")
        let run = try ground.cell(["-p", "build"], ["make", "-s", "-j2", "CC=gcc", "check"])
        check(run, "42\n")
        // The disk shows the workspace's owner, not the cell's user.
        let owner = try FileManager.default.attributesOfItem(atPath: ground.work + "/app")[.ownerAccountID] as? NSNumber
        #expect(owner?.uint32Value == caller.user)
        check(try ground.cell(["-p", "build"], ["make", "-s", "check"]), "42\n")
    }

    @Test(.enabled(if: found("curl") != nil, "curl is absent"), arguments: Caller.possible)
    func `tool refuses the network and names the flag`(caller: Caller) throws {
        let run = try Ground(caller).cell(["-p", "tool"], ["curl", "-sS", "--max-time", "5", "http://192.0.2.1/"])
        #expect(run.code == 7, "\(run.err)")
        #expect(fumehoodLines(run).count == 1)
        #expect(
            run.errLines.last?.hasPrefix("fumehood: ") == true && run.errLines.last?.contains("socket(AF_INET, SOCK_STREAM)") == true
                && run.errLines.last?.contains(": add --net ...") == true, "\(run.err)")
    }

    @Test(.enabled(if: found("curl") != nil, "curl is absent"), arguments: Caller.possible)
    func `loopback serves and fetches inside the cell`(caller: Caller) throws {
        let script = """
            import http.server, subprocess, threading
            s = http.server.HTTPServer(('127.0.0.1', 0), type('H', (http.server.SimpleHTTPRequestHandler,), {'log_message': lambda *a: None}))
            threading.Thread(target=s.serve_forever, daemon=True).start()
            open('/tmp/hello', 'w').write('hello')
            print(subprocess.run(['curl', '-sS', f'http://127.0.0.1:{s.server_port}/hello'], capture_output=True, text=True))
            """
        let run = try Ground(caller).cell(["-p", "python", "--net", "loopback"], ["/bin/sh", "-c", "cd /tmp && exec /usr/bin/python3 -c \"$0\"", script])
        #expect(run.out.contains("stdout='hello'"), "\(run.out)\(run.err)")
    }

    @Test(arguments: Caller.possible)
    func `an agent has unix sockets, an event loop and its subprocesses`(caller: Caller) throws {
        let ground = try Ground(caller)
        let script = """
            import asyncio, os, socket
            async def main():
                async def serve(r, w):
                    w.write((await r.readline()).upper()); await w.drain(); w.close()
                server = await asyncio.start_unix_server(serve, '/tmp/s')
                r, w = await asyncio.open_unix_connection('/tmp/s')
                w.write(b'agent\\n'); print((await r.readline()).decode().strip()); w.close()
                p = await asyncio.create_subprocess_exec('echo', 'child', stdout=asyncio.subprocess.PIPE)
                print((await p.communicate())[0].decode().strip())
                server.close()
            asyncio.run(main())
            """
        check(try ground.cell(["-p", "agent"], ["/usr/bin/python3", "-c", script]), "AGENT\nchild\n")
    }

    @Test(.enabled(if: found("gcc") != nil, "gcc is absent"), arguments: Caller.possible)
    func `paranoid runs one program that reads, computes and writes`(caller: Caller) throws {
        let ground = try Ground(caller)
        try ground.put(
            "hello.c", "#include <stdio.h>\nint main(void) { int n = 0, c; while ((c = getchar()) != EOF) n++; printf(\"%d bytes\\n\", n); return 0; }\n")
        for (name, flags) in [("static", ["-static"]), ("dynamic", [])] {
            let made = try ground.run(["gcc", "-O1", "-o", name, "hello.c"] + flags)
            #expect(made.code == 0, "\(made.err)")
            check(try ground.cell(["-p", "paranoid"], ["./" + name], input: "12345"), "5 bytes\n")
        }
        check(try ground.cell(["-p", "paranoid"], ["/usr/bin/sort"], input: "b\na\n"), "a\nb\n")
        // An interpreter without just-in-time compilation is one program as well.
        check(try ground.cell(["-p", "paranoid"], ["/usr/bin/python3", "-c", "import json; print(json.dumps({'sum': sum(range(10))}))"]), "{\"sum\": 45}\n")
        // It starts nothing else: a pipeline is refused, and says which word would grant it.
        let shell = try ground.cell(["-p", "paranoid"], ["/bin/sh", "-c", "/bin/ls | /bin/cat"])
        #expect(shell.code != 0)
        #expect(fumehoodLines(shell).last?.contains("syscalls: allow: [spawn]") == true, "\(shell.err)")
        let write = try ground.cell(["-p", "paranoid"], ["/bin/sh", "-c", "echo x > /tmp/x"])
        #expect(write.code == 0 || fumehoodLines(write).last?.contains("fs-mutate") == true, "\(write.err)")
    }
}

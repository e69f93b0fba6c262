#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions: `mcp --session` by processes that live for one call, `up` with agents and tools in their cells, what an agent cannot reach, and
what is left when any of the processes is killed.

usage: session.py [--kills N]    Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import glob, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

from lines import FUMEHOOD, HERE, ROOT, STATE, TINY, Session, failures, test, text_of

KILLS = int(sys.argv[sys.argv.index("--kills") + 1]) if "--kills" in sys.argv else 4
RUN = tempfile.mkdtemp(prefix="fumehood-run-")
os.environ["XDG_RUNTIME_DIR"] = RUN
for name in ("GITHUB_STEP_SUMMARY", "CI"):
    os.environ.pop(name, None)
WAIT = 20.0


def eventually(what, seconds=WAIT):
    """Whether it comes true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.02)
    return bool(what())


def libraries():
    """Folders of libraries that a program that is not static needs in a cell."""
    said = subprocess.run(["ldd", FUMEHOOD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return sorted({os.path.dirname(path) for path in re.findall(r"=> (/\S*libswift\S*)", said)})


def supervisors(name):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words[:3] == [b"fumehood", b"session-supervisor", name.encode()]:
            found.append(int(path.split("/")[2]))
    # Process 1 of a cell and the janitors are children of theirs, with the same words.
    return [pid for pid in found if parent(pid) not in found]


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def shared(name, *flags, mode="honest", command=None):
    return Session(mode, "--session", name, "--as", "tiny", *flags, command=command)


def end(name):
    return subprocess.run([FUMEHOOD, "kill", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def running():
    done = subprocess.run([FUMEHOOD, "ps", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["cells"]


def left_of(mark):
    """Processes that a test has started in cells: each has the mark among its words."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if mark.encode() in file.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def verified(folder=None):
    done = subprocess.run([FUMEHOOD, "log", "verify", *(["--log", folder] if folder else [])], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode == 0, done.stdout + done.stderr


# mcp --session -----------------------------------------------------------------------------------------------------------

@test("a budget of three calls holds over five processes")
def _():
    said = []
    for number in range(5):
        session = shared("five", "--budget", "calls=3").start()
        session.call(1, f"n{number}")
        said.append(text_of(session.read()))
        code, _, err = session.close()
        assert code == 0, (code, err)
    assert said[:3] == ["n0", "n1", "n2"], said
    assert all("`session` has 0 of `calls` left (3)" in text and "not refilled" in text for text in said[3:]), said
    assert len(supervisors("five")) == 1
    end("five")


@test("a rate says when it refills")
def _():
    session = shared("rate", "--budget", "calls=1/1h").start()
    session.call(1, "a")
    assert text_of(session.read()) == "a"
    session.close()
    session = shared("rate").start()
    session.call(1, "b")
    said = text_of(session.read())
    assert "denied" in said and "again in" in said, said
    session.close()
    end("rate")


@test("processes that come at once start one supervisor")
def _():
    many = [shared("once") for _ in range(6)]
    for session in many:
        session.start()
    assert len(supervisors("once")) == 1, supervisors("once")
    names = {cell["session_name"] for cell in running()}
    for session in many:
        code, _, err = session.close()
        assert code == 0, err
    assert names == {"once"}, names
    assert end("once").returncode == 0 and eventually(lambda: not supervisors("once"))
    assert not os.path.exists(f"{RUN}/fumehood/session-once")


@test("one loop is seen over processes that call once each")
def _():
    said = []
    for _ in range(8):
        session = shared("loop").start()
        session.call(1, "the same")
        session.send({"jsonrpc": "2.0", "id": 2, "method": "ping"})
        answers = [session.read(6.0)]
        said.append(answers[0])
        session.process.kill()
        session.close()
        if answers[0] and answers[0].get("id") == 2 or "times" in json.dumps(answers[0]):
            break
    assert len(said) < 8 or "times" in json.dumps(said), said
    end("loop")


@test("who joins with another budget is refused, and told how to go on")
def _():
    first = shared("joins", "--budget", "calls=3").start()
    second = shared("joins", "--budget", "calls=300")
    code, _, err = second.close()
    assert code == 125 and "runs already, with another `--budget`" in err and "fumehood kill joins" in err, (code, err)
    first.close()
    end("joins")


@test("flags that are wrong are said before anything is started")
def _():
    done = subprocess.run([FUMEHOOD, "mcp", "--session", "wrong", "--memry", "1G", "--", "true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 125 and "--memory" in done.stderr, done
    done = subprocess.run([FUMEHOOD, "mcp", "--session", "../x", "--", "true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 125 and "cannot name a session" in done.stderr, done
    assert not supervisors("wrong")


@test("policies that do not load are said by the first process, and nothing stays")
def _():
    folder = os.path.join(STATE, "broken")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "p.cedar"), "w") as file:
        file.write("permit (principal, action, resource")
    code, _, err = shared("broken", "--policy", folder).close()
    assert code == 125 and "nothing is started" in err, (code, err)
    assert eventually(lambda: not supervisors("broken"))


@test("the server's exit code is the stub's, and its words on stderr pass")
def _():
    code, _, err = shared("codes", command=["sh", "-c", "echo from the server >&2; exit 7"]).close()
    assert code == 7 and "from the server" in err, (code, err)
    code, _, err = shared("codes", command=["/nowhere/at/all"]).close()
    assert code == 127, (code, err)
    end("codes")


@test("a signal reaches the server through the stub")
def _():
    session = shared("signals").start()
    session.process.terminate()
    code, seconds, _ = session.close()
    assert code in (124, 143) and seconds < 15, (code, seconds)
    end("signals")


@test("a session without a server leaves when its time is over")
def _():
    shared("idle", "--idle", "500ms").start().close()
    assert eventually(lambda: not supervisors("idle"))
    assert not os.path.exists(f"{RUN}/fumehood/session-idle")
    session = shared("idle").start()
    session.close()
    end("idle")


@test("another user's folder of sockets is not used")
def _():
    if os.geteuid() != 0:
        return
    theirs = tempfile.mkdtemp(prefix="fumehood-theirs-")
    os.makedirs(theirs + "/fumehood", mode=0o700)
    os.chown(theirs + "/fumehood", 12345, 12345)
    done = subprocess.run([FUMEHOOD, "mcp", "--session", "x", "--", "true"], env=dict(os.environ, XDG_RUNTIME_DIR=theirs), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 125 and "nobody else may open" in done.stderr, done
    shutil.rmtree(theirs)


@test("the example and the script step of CI do what they say")
def _():
    folder = os.path.join(STATE, "example")
    shutil.copytree(os.path.join(ROOT, "Examples/up"), folder, ignore=shutil.ignore_patterns("audit"))
    for path, _, names in os.walk(folder):
        os.chmod(path, 0o755)
    os.chmod(STATE, 0o755)
    file = os.path.join(folder, "fumehood.yaml")
    with open(file) as source:
        text = source.read()
    with open(file, "w") as target:
        target.write(text.replace("read: [agent.py]", "read: [agent.py" + "".join(", " + path for path in libraries()) + "]"))
    with open(os.path.join(folder, "notes.txt"), "w") as notes:
        notes.write("bread\n")
    done = subprocess.run([os.path.join(ROOT, "Examples/ci/run.sh"), file], cwd=folder, env=dict(os.environ, FUMEHOOD=FUMEHOOD), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=90)
    assert done.returncode == 124, done
    for said in ("read said: bread", "add said: noted", "passwords are not noted", "`tool/notes` has 0 of `calls` left (3)"):
        assert said in done.stdout, (said, done)
    with open(os.path.join(folder, "result.json")) as result:
        assert json.load(result)["calls"] == {"allowed": 3, "asked": 5, "denied": 1, "over_budget": 1}
    with open(os.path.join(folder, "verify.txt")) as verified_text:
        assert "the log is what was written" in verified_text.read()
    for name in ("github.yml", "gitlab.yml"):
        with open(os.path.join(ROOT, "Examples/ci", name)) as workflow:
            assert "Examples/ci/run.sh Examples/up/fumehood.yaml" in workflow.read()


# What is left -------------------------------------------------------------------------------------------------------------

def killed_at(point, rounds):
    """Kills one process of a running session somewhere; what must hold then."""
    name = f"kill-{point}-{rounds}"
    mark = f"mark{os.getpid()}x{point}x{rounds}x"
    session = shared(name, "--budget", "calls=50", command=[sys.executable, TINY, "honest", mark])
    if point != "early":
        session.start()
        session.call(1, "one")
        if point != "mid-call":
            assert text_of(session.read()) == "one"
    time.sleep(random.random() * (0.3 if point == "early" else 0.02))
    servers = [pid for pid in left_of(mark) if pid != session.process.pid and pid not in supervisors(name)]
    if point in ("supervisor", "early", "mid-call"):
        for pid in supervisors(name):
            os.kill(pid, signal.SIGKILL)
    elif point == "stub":
        session.process.kill()
    elif point == "server":
        for pid in servers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    code, _, err = session.close(WAIT)
    assert code is not None, f"the stub stays after {point}"
    if point == "supervisor":
        assert code == 125 and "is gone" in err, (code, err)
    assert eventually(lambda: not left_of(mark)), (point, left_of(mark))
    good, said = verified()
    assert good, said
    # The next run has the whole of its budget, or what is left of a session that lives on.
    again = shared(name, "--budget", "calls=50").start()
    again.call(1, "again")
    assert text_of(again.read(WAIT)) == "again"
    again.close()
    end(name)


for point in ("supervisor", "stub", "server", "mid-call", "early"):
    @test(f"killed at any moment ({point}): nothing survives, the log verifies, the next run has its budget")
    def _(point=point):
        for rounds in range(max(1, KILLS // 4)):
            killed_at(point, rounds)


# up -----------------------------------------------------------------------------------------------------------------------

AGENT = os.path.join(ROOT, "Examples/up/agent.py")


def workspace(text, **files):
    """A folder with a session file. `LIBS` in the text stands for what a program that is not static reads besides."""
    folder = tempfile.mkdtemp(prefix="up-", dir=STATE)
    os.chmod(STATE, 0o755)
    os.chmod(folder, 0o755)
    shutil.copy(AGENT, folder)
    shutil.copy(TINY, folder)
    for name, body in files.items():
        path = os.path.join(folder, name.replace("__", "/").replace("_py", ".py").replace("_cedar", ".cedar"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(body)
    with open(os.path.join(folder, "fumehood.yaml"), "w") as file:
        file.write(text.replace("LIBS", "".join(", " + path for path in libraries())))
    return folder


def up(folder, *flags, **environment):
    return subprocess.run([FUMEHOOD, "up", *flags], cwd=folder, env=dict(os.environ, **environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)


ONE = """
fumehood: 1
session: one
agents:
  clerk: { command: [python3, agent.py, tiny, 'echo:{"text":"hello"}', 'echo:{"text":"secret"}'], group: clerks, read: [agent.py LIBS], tools: [tiny] }
tools:
  tiny: { command: [python3, tiny.py, honest], read: [tiny.py] }
  other: { command: [python3, tiny.py, honest], read: [tiny.py] }
"""


@test("an agent reaches its tool by name, in cells of their own")
def _():
    folder = workspace(ONE + "log: ./audit\n")
    done = up(folder, "--result", "r.json")
    assert done.returncode == 0 and "echo said: hello" in done.stdout, done
    with open(os.path.join(folder, "r.json")) as file:
        result = json.load(file)
    assert result["agents"][0]["exit_code"] == 0 and result["calls"]["allowed"] == 2, result
    assert result["servers"] == [{"name": "tiny", "started": 1, "killed": 0}], result
    good, said = verified(os.path.join(folder, "audit"))
    assert good, said
    assert not os.path.isdir(RUN + "/fumehood") or not [name for name in os.listdir(RUN + "/fumehood") if name.startswith("inside-")]


@test("a tool that the agent's entry does not name is refused with the list")
def _():
    folder = workspace(ONE.replace("agent.py, tiny,", "agent.py, other,"))
    done = up(folder)
    assert done.returncode != 0 and "agent `clerk` has no tool `other`: its tools are tiny" in done.stderr, done


@test("policies see the agent, its group and its arguments")
def _():
    policy = """
        @id("clerks") permit (principal in AgentGroup::"clerks", action in Action::"CallTool", resource);
        @id("secrets") @reason("secrets stay here") forbid (principal == Agent::"clerk", action == Action::"tiny__echo", resource)
        when { context.input has text && context.input.text like "*secret*" };
        """
    folder = workspace(ONE + "policy: ./policy\n", policy__p_cedar=policy)
    done = up(folder)
    assert "echo said: hello" in done.stdout and "secrets stay here" in done.stdout and done.returncode == 0, done
    done = up(folder, "--fail-on", "denied")
    assert done.returncode == 124, done
    done = up(folder, "--fail-on", "budget,killed")
    assert done.returncode == 0, done
    folder = workspace(ONE.replace("group: clerks", "group: others") + "policy: ./policy\n", policy__p_cedar=policy)
    assert "no policy permits" in up(folder).stdout


@test("an ask is a deny where CI=true")
def _():
    policy = '@id("asks") @ask("look at it") permit (principal, action in Action::"CallTool", resource);'
    folder = workspace(ONE + "policy: ./policy\n", policy__p_cedar=policy)
    done = up(folder, "--fail-on", "denied", CI="true")
    assert done.returncode == 124 and "nobody can be asked here" in done.stdout, done


@test("budgets of the session and of a tool hold, and the summary tells of them")
def _():
    calls = ", ".join(f"'echo:{{\"text\":\"n{number}\"}}'" for number in range(4))
    text = ONE.replace("""'echo:{"text":"hello"}', 'echo:{"text":"secret"}'""", calls)
    folder = workspace(text + "budget: { session: { calls: 100 }, tools: { tiny: { calls: 2/1h } } }\n")
    summary = os.path.join(folder, "summary.md")
    done = up(folder, "--fail-on", "budget", GITHUB_STEP_SUMMARY=summary)
    assert done.returncode == 124 and "n1" in done.stdout and "n2" not in re.findall(r"said: (\S+)", done.stdout), done
    assert "`tool/tiny`" in done.stdout and "again in" in done.stdout, done
    with open(summary) as file:
        shown = file.read()
    assert "| tool/tiny | calls |" in shown and "| session | calls | 100 | 98 |" in shown, shown
    folder = workspace(text + "budget: { session: { calls: 1 } }\n")
    done = up(folder)
    assert "account `session` has 0 of `calls` left (1)" in done.stdout, done


@test("the exit code is the first agent's that is not 0, in the file's order")
def _():
    folder = workspace("""
fumehood: 1
session: codes
agents:
  good: { command: [sh, -c, 'exit 0'] }
  slow: { command: [sh, -c, 'sleep 0.3; exit 5'] }
  fast: { command: [sh, -c, 'exit 6'] }
""")
    done = up(folder)
    assert done.returncode == 5, done


@test("time and processor time of a session end all of it")
def _():
    base = "fumehood: 1\nsession: ends\nagents:\n  a: { command: [sh, -c, '%s'] }\n  b: { command: [sleep, '60'] }\nbudget: { session: { %s } }\n"
    began = time.monotonic()
    done = up(workspace(base % ("sleep 60", "wall: 700ms")))
    assert done.returncode == 124 and "wall read" in done.stderr and time.monotonic() - began < 30, done
    done = up(workspace(base % ("while :; do :; done", "cpu_time: 500ms")))
    assert done.returncode == 124 and "cpu_time read" in done.stderr, done


@test("a secret is in its own cell, and in no record")
def _():
    folder = workspace("""
fumehood: 1
session: secrets
agents:
  has: { command: [sh, -c, 'test "$API_KEY" = correct-horse-battery && echo "has it: $API_KEY"'], secrets: { API_KEY: 'env:OUTSIDE' } }
  not: { command: [sh, -c, 'test -z "$API_KEY$OUTSIDE"'] }
log: ./audit
""")
    done = up(folder, "--result", "r.json", OUTSIDE="correct-horse-battery")
    assert done.returncode == 0, done
    for root, _, names in os.walk(folder):
        for name in names:
            if name != "fumehood.yaml":
                with open(os.path.join(root, name), "rb") as file:
                    assert b"correct-horse-battery" not in file.read(), name
    done = up(folder)
    assert done.returncode == 125 and "`OUTSIDE` is not set" in done.stderr and ":5:" in done.stderr, done


@test("what is wrong in a session file has its line and column")
def _():
    for wrong, said in [
        (ONE.replace("tools: [tiny]", "tools: [tinny]"), ":5:"), (ONE.replace("session: one", "session: 'O N E'"), "3:10: session:"),
        (ONE + "budgte: {}\n", "did you mean `budget`?"), (ONE + "budget: { tools: { none: { calls: 1 } } }\n", "there is no tool `none`"),
        (ONE.replace("group: clerks", "memory: 1G"), "unknown key `memory`"), (ONE.replace("fumehood: 1", "fumehood: 2"), "version"),
        (ONE.replace("  tiny:", "  TINY:", 1), "cannot name a tool"), (ONE + "budget: { session: { calls: 0 } }\n", "budget.session.calls"),
    ]:
        done = up(workspace(wrong))
        assert done.returncode == 125 and said in done.stderr and "fumehood.yaml:" in done.stderr, (said, done.stderr)
    done = up(STATE)
    assert done.returncode == 125 and "fumehood.yaml" in done.stderr, done


ATTACK = r'''
import array, json, os, socket, subprocess, sys
def say(what, done): print(("OPEN " if done else "shut ") + what, flush=True)
mine = "/run/fumehood.sock"
# The folder of all sockets, and whatever else looks like one.
found = []
for root, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(root, name) not in ("/proc", "/sys", "/usr", "/opt")]
    for name in names:
        path = os.path.join(root, name)
        try:
            if path != mine and (os.stat(path).st_mode & 0o170000) == 0o140000: found.append(path)
        except OSError: pass
say("another socket: %s" % found, bool(found))
for path in sys.argv[1].split(":"):
    try: os.listdir(path); say("folder " + path, True)
    except OSError: say("folder " + path, False)
    for name in ("session-attack", "inside-0"):
        try:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(path + "/" + name); say("socket " + name, True)
        except OSError: say("socket " + name, False)
def ask(words, files=(0, 1, 2), order=b"o"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(15); s.connect(mine)
    try:
        s.sendmsg([order + len(words).to_bytes(4, "little")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else [])
        s.send(b"w" + words)
        said = b""
        while True:
            part = s.recv(65536)
            if not part or part[:1] == b"x": return said + part
            said += part
    except OSError as error: return b"error " + str(error).encode()
# The tool of another agent; a command line of one's own; the session's end; words without end; no files; files that wait.
say("other agent's tool", b"has no tool" not in ask(b"1\0hidden\0"))
say("a server of one's own", b"has no tool" not in ask(b"3\0mcp\0--\0id\0"))
say("the session's end", b"x" in ask(b"1\0tiny\0", order=b"e"))
say("a huge order", len(ask(b"9" * 60000)) > 0 and b"x\x7d" not in ask(b"9" * 60000) and b"error" not in ask(b"9" * 60000))
say("no files", b"x\x7d" not in ask(b"1\0tiny\0", files=()))
folder = os.open("/", os.O_RDONLY)
say("a folder for a pipe", b"x\x7d" not in ask(b"1\0tiny\0", files=(folder, 1, 2)))
for path in ("/proc/1/environ", "/proc/1/mem", "/proc/1/fd"):
    try: os.listdir(path) if path.endswith("fd") else open(path, "rb").read(1); say(path, True)
    except OSError: say(path, False)
try: os.unlink(mine); say("removes the socket", True)
except OSError: say("removes the socket", False)
try: open("/run/fumehood.bin/fumehood", "ab"); say("writes the program", True)
except OSError: say("writes the program", False)
# Many lines that say nothing, and one that is served all the same.
idle = []
for _ in range(60):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(mine); idle.append(s)
# A pipe that somebody else empties between the look and the read.
r, w = os.pipe()
served = subprocess.Popen(["fumehood", "mcp", "tiny"], stdin=r, stdout=subprocess.PIPE)
if os.fork() == 0:
    os.set_blocking(r, False)
    import time
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        try: os.read(r, 1)
        except BlockingIOError: pass
    os._exit(0)
for _ in range(200): os.write(w, b"\n")
os.wait() if False else None
after = subprocess.Popen(["fumehood", "mcp", "tiny"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
after.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "I am Agent::root", "version": "1"}}}).encode() + b"\n"); after.stdin.flush()
say("keeps the session from others", b"result" not in after.stdout.readline())
print("done", flush=True)
served.kill()
'''


@test("an agent reaches no other tool, no other socket and no file of its supervisor")
def _():
    folder = workspace(f"""
fumehood: 1
session: attack
agents:
  bad: {{ command: [python3, attack.py, '{RUN}/fumehood:/run/fumehood:{STATE}/state'], read: [. LIBS], tools: [tiny] }}
  other: {{ command: [sleep, '3'], tools: [hidden] }}
tools:
  tiny: {{ command: [python3, tiny.py, honest], read: [tiny.py] }}
  hidden: {{ command: [python3, tiny.py, honest], read: [tiny.py] }}
""", attack_py=ATTACK)
    done = up(folder)
    assert "done" in done.stdout and "OPEN" not in done.stdout, (done.stdout, done.stderr[-800:])


@test("a session that is killed with its agent in a call leaves nothing")
def _():
    for victim in ("supervisor", "agent", "stub", "tool"):
        mark = f"upmark{os.getpid()}{victim}"
        folder = workspace(f"""
fumehood: 1
session: killed
agents:
  clerk: {{ command: [python3, agent.py, tiny, 'echo:{{"text":"x"}}', {mark}], read: [agent.py LIBS], tools: [tiny] }}
tools:
  tiny: {{ command: [python3, tiny.py, silent, {mark}], read: [tiny.py] }}
log: ./audit
""")
        process = subprocess.Popen([FUMEHOOD, "up"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        def words(pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    return file.read().split(b"\0")
            except OSError:
                return []
        def find(name):
            return [pid for pid in left_of(mark) if any(name in word for word in words(pid))]
        assert eventually(lambda: find(b"tiny.py")), "the tool did not start"
        stubs = [int(path.split("/")[2]) for path in glob.glob("/proc/[0-9]*/cmdline") if words(int(path.split("/")[2]))[:3] == [b"fumehood", b"mcp", b"tiny"]]
        victims = {"supervisor": [process.pid], "agent": find(b"agent.py"), "tool": find(b"tiny.py"), "stub": stubs}[victim]
        assert victims, victim
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            process.communicate(timeout=WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"up stays after its {victim} was killed")
        assert eventually(lambda: not left_of(mark)), (victim, left_of(mark))
        good, said = verified(os.path.join(folder, "audit"))
        assert good, said
        assert up(workspace("fumehood: 1\nsession: killed\nagents:\n  a: { command: ['true'] }\n")).returncode == 0


for name in ("five", "rate", "once", "loop", "joins", "codes", "signals", "idle"):
    if supervisors(name):
        end(name)
shutil.rmtree(RUN, ignore_errors=True)
sys.exit(1 if failures else 0)

# SPDX-License-Identifier: Apache-2.0
"""What demo.sh shows: runs the two sides of the hostile script, the flood and the honest tool, and prints them at 80 columns."""
import glob
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FUMEHOOD = os.path.abspath(os.environ["FUMEHOOD_BIN"])
PYTHON = sys.executable
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def heading(text):
    print(f"\n{paint('1', text)}", flush=True)


def command_line(arguments):
    """As a person would type it, our own long paths shortened."""
    print(paint("2", "$ " + " ".join(os.path.basename(a) if a.startswith("/") else a for a in arguments)), flush=True)


def fumehood(flags, command, **options):
    """Runs a command in a cell: the finished process and the result record."""
    result = tempfile.mktemp(prefix="result-", dir=WORK)
    done = subprocess.run([FUMEHOOD, "run", "--result", result] + flags + ["--"] + command, **options)
    with open(result) as file:
        return done, json.load(file)


def lines(text):
    return [line.split("\t") for line in text.splitlines() if line.count("\t") == 2]


def fit(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"


def processes_with(word):
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    count += word.encode() in file.read() and int(name) != os.getpid()
            except OSError:
                pass
    return count


def hostile(home):
    script = os.path.join(HERE, "hostile/hostile.py")
    marker = str(os.getpid()).zfill(8)
    os.environ.update(HOME=home, XDG_STATE_HOME=os.path.join(WORK, "state"), DEMO_API_KEY="sk-demo-0123456789")
    leaked = os.open(f"{home}/.ssh/id_ed25519", os.O_RDONLY)
    os.set_inheritable(leaked, True)

    heading("A hostile script, in a cell")
    flags = ["-p", "python", "--pids", "64", "--timeout", "20s"]
    command_line(["fumehood", "run"] + flags + ["--", "python3", script])
    outside = subprocess.run([PYTHON, "-B", script, "--dry", home], stdout=subprocess.PIPE, text=True, close_fds=False, cwd=os.path.dirname(script), stdin=subprocess.DEVNULL)
    inside, record = fumehood(
        flags, [PYTHON, "-B", script, "--attack", home, marker], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, close_fds=False,
        cwd=os.path.dirname(script), stdin=subprocess.DEVNULL)
    os.close(leaked)

    if record["status"] == "refused":
        print(inside.stderr.strip())
        print("this machine cannot build a cell: fumehood doctor says why")
        return None
    dry = {name: (got == "got", what) for name, got, what in lines(outside.stdout)}
    tried = {name: (got == "got", what) for name, got, what in lines(inside.stdout)}
    print()
    print(f"{'what it tries':<29}{'outside (only asked)':<22}what happened in the cell")
    print("-" * 79)
    lost = 0
    for name, (could, what) in dry.items():
        got, text = tried.get(name, (True, "the script did not get that far"))
        if name == "leave a daemon behind" and name in tried:
            alive = processes_with(f"3600.{marker}")
            got, text = alive > 0, f"{alive} left after the cell" if alive else "gone with the cell"
        lost += got
        print(f"{fit(name, 28):<29}" + paint("33" if could else "0", f"{fit(what, 21):<22}") + paint("31" if got else "32", fit(text, 28)))
    print("-" * 79)
    count = sum(d["count"] for d in record["denials"])
    print(f"{len(dry)} attempts; {sum(c for c, _ in dry.values())} would do outside; {lost} did in the cell")
    print(f"{count} system calls were refused and recorded, with their arguments:")
    if inside.returncode != 0:
        print(f"the cell ended with {inside.returncode}: {inside.stderr.strip()}")
    for denial in record["denials"][:4]:
        print(fit(f"  {denial['what']}" + (f" x{denial['count']}" if denial["count"] > 1 else ""), 79))
    if len(record["denials"]) > 4:
        print(f"  ... and {len(record['denials']) - 4} more kinds")
    return lost == 0 and inside.returncode == 0 and len(tried) == len(dry)


def flood():
    heading("A flood")
    script = os.path.join(HERE, "hostile/flood.sh")
    flags = ["-r", os.path.dirname(script), "--output", "1M", "--timeout", "10s"]
    command_line(["fumehood", "run"] + flags + ["--", "sh", script])
    began = time.monotonic()
    done, record = fumehood(flags, ["sh", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    print(done.stderr.strip())
    kill = record.get("kill") or {}
    print(f"exit {done.returncode} after {time.monotonic() - began:.2f} s; {len(done.stdout) >> 10} KiB came through; processes left: {kill.get('left')}")
    return done.returncode == 124 and kill.get("left") == 0 and len(done.stdout) <= 1 << 21


RUNAWAY = """fumehood: 1
extends: base
ladder:
  cpu: { warn: 0.02 }
  cpu_time: { throttle: 250ms, freeze: 300ms }
  throttled: { cpu: 0.5 }
  grace: 500ms
"""
MAY_IT = """@id("long-runs") @ask("it used 0.3 s of a processor")
permit (principal, action == Action::"sys__limit", resource)
when { context.crossed has rung && context.crossed.rung == "freeze" };
"""


def runaway():
    """A spinning program that ignores SIGTERM: warned, throttled, frozen until a person agrees, let go, and killed when it goes on."""
    heading("A runaway")
    profile, policy, result = (os.path.join(WORK, name) for name in ("spin.yaml", "limits.cedar", "spin.json"))
    for path, text in ((profile, RUNAWAY), (policy, MAY_IT)):
        with open(path, "w") as file:
            file.write(text)
    print("".join(RUNAWAY.partition("ladder:")[1:]).rstrip())
    print(MAY_IT.rstrip())
    line = ["run", "-p", profile, "--policy", policy, "--timeout", "90s", "--", "sh", "-c", "trap '' TERM; while :; do :; done"]
    command_line(["fumehood"] + line[:-2] + ["'trap \"\" TERM; while :; do :; done' &"])
    cell = subprocess.Popen([FUMEHOOD] + line[:1] + ["--result", result] + line[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    call, until = None, time.monotonic() + 60
    while call is None and cell.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
        listed = subprocess.run([FUMEHOOD, "approve", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        asked = json.loads(listed.stdout or "{}").get("asked") or []
        call = next((record["call"] for record in asked if record["tool"] == "sys__limit"), None)
    agreed = call is not None and ask("approve", "--yes", call).returncode == 0
    _, said = cell.communicate(timeout=120)
    for text in said.splitlines():
        print(fit(text, 79))
    with open(result) as file:
        record = json.load(file)
    why = subprocess.run([FUMEHOOD, "why", record["cell"]], stdout=subprocess.PIPE, text=True)
    command_line(["fumehood", "why", record["cell"]])
    for text in why.stdout.partition("\n\n")[0].splitlines()[1:]:
        print(fit(text, 79))
    rungs = iter(change["rung"] for change in record["ladder"])
    climbed = all(rung in rungs for rung in ("warn", "throttle", "freeze", "throttle", "terminate", "kill"))
    return agreed and climbed and cell.returncode == 124 and record["kill"]["left"] == 0 and "cpu_time read" in why.stdout


def ask(*words, cut=None):
    """One of the other verbs, shown as it is typed, with the first lines of its answer."""
    command_line(["fumehood"] + list(words))
    done = subprocess.run([FUMEHOOD] + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    for line in done.stdout.splitlines()[:cut]:
        if line:
            print(fit(re.sub(r" (session|cell|call)=\S+| principal=local tool=\S+ latency_ns=\d+|T[0-9:.]+Z", "", line), 79))
    print(f"exit {done.returncode}")
    return done


def journal():
    """The log of what was run so far: shown, explained, verified, and verified again with one byte changed."""
    heading("The log of the hostile run")
    denial = json.loads(subprocess.run([FUMEHOOD, "log", "show", "--kind", "denial", "--last", "1", "--json"], stdout=subprocess.PIPE, text=True).stdout)
    shown = ask("log", "show", "--cell", denial["cell"])
    why = ask("why", denial["data"]["id"], cut=4)
    before = ask("log", "verify")
    file = glob.glob(os.path.join(WORK, "state/fumehood/log/journal/*"))[0]
    with open(file, "r+b") as opened:
        place = opened.read().index(b"hostile.py")
        opened.seek(place)
        opened.write(b"H")
        print("one byte of it is changed: the script's name")
        opened.flush()
        after = ask("log", "verify", cut=2)
        opened.seek(place)
        opened.write(b"h")
    return shown.returncode == 0 and why.returncode == 0 and before.returncode == 0 and after.returncode == 1


def refused():
    heading("A launch that a policy refuses")
    policy = os.path.join(WORK, "network.cedar")
    text = """@id("no-host") @reason("no program here gets the host's network")
forbid (principal, action == Action::"sys__launch", resource)
when { context.sandbox.network == "host" };
"""
    with open(policy, "w") as file:
        file.write(text)
    print(text.rstrip())
    done = ask("run", "--policy", policy, "--net", "host", "--", "curl", "https://example.com")
    return done.returncode == 125 and "no-host" in done.stdout


def reach():
    """A model's server that the agent may reach, and a metadata address that it may not."""
    heading("An agent that reaches its model, and nothing else")
    model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    name = f"localhost:{model.server_port}"
    flags = ["--net", name]
    command_line(["fumehood", "run"] + flags + ["--", "python3", "agent.py"])
    done, record = fumehood(flags, [PYTHON, "-c", AGENT, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    print((done.stdout + done.stderr).strip())
    model.shutdown()
    if record["status"] == "refused":
        return "named endpoints cannot be reached here" in done.stderr
    return "the model says hello" in done.stdout and "Permission denied" in done.stdout and record["connections"] == [
        {"endpoint": name, "failed": 0, "made": 1, "refused": 0}]


class Model(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the model says hello")

    def log_message(self, *_):
        pass


AGENT = """
import sys, urllib.request
for what, where in (("the model", sys.argv[1]), ("the cloud's credentials", "169.254.169.254")):
    try: print(f"{what}:", urllib.request.urlopen("http://" + where, timeout=10).read().decode())
    except OSError as error: print(f"{what}:", error)
"""


def honest():
    heading("An honest tool, with a workspace that it may write")
    workspace = os.path.join(WORK, "workspace")
    shutil.copytree(os.path.join(HERE, "honest"), workspace)
    flags = ["-p", "build", "-w", "."]
    command_line(["fumehood", "run"] + flags + ["--", "sh", "work.sh"])
    done, record = fumehood(flags, ["sh", "work.sh"], cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    print(done.stdout.strip())
    if done.returncode != 0:
        print(f"exit {done.returncode}")
        return False
    owner = os.stat(os.path.join(workspace, "project/words")).st_uid
    print(f"exit {done.returncode}; on the disk its files belong to uid {owner}, who started it (uid {os.getuid()})")
    heading("What its result record says")
    walls = {}
    for name, wall in record["protections"].items():
        walls.setdefault(wall["status"], []).append(name)
    print(f"status {record['status']}, exit code {record['exit_code']}, wall {record['wall_us'] / 1000:.0f} ms, "
          f"cpu {(record['cpu_user_us'] + record['cpu_system_us']) / 1000:.0f} ms, denials {sum(d['count'] for d in record['denials'])}")
    launch = sum(record["launch_us"].values()) / 1000
    print(f"the cell was built in {launch:.1f} ms: " + ", ".join(f"{n} {us / 1000:.1f}" for n, us in sorted(record["launch_us"].items(), key=lambda s: -s[1])[:4]) + ", ...")
    for status in ("on", "partial", "absent", "waived"):
        names, line = walls.get(status, []), f"{status:<8}"
        if not names:
            continue
        for name in names:
            if len(line) + len(name) > 78:
                print(line)
                line = " " * 8
            line += name + " "
        print(line.rstrip())
    for name, wall in record["protections"].items():
        for missing in wall.get("missing", []):
            print(fit(f"        {name}: {missing}", 79))
    return done.returncode == 0 and owner == os.getuid()


def main():
    home = os.path.join(WORK, "home")
    for folder in (".ssh", ".aws"):
        os.makedirs(f"{home}/{folder}", mode=0o700)
    for path in (".ssh/id_ed25519", ".aws/credentials"):
        with open(f"{home}/{path}", "w") as file:
            file.write("this is a decoy\n")
    results = [hostile(home)]
    if results[0] is not None:
        results += [journal(), flood(), runaway(), refused(), reach(), honest()]
    print()
    if not all(results):
        print(paint("31", "the demo did not go as it must"))
    return 0 if all(results) else 1


WORK = tempfile.mkdtemp(prefix="fumehood-demo-")
try:
    sys.exit(main())
finally:
    shutil.rmtree(WORK, ignore_errors=True)

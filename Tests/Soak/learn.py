#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns the profiles of real tools, enforces them, and holds them against strace and against a program that tries more.

For each tool: the first run learns; the second learns nothing new; under the learned profile the same input has no denial; a canary
(socket, ptrace, a file outside, a family that was not learned) is denied; every system call that `strace -f` saw is allowed by the profile, and
none stands as seen that strace did not see. Prints PASS, FAIL and SKIP lines, and with --figures a table of sizes.

usage: Tests/Soak/learn.py [--quick] [--figures] [--record]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("FUMEHOOD_BIN") or os.path.join(ROOT, "build/fumehood")
USER = 12345
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DOCKER = 308
# Asked by libraries in passing, answered ENOSYS or EPERM in every cell, and done without.
PROBED = {"clone3", "get_mempolicy", "set_mempolicy", "mbind", "openat2", "io_uring_setup", "userfaultfd", "perf_event_open"}
failures = 0


def say(verdict, name, why=""):
    global failures
    failures += verdict == "FAIL"
    print(f"{verdict} {name}" + (f": {why}" if why else ""), flush=True)


class Ground:
    """A home and a workspace of one caller."""

    def __init__(self, as_root):
        self.as_root = as_root or os.getuid() != 0
        self.folder = tempfile.mkdtemp(prefix="fumehood-learn-")
        os.chmod(self.folder, 0o755)
        self.home, self.work = os.path.join(self.folder, "home"), os.path.join(self.folder, "work")
        for path in (self.home, self.work):
            os.mkdir(path)
        self.binary = os.path.join(self.folder, "fumehood")
        shutil.copy(BINARY, self.binary)
        self.give()

    def give(self):
        if not self.as_root:
            for at, names, files in os.walk(self.folder):
                for name in [at] + [os.path.join(at, n) for n in names + files]:
                    os.lchown(name, USER, USER)

    def environment(self):
        return {"PATH": PATH, "HOME": self.home, "LANG": "C.UTF-8", "XDG_STATE_HOME": self.folder + "/home/state"}

    def run(self, words, **more):
        prefix = [] if self.as_root else ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        return subprocess.run(prefix + words, cwd=more.pop("cwd", self.work), env=self.environment(), capture_output=True, text=True, errors="replace", timeout=120, stdin=subprocess.DEVNULL)

    def fumehood(self, *words):
        return self.run([self.binary, *words])

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


PYTHON = """
import subprocess, threading, json, hashlib
done = []
def work(n):
    done.append(hashlib.sha256(str(n).encode()).hexdigest())
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(done), subprocess.run(['/bin/echo', 'child'], capture_output=True, text=True).stdout.strip())
"""
GIT = "git init -q -b main . && git config user.name A && git config user.email a@example.org && echo 1 > a && git add a && git commit -qm first && echo 2 >> a && echo x > b && touch -d '1 hour ago' a b"
MAKE = "main: main.c\n\tgcc -O1 -o main main.c\n\t./main > out\n"
TOOLS = [
    # name, programs that it needs, preparation by sh, flags, command, whether it belongs to the quick share
    ("git-status", ["git"], GIT, ["-p", "git"], ["git", "--no-optional-locks", "status", "--short"], True),
    ("git-log", ["git"], GIT, ["-p", "git"], ["git", "log", "--oneline"], False),
    ("git-diff", ["git"], GIT, ["-p", "git"], ["git", "diff", "--stat"], False),
    ("git-commit", ["git"], GIT + " && git add b", ["-p", "git"], ["git", "commit", "-q", "--allow-empty", "-m", "x"], True),
    ("git-branch", ["git"], GIT, ["-p", "git"], ["git", "branch", "-f", "topic"], False),
    ("python-job", ["/usr/bin/python3"], f"cat > job.py <<'X'\n{PYTHON}\nX", ["-r", "."], ["/usr/bin/python3", "-B", "job.py"], True),
    ("make", ["make", "gcc"], f"printf '{MAKE}' > Makefile; echo '#include <stdio.h>\nint main(void) {{ return puts(\"hi\") < 0; }}' > main.c", ["-w", "."], ["make", "-B"], False),
    ("tar", ["tar", "xz"], "mkdir d; for i in 1 2 3 4; do echo $i > d/$i; done", ["-w", "."], ["tar", "-cJf", "d.tar.xz", "d"], True),
    ("sqlite", ["sqlite3"], "", ["-w", "."], ["sqlite3", "x.db", "create table if not exists t(a); insert into t values(1); select count(*) > 0 from t"], True),
    ("jq", ["jq"], "echo '{\"a\": [1, 2]}' > in.json", ["-r", "."], ["jq", "-c", ".a | map(. + 1)", "in.json"], False),
    ("find-grep", ["find", "grep"], "mkdir d; echo needle > d/x", ["-r", "."], ["find", ".", "-type", "f", "-exec", "grep", "-l", "needle", "{}", ";"], False),
    ("rg", ["rg"], "mkdir d; echo needle > d/x", ["-r", "."], ["rg", "-l", "needle", "."], False),
    # Without a network: what it needs to find that out is learned, the socket never.
    ("curl", ["curl"], "", ["--expect", "7"], ["curl", "-sS", "--max-time", "5", "http://127.0.0.1:9/"], True),
    ("node-job", ["node"], "echo 'console.log(require(\"fs\").readdirSync(\".\").length)' > a.js", ["-p", "node"], ["node", "a.js"], False),
]
CANARY = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
static void tried(const char *what, long result) { printf("%s %s\n", what, result < 0 ? "denied" : "DONE"); }
int main(int argc, char **argv) {
    if (argc > 1) tried("secret", open(argv[1], O_RDONLY));
    tried("socket", socket(AF_INET, SOCK_STREAM, 0));
    tried("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    tried("outside", open("/usr/canary", O_CREAT | O_WRONLY, 0644));
    tried("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
    tried("keyring", syscall(SYS_add_key, "user", "a", "b", 1, -3));
    tried("setid", creat("/tmp/setid", 04755));
    tried("inotify", inotify_init1(0));
    tried("memfd", memfd_create("x", 0));
    return 0;
}
"""


def evidence(ground, name):
    shown = ground.fumehood("profile", "show", name, "--json")
    return json.loads(shown.stdout) if shown.returncode == 0 else {}


def traced(ground, command):
    """The names of the calls that strace saw after the first exec, None where it cannot trace."""
    log = os.path.join(ground.folder, "home", "trace")
    ran = ground.run(["strace", "-f", "-qq", "-o", log, *command])
    if not os.path.exists(log):
        return None, ran.stderr
    names = set()
    for line in open(log, errors="replace").read().splitlines()[1:]:
        match = re.match(r"\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", line)
        if match:
            names.add(match.group(1))
    return names, ""


def tool(name, needs, preparation, flags, command, as_root, figures):
    absent = [program for program in needs if not shutil.which(program, path=PATH)]
    if absent:
        return say("SKIP", f"learn {name}", f"{absent[0]} is absent")
    ground = Ground(as_root)
    title = f"learn {name}" + (" (root)" if ground.as_root else "")
    try:
        def fresh():
            """The same workspace before each run: git writes its index anew only where a file is as young as it."""
            for path in os.listdir(ground.work):
                path = os.path.join(ground.work, path)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
            if preparation:
                ready = ground.run(["sh", "-ec", preparation])
                if ready.returncode:
                    raise ValueError(f"preparation: {ready.stderr}")

        words = ["learn", *flags, "--as", name, "--", *command]
        code = int(flags[flags.index("--expect") + 1]) if "--expect" in flags else 0
        for attempt, expected in (("first", "learned"), ("second", "nothing new")):
            fresh()
            run = ground.fumehood(*words)
            if run.returncode != code or expected not in run.stderr:
                return say("FAIL", title, f"{attempt} run: exit {run.returncode}: {run.stderr}")
        record = os.path.join(ground.folder, "home", "result.json")
        fresh()
        run = ground.fumehood("run", "-p", name, "--result", record, "--", *command)
        result = json.load(open(record)) if os.path.exists(record) else {}
        denials = [d["what"] for d in result.get("denials", [{"what": "no record"}])]
        facts = evidence(ground, name)
        learned = facts.get("learned", {})
        # What no learning grants is denied as it was while learning.
        new = [what for what in denials if what not in learned.get("refused", [])]
        if run.returncode != code or new:
            return say("FAIL", title, f"enforced: exit {run.returncode}, denials {denials}: {run.stderr}")
        if ground.fumehood("profile", "verify", name).returncode:
            return say("FAIL", title, "the filter is not proved")

        wrong = canary_finds(ground, name, facts)
        if wrong:
            return say("FAIL", title, f"canary: {wrong}")

        exported = json.loads(ground.fumehood("profile", "export", name).stdout)
        allowed = {n for rule in exported["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for n in rule["names"]}
        fresh()
        seen, why = traced(ground, command)
        if seen is None:
            say("SKIP", f"{title} beside strace", "strace cannot trace here")
        else:
            missing = seen - allowed - PROBED
            claimed = {call.split("(")[0] for grant in learned["grants"] for call in grant["seen"]} - {"process"}
            invented = claimed - seen - {"execve"}
            if missing or invented:
                return say("FAIL", title, f"strace saw {sorted(missing)}, which the profile lacks; the profile claims {sorted(invented)}")
        figures.append((name, len(facts["syscalls"]), " ".join(facts["syscalls"]), facts["allowed_calls"], len(seen or []), len(denials)))
        say("PASS", title)
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def more(as_root):
    """An input that needs more is denied, explained, and learned under the same name."""
    ground = Ground(as_root)
    title = "learn an input that needs more" + (" (root)" if ground.as_root else "")
    try:
        script = os.path.join(ground.work, "job.sh")
        with open(script, "w") as file:
            file.write('case $1 in mkdir) mkdir /tmp/made ;; *) echo "$1" ;; esac\n')
        ground.give()
        line = ["--as", "job", "-r", ".", "--", "/bin/sh", "job.sh"]
        first = ground.fumehood("learn", *line, "little")
        denied = ground.fumehood("run", "-p", "job", "--", "/bin/sh", "job.sh", "mkdir")
        number = re.findall(r"fumehood why (\w+)", denied.stderr)
        told = ground.fumehood("why", number[-1]).stdout if number else ""
        again = re.search(r"fumehood (learn -p base --as job -- .*) adds", told)
        if first.returncode or denied.returncode == 0 or not again:
            return say("FAIL", title, f"{first} {denied} {told}")
        learned = ground.run(["sh", "-c", ground.binary + " " + again.group(1).replace("--as job", "--as job -r .")])
        allowed = ground.fumehood("run", "-p", "job", "--", "/bin/sh", "job.sh", "mkdir")
        if learned.returncode or allowed.returncode or allowed.stderr:
            return say("FAIL", title, f"{told} {learned} {allowed}")
        say("PASS", title)
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def canary_finds(ground, name, facts):
    """What a program that tries more got under the profile; None where it was denied all of it, or cannot be built."""
    canary = shutil.which("gcc", path=PATH) and canary_program(ground)
    if not canary:
        return None
    tried = dict(line.split() for line in ground.fumehood("run", "-p", name, "-r", canary, "--", canary).stdout.splitlines())
    granted = {"inotify": "inotify", "memfd": "memfd"}
    done = [what for what, how in tried.items() if how == "DONE" and granted.get(what) not in facts["syscalls"]]
    return tried if len(tried) < 8 or done else None


def canary_program(ground):
    path = os.path.join(ground.folder, "home", "canary")
    with open(path + ".c", "w") as file:
        file.write(CANARY)
    built = subprocess.run(["gcc", "-static", "-o", path, path + ".c"], capture_output=True, text=True)
    ground.give()
    return path if built.returncode == 0 else None


def hostile(as_root):
    """A program that tries everything under learning: refused, reported, and in no profile."""
    ground = Ground(as_root)
    title = "learn a hostile program" + (" (root)" if ground.as_root else "")
    try:
        os.mkdir(ground.home + "/.ssh")
        open(ground.home + "/.ssh/id", "w").write("secret")
        ground.give()
        canary = canary_program(ground)
        if not canary:
            return say("SKIP", title, "gcc is absent")
        run = ground.fumehood("learn", "--as", "hostile", "-r", canary, "--", canary, ground.home + "/.ssh/id")
        tried = dict(line.split() for line in run.stdout.splitlines())
        learned = evidence(ground, "hostile").get("learned", {})
        words = {grant["word"] for grant in learned.get("grants", [])}
        wrong = [what for what in ("secret", "socket", "vsock", "outside", "ptrace", "keyring", "setid") if tried.get(what) != "denied"]
        if wrong or words != {"inotify", "memfd"}:
            return say("FAIL", title, f"{tried} {words} {run.stderr}")
        if not any("ptrace" in call for call in learned["refused"]) or learned["secrets"] != [ground.home + "/.ssh/id"] or learned["candidates"]:
            return say("FAIL", title, json.dumps(learned))
        log = [json.loads(line) for line in ground.fumehood("log", "export").stdout.splitlines()]
        tries = {record["data"].get("what", "") for record in log if record["kind"] == "denial"}
        lost = [call for call in ("socket(AF_INET, SOCK_STREAM)", "ptrace(PTRACE_TRACEME)", "add_key()") if call not in tries]
        if lost:
            return say("FAIL", title, f"not in the log: {lost} of {sorted(tries)}")
        # It takes no other tool's name: the profile belongs to its program.
        other = ground.fumehood("learn", "--as", "hostile", "--", "/bin/true")
        if other.returncode != 125 or "was learned from" not in other.stderr:
            return say("FAIL", title, other.stderr)
        say("PASS", title)
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def job(as_root):
    """Examples/ci-learn: the second version of a tool does more, and the job says what."""
    ground = Ground(as_root)
    title = "Examples/ci-learn"
    try:
        script = os.path.join(ground.folder, "behaviour.sh")
        shutil.copy(os.path.join(ROOT, "Examples/ci-learn/behaviour.sh"), script)

        def version(text):
            with open(ground.work + "/report.sh", "w") as file:
                file.write("#!/bin/sh\n" + text)
            os.chmod(ground.work + "/report.sh", 0o755)
            ground.give()

        def check(*more):
            return ground.run(["env", f"FUMEHOOD={ground.binary}", script, *more, "report.yaml", "-r", ".", "--", "./report.sh"])

        version("echo report\n")
        first, same = check("--accept"), check()
        version("echo report; /usr/bin/env true\n")
        more = check()
        if first.returncode or same.returncode or more.returncode != 1 or "+ executes /usr/bin/env" not in more.stdout:
            return say("FAIL", title, f"{first} {same} {more}")
        say("PASS", title)
    except (subprocess.TimeoutExpired, OSError) as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def many(as_root, rounds):
    """Short pipes and children that end while calls are answered: nothing hangs, and the code is right."""
    ground = Ground(as_root)
    title = f"learn {rounds} rounds of pipes"
    try:
        for number in range(rounds):
            run = ground.fumehood("learn", "--as", "pipes", "--no-log", "--quiet", "--", "sh", "-c", f"echo {number} | cat | cat; exit 7")
            if run.returncode != 7 or run.stdout != f"{number}\n":
                return say("FAIL", title, f"{run}")
        storm = ground.fumehood("learn", "--as", "storm", "--", "sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/true & i=$((i+1)); done; wait")
        if storm.returncode:
            return say("FAIL", title, storm.stderr)
        say("PASS", title)
    except subprocess.TimeoutExpired as error:
        say("FAIL", title, repr(error))
    finally:
        ground.close()


def main():
    quick = "--quick" in sys.argv
    figures = []
    if not os.access(BINARY, os.X_OK):
        return say("FAIL", "learn", f"{BINARY} is not built")
    for name, needs, preparation, flags, command, is_quick in TOOLS:
        if is_quick or not quick:
            tool(name, needs, preparation, flags, command, False, figures)
            if os.getuid() == 0 and not quick:
                tool(name, needs, preparation, flags, command, True, figures)
    hostile(False)
    more(False)
    job(False)
    many(False, 10 if quick else 200)
    if os.getuid() == 0 and not quick:
        hostile(True)
        more(True)
    if "--figures" in sys.argv or "--record" in sys.argv:
        lines = [f"{'tool':12} words  calls allowed  seen by strace  of Docker's {DOCKER}"]
        for name, words, text, allowed, seen, _ in figures:
            lines.append(f"{name:12} {words:5}  {allowed:13}  {seen:14}  {text}")
        print("\n".join(lines))
        if "--record" in sys.argv:
            with open(os.path.join(ROOT, "Benchmarks/results/learn.txt"), "w") as file:
                file.write("\n".join(lines) + "\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

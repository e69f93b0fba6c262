#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fumehood doctor` and `fumehood run` in surroundings that this script makes: a container's filter, a covered /proc, no user
namespaces, a listener around us. doctor names what blocks and its remedy; run refuses with 125, a sentence and nothing left.

usage: doctor.py        prints PASS, FAIL and SKIP lines
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Soak"))
import cells  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ENOSYS, EPERM = 38, 1
CALLS = {"clone3": 435, "unshare": 272, "mount": 165, "fsopen": 430, "move_mount": 429, "pivot_root": 155, "mount_setattr": 442, "open_tree": 428}
good = True


def check(name, held, why=""):
    global good
    good &= cells.verdict(name, held, why)


def doctor(wrap, binary):
    """(exit code, verdict, lines by name) of doctor in these surroundings."""
    code, out, err = cells.run(wrap + [binary, "doctor", "--json"])
    try:
        document = json.loads(out)
    except ValueError:
        return code, f"no JSON: {out[:80]} {err[:200]}", {}
    return code, document.get("verdict"), {line["name"]: line for line in document.get("lines", [])}


def refused(name, wrap, binary, words):
    """run in the same surroundings: 125, a sentence with the remedy, nothing left."""
    marker = "doctor" + uuid.uuid4().hex
    code, out, err = cells.run(wrap + [binary, "run", "--", "/bin/echo", marker])
    check(f"{name}: run refuses with a sentence", code == 125 and err.startswith("fumehood: ") and "help:" in err and marker not in out, f"exit {code}: {err.strip()[:200]}")
    check(f"{name}: the sentence says what to do", any(word in err for word in words), err.strip()[:300])
    check(f"{name}: nothing is left", not cells.survivors(marker))


def blocked(name, wrap, binary, line, words, run_words=None):
    code, verdict, lines = doctor(wrap, binary)
    found = lines.get(line, {})
    check(f"{name}: doctor ends with 1", code == 1 and verdict == "blocked", f"exit {code}, {verdict}")
    check(f"{name}: {line} is blocked", found.get("status") == "blocked", str(found))
    check(f"{name}: the remedy is named", any(word in (found.get("remedy") or "") for word in words), str(found))
    refused(name, wrap, binary, run_words or words)


def main():
    cells.need_binary()
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    place, binary = cells.readable_copy()
    try:
        code, verdict, lines = doctor([], binary)
        check("here cells work, and doctor says so", code == 0 and verdict == "works", f"exit {code}, {verdict}, {lines}")
        code, out, _ = cells.run([binary, "doctor"])
        check("doctor's text names every line", code == 0 and all(name in out for name in lines), out)
        if os.geteuid() == 0:
            code, verdict, _ = doctor(cells.as_ordinary([]), binary)
            check("cells work for an ordinary user, and doctor says so", code == 0 and verdict == "works", f"exit {code}, {verdict}")

        if compiler is None:
            print("SKIP a container's filter: no C compiler")
        else:
            refuse = os.path.join(place, "refuse")
            subprocess.run([compiler, "-O1", "-o", refuse, os.path.join(HERE, "refuse.c")], check=True)
            os.chmod(refuse, 0o755)
            for who, front in [("root", [])] + ([("an ordinary user", cells.as_ordinary([]))] if os.geteuid() == 0 else []):
                def behind(code, *names):
                    return front + [refuse, str(code), ",".join(str(CALLS[n]) for n in names)]
                blocked(f"clone3 refused by a filter, as {who}", behind(ENOSYS, "clone3"), binary, "clone3", ["seccomp=unconfined"])
                blocked(f"unshare refused by a filter, as {who}", behind(EPERM, "unshare"), binary, "net namespace", ["seccomp=unconfined"], ["doctor", "seccomp=unconfined"])
                blocked(f"mounting refused by a filter, as {who}", behind(EPERM, "mount", "fsopen", "move_mount", "open_tree", "mount_setattr"), binary, "mounts",
                        ["seccomp=unconfined"], ["doctor", "seccomp=unconfined"])
                blocked(f"pivot_root refused by a filter, as {who}", behind(EPERM, "pivot_root"), binary, "mounts", ["seccomp=unconfined"], ["doctor", "seccomp=unconfined"])
                code, verdict, lines = doctor(front + [refuse, "listen"], binary)
                check(f"a listener around us is no obstacle, as {who}", code == 0 and verdict == "works", f"exit {code}, {verdict}")
                check(f"a listener around us takes the explanations, as {who}", lines.get("explained denials", {}).get("status") == "partial" and "nested" in lines["explained denials"]["detail"], str(lines.get("explained denials")))
                code, out, err = cells.run(front + [refuse, "listen", binary, "run", "--", "/bin/echo", "through"])
                check(f"a command runs behind a listener around us, as {who}", code == 0 and out == "through\n", f"exit {code}: {err.strip()}")

        unshare = ["unshare", "-m", "--propagation", "private"] if os.geteuid() == 0 else ["unshare", "-U", "-r", "-m"]
        if subprocess.run(unshare + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
            print("SKIP a covered /proc: no namespaces here")
            return
        covered = unshare + ["sh", "-c", 'mount --bind /dev/null /proc/keys && exec "$@"', "-"]
        blocked("a covered /proc", covered, binary, "fresh /proc", ["systempaths=unconfined"])
        code, out, err = cells.run(covered + [binary, "run", "--waive", "proc", "--", "/bin/echo", "without proc"])
        check("a covered /proc: --waive proc goes without", code == 0 and out == "without proc\n", f"exit {code}: {err.strip()}")
        none = unshare + ["sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "-"]
        code, out, err = cells.run(none + [binary, "doctor"])
        check("no /proc: doctor cannot judge, and says why", code == 2 and "no /proc" in err and "help:" in err, f"exit {code}: {err.strip()}")
        refused("no /proc", none, binary, ["mount"])
        without = ["unshare", "-U", "-r", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "-"]
        blocked("no user namespaces", without, binary, "user namespace", ["max_user_namespaces"])
    finally:
        shutil.rmtree(place, ignore_errors=True)


main()
sys.exit(0 if good else 1)

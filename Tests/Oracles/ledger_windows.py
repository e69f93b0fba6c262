#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger's windows beside other implementations, on random hits at the same simulated times.

    ledger_windows.py [--rounds N] [--seed N] [--program PATH]

Oracles: `limits` from PyPI (its moving window and its fixed window) and the textbook form of the generic cell rate
algorithm in exact fractions. `limits` is installed into a virtual environment, .build-oracle, when it cannot be imported.
Prints PASS or FAIL with the seed. PATH is the program of Benchmarks/ledger, built when missing.

What is held to what:
- `N sliding T`: what we allow, limits' moving window of T allows too, on the hits that we allowed; what we deny, its
  moving window of T + T/32 denies too. So the error is at most 1/32 of T, and never in the generous direction.
- `N/hour`, `N/day`: the same decisions as limits' fixed window, whose keys carry the period (its own windows begin with
  the first hit, ours with the calendar).
- `N/T`: the same decisions as the fractions, and the same wait, rounded up to a nanosecond.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time
from fractions import Fraction

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECOND = 1_000_000_000


def need_limits():
    """Starts again inside a virtual environment that has `limits`."""
    try:
        import limits  # noqa: F401
        return
    except ImportError:
        pass
    folder = os.path.join(ROOT, ".build-oracle")
    python = os.path.join(folder, "bin/python3")
    if os.environ.get("LEDGER_ORACLE"):
        print("SKIP ledger windows: limits cannot be installed")
        sys.exit(0)
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "limits==5.8.0"], stderr=subprocess.DEVNULL)
    os.execve(python, [python] + sys.argv, {**os.environ, "LEDGER_ORACLE": "1"})


class Clock:
    """Stands in for time.time in limits; a power of two per second would be nicer, so times are whole milliseconds."""
    now = 0.0


def moving(amount, seconds):
    from limits import RateLimitItemPerSecond, storage, strategies
    return strategies.MovingWindowRateLimiter(storage.MemoryStorage()), RateLimitItemPerSecond(amount, seconds)


def hits_of(generator, span, count):
    """Nanoseconds on whole milliseconds, wall seconds, costs."""
    hits, now = [], generator.randrange(1, 1000) * 1_000_000
    for _ in range(count):
        now += generator.choice([0, generator.randrange(1 + span // 8_000_000), generator.randrange(1 + span // 1_000_000)]) * 1_000_000
        hits.append([now, 1_700_000_000 + now // SECOND, generator.choice([1, 1, 1, 2, 3])])
    return hits


def ask(program, dimension, window, hits):
    program.stdin.write(json.dumps({"dimension": dimension, "window": window, "hits": hits}) + "\n")
    program.stdin.flush()
    answer = json.loads(program.stdout.readline())
    return answer["allowed"], answer["wait_ns"]


def check_sliding(program, generator):
    # A multiple of 32 seconds: the wider window is then whole seconds too, which limits wants.
    amount, span = generator.randrange(1, 12), 32 * generator.randrange(1, 5)
    hits = hits_of(generator, span * SECOND, 60)
    allowed, _ = ask(program, "calls", "%d sliding %ds" % (amount, span), hits)
    exact, exact_item = moving(amount, span)
    # Only counts: what we allow may be more than the wider window would take.
    wide, wide_item = moving(1_000_000, span + span // 32)
    for (at, _, cost), ours in zip(hits, allowed):
        Clock.now = 1_700_000_000 + at / SECOND
        if ours:
            if not exact.hit(exact_item, "k", cost=cost):
                return "allowed at %d ns, which limits denies: %d sliding %ds, %s" % (at, amount, span, hits)
            wide.hit(wide_item, "k", cost=cost)
        elif 1_000_000 - wide.get_window_stats(wide_item, "k").remaining + cost <= amount:
            return "denied at %d ns, which limits allows in a window 1/32 wider: %d sliding %ds, %s" % (at, amount, span, hits)
    return None


def check_calendar(program, generator):
    from limits import RateLimitItemPerHour, storage, strategies
    unit, seconds = generator.choice([("hour", 3600), ("day", 86400)])
    amount = generator.randrange(1, 20)
    hits = [[at, wall, cost] for at, wall, cost in hits_of(generator, seconds * SECOND // 8, 60)]
    allowed, _ = ask(program, "calls", "%d/%s" % (amount, unit), hits)
    oracle, item = strategies.FixedWindowRateLimiter(storage.MemoryStorage()), RateLimitItemPerHour(amount, 48)
    for (at, wall, cost), ours in zip(hits, allowed):
        Clock.now = 1_700_000_000 + at / SECOND
        key = str(wall // seconds)
        if ours != oracle.test(item, key, cost=cost):
            return "%s at %d, limits says otherwise: %d/%s, %s" % ("allowed" if ours else "denied", wall, amount, unit, hits)
        if ours:
            oracle.hit(item, key, cost=cost)
    return None


def check_rate(program, generator):
    amount, span = generator.randrange(1, 30), generator.randrange(1, 20000) * 1_000_000
    hits = hits_of(generator, span, 60)
    allowed, waits = ask(program, "calls", "%d/%dms" % (amount, span // 1_000_000), hits)
    each, arrival = Fraction(span, amount), Fraction(0)
    for (at, _, cost), ours, wait in zip(hits, allowed, waits):
        later = max(Fraction(at), arrival) + cost * each
        if (later - at <= span) != ours:
            return "%s at %d ns, the fractions say otherwise: %d/%d ns, %s" % ("allowed" if ours else "denied", at, amount, span, hits)
        if ours:
            arrival = later
        elif cost <= amount and wait != -((at + span - later) // 1):
            return "told to wait %d ns, not %s: %d/%d ns, %s" % (wait, later - at - span, amount, span, hits)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--program", default=os.path.join(ROOT, ".build-ledger/release/ledger"))
    args = parser.parse_args()
    need_limits()
    if not os.path.exists(args.program):
        subprocess.run(["swift", "build", "-c", "release", "--scratch-path", os.path.join(ROOT, ".build-ledger")], cwd=os.path.join(ROOT, "Benchmarks/ledger"), check=True, stdout=subprocess.DEVNULL)
    time.time = lambda: Clock.now
    print("seed %d" % args.seed)
    program = subprocess.Popen([args.program, "windows"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    generator = random.Random(args.seed)
    failed = False
    for name, check in [("sliding windows", check_sliding), ("calendar windows", check_calendar), ("rates", check_rate)]:
        fault = next((fault for fault in (check(program, generator) for _ in range(args.rounds)) if fault), None)
        failed = failed or fault is not None
        print("FAIL %s (seed %d): %s" % (name, args.seed, fault) if fault else "PASS %s: %d rounds of 60 hits" % (name, args.rounds), flush=True)
    program.stdin.close()
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()

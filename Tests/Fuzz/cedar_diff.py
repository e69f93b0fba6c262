# SPDX-License-Identifier: Apache-2.0
"""Compares the Cedar engine with PyPI cedarpy (the Rust implementation) on random cases.

    cedar_diff.py ENGINE [--cases N] [--seed S] [--mode authorize|parse|index|json|format|all]

ENGINE is the built `cedar-corpus`. A case of `authorize` is one (policy set, entities, request): decision, reasons and
errors must be equal. A case of `parse` is one mutated policy text: both accept or both refuse. A case of `index` is
one request for which the engine's plain and compiled evaluator must agree, without cedarpy. The seed of every batch
is printed with a difference; `--seed S --cases 1` repeats it. Status 0 if there is no difference.
"""
import argparse
import json
import random
import re
import subprocess
import sys

import cedarpy

TYPES = ["User", "Group", "Doc", "NS::User", "NS::A::Folder"]
IDS = ["a", "b", "c", "", "a b", "é", "e\u0301", "\u0000x"]
ACTIONS = [("Action", "read"), ("Action", "write"), ("Action", "all"), ("NS::Action", "read"), ("Action", "")]
ATTRS = ["n", "m", "s", "t", "set", "rec", "owner", "ip", "dec", "when", "dur", "ok", "a b", "if", "principal", "", "é"]
STRINGS = ["", "a", "b", "abc", "a*c", "foo/bar", "foo/", "é", "e\u0301", "\u0000", "A", "*", "a\\b", "\n", "日本"]
LONGS = [0, 1, -1, 2, 3, 7, 1000, 2**63 - 1, -(2**63), 2**62, -(2**62), 3037000500]
IPS = ["1.1.1.1", "10.0.0.0/8", "10.1.2.3", "127.0.0.1", "127.0.0.0/7", "224.1.1.1", "::1", "ff00::/8", "::/0",
       "0.0.0.0/0", "1:2:3:4:5:6:7:8", "::ffff:1.1.1.1", "1.1.1.1/33", "01.1.1.1", "fe80::1/64", "a::b:c/127", "::1::",
       "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "12345::", "1.1.1.1/", "1.1.1.1/01", " 1.1.1.1", "1.1.1"]
DECS = ["0.0", "1.0", "1.00", "-1.5", "12.3456", "922337203685477.5807", "-922337203685477.5808", "1.23456", "1", ".5",
        "1.", "-0.0", "00.1", "+1.0", "922337203685477.5808", "a.b", "-.5", "1.-5"]
DATES = ["2024-10-15", "2024-10-15T11:35:00Z", "2024-10-15T11:35:00.123Z", "2024-02-29", "2023-02-29", "1969-12-31",
         "2024-10-15T11:35:00+0100", "2024-10-15T11:35:00.001-2359", "0000-01-01", "9999-12-31T23:59:59.999-2359",
         "2024-10-15T24:00:00Z", "2024-10-15T23:60:00Z", "2024-10-15T23:59:60Z", "2024-13-01", "2024-1-1", "2024-10-15T",
         "2024-10-15T11:35:00", "2024-10-15T11:35:00+2400", "2024-10-15T11:35:00+0060", "0000-00-00", "2024-10-15 "]
DURS = ["1d", "1h", "1m", "1s", "1ms", "1d2h3m4s5ms", "-1d", "0ms", "-", "", "1h1d", "1d1d", "9223372036854775807ms",
        "9223372036854775808ms", "-9223372036854775808ms", "106751991167d", "106751991168d", "1", "d", "1 d", "-1d-2h",
        "9223372036854775807ms1d", "1ms1s", "-106751991167d7h12m55s808ms", "01d", "1m1ms"]
EXTS = {"ip": IPS, "decimal": DECS, "datetime": DATES, "duration": DURS}
EXT_KIND = {"ip": "ip", "decimal": "dec", "datetime": "time", "duration": "dur"}


def quote(text):
    out = ['"']
    for ch in text:
        if ch in '"\\':
            out.append("\\" + ch)
        elif ord(ch) < 32 or random.random() < 0.02:
            out.append("\\u{%x}" % ord(ch))
        else:
            out.append(ch)
    return "".join(out) + '"'


class World:
    """Random entities, requests and policies over a small vocabulary, so that things meet."""

    def __init__(self, rng):
        self.rng = rng
        self.uids = [(t, i) for t in TYPES for i in rng.sample(IDS, 3)]

    def uid(self, actions=False):
        return self.rng.choice(ACTIONS if actions and self.rng.random() < 0.8 else self.uids)

    def literal(self, uid):
        return "%s::%s" % (uid[0], quote(uid[1]))

    # values as JSON
    def value(self, depth=2):
        r = self.rng
        k = r.randrange(10 if depth else 6)
        if k == 0:
            return r.random() < 0.5
        if k in (1, 2):
            return r.choice(LONGS[:6] if r.random() < 0.7 else LONGS)
        if k == 3:
            return r.choice(STRINGS)
        if k == 4:
            return self.entity_json()
        if k == 5:
            return self.ext_json()
        if k in (6, 7):
            return [self.value(depth - 1) for _ in range(r.randrange(4))]
        return {r.choice(ATTRS): self.value(depth - 1) for _ in range(r.randrange(4))}

    def entity_json(self):
        t, i = self.uid(self.rng.random() < 0.2)
        return {"__entity": {"type": t, "id": i}}

    def ext_json(self):
        fn = self.rng.choice(list(EXTS))
        return {"__extn": {"fn": fn, "arg": self.rng.choice(EXTS[fn][:3])}}

    def typed_attrs(self):
        r = self.rng
        typed = {
            "n": lambda: r.choice(LONGS), "m": lambda: r.choice(LONGS[:6]), "s": lambda: r.choice(STRINGS),
            "t": lambda: r.choice(STRINGS), "set": lambda: [r.choice(LONGS[:6]) for _ in range(r.randrange(4))],
            "rec": lambda: {a: self.value(1) for a in r.sample(ATTRS, 3)}, "owner": self.entity_json,
            "ip": lambda: {"__extn": {"fn": "ip", "arg": r.choice(IPS[:10])}},
            "dec": lambda: {"__extn": {"fn": "decimal", "arg": r.choice(DECS[:6])}},
            "when": lambda: {"__extn": {"fn": "datetime", "arg": r.choice(DATES[:4])}},
            "dur": lambda: {"__extn": {"fn": "duration", "arg": r.choice(DURS[:7])}},
            "ok": lambda: r.random() < 0.5,
        }
        return {a: (typed.get(a, lambda: self.value(1))() if r.random() < 0.9 else self.value(2))
                for a in ATTRS if r.random() < 0.6}

    def entities(self):
        r = self.rng
        order = r.sample(self.uids, len(self.uids))
        out = []
        for k, (t, i) in enumerate(order):
            if r.random() < 0.15:
                continue
            parents = [{"type": pt, "id": pi} for pt, pi in order[k + 1:] if r.random() < 0.2]
            e = {"uid": {"type": t, "id": i}, "attrs": self.typed_attrs(), "parents": parents}
            if r.random() < 0.4:
                e["tags"] = {r.choice(STRINGS): self.value(1) for _ in range(r.randrange(3))}
            out.append(e)
        for k, (t, i) in enumerate(ACTIONS):
            if r.random() < 0.8:
                out.append({"uid": {"type": t, "id": i}, "attrs": {}, "parents": [
                    {"type": pt, "id": pi} for pt, pi in ACTIONS[k + 1:] if r.random() < 0.4]})
        return out

    def request(self):
        def u(uid):
            return {"type": uid[0], "id": uid[1]}
        return {"principal": u(self.uid()), "action": u(self.uid(True)), "resource": u(self.uid()),
                "context": self.typed_attrs() if self.rng.random() < 0.8 else {}}

    # expressions
    KINDS = ["bool", "long", "str", "ent", "set", "rec", "ip", "dec", "time", "dur"]

    def expr(self, kind, d):
        r = self.rng
        if r.random() < 0.02:
            kind = r.choice(self.KINDS)
        if d <= 0 or r.random() < 0.08:
            return self.leaf(kind)
        if r.random() < 0.05:
            return "(%s)" % self.expr(kind, d - 1)
        if r.random() < 0.05:
            return "(if %s then %s else %s)" % (self.expr("bool", d - 1), self.expr(kind, d - 1), self.expr(kind, d - 1))
        if r.random() < 0.2 and kind != "bool":
            return self.access(kind, d)
        return getattr(self, "e_" + kind)(d)

    def access(self, kind, d):
        r = self.rng
        name = {"long": ["n", "m"], "str": ["s", "t"], "ent": ["owner"], "set": ["set"], "rec": ["rec"], "ip": ["ip"],
                "dec": ["dec"], "time": ["when"], "dur": ["dur"], "bool": ["ok"]}[kind]
        name = r.choice(name) if r.random() < 0.93 else r.choice(ATTRS)
        if r.random() < 0.1:
            return "%s.getTag(%s)" % (self.expr("ent", d - 1), self.expr("str", d - 1))
        base = r.choice(["principal", "resource", "context"]) if r.random() < 0.8 else "(%s)" % self.expr(r.choice(["ent", "rec"]), d - 1)
        if re.fullmatch("[_a-zA-Z][_a-zA-Z0-9]*", name) and name not in ("if",) and r.random() < 0.8:
            return "%s.%s" % (base, name)
        return "%s[%s]" % (base, quote(name))

    def leaf(self, kind):
        r = self.rng
        if kind == "bool":
            return r.choice(["true", "false", "context.ok", "principal.ok"])
        if kind == "long":
            n = r.choice(LONGS[:6] if r.random() < 0.8 else LONGS)
            return str(n) if n >= 0 or r.random() < 0.5 else "(%d)" % n
        if kind == "str":
            return quote(r.choice(STRINGS))
        if kind == "ent":
            return r.choice(["principal", "action", "resource", self.literal(self.uid(True)), self.literal(self.uid())])
        if kind == "set":
            k = r.choice(["long", "str", "ent"])
            return "[%s]" % ", ".join(self.leaf(k) for _ in range(r.randrange(4)))
        if kind == "rec":
            names = r.sample(ATTRS, r.randrange(3))
            return "{%s}" % ", ".join("%s: %s" % (quote(n), self.leaf(r.choice(self.KINDS[:4]))) for n in names) if r.random() < 0.6 else "context"
        fn = {v: k for k, v in EXT_KIND.items()}[kind]
        good = {"ip": 10, "decimal": 6, "datetime": 7, "duration": 7}[fn]
        return "%s(%s)" % (fn, quote(r.choice(EXTS[fn][:good] if r.random() < 0.85 else EXTS[fn])))

    def e_bool(self, d):
        r = self.rng
        e = self.expr
        k = r.randrange(20)
        if k < 3:
            return "(%s)" % " && ".join(e("bool", d - 1) for _ in range(r.randrange(2, 4)))
        if k < 5:
            return "(%s)" % " || ".join(e("bool", d - 1) for _ in range(r.randrange(2, 4)))
        if k == 5:
            return "!" * r.randrange(1, 5) + "(%s)" % e("bool", d - 1)
        if k < 8:
            kind = r.choice(self.KINDS)
            return "(%s %s %s)" % (e(kind, d - 1), r.choice(["==", "!="]), e(kind if r.random() < 0.9 else r.choice(self.KINDS), d - 1))
        if k < 10:
            kind = r.choice(["long", "long", "time", "dur"])
            return "(%s %s %s)" % (e(kind, d - 1), r.choice(["<", "<=", ">", ">="]), e(kind, d - 1))
        if k == 10:
            rhs = e("ent", d - 1) if r.random() < 0.5 else "[%s]" % ", ".join(e("ent", d - 1) for _ in range(r.randrange(4)))
            return "(%s in %s)" % (e("ent", d - 1), rhs)
        if k == 11:
            t = r.choice(TYPES + ["Action", "NS::Action"])
            s = "%s is %s" % (e("ent", d - 1), t)
            return "(%s in %s)" % (s, e("ent", d - 1)) if r.random() < 0.4 else "(%s)" % s
        if k in (12, 13):
            base = e(r.choice(["ent", "rec"]), d - 1)
            names = [n for n in (r.choice(ATTRS) for _ in range(r.randrange(1, 4))) if re.fullmatch("[a-z]+", n) and n != "if"]
            return "(%s has %s)" % (base, ".".join(names) if names else quote(r.choice(ATTRS)))
        if k == 14:
            pattern = "".join(r.choice(["*", "a", "b", "c", "foo", "/", "é", "\\*", "\\n", "\\u{e9}"]) for _ in range(r.randrange(5)))
            return '(%s like "%s")' % (e("str", d - 1), pattern)
        if k == 15:
            s = e("set", d - 1)
            return r.choice(["%s.contains(%s)" % (s, e("long", d - 1)), "%s.containsAll(%s)" % (s, e("set", d - 1)),
                             "%s.containsAny(%s)" % (s, e("set", d - 1)), "%s.isEmpty()" % s])
        if k == 16:
            return "%s.hasTag(%s)" % (e("ent", d - 1), e("str", d - 1))
        if k == 17:
            a = e("ip", d - 1)
            m = r.choice(["isIpv4", "isIpv6", "isLoopback", "isMulticast"])
            return "%s.%s()" % (a, m) if r.random() < 0.6 else "%s.isInRange(%s)" % (a, e("ip", d - 1))
        if k == 18:
            m = r.choice(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])
            extra = "" if r.random() < 0.95 else ", 1"
            return "%s.%s(%s%s)" % (e("dec", d - 1), m, e("dec", d - 1), extra)
        return self.access("bool", d)

    def e_long(self, d):
        r = self.rng
        k = r.randrange(6)
        if k < 3:
            return "(%s %s %s)" % (self.expr("long", d - 1), r.choice("+-*"), self.expr("long", d - 1))
        if k == 3:
            return "-" * r.randrange(1, 5) + "(%s)" % self.expr("long", d - 1)
        if k == 4:
            return "%s.%s()" % (self.expr("dur", d - 1), r.choice(["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"]))
        return "%s * %s + %s" % (self.leaf("long"), self.leaf("long"), self.leaf("long")) if r.random() < 0.5 else self.leaf("long")

    def e_str(self, d):
        return self.leaf("str")

    def e_ent(self, d):
        return self.leaf("ent")

    def e_set(self, d):
        kind = self.rng.choice(self.KINDS)
        return "[%s]" % ", ".join(self.expr(kind, d - 1) for _ in range(self.rng.randrange(4)))

    def e_rec(self, d):
        names = self.rng.sample(ATTRS, self.rng.randrange(3))
        return "{%s}" % ", ".join("%s: %s" % (quote(n), self.expr(self.rng.choice(self.KINDS), d - 1)) for n in names)

    def e_ip(self, d):
        return self.leaf("ip")

    def e_dec(self, d):
        return self.leaf("dec")

    def e_time(self, d):
        r = self.rng
        if r.random() < 0.4:
            return "%s.offset(%s)" % (self.expr("time", d - 1), self.expr("dur", d - 1))
        return "%s.toDate()" % self.expr("time", d - 1) if r.random() < 0.3 else self.leaf("time")

    def e_dur(self, d):
        r = self.rng
        if r.random() < 0.4:
            return "%s.durationSince(%s)" % (self.expr("time", d - 1), self.expr("time", d - 1))
        return "%s.toTime()" % self.expr("time", d - 1) if r.random() < 0.3 else self.leaf("dur")

    # the heads of conditions that an index looks at
    def head(self):
        r = self.rng
        base = r.choice(["context", "context", "principal", "resource"])
        name = r.choice(["s", "t", "n", "ok", "owner"])
        lit = {"s": lambda: quote(r.choice(STRINGS)), "t": lambda: quote(r.choice(STRINGS)),
               "n": lambda: str(abs(r.choice(LONGS[:6]))), "ok": lambda: "true",
               "owner": lambda: self.literal(self.uid())}[name]()
        k = r.randrange(6)
        if k < 3:
            out = "%s.%s == %s" % (base, name, lit) if r.random() < 0.8 else "%s == %s.%s" % (lit, base, name)
        elif k == 3:
            out = '%s.s like "%s*%s"' % (base, r.choice(["foo", "a", "", "é", "foo/b"]), r.choice(["", "", "c"]))
        elif k == 4:
            out = "[%s].contains(%s.%s)" % (", ".join(lit for _ in range(r.randrange(3))), base, name)
        else:
            out = "%s.rec.s == %s" % (base, quote(r.choice(STRINGS)))
        if r.random() < 0.5:
            guard = "%s has %s && " % (base, name)
            out = guard + out
        return out

    def scope(self, var, slot):
        r = self.rng
        k = r.randrange(7)
        ref = slot if slot else self.literal(self.uid())
        if slot and k < 3:
            k = r.choice([3, 4, 6])
        if k < 3:
            return var, False
        if k == 3:
            return "%s == %s" % (var, ref), bool(slot)
        if k == 4:
            return "%s in %s" % (var, ref), bool(slot)
        if k == 5:
            return "%s is %s" % (var, r.choice(TYPES)), False
        return "%s is %s in %s" % (var, r.choice(TYPES), ref), bool(slot)

    def policy(self):
        r = self.rng
        slots = []
        template = r.random() < 0.1
        p, used = self.scope("principal", "?principal" if template and r.random() < 0.6 else None)
        if used:
            slots.append("?principal")
        q, used = self.scope("resource", "?resource" if template and r.random() < 0.6 else None)
        if used:
            slots.append("?resource")
        k = r.randrange(5)
        act = self.literal(r.choice(ACTIONS))
        a = ["action", "action", "action == " + act, "action in " + act,
             "action in [%s]" % ", ".join(self.literal(r.choice(ACTIONS)) for _ in range(r.randrange(3)))][k]
        ann = '@id("%d") ' % r.randrange(9) if r.random() < 0.1 else ("@x " if r.random() < 0.05 else "")
        conds = ""
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            body = self.expr("bool", r.choice([1, 2, 3, 4]))
            if r.random() < 0.35:
                body = self.head() + (" && " + body if r.random() < 0.7 else "")
            conds += " %s { %s }" % ("when" if r.random() < 0.8 else "unless", body)
        effect = "permit" if r.random() < 0.65 else "forbid"
        return "%s%s(%s, %s, %s)%s;" % (ann, effect, p, a, q, conds), slots

    def policies(self):
        r = self.rng
        texts, links = [], []
        for n in range(r.randrange(2, 51) if r.random() < 0.3 else r.randrange(2, 12)):
            text, slots = self.policy()
            texts.append(text)
            if slots:
                for j in range(r.randrange(3)):
                    links.append({"template_id": "policy%d" % n, "new_id": "link%d_%d" % (n, j),
                                  "values": {s: dict(zip(("type", "id"), self.uid())) for s in slots}})
        return "\n".join(texts), links


class Engine:
    def __init__(self, path):
        self.process = subprocess.Popen([path, "lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the engine ended with status %s" % self.process.wait())
        return json.loads(line)


FAILED = re.compile(r"while evaluating policy `([^`]*)`")


def authorize_case(engine, seed, requests):
    rng = random.Random(seed)
    random.seed(seed)
    world = World(rng)
    policies, links = world.policies()
    entities = world.entities()
    asked = [world.request() for _ in range(requests)]
    engine.send({"op": "authorize", "policies": policies, "links": links, "entities": entities, "requests": asked})
    try:
        handle = cedarpy.PolicySet.from_str(policies)
        if links:
            handle = handle.with_linked_batch(links)
        theirs = [{"decision": r.decision.value.lower(), "reasons": sorted(r.diagnostics.reasons),
                   "errors": sorted(FAILED.findall("\n".join(r.diagnostics.errors)))}
                  if r.decision.value != "NoDecision" else {"error": str(r.diagnostics.errors)}
                  for r in cedarpy.is_authorized_batch(asked, handle, json.dumps(entities))]
    except ValueError as error:
        theirs = {"error": str(error)}
    ours = engine.receive()
    if "answers" in ours:
        ours = [a if "error" in a else
                {"decision": a["decision"], "reasons": sorted(a["reasons"]), "errors": sorted(a["errors"])}
                for a in ours["answers"]]
    same = "error" in theirs if isinstance(theirs, dict) else isinstance(ours, list)
    if same and isinstance(theirs, list) and isinstance(ours, list):
        for k, (a, b) in enumerate(zip(theirs, ours)):
            if a != b and not ("error" in a and "error" in b):
                print("DIFFERENCE seed %d request %d\n theirs %s\n ours   %s\n%s\n%s" % (
                    seed, k, a, b, json.dumps(asked[k]), policies))
                return False, theirs
        return True, theirs
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return True, []
    # The engines refuse entities once for all requests, cedarpy for each.
    if isinstance(ours, dict) and all("error" in a for a in theirs):
        return True, []
    print("DIFFERENCE seed %d\n theirs %s\n ours   %s\n%s" % (seed, str(theirs)[:500], str(ours)[:500], policies))
    return False, []


def index_case(engine, seed, requests):
    """The engine compares its plain and its compiled evaluator itself."""
    rng = random.Random(seed)
    random.seed(seed)
    world = World(rng)
    policies, links = world.policies()
    engine.send({"op": "authorize", "policies": policies, "links": links, "entities": world.entities(),
                 "requests": [world.request() for _ in range(requests)]})
    for answer in engine.receive().get("answers", []):
        if "compiled" in answer.get("error", ""):
            print("DIFFERENCE seed %d\n %s\n%s" % (seed, answer, policies))
            return False
    return True


TOKENS = ["!", "-", "(", ")", "[", "]", "{", "}", "==", "=", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "*", "/", "%",
          ".", ",", ";", ":", "::", "@", "?principal", "?resource", "?x", "?", "if", "then", "else", "true", "false", "in",
          "is", "has", "like", "permit", "forbid", "when", "unless", "principal", "action", "resource", "context", "A",
          "A::B", 'A::"x"', "__cedar", "x", "1", "9223372036854775808", "18446744073709551616", '"s"', '"a*"', '"\\*"',
          '"\\q"', '"\\u{110000}"', '"\\x80"', '"\\x7f"', '"\r"', "// c\n", "\u00a0", "\u200b", "é", "ip", "decimal",
          "contains", "isEmpty", "()", "(1)", 'ip("1.1.1.1")', ".isIpv4()", ".contains(1)", '["a"]', ".a", "[", "&", "|",
          "'", "#", "temporal", "permit(principal,action,resource);", ", resource", "has a.b", "is A in", '{"a": 1}',
          '{a: 1, "a": 2}', "0x1", "1a", "- -", "!!!!", "!!!!!", "----", "-----", "\\", '"', "\u2028", '@a("b")', "@a"]
WORD = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_0-9]+|\s+|.', re.S)


def mutate(rng, text):
    parts = WORD.findall(text)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        k = rng.randrange(len(parts) + 1)
        op = rng.randrange(5)
        if op == 0:
            parts.insert(k, rng.choice(["", " "]) + rng.choice(TOKENS) + rng.choice(["", " "]))
        elif not parts or k == len(parts):
            continue
        elif op == 1:
            del parts[k]
        elif op == 2:
            parts[k] = rng.choice(TOKENS)
        elif op == 3:
            j = rng.randrange(len(parts))
            parts[k], parts[j] = parts[j], parts[k]
        else:
            parts.insert(k, parts[k])
    return "".join(parts)


def parse_case(engine, seed, count):
    rng = random.Random(seed)
    random.seed(seed)
    world = World(rng)
    texts = [mutate(rng, world.policy()[0]) for _ in range(count)]
    for text in texts:
        engine.send({"op": "parse", "text": text})
    good = True
    accepted = 0
    for text in texts:
        try:
            cedarpy.PolicySet.from_str(text)
            theirs = None
        except ValueError as error:
            theirs = str(error)
        ours = engine.receive()
        accepted += theirs is None
        if (theirs is None) != ("error" not in ours):
            good = False
            print("DIFFERENCE seed %d\n theirs %s\n ours   %s\n%r" % (seed, theirs, ours, text))
    return good, accepted


def json_case(engine, seed, count):
    """Text to JSON as cedarpy does it; that JSON read back and written again is the same."""
    rng = random.Random(seed)
    random.seed(seed)
    world = World(rng)
    good = True
    for _ in range(count):
        text = world.policies()[0]
        try:
            theirs = json.loads(cedarpy.policies_to_json_str(text))
        except ValueError:
            continue
        engine.send({"op": "to_json", "text": text})
        ours = engine.receive()
        engine.send({"op": "from_json", "json": theirs})
        again = engine.receive()
        if ours != theirs or again != theirs:
            good = False
            print("DIFFERENCE seed %d\n theirs %s\n ours   %s\n again  %s\n%s" % (
                seed, json.dumps(theirs), json.dumps(ours), json.dumps(again), text))
    return good


def format_case(engine, seed):
    """Formatting keeps meaning and comments, and does nothing the second time."""
    rng = random.Random(seed)
    random.seed(seed)
    text = World(rng).policies()[0]
    parts = WORD.findall(text)
    count = 0
    for _ in range(rng.choice([0, 0, 1, 3, 10])):
        if rng.random() < 0.7:
            parts.insert(rng.randrange(len(parts) + 1), rng.choice(["\n", " ", "\n\n"]) + "// c%d\n" % count)
            count += 1
        else:
            parts.insert(rng.randrange(len(parts) + 1), rng.choice(["\n", "  ", "\n\n\n", "\t"]))
    text = "".join(parts)

    def ask(message):
        engine.send(message)
        return engine.receive()
    before = ask({"op": "to_json", "text": text})
    once = ask({"op": "format", "text": text})
    if "error" in before:
        return "error" in once
    if "text" in once:
        twice = ask({"op": "format", "text": once["text"]})
        after = ask({"op": "to_json", "text": once["text"]})
        kept = all(re.search(r"// c%d$" % k, once["text"], re.M) for k in range(count))
        if twice == once and after == before and kept:
            return True
        print("DIFFERENCE seed %d idempotent %s same %s kept %s\n%s\n----\n%s\n----\n%s" % (
            seed, twice == once, after == before, kept, text, once["text"], twice.get("text", twice)))
        return False
    print("DIFFERENCE seed %d\n%s\n%s" % (seed, once, text))
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--mode", default="all", choices=["authorize", "parse", "index", "json", "format", "all"])
    args = parser.parse_args()
    first = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 40)
    print("first seed %d" % first)
    engine = Engine(args.engine)
    failures = 0
    if args.mode in ("authorize", "all"):
        done, allow, reasons, errors = 0, 0, 0, 0
        seed = first
        while done < args.cases and failures < 10:
            good, answers = authorize_case(engine, seed, 8)
            failures += not good
            done += 8
            seed += 1
            allow += sum(a.get("decision") == "allow" for a in answers)
            reasons += sum(bool(a.get("reasons")) for a in answers)
            errors += sum(bool(a.get("errors")) for a in answers)
        print("authorize: %d cases, %d allowed, %d with reasons, %d with errors, %d sets differ" % (
            done, allow, reasons, errors, failures))
    if args.mode == "index":
        done, differ, seed = 0, 0, first
        while done < args.cases and differ < 10:
            differ += not index_case(engine, seed, 200)
            done += 200
            seed += 1
        print("index: %d requests, %d sets differ" % (done, differ))
        failures += differ
    if args.mode in ("format", "all"):
        differ = 0
        for seed in range(first, first + args.cases // 10):
            differ += not format_case(engine, seed)
            if differ >= 10:
                break
        print("format: %d texts, %d differ" % (args.cases // 10, differ))
        failures += differ
    if args.mode in ("json", "all"):
        done, differ, seed = 0, 0, first
        while done < args.cases // 10 and differ < 10:
            differ += not json_case(engine, seed, 4)
            done += 4
            seed += 1
        print("json: %d sets, %d batches differ" % (done, differ))
        failures += differ
    if args.mode in ("parse", "all"):
        done, accepted, differ = 0, 0, 0
        seed = first
        while done < args.cases and differ < 10:
            good, count = parse_case(engine, seed, 20)
            differ += not good
            accepted += count
            done += 20
            seed += 1
        print("parse: %d texts, %d accepted, %d batches differ" % (done, accepted, differ))
        failures += differ
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

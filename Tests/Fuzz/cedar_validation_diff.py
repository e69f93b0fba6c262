# SPDX-License-Identifier: Apache-2.0
"""Compares schemas and the validator with PyPI cedarpy (the Rust implementation) on random cases.

    cedar_validation_diff.py ENGINE [--cases N] [--seed S] [--mode validate|schema|conform|all]

ENGINE is the built `cedar-corpus`. A case is one random schema (both notations, with mistakes now and then) and
  validate: policies and templates over it, mostly well typed: both accept or both refuse;
  schema:   a mutated schema text: both accept or both refuse;
  conform:  entities and a request, mostly fitting: both accept or both refuse.
Every seed with a difference is printed; `--seed S --cases 1` repeats it. Status 0 if there is no difference.
"""
import argparse
import json
import random
import subprocess
import sys

import cedarpy

from cedar_schema_model import ATTRS, IDS, KEYS, PRIMITIVES, Model, ident, mutate, mutate_json, quote


class Policies:
    """Random policies over a model, typed for one of its requests, with mistakes now and then."""

    def __init__(self, model, rng, mistakes):
        self.m, self.rng, self.mistakes = model, rng, mistakes
        live = [(u, a) for u, a in model.actions.items() if a and a["p"] and a["r"]]
        self.uid, a = rng.choice(live) if live else (("Action", "read"), dict(p=["User"], r=["User"], context={}))
        self.p, self.r = rng.choice(a["p"]), rng.choice(a["r"])
        self.vars = [("principal", ("entity", self.p)), ("resource", ("entity", self.r)),
                     ("context", ("rec", a["context"])), ("action", ("entity", self.uid[0]))]

    def slip(self):
        return self.rng.random() < self.mistakes

    def entity_literal(self, full):
        r = self.rng
        if self.slip():
            return "%s::%s" % (r.choice(["Nope", "NS::User", "User", "Action"]), quote(r.choice(IDS)))
        if full.endswith("Action"):
            return "%s::%s" % (full, quote(r.choice([u[1] for u in self.m.actions if u[0] == full] or [""])))
        info = self.m.entities.get(full)
        if info and info["enum"] and not self.slip():
            return "%s::%s" % (full, quote(r.choice(info["enum"])))
        return "%s::%s" % (full, quote(r.choice(IDS)))

    def attrs(self, t):
        if t[0] == "rec":
            return t[1]
        if t[0] == "entity" and self.m.entities.get(t[1]):
            return self.m.entities[t[1]]["attrs"]
        return {}

    def paths(self):
        """(expression, type, guards) of all attribute paths up to three deep."""
        out, level = [], [(n, t, ()) for n, t in self.vars]
        for _ in range(3):
            out += level
            nxt = []
            for e, t, guards in level:
                for k, (at, req) in self.attrs(t).items():
                    dotted = "%s.%s" % (e, k) if ident(k) and self.rng.random() < 0.8 else "%s[%s]" % (e, quote(k))
                    g = guards if req else guards + ("%s has %s" % (e, k if ident(k) else quote(k)),)
                    nxt.append((dotted, at, g))
                if t[0] == "entity" and self.m.entities.get(t[1]) and self.m.entities[t[1]]["tags"]:
                    k = quote(self.rng.choice(KEYS))
                    nxt.append(("%s.getTag(%s)" % (e, k), self.m.entities[t[1]]["tags"],
                                guards + ("%s.hasTag(%s)" % (e, k),)))
            level = nxt
        return out + level

    def guarded(self, guards, body, otherwise):
        """Ways to prove guards before a body of type Bool."""
        r = self.rng
        if not guards or self.slip():
            return body
        k = r.randrange(7)
        g = " && ".join(guards)
        if k < 3:
            return "(%s && %s)" % (g, body)
        if k == 3:
            return "(if %s then %s else %s)" % (g, body, otherwise)
        if k == 4:
            return "((%s) && (%s || %s))" % (g, body, otherwise)
        if k == 5:
            return "(((%s) || (%s && %s)) && %s)" % (g, g, otherwise, body)
        # proves nothing: refused unless nothing was needed
        return r.choice(["(!(%s) || %s)" % (g, body), "((%s || %s) && %s)" % (g, otherwise, body),
                         "(if %s then %s else %s)" % (g, otherwise, body)])

    def bool(self, depth):
        r = self.rng
        k = r.randrange(16)
        if depth <= 0:
            k = r.choice([0, 1, 2, 3, 3])
        if k == 0:
            return r.choice(["true", "false"])
        if k in (1, 2, 3, 4, 5):
            return self.about_path(depth)
        if k == 6:
            return "(%s && %s)" % (self.bool(depth - 1), self.bool(depth - 1))
        if k == 7:
            return "(%s || %s)" % (self.bool(depth - 1), self.bool(depth - 1))
        if k == 8:
            return "!(%s)" % self.bool(depth - 1)
        if k == 9:
            return "(if %s then %s else %s)" % (self.bool(depth - 1), self.bool(depth - 1), self.bool(depth - 1))
        if k == 10:
            t = self.any_type()
            return "(%s %s %s)" % (self.expr(t, depth - 1), r.choice(["==", "!="]), self.expr(t, depth - 1))
        if k == 11:
            t = r.choice([("long",), ("long",), ("datetime",), ("duration",), ("decimal",)])
            if t == ("decimal",) and not self.slip():
                return "%s.lessThan(%s)" % (self.expr(t, depth - 1), self.expr(t, depth - 1))
            return "(%s %s %s)" % (self.expr(t, depth - 1), r.choice(["<", "<=", ">", ">="]), self.expr(t, depth - 1))
        if k == 12:
            e = ("entity", r.choice(list(self.m.entities) + [self.uid[0]]))
            f = r.choice(list(self.m.entities) + [self.uid[0]])
            rhs = r.choice([self.expr(("entity", f), depth - 1), "[%s, %s]" % (
                self.entity_literal(f), self.entity_literal(f))])
            return "(%s in %s)" % (self.expr(e, depth - 1), rhs)
        if k == 13:
            t = self.any_type()
            op = r.choice(["contains", "containsAll", "containsAny", "isEmpty"])
            s = self.expr(("set", t), depth - 1)
            if op == "isEmpty":
                return s + ".isEmpty()"
            return "%s.%s(%s)" % (s, op, self.expr(t if op == "contains" else ("set", t), depth - 1))
        if k == 14:
            v, t = r.choice(self.vars)
            attr = r.choice(ATTRS[:5])
            if ident(attr) and r.random() < 0.4:
                return "(%s has %s.%s)" % (v, attr, r.choice(["a", "b", "c", "owner"]))
            return "(%s has %s)" % (v, attr if ident(attr) else quote(attr))
        full = r.choice(list(self.m.entities) + ["Nope"] * self.slip())
        test = "%s is %s" % (self.expr(("entity", r.choice([self.p, self.r])), depth - 1), full)
        if r.random() < 0.3:
            test += " in " + self.entity_literal(r.choice(list(self.m.entities)))
        return "(%s)" % test

    def about_path(self, depth):
        r = self.rng
        e, t, guards = r.choice(self.paths())
        if t[0] == "bool":
            body = e
        elif t[0] == "string":
            body = r.choice(["%s like \"*a\"" % e, "%s == %s" % (e, quote(r.choice(IDS)))])
        elif t[0] == "long":
            body = "%s %s %s" % (e, r.choice(["<", "==", ">="]), self.expr(t, depth - 1))
        elif t[0] == "ipaddr":
            body = r.choice(["%s.isIpv4()" % e, "%s.isInRange(ip(\"10.0.0.0/8\"))" % e, "%s == ip(\"::1\")" % e])
        elif t[0] == "set":
            body = r.choice(["%s.isEmpty()" % e, "%s.contains(%s)" % (e, self.expr(t[1], depth - 1))])
        elif t[0] == "entity":
            body = r.choice(["%s == %s" % (e, self.expr(t, depth - 1)), "%s in %s" % (e, self.entity_literal(t[1]))])
        else:
            body = "%s == %s" % (e, self.expr(t, depth - 1))
        return self.guarded(guards, "(%s)" % body, self.rng.choice(["true", "false", "principal == principal"]))

    def any_type(self):
        r = self.rng
        k = r.randrange(12)
        if k < 7:
            return (PRIMITIVES[k].lower(),)
        if k < 9:
            return ("entity", r.choice(list(self.m.entities)))
        if k == 9:
            return ("set", r.choice([("long",), ("string",)]))
        return r.choice(self.paths())[1]

    def expr(self, t, depth):
        r = self.rng
        if self.slip():
            t = self.any_type()
        here = [p for p in self.paths() if p[1] == t]
        free = [p for p in here if not p[2]]
        if free and r.random() < 0.5:
            return r.choice(free)[0]
        if here and self.slip():
            return r.choice(here)[0]
        if depth > 0 and r.random() < 0.15:
            return "(if %s then %s else %s)" % (self.bool(depth - 1), self.expr(t, depth - 1), self.expr(t, depth - 1))
        k = t[0]
        if k == "bool":
            return self.bool(depth - 1)
        if k == "long":
            if depth > 0 and r.random() < 0.4:
                return r.choice(["(%s + %s)", "(%s - %s)", "(%s * %s)"]) % (
                    self.expr(t, depth - 1), self.expr(t, depth - 1))
            return str(r.choice([0, 1, -1, 7, 9223372036854775807]))
        if k == "string":
            return quote(r.choice(IDS))
        if k == "ipaddr":
            return "ip(%s)" % self.argument(["10.0.0.1", "::1", "1.1.1.1/8"], ["x", ""])
        if k == "decimal":
            return "decimal(%s)" % self.argument(["1.0", "-0.5"], ["1", "x"])
        if k == "datetime":
            if depth > 0 and r.random() < 0.3:
                return "%s.offset(%s)" % (self.expr(t, depth - 1), self.expr(("duration",), depth - 1))
            return "datetime(%s)" % self.argument(["2024-01-01", "2024-10-15T11:35:00Z"], ["2024"])
        if k == "duration":
            if depth > 0 and r.random() < 0.3:
                return "%s.durationSince(%s)" % (self.expr(("datetime",), depth - 1), self.expr(("datetime",), depth - 1))
            return "duration(%s)" % self.argument(["1d", "-5m"], ["1"])
        if k == "entity":
            return self.entity_literal(t[1])
        if k == "set":
            if self.slip():
                return "[]"
            return "[%s]" % ", ".join(self.expr(t[1], depth - 1) for _ in range(r.randint(1, 3)))
        fields = [(n, ft) for n, (ft, req) in t[1].items() if req or r.random() < 0.5]
        return "{%s}" % ", ".join("%s: %s" % (quote(n), self.expr(ft, depth - 1)) for n, ft in fields)

    def argument(self, good, bad):
        r = self.rng
        if self.slip():
            return r.choice(["context.a", "1", quote(bad[0]), quote(good[0]) + ", " + quote(good[0]), ""])
        return quote(r.choice(good))

    def scope(self, var, full, slot):
        r = self.rng
        ref = slot if slot and r.random() < 0.5 else self.entity_literal(
            full if r.random() < 0.6 else r.choice(list(self.m.entities)))
        k = r.randrange(6)
        if k < 2:
            return var
        if k == 2:
            return "%s == %s" % (var, ref)
        if k == 3:
            return "%s in %s" % (var, ref)
        kind = full if r.random() < 0.8 else r.choice(list(self.m.entities) + ["Nope"] * self.slip())
        return "%s is %s" % (var, kind) + (" in %s" % ref if k == 5 else "")

    def action_scope(self):
        r = self.rng
        lit = "%s::%s" % (self.uid[0], quote(self.uid[1]))
        others = ["%s::%s" % (u[0], quote(u[1])) for u in self.m.actions]
        if self.slip():
            others.append('Action::"nope"')
        k = r.randrange(6)
        if k == 0:
            return "action"
        if k < 3:
            return "action == " + (lit if r.random() < 0.8 else r.choice(others))
        if k == 3:
            return "action in " + r.choice(others)
        return "action in [%s]" % ", ".join(r.choice(others + [lit] * 3) for _ in range(r.choice([0, 1, 1, 2, 2, 3])))

    def policy(self):
        r = self.rng
        template = r.random() < 0.25
        text = "%s(%s, %s, %s)" % (
            r.choice(["permit", "forbid"]), self.scope("principal", self.p, template and "?principal"),
            self.action_scope(), self.scope("resource", self.r, template and "?resource"))
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            text += " %s { %s }" % (r.choice(["when", "when", "unless"]), self.bool(r.randint(0, 3)))
        return text + ";"


class Data:
    """Random entities and a request over a model."""

    def __init__(self, model, rng, mistakes):
        self.m, self.rng, self.mistakes = model, rng, mistakes

    def slip(self):
        return self.rng.random() < self.mistakes

    def uid(self, full):
        r = self.rng
        if full.endswith("Action"):
            ids = [u[1] for u in self.m.actions if u[0] == full]
            return {"type": full, "id": r.choice(ids) if ids and not self.slip() else "nope"}
        info = self.m.entities.get(full)
        if info and info["enum"] and not self.slip():
            return {"type": full, "id": r.choice(info["enum"])}
        return {"type": full if not self.slip() else r.choice(list(self.m.entities) + ["Nope"]), "id": r.choice(IDS)}

    def value(self, t):
        r = self.rng
        if self.slip():
            return r.choice([1, "x", True, [], {}, [1, "a"], {"__extn": {"fn": "decimal", "arg": "1.0"}},
                             {"__entity": self.uid(r.choice(list(self.m.entities)))}])
        k = t[0]
        if k == "bool":
            return r.random() < 0.5
        if k == "long":
            return r.choice([0, 1, -(2**63), 2**63 - 1])
        if k == "string":
            return r.choice(IDS)
        good = {"ipaddr": ("ip", "10.0.0.0/8"), "decimal": ("decimal", "1.5"), "datetime": ("datetime", "2024-01-01"),
                "duration": ("duration", "1d")}
        if k in good:
            fn, arg = good[k]
            if k == "datetime" and r.random() < 0.2:
                return {"__extn": {"fn": "offset", "args": [
                    {"__extn": {"fn": "datetime", "arg": arg}}, {"__extn": {"fn": "duration", "arg": "1h"}}]}}
            return r.choice([{"__extn": {"fn": fn, "arg": arg}}, {"fn": fn, "arg": arg}, arg])
        if k == "entity":
            return {"__entity": self.uid(t[1])} if r.random() < 0.7 else self.uid(t[1])
        if k == "set":
            return [self.value(t[1]) for _ in range(r.randint(0, 3))]
        return self.record(t[1])

    def record(self, attrs):
        out = {}
        for k, (t, req) in attrs.items():
            if (req and not self.slip()) or (not req and self.rng.random() < 0.5):
                out[k] = self.value(t)
        if self.slip():
            out["zz"] = 1
        return out

    def entities(self):
        r = self.rng
        out, seen = [], set()
        for full in r.sample(list(self.m.entities), r.randint(0, len(self.m.entities))):
            uid = self.uid(full)
            if (uid["type"], uid["id"]) in seen:
                continue
            seen.add((uid["type"], uid["id"]))
            info = self.m.entities.get(uid["type"]) or self.m.entities[full]
            parents = [self.uid(p) for p in info["parents"] if r.random() < 0.5 and p != full]
            if self.slip():
                parents.append(self.uid(r.choice(list(self.m.entities))))
            parents = [p for p in parents if (p["type"], p["id"]) not in seen]
            e = {"uid": uid, "attrs": self.record(info["attrs"]), "parents": parents}
            if info["tags"] and r.random() < 0.7:
                e["tags"] = {k: self.value(info["tags"]) for k in r.sample(KEYS, r.randint(0, 2))}
            elif self.slip():
                e["tags"] = {"k": 1}
            out.append(e)
        if self.m.actions and r.random() < 0.1:
            u = r.choice(list(self.m.actions))
            out.append({"uid": {"type": u[0], "id": u[1]}, "attrs": {}, "parents": []})
        return out

    def request(self):
        r = self.rng
        live = [(u, a) for u, a in self.m.actions.items() if a and a["p"] and a["r"]]
        if not live:
            return None
        u, a = r.choice(live)
        p = r.choice(a["p"]) if not self.slip() else r.choice(list(self.m.entities))
        q = r.choice(a["r"]) if not self.slip() else r.choice(list(self.m.entities))
        return {"principal": self.uid(p), "action": {"type": u[0], "id": u[1] if not self.slip() else "nope"},
                "resource": self.uid(q), "context": self.record(a["context"])}


class Engine:
    def __init__(self, path):
        self.process = subprocess.Popen([path, "lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.process.stdin.write((json.dumps(question) + "\n").encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the engine died on: " + json.dumps(question))
        return json.loads(line)


def theirs_schema(schema):
    try:
        if isinstance(schema, str):
            return cedarpy.Schema.from_str(schema), None
        return cedarpy.Schema.from_json_str(json.dumps(schema)), None
    except ValueError as error:
        return None, str(error)


def literal(uid):
    return "%s::%s" % (uid["type"], quote(uid["id"]))


class Case:
    def __init__(self, engine, seed, counts):
        self.engine, self.seed, self.counts = engine, seed, counts
        self.rng = random.Random(seed)

    def differs(self, what, ours, theirs, **detail):
        self.counts["differences"] += 1
        print("DIFFERENCE seed %d, %s\n  ours:   %s\n  theirs: %s" % (self.seed, what, ours, theirs))
        for key, value in detail.items():
            print("  --- %s\n%s" % (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))

    def count(self, key, good):
        self.counts[key + (" accepted" if good else " refused")] = self.counts.get(
            key + (" accepted" if good else " refused"), 0) + 1

    def same_schema(self, schema, what):
        """Both read it, or both refuse it; the handle if both read it."""
        handle, error = theirs_schema(schema)
        answer = self.engine.ask({"op": "schema", "schema": schema})
        self.count(what, handle is not None)
        if (handle is not None) != ("ok" in answer):
            self.differs(what, answer.get("error", "accepted"), error or "accepted", schema=schema)
            return None
        if handle is not None:
            for form in ("json", "text"):
                if answer[form] is not None and theirs_schema(answer[form])[0] is None:
                    self.differs(what + " written as " + form, "accepted", theirs_schema(answer[form])[1],
                                 schema=schema, written=answer[form])
        return handle

    def schema(self):
        model = Model(self.rng, self.rng.choice([0, 0, 0.02, 0.05]))
        if self.same_schema(model.text(), "schema text") is None:
            return
        self.same_schema(model.json(), "schema JSON")
        for _ in range(8):
            self.same_schema(mutate(self.rng, model.text()), "schema text, mutated")
            self.same_schema(mutate_json(self.rng, model.json()), "schema JSON, mutated")

    def validate(self):
        model = Model(self.rng, 0)
        schema = model.json() if self.rng.random() < 0.3 else model.text()
        handle = self.same_schema(schema, "schema text" if isinstance(schema, str) else "schema JSON")
        if handle is None:
            return
        for _ in range(12):
            mistakes = self.rng.choice([0, 0, 0.01, 0.03, 0.1])
            policy = Policies(model, self.rng, mistakes).policy()
            answer = self.engine.ask({"op": "validate", "schema": schema, "policies": policy})
            result = cedarpy.validate_policies(policy, handle)
            self.count("policy", result.validation_passed)
            ours = answer.get("valid", False)
            if ours != result.validation_passed:
                self.differs("policy", answer, [str(e) for e in result.errors] or "valid", policy=policy, schema=schema)

    def conform(self):
        model = Model(self.rng, 0)
        schema = model.text()
        handle = self.same_schema(schema, "schema text")
        if handle is None:
            return
        for _ in range(8):
            data = Data(model, self.rng, self.rng.choice([0, 0, 0.02, 0.06]))
            entities, request = data.entities(), data.request()
            try:
                cedarpy.Entities.from_json_str(json.dumps(entities), schema=handle)
                theirs = True
            except ValueError as error:
                theirs = str(error)
            question = {"op": "conform", "schema": schema, "entities": entities}
            if request:
                question["request"] = request
            answer = self.engine.ask(question)
            self.count("entities", theirs is True)
            if (theirs is True) != (answer.get("entities") is True):
                self.differs("entities", answer, theirs, entities=entities, schema=schema)
            if request:
                asked = {k: literal(request[k]) for k in ("principal", "action", "resource")}
                asked["context"] = request["context"]
                result = cedarpy.is_authorized(asked, "permit(principal, action, resource);", [], schema=handle)
                theirs = result.decision != cedarpy.Decision.NoDecision
                self.count("request", theirs)
                if theirs != (answer.get("request") is True):
                    self.differs("request", answer, result.diagnostics.errors or "accepted", request=request, schema=schema)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mode", default="all", choices=["validate", "schema", "conform", "all"])
    arguments = parser.parse_args()
    first = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(2**40)
    engine = Engine(arguments.engine)
    counts = {"differences": 0}
    for number in range(arguments.cases):
        for mode in ["validate", "schema", "conform"] if arguments.mode == "all" else [arguments.mode]:
            getattr(Case(engine, first + number, counts), mode)()
        if counts["differences"] > 20:
            break
    print("seeds %d to %d" % (first, first + number))
    for key in sorted(counts):
        print("%9d %s" % (counts[key], key))
    sys.exit(1 if counts["differences"] else 0)


if __name__ == "__main__":
    main()

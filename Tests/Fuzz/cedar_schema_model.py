# SPDX-License-Identifier: Apache-2.0
"""Random Cedar schemas in both notations, with mistakes now and then, and edits of their texts. Used by
cedar_validation_diff.py; small vocabularies, so that names meet."""
import json
import re

PRIMITIVES = ["Bool", "Long", "String", "ipaddr", "decimal", "datetime", "duration"]
ENTITIES = ["User", "Group", "Doc", "Folder", "Kind"]
COMMON = ["T1", "T2", "T3"]
SPACES = [None, "NS", "A::B"]
ATTRS = ["a", "b", "c", "owner", "tags", "in", "a b", "", "é"]
ACTIONS = ["read", "write", "all", "any", "x y", ""]
IDS = ["a", "b", "", "é", "e\u0301"]
KEYS = ["k", "l", ""]


def quote(text):
    return '"' + "".join("\\" + c if c in '"\\' else c for c in text) + '"'


def ident(text):
    return text.isidentifier() and text.isascii() and text not in (
        "in", "is", "has", "like", "if", "then", "else", "true", "false")


def name_of(space, base):
    return base if space is None else space + "::" + base


class Model:
    """A random schema: what it declares, and the declarations as written."""

    def __init__(self, rng, mistakes):
        self.rng = rng
        self.mistakes = mistakes
        r = rng
        spaces = r.sample(SPACES, r.choice([1, 1, 2, 3]))
        self.entities, self.commons, self.actions = {}, {}, {}
        self.decls = {s: {"types": {}, "entities": {}, "actions": {}} for s in spaces}
        taken = set()

        def free(base, space):
            """Names of the empty namespace may not be declared again elsewhere."""
            if self.slip():
                return True
            if (None, base) in taken or (space is None and any(b == base for _, b in taken)):
                return False
            taken.add((space, base))
            return True

        for s in spaces:
            for base in r.sample(ENTITIES, r.randint(1, 4)):
                if free(base, s):
                    self.entities[name_of(s, base)] = None
                    self.decls[s]["entities"][base] = None
            for base in r.sample(COMMON, r.randint(0, 2)):
                if free(base, s):
                    self.decls[s]["types"][base] = None
            for act in r.sample(ACTIONS, r.randint(1, 3)):
                if (None, act) in taken or (s is None and any(b == act and p != s for p, b in taken)):
                    if not self.slip():
                        continue
                taken.add((s, act))
                self.decls[s]["actions"][act] = None
                self.actions[(name_of(s, "Action"), act)] = None
        order = [(s, b) for s in spaces for b in self.decls[s]["types"]]
        for s, base in order:  # each may use those before it, so that there is no cycle but by mistake
            written, meant = self.type(s, 2)
            if self.slip():
                written = ("ref", r.choice(COMMON), None)
            self.decls[s]["types"][base] = written
            self.commons[name_of(s, base)] = meant
        for s in spaces:
            for base in self.decls[s]["entities"]:
                full = name_of(s, base)
                if r.random() < 0.12:
                    ids = r.sample(IDS, r.randint(1, 3))
                    self.entities[full] = dict(enum=ids, attrs={}, tags=None, parents=[])
                    self.decls[s]["entities"][base] = dict(enum=ids)
                    continue
                shape, attrs = self.record(s, 2)
                tags, tag_type = self.type(s, 1) if r.random() < 0.4 else (None, None)
                parents = r.sample(list(self.entities), r.choice([0, 0, 1, 2, 1]) % (len(self.entities) + 1))
                self.entities[full] = dict(enum=None, attrs=attrs, tags=tag_type, parents=parents)
                self.decls[s]["entities"][base] = dict(
                    enum=None, shape=shape, tags=tags, parents=[self.use(s, p) for p in parents])
            acts = list(self.decls[s]["actions"])
            for i, act in enumerate(acts):
                uid = (name_of(s, "Action"), act)
                groups = [("Action" if r.random() < 0.5 else None, g)
                          for g in acts[:i] if r.random() < 0.4]
                if self.slip():
                    groups.append((None, r.choice(ACTIONS)))
                others = [u for u in self.actions if self.actions[u] and u[0] != uid[0]]
                if others and r.random() < 0.3:
                    groups.append(r.choice(others))
                if r.random() < 0.12:
                    self.actions[uid] = dict(p=[], r=[], context={}, groups=groups)
                    self.decls[s]["actions"][act] = dict(groups=groups, applies=None)
                    continue
                ps = r.sample(list(self.entities), r.randint(1, min(2, len(self.entities))))
                rs = r.sample(list(self.entities), r.randint(1, min(2, len(self.entities))))
                context, meant = self.record(s, 2)
                named = [c for c, t in self.commons.items() if t and t[0] == "rec"]
                if named and r.random() < 0.2:
                    full = r.choice(named)
                    context, meant = ("ref", self.use(s, full), True), self.commons[full][1]
                if r.random() < 0.25:
                    context, meant = None, {}
                self.actions[uid] = dict(p=ps, r=rs, context=meant, groups=groups)
                self.decls[s]["actions"][act] = dict(groups=groups, applies=dict(
                    p=[self.use(s, x) for x in ps], r=[self.use(s, x) for x in rs], context=context))

    def slip(self):
        return self.rng.random() < self.mistakes

    def use(self, space, full):
        """A way to write a name inside a namespace."""
        if self.slip():
            return self.rng.choice(ENTITIES + COMMON + ["Action", "Nope", "NS::Nope"])
        if space is not None and full.startswith(space + "::") and "::" not in full[len(space) + 2:]:
            return self.rng.choice([full, full[len(space) + 2:]])
        return full

    def type(self, space, depth):
        """(as written, as meant)"""
        r = self.rng
        k = r.random()
        if k < 0.45 or depth == 0 and k < 0.7:
            p = r.choice(PRIMITIVES)
            return ("prim", p, r.random() < 0.2), (p.lower(),)
        if k < 0.7 or depth == 0:
            if self.actions and r.random() < 0.1:
                full = r.choice(list(self.actions))[0]
            else:
                full = r.choice(list(self.entities))
            return ("ref", self.use(space, full), False), ("entity", full)
        known = [c for c in self.commons if self.commons[c]]
        if k < 0.8 and known:
            full = r.choice(known)
            return ("ref", self.use(space, full), None), self.commons[full]
        if k < 0.9:
            w, m = self.type(space, depth - 1)
            return ("set", w), ("set", m)
        w, m = self.record(space, depth - 1)
        return w, ("rec", m)

    def record(self, space, depth):
        written, meant = {}, {}
        for attr in self.rng.sample(ATTRS, self.rng.randint(0, 4)):
            w, m = self.type(space, depth)
            required = self.rng.random() < 0.5
            written[attr] = (w, required)
            meant[attr] = (m, required)
        return ("rec", written), meant

    # --- the text notation
    def text(self):
        r = self.rng
        out = []
        for space, d in self.decls.items():
            lines = []
            for base, w in d["types"].items():
                lines.append("type %s = %s;" % (base, self.type_text(w)))
            for base, e in d["entities"].items():
                if e["enum"]:
                    lines.append("entity %s enum [%s];" % (base, ", ".join(map(quote, e["enum"]))))
                else:
                    t = "entity " + base
                    if e["parents"]:
                        t += " in " + ("[%s]" % ", ".join(e["parents"]) if len(e["parents"]) > 1 or r.random() < 0.5
                                       else e["parents"][0])
                    if e["shape"][1] or r.random() < 0.3:
                        t += r.choice([" = ", " "]) + self.type_text(e["shape"])
                    if e["tags"]:
                        t += " tags " + self.type_text(e["tags"])
                    lines.append(t + ";")
            for act, a in d["actions"].items():
                t = "action " + (act if ident(act) and r.random() < 0.5 else quote(act))
                if a["groups"]:
                    gs = ["%s::%s" % (g[0], quote(g[1])) if g[0] else quote(g[1]) for g in a["groups"]]
                    t += " in " + ("[%s]" % ", ".join(gs) if len(gs) > 1 or r.random() < 0.5 else gs[0])
                ap = a["applies"]
                if ap:
                    parts = ["principal: [%s]" % ", ".join(ap["p"]), "resource: [%s]" % ", ".join(ap["r"])]
                    if ap["context"]:
                        parts.append("context: " + self.type_text(ap["context"]))
                    r.shuffle(parts)
                    t += " appliesTo { %s%s }" % (", ".join(parts), r.choice(["", ","]))
                lines.append(t + ";")
            r.shuffle(lines)
            if lines and r.random() < 0.2:
                lines[0] = r.choice(['@doc("x") ', "@a @b "]) + lines[0]
            body = "\n".join(lines)
            out.append(body if space is None else "namespace %s {\n%s\n}" % (space, body))
        return "\n".join(out) + "\n"

    def type_text(self, w):
        if w[0] == "prim":
            return ("__cedar::" if w[2] else "") + w[1]
        if w[0] == "ref":
            return w[1]
        if w[0] == "set":
            return "Set<%s>" % self.type_text(w[1])
        return "{%s}" % ", ".join(
            "%s%s: %s" % (k if ident(k) else quote(k), "" if req else "?", self.type_text(t))
            for k, (t, req) in w[1].items())

    # --- the JSON notation
    def json(self):
        out = {}
        for space, d in self.decls.items():
            ns = {"entityTypes": {}, "actions": {}}
            if d["types"]:
                ns["commonTypes"] = {b: self.type_json(w) for b, w in d["types"].items()}
            for base, e in d["entities"].items():
                if e["enum"]:
                    ns["entityTypes"][base] = {"enum": e["enum"]}
                else:
                    j = {"memberOfTypes": e["parents"], "shape": self.type_json(e["shape"])}
                    if e["tags"]:
                        j["tags"] = self.type_json(e["tags"])
                    ns["entityTypes"][base] = j
            for act, a in d["actions"].items():
                j = {}
                if a["groups"]:
                    j["memberOf"] = [{"id": g[1], "type": g[0]} if g[0] else {"id": g[1]} for g in a["groups"]]
                if a["applies"]:
                    j["appliesTo"] = {"principalTypes": a["applies"]["p"], "resourceTypes": a["applies"]["r"]}
                    if a["applies"]["context"]:
                        j["appliesTo"]["context"] = self.type_json(a["applies"]["context"])
                ns["actions"][act] = j
            out[space or ""] = ns
        return out

    def type_json(self, w):
        if w[0] == "prim":
            if w[2]:
                return {"type": "__cedar::" + w[1]}
            return {"type": {"Bool": "Boolean"}.get(w[1], w[1])} if w[1] in ("Bool", "Long", "String") else (
                {"type": "Extension", "name": w[1]})
        if w[0] == "ref":
            if w[2] is None or w[2] is True:
                return {"type": w[1]} if w[2] or self.rng.random() < 0.7 else {"type": "EntityOrCommon", "name": w[1]}
            return {"type": self.rng.choice(["Entity", "EntityOrCommon"]), "name": w[1]}
        if w[0] == "set":
            return {"type": "Set", "element": self.type_json(w[1])}
        return {"type": "Record", "attributes": {
            k: dict(self.type_json(t), **({} if req else {"required": False})) for k, (t, req) in w[1].items()}}


SWAPS = [
    ["Bool", "Long", "String", "ipaddr", "decimal", "__cedar::Long", "__cedar::ipaddr", "Set<Long>", "{}", "{a?: Long}", "User",
     "Group", "Doc", "T1", "T2", "NS::User", "Action", "Boolean", "__cedar::T1", "Set", "Set < Bool >", "Entity",
     "datetime", "duration", "__cedar", "{a: Long, a: Bool}", "A::B::Doc", "Set<Set<String>>"],
    ["User", "Group", "Doc", "Folder", "Kind", "T1", "T2", "Action", "Long", "Set", "entity", "in", "is", "enum", "tags", "type",
     "principal", "__cedar", "String", "Entity", "Record", "ipaddr", "if", "appliesTo", "Set1", "_", "a1"],
    [",", ";", ", ,", "", ":", "::", ",]", "}", "]", "?", "?:", "{", "["],
    ["// x\n", "//\r", "/**/", "\u00a0", "\u2003", "\u200b", "\t", "\f", "\v", "@a", "@a(\"\\u{1F600}\")", "@in", "@a @a",
     "\"\\x41\"", "\"\\q\"", "\"a\nb\"", "\"\\0\"", "attributes {}", "attributes {a}", "tags Long", "= {}", "enum [\"a\"]",
     "enum []", "in []", "in [User]", "appliesTo {}", "principal: [],", "resource: User,", "context: T1", "context: {},"],
]


def mutate(rng, text):
    """A text with a few edits of whole words and signs, most of which leave it near the language."""
    tokens = re.findall(r'"(?:\\.|[^"\\])*"|\w+(?:::\w+)*|\s+|.', text)
    for _ in range(rng.choice([1, 1, 1, 2])):
        at = rng.randrange(len(tokens) + 1) if tokens else 0
        k = rng.randrange(8)
        words = [i for i, t in enumerate(tokens) if re.match(r"\w", t)]
        signs = [i for i, t in enumerate(tokens) if re.match(r"[^\w\s]", t)]
        if k < 3 and words:
            tokens[rng.choice(words)] = rng.choice(SWAPS[rng.randrange(2)])
        elif k == 3 and signs:
            tokens[rng.choice(signs)] = rng.choice(SWAPS[2])
        elif k == 4:
            tokens.insert(at, rng.choice(SWAPS[3]))
        elif k == 5 and len(words) > 1:
            i, j = rng.sample(words, 2)
            tokens[i], tokens[j] = tokens[j], tokens[i]
        elif k == 6 and tokens:
            del tokens[min(at, len(tokens) - 1)]
        elif tokens:
            i = rng.randrange(len(tokens))
            tokens[at:at] = tokens[i:i + rng.randint(1, 12)]
    return "".join(tokens)


VALUES = [None, True, False, 1, "", "Long", "Boolean", "Bool", "User", "T1", "A::B", "a b", "__cedar::Long", {}, {"type": "Long"},
          {"type": "Bool"}, {"type": "Boolean"}, {"type": "User"}, {"type": "T1"}, {"type": "Entity", "name": "User"},
          {"type": "Entity"}, {"type": "EntityOrCommon", "name": "T1"}, {"type": "EntityOrCommon", "name": "String"},
          {"type": "Extension", "name": "ipaddr"}, {"type": "Extension", "name": "nope"}, {"type": "ipaddr"},
          {"type": "Set"}, {"type": "Set", "element": {"type": "Long"}}, {"type": "Record"},
          {"type": "Record", "attributes": {}}, {"type": "Record", "attributes": {}, "additionalAttributes": True},
          {"type": "Record", "attributes": {}, "additionalAttributes": False}, {"type": "Long", "name": "x"},
          {"type": "Long", "required": False}, {"enum": ["a"]}, {"id": "read"}, {"id": "read", "type": None}]
KEYS_OF_SCHEMAS = ["entityTypes", "actions", "commonTypes", "annotations", "memberOfTypes", "shape", "tags", "enum", "appliesTo",
                   "memberOf", "attributes", "principalTypes", "resourceTypes", "context", "type", "name", "element",
                   "required", "additionalAttributes", "id", "User", "T1", "Long", "__cedar", "", "in", "a b", "A::B"]


def mutate_json(rng, schema):
    """A JSON schema with one or two edits. Arrays do not take the place of objects: serde reads them as such."""
    schema = json.loads(json.dumps(schema))
    places = []

    def walk(value):
        if isinstance(value, dict):
            for key in value:
                places.append((value, key))
                walk(value[key])
        elif isinstance(value, list):
            for index in range(len(value)):
                places.append((value, index))
                walk(value[index])

    walk(schema)
    for _ in range(rng.choice([1, 1, 2])):
        holder, key = rng.choice(places)
        if (isinstance(holder, dict) and key not in holder) or (isinstance(holder, list) and key >= len(holder)):
            continue
        k = rng.randrange(5)
        if k == 0:
            del holder[key]
        elif k == 1 and isinstance(holder, dict):
            holder[rng.choice(KEYS_OF_SCHEMAS)] = holder.pop(key)
        elif k == 2:
            other, other_key = rng.choice(places)
            try:
                value = json.loads(json.dumps(other[other_key]))
            except (KeyError, IndexError):
                continue
            if not isinstance(value, list) or isinstance(holder[key], list):
                holder[key] = value
        elif k == 3 and isinstance(holder, dict):
            holder[rng.choice(KEYS_OF_SCHEMAS)] = rng.choice(VALUES)
        else:
            holder[key] = rng.choice(VALUES)
    return schema

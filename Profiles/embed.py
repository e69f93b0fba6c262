#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the built-in profiles as decoded Swift values (DecodedProfiles.swift): a launch with one of them parses nothing.

Run by embed.sh. It knows only the plain YAML that our own profiles are written in, and stops at anything else; a test holds
its output to what the real decoder makes of the same files, marks included.
"""
import re
import sys

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
TIMES = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
CASES = {"cpu_time": "cpuTime", "file_size": "fileSize", "open_files": "openFiles"}


def scalars(text, line, column):
    """(text, line, column) of each item of a flow list's inside."""
    items, start = [], None
    word = ""
    for ch in text + ",":
        if ch in ",\n":
            if word.strip():
                items.append((word.strip(), *start))
            word, start = "", None
        else:
            if start is None and not ch.isspace():
                start = (line, column)
            word += ch
        line, column = (line + 1, 1) if ch == "\n" else (line, column + 1)
    return items


def flow(lines, i, column):
    """The inside of a bracketed value that starts in line i at `column` (0-based), with its place, and the next line."""
    text, row = lines[i][column + 1:], i
    while not re.search(r"[\]}]\s*$", text):
        row += 1
        text += "\n" + lines[row]
    return scalars(re.sub(r"[\]}]\s*$", "", text), i + 1, column + 2), row + 1


def parse(path):
    """{(key, ...): [(text, line, column)]} of one file."""
    lines = open(path).read().split("\n")
    values, stack, i = {}, [], 0
    while i < len(lines):
        line = lines[i]
        body = line.strip()
        indent = len(line) - len(line.lstrip())
        if not body or body.startswith("#"):
            i += 1
            continue
        if body.startswith("- "):
            values.setdefault(tuple(k for _, k in stack), []).append((body[2:], i + 1, indent + 3))
            i += 1
            continue
        match = re.match(r"\s*([a-z_]+):\s*", line)
        if not match:
            sys.exit(f"{path}:{i + 1}: not of the plain kind")
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, match.group(1)))
        key, rest = tuple(k for _, k in stack), line[match.end():]
        if rest[:1] in ("[", "{"):
            values[key], i = flow(lines, i, match.end())
        else:
            if rest:
                values[key] = [(rest, i + 1, match.end() + 1)]
            i += 1
    return values


def amount(name, text):
    if name in ("wall", "cpu_time"):
        return int(text[:-1]) * TIMES[text[-1]]
    if name == "cpu":
        return round(float(text) * 1000)
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def rule(kind, text, line, column):
    if text.startswith("/"):
        base, rest = "root", text
    elif text.startswith("~/"):
        base, rest = "home", text[1:]
    else:
        base, rest = "directory", "" if text == "." else "/" + text
    everywhere = kind == "protect" and base == "directory"
    return f'            Decoded(.{kind}, .{base}, "{rest}", {line}, {column}{f", everywhere: {quote(text)}" if everywhere else ""}),'


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words(items):
    return ", ".join(quote(text) for text, _, _ in items)


def swift(name, values):
    out = [f"    private static func {name}(_ places: Places) -> ProfileLayer {{"]
    out.append(f'        var layer = ProfileLayer(builtIn: {quote(values[("extends",)][0][0])})')
    known = {("fumehood",), ("extends",)}

    def one(key, form):
        if key in values:
            known.add(key)
            out.append("        " + form(values[key][0][0]))

    def many(key, field):
        if key in values:
            known.add(key)
            out.append(f"        layer.{field} = [{words(values[key])}]")

    one(("description",), lambda text: f"layer.description = {quote(text)}")
    one(("runtime",), lambda text: f"layer.runtime = .{text}")
    rules = []
    for kind in ("read", "write", "hide", "protect"):
        for item in values.get(("files", kind), []):
            known.add(("files", kind))
            rules.append(rule(kind, *item))
    if rules:
        out.append(f'        layer.rules = Decoded.rules({quote(name)}, places, [')
        out += rules
        out.append("        ])")
    one(("files", "tmp"), lambda text: f"layer.tmpBytes = {amount('tmp', text)}")
    one(("network",), lambda text: f"layer.network = Profile.Network.{text}")
    many(("syscalls", "allow"), "syscalls")
    many(("environment", "pass"), "pass")
    if ("environment", "set") in values:
        known.add(("environment", "set"))
        pairs = (item[0].split(":", 1) for item in values[("environment", "set")])
        out.append("        layer.set = [" + ", ".join(f"({quote(k.strip())}, {quote(v.strip().strip(chr(34)))})" for k, v in pairs) + "]")
    if ("limits",) in values:
        known.add(("limits",))
        found = {k.strip(): v.strip() for k, v in (item[0].split(":", 1) for item in values[("limits",)])}
        order = ["memory", "pids", "cpu", "cpu_time", "wall", "file_size", "disk", "inodes", "output", "open_files"]
        if set(found) - set(order):
            sys.exit(f"{name}: unknown limits")
        out.append("        layer.limits = [" + ", ".join(f"(.{CASES.get(k, k)}, {amount(k, found[k])})" for k in order if k in found) + "]")
    one(("require",), lambda text: f"layer.requirement = .{text}")
    if set(values) - known:
        sys.exit(f"{name}: {set(values) - known} are not written by embed.py")
    return out + ["        return layer", "    }"]


def main():
    names = sys.argv[1:]
    print("""// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file
//
// The profiles of Profiles/ as the decoder reads them. Made by Profiles/embed.sh: change the YAML files, then run it. A test holds
// each to its text.

import Events

enum DecodedProfiles {
    /// What the built-in profile of that name says; nil where there is none.
    static func layer(_ name: String, places: Places) -> ProfileLayer? {
        switch name {""")
    for name in names:
        print(f'        case "{name}": {name}(places)')
    print("        default: nil\n        }\n    }")
    for name in names:
        print("\n" + "\n".join(swift(name, parse(f"{name}.yaml"))))
    print("}")


main()

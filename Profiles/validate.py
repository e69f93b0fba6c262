#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the profiles of this folder against profile.schema.json, and samples that must fail. Exit 0: all as expected; 1: not; 77: a
Python package is missing."""
import json
import pathlib
import sys

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"needs {error.name}")
    sys.exit(77)

folder = pathlib.Path(__file__).resolve().parent
schema = json.loads((folder / "profile.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
failed = False
for path in sorted(folder.glob("*.yaml")):
    for error in validator.iter_errors(yaml.safe_load(path.read_text())):
        print(f"{path.name}: {error.json_path}: {error.message}")
        failed = True
for text in [
    "{}", "fumehood: 2", "fumehood: 1\nnetwrk: none", "fumehood: 1\nnetwork: {allow: []}", "fumehood: 1\nlimits: {memory: 64}",
    "fumehood: 1\nlimits: {wall: 30}", "fumehood: 1\nlimits: {pids: 0}", "fumehood: 1\nfiles: {write: [{path: ., mode: overlay}]}",
    "fumehood: 1\nsyscalls: {mode: learned}", "fumehood: 1\nsyscalls: {allow: [ptrace]}", "fumehood: 1\nwaive: [mount]",
    "fumehood: 1\nladder: {warn: 1}", "fumehood: 1\nladder: {cpu: {warn: 0%}}", "fumehood: 1\nladder: {cap: stop}", "fumehood: 1\nladder: {denial_rate: {warn: 5%}}", "fumehood: 1\nfiles: {read: [$HOME]}", "fumehood: 1\nextends: ../x",
]:
    if not list(validator.iter_errors(yaml.safe_load(text))):
        print(f"accepted: {text!r}")
        failed = True
sys.exit(1 if failed else 0)

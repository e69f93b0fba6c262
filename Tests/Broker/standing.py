#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Examples/stock with real servers from PyPI: each of its lines says what its README says.

Prints PASS, FAIL or SKIP for each test, as Tests/run.py reads them.
"""
import os
import subprocess
import sys

from environments import made
from lines import FUMEHOOD, ROOT, failures, test


def main():
    if not os.path.exists(FUMEHOOD):
        print("SKIP the standing example: the binary is not built")
        return 0
    one, two = made("mcp1"), made("mcp2")
    if one is None or two is None:
        print("SKIP the standing example: PyPI is out of reach")
        return 0

    @test("the standing example goes as its README says")
    def _():
        done = subprocess.run([sys.executable, os.path.join(ROOT, "Examples/stock/stock.py"), os.path.dirname(one), os.path.dirname(two)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        said = {}
        for line in done.stdout.splitlines():
            if line.startswith("  "):
                said.setdefault(line[2:36].strip(), line[37:])
        assert done.returncode == 0, done.stdout[-1500:]
        assert "write_query" in said["the tools that it sees"] and "append_insight" not in said["the tools that it sees"], said
        assert "flasks" in said["read_query"], said
        assert "purchase orders are written by people" in said["write_query: a purchase order"] and said["purchase orders in the file"] == "0", said
        assert any(name.startswith("the same query again") and "denied" in text for name, text in said.items()), said
        assert "work would be lost" in said["git_reset"] and "a commit stays" in said["git_commit"] and "ommit" in said["git_commit goes on"], said
        hostile = [line[37:] for line in done.stdout.splitlines() if line.startswith("  convert")]
        assert "No such file" in hostile[0] and "not supported" in hostile[1] and "No such file" in hostile[2] and int(hostile[3].split()[-1]) <= 2, hostile
        assert "no-orders" in done.stdout.split("why:")[1], done.stdout[-1500:]
    return 1 if failures else 0


sys.exit(main())

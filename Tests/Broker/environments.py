# SPDX-License-Identifier: Apache-2.0
"""Virtual environments with real servers and clients of MCP from PyPI, made below build/ when they are not there."""
import os
import subprocess
import sys

from lines import ROOT

NEEDS = {"mcp1": ["mcp<2", "mcp-server-sqlite"], "mcp2": ["mcp>=2", "mcp-server-git", "mcp-server-time"]}


def made(name):
    """The folder of an environment's programs; None where it cannot be had."""
    folder = os.path.join(ROOT, "build", name)
    marker = os.path.join(folder, "ready")
    if os.path.exists(marker):
        return os.path.join(folder, "bin")
    for command in ([sys.executable, "-m", "venv", "--clear", folder],
                    [os.path.join(folder, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *NEEDS[name]]):
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            return None
    open(marker, "w").close()
    return os.path.join(folder, "bin")

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demo: a hostile script in a cell, as a table of what it tried beside what it could have done outside; a flood; then
# an honest tool doing real work in a writable workspace. Makes a folder of its own with decoy secrets, and removes it.
# Works as root and as an ordinary user; exits 0 only if nothing hostile succeeded and the honest work did.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
FUMEHOOD_BIN=${FUMEHOOD_BIN:-$here/../build/fumehood}
export FUMEHOOD_BIN
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
exec "$python" -B "$here/demo.py"

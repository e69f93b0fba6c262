#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long share of `make soak`: every comparison of the Cedar engine in full, then ten minutes of each fuzz target.
# Results are appended to Benchmarks/results.
set -u
cd "$(dirname "$0")/../.." || exit 2
failed=0
python3 Tests/Fuzz/cedar.py --all --record || failed=1
python3 Tests/Fuzz/all.py 600 --record || failed=1
exit $failed

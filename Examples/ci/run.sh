#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The script step of both workflows here: a session under CI's rules. Its exit code is the job's, its log and result are files to keep.
#
# usage: run.sh [FILE]    FUMEHOOD names the program (default: fumehood)
set -u
file=${1:-fumehood.yaml}
program=${FUMEHOOD:-fumehood}

"$program" doctor >doctor.txt 2>&1 || cat doctor.txt
CI=true "$program" up --fail-on denied,budget,killed --result result.json "$file"
code=$?
"$program" log verify --log "$(dirname "$file")/audit" >verify.txt 2>&1 || { cat verify.txt; [ "$code" -ne 0 ] || code=1; }
exit "$code"

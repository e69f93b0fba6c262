#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails when a tool does more than the profile in the repository says: behaviour.sh PROFILE [CELL FLAGS] -- COMMAND...
# The first time, and whenever more was looked at and found right, write the profile by `behaviour.sh --accept PROFILE ...`.
set -eu
fumehood=${FUMEHOOD:-fumehood}
accept=
if [ "${1-}" = --accept ]; then
    accept=yes
    shift
fi
if [ $# -lt 3 ]; then
    echo 'usage: behaviour.sh [--accept] PROFILE.yaml [CELL FLAGS] -- COMMAND...' >&2
    exit 2
fi
known=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
new=$folder/$(basename "$known")
"$fumehood" learn --quiet --no-log --out "$new" "$@"
if [ -n "$accept" ]; then
    cp "$new" "$known"
    echo "accepted: $known"
    exit 0
fi
"$fumehood" profile diff "$known" "$new"

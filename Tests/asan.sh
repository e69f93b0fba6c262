#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The C part (interpreter, PID 1, probes, janitor) and the Swift around it under AddressSanitizer: launches that succeed, that are
# refused at several operations, that are killed; doctor; then the same as an ordinary user. Any report is a failure.
set -u
cd "$(dirname "$0")/.." || exit 2
swift build --sanitize=address --scratch-path .build-asan --product fumehood 2>&1 | .ci/quieter || exit 2
binary=$PWD/.build-asan/debug/fumehood
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
# Leaks at exit are no leaks of a program that ends; use after return needs a stack of its own for each frame, which the
# child of a clone does not have.
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=0:exitcode=99
failed=0
try() { # EXPECTED-CODE FLAGS...
    wanted=$1
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    if [ "$code" != "$wanted" ] || grep -q 'AddressSanitizer' "$work/out" "$work/err"; then
        failed=1
        echo "FAIL asan: exit $code, expected $wanted: $* : $(head -c 2000 "$work/err")"
    else
        echo "PASS asan: $(basename "$1") $(shift; echo "$*" | cut -c1-90)"
    fi
}
each() {
    try 0 "$@" "$binary" run -- /bin/echo hello
    try 7 "$@" "$binary" run -- /bin/sh -c 'exit 7'
    try 137 "$@" "$binary" run -- /bin/sh -c 'kill -9 $$'
    try 127 "$@" "$binary" run -- no-such-command
    try 125 "$@" "$binary" run --timeout x -- /bin/true
    try 125 "$@" "$binary" run -r /no/such/path -- /bin/true
    try 124 "$@" "$binary" run --timeout 1s -- /bin/sh -c 'sleep 30 & sleep 30'
    try 124 "$@" "$binary" run --output 1K -- /bin/sh -c 'while :; do echo x; done'
    try 0 "$@" "$binary" run -r /etc/hostname -r /usr/share:/opt/share --net loopback -- /bin/ls /opt/share
    try 0 "$@" "$binary" run --waive proc -- /bin/true
    try 1 "$@" "$binary" run -- /bin/cat /etc/shadow
    try 0 "$@" "$binary" run --dry-run -- /bin/true
    try 0 "$@" "$binary" doctor
}
mkdir -p "$work/own" "$work/user"
each env "XDG_STATE_HOME=$work/own/state" "XDG_CONFIG_HOME=$work/own/config"
if [ "$(id -u)" = 0 ]; then
    chmod o+rx . .build-asan 2>/dev/null
    cp "$binary" "$work/fumehood" && binary=$work/fumehood
    chown 12345:12345 "$work/user"
    each setpriv --reuid=12345 --regid=12345 --clear-groups env HOME=/nonexistent "XDG_STATE_HOME=$work/user/state" "XDG_CONFIG_HOME=$work/user/config"
fi
exit $failed

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs inside the second kernel: see vm.sh. $1 says as whom.
who=$1
work=/tmp/vm-$who
mkdir -p "$work"
cd "$work" || exit 1
run() { timeout 60 fumehood run "$@"; }
# A busybox machine keeps its programs in /bin alone: the base profile shows it.
verdict() {
    if [ "$2" = 0 ]; then echo "PASS 6.1, as $who: $1"; else echo "FAIL 6.1, as $who: $1: $(cat out err 2>/dev/null | head -n 5 | tr '\n' ' ')"; fi
}
holds() {
    what=$1
    shift
    if "$@"; then verdict "$what" 0; else verdict "$what" 1; fi
}
code_of() { # CODE COMMAND...: the command ends with this code
    wanted=$1
    shift
    "$@" >out 2>err
    got=$?
    [ "$got" = "$wanted" ] || { echo "exit $got" >>err; return 1; }
}
has() { grep -q -- "$1" "$2"; }

case $(uname -r) in 6.1.*) ;; *) echo "FAIL 6.1, as $who: another kernel runs: $(uname -r)" ;; esac
holds 'a command runs and its output arrives' sh -c 'timeout 60 fumehood run -- /bin/echo hello >out 2>err && [ "$(cat out)" = hello ]'
holds "a command's exit code is ours" code_of 7 run -- /bin/sh -c 'exit 7'
code_of 0 run --result result -- /bin/cat /proc/self/status
holds 'every wall holds from inside' sh -c 'for w in "NoNewPrivs:.1" "Seccomp:.2" "CapInh:.0000000000000000" "CapPrm:.0000000000000000" "CapEff:.0000000000000000" "CapBnd:.0000000000000000" "CapAmb:.0000000000000000"; do grep -q "$w" out || exit 1; done'
holds 'Landlock is partial, and what is missing is named' sh -c 'grep -q "\"landlock\":{\"missing\":\[[^]]*truncate" result'
holds 'require: all refuses, naming Landlock' sh -c 'timeout 60 fumehood run --require all -- /bin/true >out 2>err; [ $? = 125 ] && grep -q landlock err'
holds 'the cell is uid 1000, never 0' sh -c 'timeout 60 fumehood run -- /bin/id -u >out 2>err && [ "$(cat out)" = 1000 ]'
holds 'a file outside the view is not there' code_of 1 run -- /bin/cat /etc/shadow
holds 'a program cannot be overwritten' sh -c 'timeout 60 fumehood run -- /bin/sh -c ": > /bin/busybox" >out 2>err; [ $? != 0 ]'
holds 'mounting is denied and recorded' sh -c 'timeout 60 fumehood run --result result -- /bin/mount -t tmpfs none /tmp >out 2>err; grep -q "mount(" result'
holds 'a socket is denied and recorded' sh -c 'timeout 60 fumehood run --result result -- /bin/nc -w 1 127.0.0.1 9 </dev/null >out 2>err; grep -q "socket(AF_INET" result'
holds 'unshare is denied and recorded' sh -c 'timeout 60 fumehood run --result result -- /bin/unshare -U true >out 2>err; [ $? != 0 ] && grep -q "unshare(" result'
holds 'only three descriptors are open' sh -c 'timeout 60 fumehood run -- /bin/sh -c "ls /proc/self/fd | wc -l" >out 2>err && [ "$(cat out)" -le 4 ]'
# On tmpfs this kernel has no id-mapped mounts: as root a granted folder lies on ext4 to be the cell's own.
granted=/mnt/granted-$who
mkdir -p "$granted"
holds 'a granted folder can be written, and the disk shows the owner' sh -c "timeout 60 fumehood run -w $granted -- /bin/sh -c 'echo x > $granted/file' >out 2>err"' && [ "$(stat -c %u '"$granted"'/file)" = "$(id -u)" ]'
asleep() { for p in /proc/[0-9]*; do tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q "^sleep $1" && return 0; done; return 1; }
timeout 60 fumehood run --timeout 1s --result result -- /bin/sh -c 'sleep 7654 & sleep 7654' >out 2>err
holds 'a time limit ends the cell' [ $? = 124 ]
holds 'a time limit ends all of the cell, and says so' sh -c 'grep -q "\"left\":0" result'
if asleep 7654; then verdict 'nothing sleeps on' 1; else verdict 'nothing sleeps on' 0; fi
fumehood run -- /bin/sh -c 'sleep 8765 & sleep 8765' >/dev/null 2>&1 &
sleep 3
if asleep 8765; then verdict 'a cell sleeps' 0; else verdict 'a cell sleeps' 1; fi
kill -9 $!
sleep 1
if asleep 8765; then verdict 'SIGKILL of the launcher leaves nothing' 1; else verdict 'SIGKILL of the launcher leaves nothing' 0; fi
# Named endpoints: the host's loopback has a server, which only a cell that names it reaches.
if [ "$who" = root ]; then
    ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up
    mkdir -p /tmp/www
    echo served >/tmp/www/index.html
    httpd -p 127.0.0.1:8099 -h /tmp/www
fi
holds 'a named endpoint is reached' sh -c 'timeout 60 fumehood run --net localhost:8099 --result result -- /bin/wget -q -O - http://127.0.0.1:8099/index.html >out 2>err && [ "$(cat out)" = served ] && grep -q "\"endpoint\":\"localhost:8099\"" result'
holds 'an endpoint that is not named is not reached, and recorded' sh -c 'timeout 60 fumehood run --net localhost:8098 --result result -- /bin/wget -q -O - http://127.0.0.1:8099/index.html >out 2>err; [ $? != 0 ] && timeout 60 fumehood run --net localhost:8098 --result result -- /bin/wget -q -O - http://169.254.169.254/ >out 2>err; [ $? != 0 ] && grep -q "connect(169.254.169.254:80)" result'
holds 'doctor says that endpoints can be named' sh -c 'timeout 60 fumehood doctor >out 2>err && grep -q "named endpoints.*user notification" out'
holds 'doctor says that cells work' sh -c 'timeout 60 fumehood doctor >out 2>err && grep -q "cells work here" out && grep -q "ABI 2 without" out'
echo "END $who"

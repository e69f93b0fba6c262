#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The runaways on control groups v2 with every controller, inside the second kernel: as root at the root of the tree, and as an
# ordinary user with a delegated group. $1 says as whom, $2 `quick` or `all`. The processor is emulated, so only the cause, the
# readings and what is left are judged, never times.
who=$1
work=/tmp/limits-$who
mkdir -p "$work"
cd "$work" || exit 1
cat >p.yaml <<'P'
fumehood: 1
extends: base
files: {tmp: 24M}
limits: {memory: 64M, pids: 40, disk: 16M, inodes: 500, open_files: 64, output: 1M}
P
result() { sed -n 's/.*"'"$1"'":\("*[a-z0-9_]*\).*/\1/p' result | tr -d '"'; }
trial() { # NAME CAUSE SECONDS [FLAGS]
    name=$1
    cause=$2
    seconds=$3
    shift 3
    rm -f result
    place=/tmp
    case $name in disk | cache) place=/mnt/limits-$who; mkdir -p "$place"; set -- -w "$place" "$@" ;; esac
    timeout 100 fumehood run --quiet -p p.yaml --timeout "${seconds}s" --result result "$@" -- /bin/runaway "$name" "$place" >/dev/null 2>err </dev/null
    code=$?
    rm -rf "/mnt/limits-$who"
    why=
    [ "$code" = 124 ] || why="exit $code"
    grep -q '"backend":"v2"' result || why="$why back-end $(result backend)"
    grep -q '"cgroup_limits":{"status":"on"}' result || why="$why the status is not on"
    case $cause in *"$(result limit)"*) ;; *) why="$why ended by $(result limit)" ;; esac
    [ "$(result memory_peak_bytes)" -le 70000000 ] || { [ "$(result memory_peak_bytes)" = null ] || why="$why took $(result memory_peak_bytes) bytes"; }
    grep -q '"left":[1-9]' result && why="$why some are left"
    for p in /proc/[0-9]*; do tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q '^/bin/runaway' && why="$why a survivor"; done
    find /sys/fs/cgroup -name 'fumehood-*' | grep -q . && { sleep 2; find /sys/fs/cgroup -name 'fumehood-*' | grep -q . && why="$why a group is left"; }
    if [ -z "$why" ]; then echo "PASS v2, as $who: $name is ended or held"; else echo "FAIL v2, as $who: $name:$why $(head -c 300 err | tr '\n' ' ')"; fi
}
trial memory memory 6
trial forks "pids memory wall" 30 # on an emulated processor the storm may be slower than the clock: held then
trial spin cpu_time 30 --cpu-time 1s
if [ "$2" = all ]; then
    trial zombies "wall pids" 6
    trial threads pids 30
    trial shm 'wall memory' 6
    trial memfd 'wall memory' 6
    trial cache wall 6 --disk 8G
    trial tmpfs wall 6
    trial disk 'disk wall' 30
    trial inodes wall 6
    trial descriptors wall 6
    trial hang wall 6
    trial flood output 6
    trial stop wall 6
    trial deaf wall 6
fi
# A share of one processor: in 4 s of spinning a cell may have used 0.8 s.
rm -f result
timeout 100 fumehood run --quiet --cpu 0.2 --timeout 4s --result result -- /bin/sh -c 'while :; do :; done' >/dev/null 2>&1
used=$(($(result cpu_user_us) + $(result cpu_system_us)))
if [ "$used" -gt 300000 ] && [ "$used" -lt 1300000 ]; then echo "PASS v2, as $who: a fifth of a core is a fifth"; else echo "FAIL v2, as $who: a fifth of a core: $used us in 4 s"; fi
# The ladder: work that was throttled, frozen, reclaimed from comes back and ends with the right result.
back() { # RUNG LADDER SCRIPT WANTED
    printf 'fumehood: 1\nextends: base\nlimits: {memory: 96M}\nladder: %s\n' "$2" >l.yaml
    rm -f result
    said=$(timeout 100 fumehood run --quiet -p l.yaml --result result -- /bin/sh -c "$3" 2>err | tr '\n' ' ')
    missing=
    for rung in $1; do grep -q '"rung":"'"$rung"'"' result || missing="$missing $rung"; done
    if [ "$said" = "$4" ] && [ -z "$missing" ] && grep -q '"backend":"v2"' result && sed 's/.*"rung":"\([a-z]*\)".*/\1/' result | grep -q observe
    then echo "PASS v2, as $who: work comes back from $1 and finishes"
    else echo "FAIL v2, as $who: back from $1: said $said, $(grep -o '"ladder":[^]]*' result | head -c 600) $(head -c 200 err)"; fi
}
sum='i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i; sleep 4; echo rested'
back 'slow throttle' '{cpu: {slow: 0.03, throttle: 0.04}, quiet: 800ms, cap: throttle, throttled: {cpu: 0.3}}' "$sum" '20000 rested '
back freeze '{cpu: {freeze: 0.04}, quiet: 800ms, cap: freeze, freeze_for: 700ms}' "$sum" '20000 rested '
# A frozen cell uses nothing, and dies all the same when its supervisor is killed.
XDG_RUNTIME_DIR=$work
export XDG_RUNTIME_DIR
fumehood run --quiet -- /bin/sh -c 'while :; do :; done' &
own=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1
    fumehood ps --json | grep -q supervisor_pid && break
done
cell=$(fumehood ps --json | sed 's/.*"cell":"\(c[0-9a-z]*\)".*/\1/')
fumehood freeze "$cell" >/dev/null
a=$(fumehood ps --json | sed 's/.*"cpu_us":\([0-9]*\).*/\1/')
sleep 2
b=$(fumehood ps --json | sed 's/.*"cpu_us":\([0-9]*\).*/\1/')
if [ -n "$a" ] && [ "$a" = "$b" ]; then echo "PASS v2, as $who: a frozen cell uses nothing"; else echo "FAIL v2, as $who: frozen, and used $a, then $b"; fi
kill -9 "$own"
sleep 3
if find /sys/fs/cgroup -name 'fumehood-*' | grep -q . || [ -e "$work/fumehood/$cell" ]; then
    echo "FAIL v2, as $who: the supervisor was killed and a frozen cell stays: $(find /sys/fs/cgroup -name 'fumehood-*')"
else echo "PASS v2, as $who: the supervisor's death ends a frozen cell, its groups and its name"; fi
echo "LIMITS $who"

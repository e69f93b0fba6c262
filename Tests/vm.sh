#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The suite's core on a second kernel, Debian 12's own (6.1: Landlock ABI 2, control groups v2), in a machine of its own:
# launch, proofs, denials, kills, doctor, as root and as an ordinary user. Prints PASS, FAIL and SKIP lines.
# The machine is started once: tests inside are a shell script, since it has busybox and nothing else.
set -u
here=$(cd "$(dirname "$0")" && pwd)
shared=${FUMEHOOD_SHARED:-$here/../../shared}
binary=${FUMEHOOD_BIN:-$here/../build/fumehood}
vm=$shared/tools/vm/run-in-vm
name='the second kernel'
[ -x "$vm" ] || { echo "SKIP $name: the shared tools are absent"; exit 0; }
command -v qemu-system-x86_64 >/dev/null 2>&1 || { echo "SKIP $name: qemu is absent"; exit 0; }
[ -x "$binary" ] || { echo "FAIL $name: no binary; make build makes it"; exit 1; }
# `vm.sh all`: every runaway; else a share of them.
share=${1:-quick}
runaway=$here/../build/sandboxees/runaway
[ -x "$runaway" ] || "$here/Sandboxees/build.sh"
patience=280
[ "$share" = all ] && patience=900
out=$("$vm" --timeout "$patience" --disk 64 --file "$binary:/bin/fumehood" --file "$runaway:/bin/runaway" --file "$here/vm-inside.sh:/bin/vm-inside" --file "$here/vm-limits.sh:/bin/vm-limits" -- \
    sh -c "sh /bin/vm-inside root; as-user sh /bin/vm-inside user; sh /bin/vm-limits root $share; as-user sh /bin/vm-limits user $share" 2>/tmp/fumehood-vm.$$)
code=$?
printf '%s\n' "$out"
case $out in
*'END root'*'END user'*'LIMITS root'*'LIMITS user'*) ;;
*)
    echo "FAIL $name: the machine did not get to the end (exit $code): $(tail -n 3 /tmp/fumehood-vm.$$ | tr '\n' ' ')"
    code=1
    ;;
esac
rm -f /tmp/fumehood-vm.$$
case $out in *'FAIL '*) exit 1 ;; esac
exit "$code"

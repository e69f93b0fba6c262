#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One libFuzzer target for a while: `Tests/Fuzz/fuzz.sh NAME SECONDS`, NAME one of policy, schema, schema-json, documents,
# profile, wire. Builds the modules it needs with the fuzzer into build/fuzz, starts from seeds (the shared Cedar corpus,
# Profiles) and what earlier runs found there, and ends with `PASS fuzz NAME: N executions` or with FAIL and the input that
# shows it, which is kept in build/fuzz/found. `fuzz.sh NAME FILE` runs one such input again.
set -u
cd "$(dirname "$0")/../.." || exit 2
name=${1:-} seconds=${2:-60}
shared=${FUMEHOOD_SHARED:-$PWD/../shared}
out=build/fuzz
targets=Tests/Fuzz/targets
extra=
case $name in
policy) modules='JSON Cedar' files="$targets/policy.swift $targets/World.swift" ;;
schema | schema-json) modules='JSON Cedar' files="$targets/$name.swift $targets/SchemaClaims.swift $targets/World.swift" ;;
documents) modules='JSON Cedar' files="$targets/documents.swift $targets/World.swift" ;;
# What reads profiles, without the rest of its module, which needs the kernel.
profile)
    modules='JSON Config Events Syscalls'
    files="$targets/profile.swift Sources/Sandbox/BuiltinProfiles.swift Sources/Sandbox/Paths.swift"
    for file in Sources/Sandbox/Profile*.swift; do
        case $file in */ProfileLibrary.swift | */ProfileRequest.swift) ;; *) files="$files $file" ;; esac
    done
    ;;
wire)
    modules='JSON Config Events Linux Cedar Budget AuditLog Governance Broker' files="$targets/wire.swift"
    extra='build/fuzz/CLinux.o -lcap -lyaml -lhogweed -lnettle -lgmp'
    ;;
*)
    echo 'usage: Tests/Fuzz/fuzz.sh policy|schema|schema-json|documents|profile|wire SECONDS|FILE' >&2
    exit 2
    ;;
esac
mkdir -p "$out" "$out/found" "$out/corpus/$name" "$out/seeds/$name"
fail() {
    echo "FAIL fuzz $name: $*"
    exit 1
}

# One object of each module; the settings of Package.swift that decide what compiles.
flags='-O -wmo -parse-as-library -sanitize=fuzzer -package-name fumehood -swift-version 6 -strict-memory-safety
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
    -enable-upcoming-feature MemberImportVisibility -I Sources/CYaml -I Sources/CCap -I Sources/CNettle -I Sources/CLinux/include'
case $extra in
*CLinux.o*)
    # shellcheck disable=SC2046
    clang -std=gnu17 -D_GNU_SOURCE -O2 -fno-stack-protector -I Sources/CLinux/include -r -o "$out/CLinux.o" $(find Sources/CLinux -name '*.c') \
        >"$out/CLinux.log" 2>&1 || fail "CLinux does not build: $(grep error: "$out/CLinux.log" | head -n 1)"
    ;;
esac
objects=
for module in $modules; do
    object=$out/$module.o
    objects="$objects $object"
    if [ ! -f "$object" ] || [ -n "$(find "Sources/$module" -newer "$object" -name '*.swift' | head -n 1)" ]; then
        # shellcheck disable=SC2086
        swiftc $flags -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" -I "$out" \
            -c $(find Sources/"$module" -name '*.swift') -o "$object.new" >"$out/$module.log" 2>&1 ||
            fail "$module does not build: $(grep error: "$out/$module.log" | head -n 1)"
        mv "$object.new" "$object"
    fi
done
# shellcheck disable=SC2086
swiftc $flags -I "$out" -module-name Target $files $targets/Claim.swift $objects $extra -o "$out/$name" >"$out/$name.log" 2>&1 ||
    fail "the target does not build: $(grep error: "$out/$name.log" | head -n 1)"

SWIFT_BACKTRACE=enable=no
export SWIFT_BACKTRACE
if [ -f "$seconds" ]; then exec "./$out/$name" "$seconds" </dev/null; fi
FUMEHOOD_SHARED=$shared python3 Tests/Fuzz/seeds.py "$name" "$out/seeds/$name" || fail 'no seeds'
case $name in profile | wire) words=$name ;; *) words=cedar ;; esac
"./$out/$name" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=8192 -print_final_stats=1 \
    -dict="Tests/Fuzz/targets/$words.dict" -artifact_prefix="$out/found/$name-" \
    "$out/corpus/$name" "$out/seeds/$name" </dev/null >"$out/$name.log" 2>&1
code=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
if [ "$code" != 0 ]; then
    input=$(sed -n 's/.*Test unit written to //p' "$out/$name.log" | tail -n 1)
    why=$(grep -m 1 -E 'the claim does not hold|Fatal error|ERROR: ' "$out/$name.log" | cut -c 1-300)
    fail "exit $code: ${why:-see build/fuzz/$name.log}; the input is ${input:-not known}"
fi
[ "${runs:-0}" -gt 0 ] || fail 'nothing was run'
echo "PASS fuzz $name: $runs executions"

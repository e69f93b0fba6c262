#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the sandboxees into build/sandboxees (or the folder that is named), each a static program of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../build/sandboxees}
mkdir -p "$out"
compile() {
    name=$1
    shift
    for file in "$@" probe.h; do
        if [ ! "$out/$name" -nt "$here/$file" ]; then
            (cd "$here" && gcc -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -static -pthread -o "$out/.$name.$$" "$@")
            mv "$out/.$name.$$" "$out/$name"
            return
        fi
    done
}
compile probe probe.c probe_files.c probe_kernel.c probe_processes.c probe_sockets.c
compile refuse refuse.c
compile terminal terminal.c
compile flip flip.c
compile runaway runaway.c

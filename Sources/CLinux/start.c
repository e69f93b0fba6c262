// SPDX-License-Identifier: Apache-2.0
// The one check before Swift's runtime starts: without /proc the runtime aborts without a sentence, or a program without
// arguments comes out of it. It reads /proc/self/exe and /proc/self/cmdline; so it is asked for here, and its absence said.

#include "kernel.h"

#include <unistd.h>

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

__attribute__((constructor)) static void need_proc(int argc, char **argv)
{
    if (access("/proc/self/exe", F_OK) == 0 || errno == EACCES) return;
    static const char text[] = "fumehood: there is no /proc here, and nothing works without it\n  help: mount -t proc proc /proc\n";
    // doctor says by 2 that it cannot judge; everything else is a refusal.
    int code = argc > 1 && same(argv[1], "doctor") ? 2 : 125;
    if (write(2, text, sizeof text - 1) < 0) code = 125;
    _exit(code);
}

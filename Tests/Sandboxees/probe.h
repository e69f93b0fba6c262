// SPDX-License-Identifier: Apache-2.0
// The shared part of the probe: how an attempt is declared and how it tells what came of it.
#ifndef PROBE_H
#define PROBE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/// One attempt: a name, and what it does with the text behind `name:`.
struct attempt {
    const char *name;
    void (*run)(const char *argument);
};

extern const struct attempt file_attempts[], kernel_attempts[], process_attempts[], socket_attempts[];

/// Prints `ok`, or the errno's name where the result is negative.
void outcome(long result);
/// Prints text on one line, control characters as `\xNN`.
void text(const char *bytes, size_t count);

/// Splits `a>b` in place of a copy; both halves live until the next call.
void halves(const char *argument, const char **first, const char **second);

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef CLINUX_H
#define CLINUX_H
#include <stdint.h>
long cl_syscall(long number, long a, long b, long c, long d, long e, long f);
#endif

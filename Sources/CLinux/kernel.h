// SPDX-License-Identifier: Apache-2.0
// Kernel constants that Debian 12's headers lack or that no header names for a program without a C library, with the
// ones that can be checked asserted against the headers. Sources: the UAPI headers of Linux 6.18.
#ifndef CL_KERNEL_H
#define CL_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#if !defined(__x86_64__)
#error "fumehood: only x86_64 is tested; see README, Elsewhere"
#endif

#define CL_SYS_OPEN_TREE 428
#define CL_SYS_MOVE_MOUNT 429
#define CL_SYS_FSOPEN 430
#define CL_SYS_FSCONFIG 431
#define CL_SYS_FSMOUNT 432
#define CL_SYS_CLONE3 435
#define CL_SYS_CLOSE_RANGE 436
#define CL_SYS_OPENAT2 437
#define CL_SYS_MOUNT_SETATTR 442
#define CL_SYS_LANDLOCK_ADD_RULE 445
#define CL_SYS_LANDLOCK_RESTRICT_SELF 446
_Static_assert(SYS_open_tree == CL_SYS_OPEN_TREE && SYS_move_mount == CL_SYS_MOVE_MOUNT, "mount API");
_Static_assert(SYS_fsopen == CL_SYS_FSOPEN && SYS_fsconfig == CL_SYS_FSCONFIG && SYS_fsmount == CL_SYS_FSMOUNT, "mount API");
_Static_assert(SYS_clone3 == CL_SYS_CLONE3 && SYS_close_range == CL_SYS_CLOSE_RANGE && SYS_openat2 == CL_SYS_OPENAT2, "process API");

#define CL_SECCOMP_WAIT_KILLABLE_RECV (1UL << 5) // since 5.19
#define CL_FSCONFIG_SET_STRING 1
#define CL_FSCONFIG_CMD_CREATE 6
#define CL_AT_EMPTY_PATH 0x1000
#define CL_AT_RECURSIVE 0x8000
#define CL_OPEN_TREE_CLONE 1
#define CL_MOVE_F_EMPTY 4
#define CL_MOVE_T_EMPTY 0x40
_Static_assert(MOVE_MOUNT_F_EMPTY_PATH == CL_MOVE_F_EMPTY && MOVE_MOUNT_T_EMPTY_PATH == CL_MOVE_T_EMPTY, "mount API");
_Static_assert(OPEN_TREE_CLONE == CL_OPEN_TREE_CLONE, "mount API");

struct cl_mount_attr { uint64_t set, clear, propagation, userns; };
_Static_assert(sizeof(struct cl_mount_attr) == sizeof(struct mount_attr), "mount_attr");

struct cl_clone_args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };
_Static_assert(sizeof(struct cl_clone_args) == sizeof(struct clone_args), "clone_args");

struct __attribute__((packed)) cl_landlock_path { uint64_t access; int32_t fd; };
_Static_assert(sizeof(struct cl_landlock_path) == 12, "landlock_path_beneath_attr is packed");

static inline long cl_call6(long n, long a, long b, long c, long d, long e, long f)
{
    long r;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return r;
}
#define CL_CALL_(n, a, b, c, d, e, f, ...) cl_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CL_CALL(n, ...) CL_CALL_(n, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

// clone3 onto another stack: the child calls entry(argument) there and never comes back to this frame.
static inline long cl_clone_onto(struct cl_clone_args *args, void (*entry)(void *), void *argument)
{
    long r;
    register void (*r12)(void *) __asm__("r12") = entry;
    register void *r13 __asm__("r13") = argument;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(r)
                     : "a"(CL_SYS_CLONE3), "D"(args), "S"(sizeof *args), "r"(r12), "r"(r13)
                     : "rcx", "r11", "memory");
    return r;
}

static inline uint64_t cl_now(void)
{
    struct { int64_t s, ns; } t = {0, 0};
    CL_CALL(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, &t);
    return (uint64_t)t.s * 1000000000u + (uint64_t)t.ns;
}

static inline void cl_zero(void *p, size_t n)
{
    for (volatile uint8_t *q = p; n--;) *q++ = 0;
}

#endif

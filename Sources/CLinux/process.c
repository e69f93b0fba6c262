// SPDX-License-Identifier: Apache-2.0
// The other short-lived children that Swift must not make itself: holders of a namespace, probes of what this kernel
// lets an ordinary process clone, and the janitor. Raw system calls only, _exit only.

#include "clinux.h"
#include "kernel.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

long cl_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    return cl_call6(number, a, b, c, d, e, f);
}

const char *cl_errno_name(int code)
{
    return strerrorname_np(code);
}

const char *cl_errno_text(int code)
{
    return strerrordesc_np(code);
}

__attribute__((noreturn)) static void leave(int code)
{
    for (;;) CL_CALL(SYS_exit_group, code);
}

// Keeps one descriptor: what a child does not hold cannot keep anything else alive.
static void keep_only(int fd)
{
    if (fd > 0) CL_CALL(CL_SYS_CLOSE_RANGE, 0, fd - 1, 0);
    CL_CALL(CL_SYS_CLOSE_RANGE, fd + 1, ~0U, 0);
}

static void wait_for_hangup(int fd)
{
    char byte;
    long r;
    do r = CL_CALL(SYS_read, fd, &byte, 1);
    while (r == -EINTR || r > 0);
}

static long clone_process(uint64_t flags, int *pidfd)
{
    struct cl_clone_args args = {.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t)pidfd, .exit_signal = SIGCHLD};
    return CL_CALL(CL_SYS_CLONE3, &args, sizeof args);
}

long cl_hold_namespace(uint64_t flags, int release, int *pidfd)
{
    long pid = clone_process(flags, pidfd);
    if (pid != 0) return pid;
    CL_CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    keep_only(release);
    wait_for_hangup(release);
    leave(0);
}

long cl_probe_clone(uint64_t flags)
{
    int pidfd = -1;
    long pid = clone_process(flags, &pidfd);
    if (pid == 0) leave(0);
    if (pid < 0) return pid;
    long r;
    do r = CL_CALL(SYS_wait4, pid, 0, __WALL, 0);
    while (r == -EINTR);
    CL_CALL(SYS_close, pidfd);
    return r < 0 ? r : 0;
}

long cl_janitor(const int32_t *directories, const char *const *names, const int32_t *locks, uint32_t count, int release, int release_other_end, int *pidfd)
{
    long pid = clone_process(0, pidfd);
    if (pid != 0) return pid;
    CL_CALL(SYS_close, release_other_end);
    CL_CALL(CL_SYS_CLOSE_RANGE, 0, 2, 0); // or whoever reads the caller's output would wait for us
    CL_CALL(SYS_setsid);
    uint64_t all = ~0ull;
    CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
    wait_for_hangup(release);
    // A placeholder that another cell still relies on stays: its own janitor holds the shared lock and removes it later.
    for (uint32_t i = 0; i < count; i++)
        if (CL_CALL(SYS_flock, locks[i], 2 | 4 /* LOCK_EX | LOCK_NB */) == 0) {
            struct stat held, named;
            if (CL_CALL(SYS_fstat, locks[i], &held) == 0 &&
                CL_CALL(SYS_newfstatat, directories[i], names[i], &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                held.st_ino == named.st_ino && held.st_dev == named.st_dev)
                CL_CALL(SYS_unlinkat, directories[i], names[i], AT_REMOVEDIR);
        }
    leave(0);
}

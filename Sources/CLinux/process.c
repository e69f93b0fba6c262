// SPDX-License-Identifier: Apache-2.0
// The other short-lived children that Swift must not make itself: holders of a namespace, probes of what this kernel
// lets an ordinary process clone, and the janitor. Raw system calls only, _exit only.

#include "clinux.h"
#include "kernel.h"

#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int argument_count;
static char **argument_vector;
static void *heap_start;

// The C library hands these to every constructor. Swift's own CommandLine reads /proc/self/cmdline, where somebody may have
// mounted something, and copies them, so that overwriting its strings would hide nothing.
__attribute__((constructor)) static void remember_arguments(int count, char **vector)
{
    argument_count = count;
    argument_vector = vector;
    signal(SIGCHLD, SIG_DFL); // ignored by a caller, it would reap our children before we can ask what became of them
    heap_start = sbrk(0); // what lies below it is the C library's own: thread-local storage, rseq, the robust list
    mallopt(M_TOP_PAD, 512 * 1024);
    mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024); // a launch gives nothing back that it would not want again at once
}

void *cl_heap_start(void)
{
    return heap_start;
}

int cl_argument_count(void)
{
    return argument_count;
}

char **cl_argument_vector(void)
{
    return argument_vector;
}

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

static long write_text(const char *path, const char *text, size_t n)
{
    long fd = CL_CALL(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    long r = CL_CALL(SYS_write, fd, text, n);
    CL_CALL(SYS_close, fd);
    return r < 0 ? r : 0;
}

// `1000 <id> 1`
static long write_map(const char *path, uint32_t id)
{
    char line[32] = "1000 ", digits[10];
    size_t n = 5, count = 0;
    do digits[count++] = (char)('0' + id % 10);
    while (id /= 10);
    while (count) line[n++] = digits[--count];
    line[n++] = ' ', line[n++] = '1', line[n++] = '\n';
    return write_text(path, line, n);
}

static long trial_filesystem(const char *type)
{
    long fs = CL_CALL(CL_SYS_FSOPEN, type, 1 /* FSOPEN_CLOEXEC */);
    if (fs < 0) return fs;
    long r = CL_CALL(CL_SYS_FSCONFIG, fs, CL_FSCONFIG_CMD_CREATE, 0, 0, 0);
    return r < 0 ? r : CL_CALL(CL_SYS_FSMOUNT, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
}

static long trial_filter(unsigned long flags)
{
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};
    return CL_CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static long trial_landlock(void)
{
    uint64_t handled = 1; // execute
    long fd = CL_CALL(444 /* landlock_create_ruleset */, &handled, sizeof handled, 0);
    return fd < 0 ? fd : CL_CALL(CL_SYS_LANDLOCK_RESTRICT_SELF, fd, 0);
}

static long least(long r) { return r < 0 ? r : 0; }

__attribute__((noreturn)) static void try_cell(uint32_t user, uint32_t group, int32_t *results)
{
    CL_CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    long r = write_text("/proc/self/setgroups", "deny", 4);
    if (r >= 0) r = write_map("/proc/self/gid_map", group);
    results[CL_TRIAL_MAP] = (int32_t)(r < 0 ? r : write_map("/proc/self/uid_map", user));
    results[CL_TRIAL_TIME] = (int32_t)least(CL_CALL(SYS_unshare, 0x80 /* CLONE_NEWTIME */));
    results[CL_TRIAL_NETWORK] = (int32_t)least(CL_CALL(SYS_unshare, CLONE_NEWNET));
    results[CL_TRIAL_KEYRING] = (int32_t)least(CL_CALL(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0));
    results[CL_TRIAL_HOSTNAME] = (int32_t)least(CL_CALL(SYS_sethostname, "trial", 5));
    results[CL_TRIAL_PRIVATE] = (int32_t)least(CL_CALL(SYS_mount, "none", "/", 0, MS_REC | MS_PRIVATE, 0));
    long root = trial_filesystem("tmpfs");
    results[CL_TRIAL_TMPFS] = (int32_t)least(root);
    results[CL_TRIAL_PROC] = (int32_t)least(trial_filesystem("proc"));
    if (root >= 0) {
        r = CL_CALL(CL_SYS_MOVE_MOUNT, root, "", AT_FDCWD, "/", CL_MOVE_F_EMPTY);
        results[CL_TRIAL_ATTACH] = (int32_t)least(r);
        if (r >= 0) {
            r = CL_CALL(SYS_fchdir, root);
            if (r >= 0) r = CL_CALL(SYS_pivot_root, ".", ".");
            if (r >= 0) r = CL_CALL(SYS_umount2, ".", MNT_DETACH);
            results[CL_TRIAL_PIVOT] = (int32_t)least(r);
        }
    }
    CL_CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    results[CL_TRIAL_LANDLOCK] = (int32_t)trial_landlock();
    results[CL_TRIAL_FILTER] = (int32_t)trial_filter(0);
    results[CL_TRIAL_LISTENER] = (int32_t)least(trial_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER));
    leave(0);
}

long cl_probe_cell(uint64_t flags, uint32_t user, uint32_t group, int32_t results[CL_TRIAL_COUNT])
{
    for (uint32_t i = 0; i < CL_TRIAL_COUNT; i++) results[i] = CL_TRIAL_UNKNOWN;
    // Results are written where the caller reads them, so that a child that is killed half-way has still said what it knew.
    long shared = CL_CALL(SYS_mmap, 0, 4096, 3 /* READ | WRITE */, 0x21 /* SHARED | ANONYMOUS */, -1, 0);
    if (shared < 0 && shared > -4096) return shared;
    int32_t *area = (int32_t *)shared;
    for (uint32_t i = 0; i < CL_TRIAL_COUNT; i++) area[i] = CL_TRIAL_UNKNOWN;
    int pidfd = -1;
    long pid = clone_process(flags, &pidfd);
    if (pid == 0) try_cell(user, group, area);
    if (pid > 0) {
        // Ended by us when its time is over: as process 1 of a pid namespace it would ignore an alarm of its own.
        struct pollfd watched = {pidfd, POLLIN, 0};
        uint64_t now = cl_now(), until = now + 10000000000u;
        long r;
        do {
            r = CL_CALL(SYS_poll, &watched, 1, (until - now) / 1000000);
            now = cl_now();
        } while (r == -EINTR && now < until);
        if (r <= 0) CL_CALL(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
        do r = CL_CALL(SYS_wait4, pid, 0, __WALL, 0);
        while (r == -EINTR);
        CL_CALL(SYS_close, pidfd);
        for (uint32_t i = 0; i < CL_TRIAL_COUNT; i++) results[i] = area[i];
    }
    CL_CALL(SYS_munmap, shared, 4096);
    return pid < 0 ? pid : 0;
}

// One name of the janitor's. `lock` is -1 until the placeholder stands.
struct kept {
    int32_t directory, lock;
    char name[256];
};

// Whether this can only be what the launcher was making when it was killed: empty, ours, closed to writers, of this very second
// or marked already. What is in a folder is asked by the removal itself, which takes only an empty one.
static int is_unfinished(const struct stat *found, int64_t began)
{
    if (found->st_uid != CL_CALL(SYS_geteuid) || (found->st_mtim.tv_sec < began && found->st_mtim.tv_sec != CL_PLACEHOLDER_TIME)) return 0;
    if (S_ISDIR(found->st_mode)) return (found->st_mode & 07777 & ~0555) == 0;
    return S_ISREG(found->st_mode) && found->st_nlink == 1 && found->st_size <= 2 && (found->st_mode & 07777 & ~0444) == 0;
}

// A placeholder that another cell still relies on stays: its own janitor holds the shared lock and removes it later.
static void remove_kept(const struct kept *kept, int64_t began)
{
    struct stat held, named;
    long lock = kept->lock;
    if (lock < 0) {
        lock = CL_CALL(SYS_openat, kept->directory, kept->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (lock < 0 || CL_CALL(SYS_fstat, lock, &held) < 0 || !is_unfinished(&held, began)) return;
    }
    if (CL_CALL(SYS_flock, lock, 2 | 4 /* LOCK_EX | LOCK_NB */) == 0 && CL_CALL(SYS_fstat, lock, &held) == 0 &&
        CL_CALL(SYS_newfstatat, kept->directory, kept->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev)
        CL_CALL(SYS_unlinkat, kept->directory, kept->name, S_ISDIR(held.st_mode) ? AT_REMOVEDIR : 0);
}

long cl_janitor(int line, int line_other_end, int *pidfd)
{
    long area = CL_CALL(SYS_mmap, 0, CL_JANITOR_NAMES * sizeof(struct kept), 3 /* READ | WRITE */, 0x22 /* PRIVATE | ANONYMOUS */, -1, 0);
    if (area < 0 && area > -4096) return area;
    long pid = clone_process(0, pidfd);
    if (pid != 0) {
        CL_CALL(SYS_munmap, area, CL_JANITOR_NAMES * sizeof(struct kept));
        return pid;
    }
    CL_CALL(SYS_close, line_other_end);
    // Nothing but its own: or whoever reads the caller's output would wait for us, and the janitors of two cells of one
    // process for one another, each with a copy of what tells the other one that its cell has ended.
    keep_only(line);
    CL_CALL(SYS_setsid);
    uint64_t all = ~0ull;
    CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
    struct { int64_t s, ns; } now = {0, 0};
    CL_CALL(SYS_clock_gettime, 0 /* CLOCK_REALTIME */, &now);
    struct kept *kept = (struct kept *)area;
    uint32_t count = 0;
    for (;;) {
        struct { uint64_t length; int32_t level, type, descriptor, padding; } control;
        char packet[1 + 256];
        struct iovec vector = {packet, sizeof packet};
        struct msghdr header = {0, 0, &vector, 1, &control, sizeof control, 0};
        long r = CL_CALL(SYS_recvmsg, line, &header, MSG_CMSG_CLOEXEC);
        if (r == -EINTR) continue;
        if (r <= 0) break;
        if (header.msg_controllen < 20 || control.type != SCM_RIGHTS) continue;
        if (packet[0] == CL_JANITOR_HOLDS && count) {
            kept[count - 1].lock = control.descriptor;
        } else if (packet[0] == CL_JANITOR_IS_THEIRS && count) {
            count--;
        } else if (packet[0] == CL_JANITOR_WILL_MAKE && count < CL_JANITOR_NAMES) {
            kept[count].directory = control.descriptor;
            kept[count].lock = -1;
            for (long i = 1; i < r; i++) kept[count].name[i - 1] = packet[i];
            kept[count++].name[r - 1] = 0;
        }
    }
    for (uint32_t i = 0; i < count; i++) remove_kept(&kept[i], now.s - 1);
    leave(0);
}

// The janitor of control groups -------------------------------------------------------------------------------------

#define DUTY_BYTES 32768
#define DUTY_TEXTS 12288

// Lies at the low end of the janitor's own memory; its stack grows down from the high end.
struct duty {
    int32_t release, other_end;
    uint32_t count;
    int32_t has_terminal;
    unsigned char modes[64]; // struct termios of the kernel, 36 bytes
    char texts[DUTY_TEXTS]; // NUL-terminated, one after the other
};

static const char *after(const char *text)
{
    while (*text) text++;
    return text + 1;
}

// Shares the launcher's memory (a copy would cost more than the group), nothing else: a SIGKILL of the launcher does not reach it.
static void tend_groups(void *argument)
{
    struct duty *duty = argument;
    CL_CALL(SYS_close, duty->other_end);
    if (duty->has_terminal && duty->release > 0) {
        if (duty->release > 1) CL_CALL(CL_SYS_CLOSE_RANGE, 1, duty->release - 1, 0);
        CL_CALL(CL_SYS_CLOSE_RANGE, duty->release + 1, ~0U, 0);
    } else {
        keep_only(duty->release);
    }
    CL_CALL(SYS_setsid);
    wait_for_hangup(duty->release);
    // Before the shell hears of the end: it may want other modes then.
    if (duty->has_terminal) CL_CALL(SYS_ioctl, 0, 0x5402 /* TCSETS */, duty->modes);
    const char *kill_file = duty->texts, *thaw_file = after(kill_file), *link = after(thaw_file);
    if (*kill_file) write_text(kill_file, "1", 1);
    if (*thaw_file) write_text(thaw_file, "THAWED", 6);
    if (*link) CL_CALL(SYS_unlinkat, AT_FDCWD, link, 0);
    // The cell's processes die by themselves: process 1 hears the launcher's end as well. A frozen one was let go just now.
    struct { int64_t s, ns; } pause = {0, 1000000};
    for (uint32_t tries = 0; tries < 1000; tries++) {
        uint32_t left = 0;
        const char *group = after(link);
        for (uint32_t i = 0; i < duty->count; i++, group = after(group)) {
            long r = CL_CALL(SYS_unlinkat, AT_FDCWD, group, AT_REMOVEDIR);
            if (r < 0 && r != -ENOENT) left++;
        }
        if (!left) break;
        if (tries == 100) pause.ns = 20000000;
        CL_CALL(SYS_nanosleep, &pause, 0);
    }
    leave(0);
}

long cl_group_janitor(const char *const *texts, uint32_t count, int release, int release_other_end, int has_terminal, int *pidfd, void **memory)
{
    long area = CL_CALL(SYS_mmap, 0, DUTY_BYTES, 3 /* READ | WRITE */, 0x22 /* PRIVATE | ANONYMOUS */, -1, 0);
    if (area < 0 && area > -4096) return area;
    struct duty *duty = (struct duty *)area;
    duty->release = release;
    duty->other_end = release_other_end;
    duty->count = count - 3;
    duty->has_terminal = has_terminal && CL_CALL(SYS_ioctl, 0, 0x5401 /* TCGETS */, duty->modes) == 0;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        for (const char *p = texts[i];; p++) {
            if (used == DUTY_TEXTS) {
                CL_CALL(SYS_munmap, area, DUTY_BYTES);
                return -ENAMETOOLONG;
            }
            duty->texts[used++] = *p;
            if (!*p) break;
        }
    struct cl_clone_args args = {.flags = CLONE_VM | CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t)pidfd, .exit_signal = SIGCHLD,
                                 .stack = (uint64_t)area, .stack_size = DUTY_BYTES};
    // Signals to the whole foreground group are not for it: it inherits a mask of everything, and keeps it.
    uint64_t all = ~0ull, before = 0;
    CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    long pid = cl_clone_onto(&args, tend_groups, duty);
    CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
    if (pid < 0) CL_CALL(SYS_munmap, area, DUTY_BYTES);
    *memory = pid < 0 ? 0 : (void *)area;
    return pid;
}

void cl_group_janitor_gone(void *memory)
{
    CL_CALL(SYS_munmap, memory, DUTY_BYTES);
}

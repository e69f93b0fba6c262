// SPDX-License-Identifier: Apache-2.0
// The interpreter of launch plans: it runs in the child of a clone3, where nothing may allocate, lock or touch the C
// library's state, so it calls the kernel directly and reports a failure as (index of the operation, errno).
// What is done and in which order is the plan's business (Sandbox/LaunchPlan.swift); this file only knows how.
// It also holds PID 1 of the cell, which is what the interpreter becomes at the end of the plan.

#include "clinux.h"
#include "kernel.h"

#include <linux/if.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/signalfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

// One cell's state: the child is a copy of the parent, so this is its own. PID 2 shares it with PID 1 until it execs.
static struct {
    const struct cl_plan *plan;
    struct cl_report report;
    int32_t signal_fd;
    int32_t command_pid;
    volatile int32_t command_failed;
    volatile int32_t netns_state; // 0 while the helper works, 1 when netns_fd holds a descriptor or -errno
    volatile int32_t netns_fd;
    uint32_t range_start, range_end; // PID 2's operations
} cell;

static uint8_t command_stack[64 * 1024] __attribute__((aligned(16)));
static uint8_t helper_stack[16 * 1024] __attribute__((aligned(16)));

// Under a sanitizer each call that does not return asks the kernel for the signal stack first; process 1's filter answers by death.
#define UNSANITIZED __attribute__((no_sanitize("address")))

static int32_t slot(int16_t index)
{
    return index == CL_SLOT_CWD ? AT_FDCWD : cell.plan->slots[index];
}

static const char *text(const struct cl_op *op, int i)
{
    return op->text[i] == CL_NO_TEXT ? "" : (const char *)cell.plan->bytes + op->text[i];
}

__attribute__((noreturn)) UNSANITIZED static void leave(int code)
{
    for (;;) CL_CALL(SYS_exit_group, code);
}

__attribute__((noreturn)) static void fail(uint32_t op, long error)
{
    cell.report.kind = CL_REPORT_FAILED;
    cell.report.op = op;
    cell.report.error = (int32_t)error;
    cell.command_failed = 1;
    CL_CALL(SYS_write, cell.plan->slots[CL_SLOT_CONTROL], &cell.report, sizeof cell.report);
    leave(125);
}

// Small facilities --------------------------------------------------------------------------------------------------

static long write_file(int dir, const char *path, const char *data, uint32_t n)
{
    long fd = CL_CALL(SYS_openat, dir, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    long r = CL_CALL(SYS_write, fd, data, n);
    CL_CALL(SYS_close, fd);
    return r < 0 ? r : r == (long)n ? 0 : -EIO;
}

static long make_file(int dir, const struct cl_op *op)
{
    long fd = CL_CALL(SYS_openat, dir, text(op, 0), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, op->x);
    if (fd == -EEXIST && (op->flags & CL_FLAG_EXISTS_OK)) return 0;
    if (fd < 0) return fd;
    long r = op->n ? CL_CALL(SYS_write, fd, text(op, 1), op->n) : 0;
    CL_CALL(SYS_close, fd);
    return r < 0 ? r : r == (long)op->n ? 0 : -ENOSPC;
}

// A file system by fsopen: `options` are key, value pairs; values of CL_NO_TEXT are left out. The mount's descriptor or -errno.
static long new_filesystem(const char *type, const char *const options[][2], int count, uint64_t attributes)
{
    long fs = CL_CALL(CL_SYS_FSOPEN, type, 1 /* FSOPEN_CLOEXEC */);
    if (fs < 0) return fs;
    long r = 0;
    for (int i = 0; i < count && r >= 0; i++)
        if (options[i][1][0]) r = CL_CALL(CL_SYS_FSCONFIG, fs, CL_FSCONFIG_SET_STRING, options[i][0], options[i][1], 0);
    if (r >= 0) r = CL_CALL(CL_SYS_FSCONFIG, fs, CL_FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (r >= 0) r = CL_CALL(CL_SYS_FSMOUNT, fs, 1 /* FSMOUNT_CLOEXEC */, attributes);
    CL_CALL(SYS_close, fs);
    return r;
}

static long set_attributes(int fd, const char *path, const struct cl_op *op)
{
    struct cl_mount_attr attr = {op->x, op->y, 0, 0};
    long flags = (op->flags & CL_FLAG_RECURSIVE ? CL_AT_RECURSIVE : 0) | (path[0] ? 0 : CL_AT_EMPTY_PATH);
    return CL_CALL(CL_SYS_MOUNT_SETATTR, fd, path, flags, &attr, sizeof attr);
}

// A detached copy of a path that the parent resolved: opened without following any link, compared with what the parent saw.
static long detached_tree(const struct cl_op *op)
{
    struct open_how how = {O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long fd = CL_CALL(CL_SYS_OPENAT2, slot(op->src), text(op, 0), &how, sizeof how);
    if (fd < 0) return fd;
    struct stat st;
    long r = CL_CALL(SYS_fstat, fd, &st);
    if (r >= 0 && op->z && (st.st_dev != op->y || st.st_ino != op->z)) r = -CL_ERROR_CHANGED;
    if (r >= 0)
        r = CL_CALL(CL_SYS_OPEN_TREE, fd, "",
                    CL_OPEN_TREE_CLONE | O_CLOEXEC | CL_AT_EMPTY_PATH | (op->flags & CL_FLAG_RECURSIVE ? CL_AT_RECURSIVE : 0));
    CL_CALL(SYS_close, fd);
    return r;
}

// Attaches a tree. The target is opened first, without following any link: part of the path may lie in a bound directory
// that somebody outside is renaming at this moment.
static long attach(const struct cl_op *op)
{
    const char *path = text(op, 0);
    if (op->dst == CL_SLOT_CWD) return CL_CALL(CL_SYS_MOVE_MOUNT, slot(op->src), "", AT_FDCWD, path, CL_MOVE_F_EMPTY);
    struct open_how how = {O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    long target = CL_CALL(CL_SYS_OPENAT2, slot(op->dst), path, &how, sizeof how);
    if (target == -ENOENT && (op->flags & CL_FLAG_ABSENT_OK)) return 0;
    if (target < 0) return target;
    long r = CL_CALL(CL_SYS_MOVE_MOUNT, slot(op->src), "", target, "", CL_MOVE_F_EMPTY | CL_MOVE_T_EMPTY);
    CL_CALL(SYS_close, target);
    return r;
}

static long loopback_up(void)
{
    long s = CL_CALL(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0) return s;
    struct ifreq request;
    cl_zero(&request, sizeof request);
    request.ifr_name[0] = 'l', request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    long r = CL_CALL(SYS_ioctl, s, SIOCSIFFLAGS, &request);
    CL_CALL(SYS_close, s);
    return r;
}

struct capability_header { uint32_t version; int32_t pid; };
struct capability_data { uint32_t effective, permitted, inheritable; };
#define CAPABILITY_VERSION_3 0x20080522

// The order matters: ambient, then the bounding set while CAP_SETPCAP is still there, then the locks, then the sets.
static long drop_capabilities(void)
{
    long r = CL_CALL(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (r < 0) return r;
    for (long c = 0;; c++) {
        r = CL_CALL(SYS_prctl, PR_CAPBSET_DROP, c, 0, 0, 0);
        if (r == -EINVAL && c > 40 /* CAP_CHECKPOINT_RESTORE: every kernel that gets here has it */) break;
        if (r < 0) return r;
        if (c > 4096) return -EOVERFLOW;
    }
    r = CL_CALL(SYS_prctl, PR_SET_SECUREBITS,
                SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0);
    if (r < 0) return r;
    struct capability_header header = {CAPABILITY_VERSION_3, 0};
    struct capability_data data[2] = {{0, 0, 0}, {0, 0, 0}};
    return CL_CALL(SYS_capset, &header, data);
}

static long reset_signals(void)
{
    struct { void *handler; uint64_t flags; void *restorer; uint64_t mask; } action = {0, 0, 0, 0};
    for (long s = 1; s <= 64; s++)
        if (s != SIGKILL && s != SIGSTOP) CL_CALL(SYS_rt_sigaction, s, &action, 0, 8);
    uint64_t none = 0;
    return CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
}

// The network namespace costs half a millisecond of waiting for other CPUs: a thread makes it while the mounts are built.
static void netns_helper(void *argument)
{
    long r = CL_CALL(SYS_unshare, CLONE_NEWNET);
    if (r >= 0) r = CL_CALL(SYS_openat, slot(((const struct cl_op *)argument)->src), "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    cell.netns_fd = (int32_t)r;
    __atomic_store_n(&cell.netns_state, 1, __ATOMIC_SEQ_CST);
    CL_CALL(SYS_futex, &cell.netns_state, 1 | 128 /* FUTEX_WAKE_PRIVATE */, 1, 0, 0, 0);
    for (;;) CL_CALL(SYS_exit, 0);
}

static long netns_begin(const struct cl_op *op)
{
    struct cl_clone_args args = {.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                                 .stack = (uint64_t)helper_stack, .stack_size = sizeof helper_stack};
    cell.netns_state = 0;
    long r = cl_clone_onto(&args, netns_helper, (void *)op);
    return r < 0 ? r : 0;
}

static long netns_join(void)
{
    struct { int64_t s, ns; } patience = {10, 0};
    while (!__atomic_load_n(&cell.netns_state, __ATOMIC_SEQ_CST)) {
        long r = CL_CALL(SYS_futex, &cell.netns_state, 128 /* FUTEX_WAIT_PRIVATE */, 0, &patience, 0, 0);
        if (r == -ETIMEDOUT) return r;
    }
    if (cell.netns_fd < 0) return cell.netns_fd;
    long r = CL_CALL(SYS_setns, cell.netns_fd, CLONE_NEWNET);
    CL_CALL(SYS_close, cell.netns_fd);
    return r;
}

// Proofs ------------------------------------------------------------------------------------------------------------

// 0 if the wall stands: the attempt failed, or the fact holds.
static long prove(const struct cl_op *op)
{
    const char *path = text(op, 0);
    struct capability_header header = {CAPABILITY_VERSION_3, 0};
    long r = 0;
    switch ((enum cl_proof)op->n) {
    case CL_PROOF_UNSHARE_USER: r = CL_CALL(SYS_unshare, CLONE_NEWUSER); break;
    case CL_PROOF_MOUNT: r = CL_CALL(SYS_mount, "none", path, "tmpfs", 0, 0); break;
    case CL_PROOF_OPEN_WRITE: r = CL_CALL(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC); break;
    case CL_PROOF_CREATE: r = CL_CALL(SYS_openat, AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600); break;
    case CL_PROOF_CAPABILITY: {
        struct capability_data one[2] = {{1, 1, 0}, {0, 0, 0}};
        r = CL_CALL(SYS_capset, &header, one);
        break;
    }
    case CL_PROOF_IDENTITY: r = CL_CALL(SYS_setresuid, 0, 0, 0); break;
    case CL_PROOF_HOSTNAME: r = CL_CALL(SYS_sethostname, "host", 4); break;
    case CL_PROOF_NAMESPACE: {
        struct stat st;
        long s = CL_CALL(SYS_newfstatat, AT_FDCWD, path, &st, 0);
        r = s < 0 || st.st_ino == op->x ? 1 : -1;
        break;
    }
    case CL_PROOF_PID: r = CL_CALL(SYS_getppid) == 1 ? -1 : 1; break;
    case CL_PROOF_NO_NEW_PRIVS: r = CL_CALL(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? -1 : 1; break;
    case CL_PROOF_READ_CAPS: {
        struct capability_data now[2] = {{1, 1, 1}, {1, 1, 1}};
        long s = CL_CALL(SYS_capget, &header, now);
        uint32_t left = now[0].effective | now[0].permitted | now[0].inheritable | now[1].effective | now[1].permitted | now[1].inheritable;
        r = s < 0 || left ? 1 : -1;
        break;
    }
    case CL_PROOF_ABSENT: {
        struct stat st;
        r = CL_CALL(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
        break;
    }
    case CL_PROOF_DESCRIPTORS:
        r = -1;
        for (uint32_t i = 0; i < cell.plan->slot_count; i++) {
            int fd = cell.plan->slots[i];
            long s = fd > 2 ? CL_CALL(SYS_fcntl, fd, F_GETFD) : FD_CLOEXEC;
            if (s >= 0 && !(s & FD_CLOEXEC)) r = 1;
        }
        break;
    }
    return r < 0 ? 0 : -CL_ERROR_PROOF;
}

// The command -------------------------------------------------------------------------------------------------------

static long filter(const struct cl_op *op)
{
    struct sock_fprog program = {(unsigned short)op->n, (struct sock_filter *)(cell.plan->bytes + op->text[0])};
    return CL_CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->x, &program);
}

static void run(uint32_t from, uint32_t to);

// What PID 1 still needs once the command runs, out of the heap: the operations behind this one and their filter. Then the
// break goes back to where malloc began, and with it every page of the launcher's heap that this copy held. (Further down
// lies the thread-local storage, where the kernel writes for rseq.)
static long release(uint32_t index, uint64_t heap)
{
    static struct {
        struct cl_plan plan;
        struct cl_op ops[CL_REST];
        uint64_t filter[CL_REST_FILTER];
        int32_t slots[CL_SLOTS];
    } rest;
    uint32_t count = cell.plan->op_count - (index + 1), used = 0;
    if (count > CL_REST || cell.plan->slot_count > CL_SLOTS) return -E2BIG;
    for (uint32_t i = 0; i < count; i++) {
        struct cl_op *op = &rest.ops[i];
        *op = cell.plan->ops[index + 1 + i];
        if (op->kind != CL_OP_FILTER) continue;
        if (op->n > CL_REST_FILTER - used) return -E2BIG;
        const uint64_t *from = (const uint64_t *)(const void *)(cell.plan->bytes + op->text[0]);
        for (uint32_t k = 0; k < op->n; k++) rest.filter[used + k] = from[k];
        op->text[0] = used * 8;
        used += op->n;
    }
    for (uint32_t i = 0; i < cell.plan->slot_count; i++) rest.slots[i] = cell.plan->slots[i];
    rest.plan = (struct cl_plan){.ops = rest.ops, .op_count = count, .slot_count = cell.plan->slot_count,
                                 .bytes = (const uint8_t *)rest.filter, .slots = rest.slots, .argv = 0, .envp = 0};
    cell.plan = &rest.plan;
    CL_CALL(SYS_brk, heap);
    run(0, count);
    leave(125); // a plan ends in REAP, which does not return
}

static void command_entry(void *argument)
{
    (void)argument;
    run(cell.range_start, cell.range_end);
    leave(125); // the range ends in an exec, which does not return
}

static long spawn(const struct cl_op *op, uint32_t index)
{
    cell.range_start = index + 1;
    cell.range_end = index + 1 + op->n;
    cell.command_failed = 0;
    struct cl_clone_args args = {.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD,
                                 .pidfd = (uint64_t)&cell.plan->slots[op->dst], .exit_signal = SIGCHLD,
                                 .stack = (uint64_t)command_stack, .stack_size = sizeof command_stack};
    long pid = cl_clone_onto(&args, command_entry, 0);
    if (pid < 0) return pid;
    cell.command_pid = (int32_t)pid;
    if (cell.command_failed) leave(125); // PID 2 has reported
    return 0;
}

#include "handover.h"

// PID 1 keeps one descriptor and watches its children by a signalfd, made before its own filter forbids making anything.
static long seal(void)
{
    int keep = cell.plan->slots[CL_SLOT_CONTROL];
    long r = 0;
    if (keep > 0) r = CL_CALL(CL_SYS_CLOSE_RANGE, 0, keep - 1, 0);
    if (r >= 0) r = CL_CALL(CL_SYS_CLOSE_RANGE, keep + 1, ~0U, 0);
    if (r < 0) return r;
    uint64_t children = 1ull << (SIGCHLD - 1);
    r = CL_CALL(SYS_signalfd4, -1, &children, 8, O_CLOEXEC | O_NONBLOCK);
    if (r < 0) return r;
    cell.signal_fd = (int32_t)r;
    return 0;
}

// Reaps until the command ends, then kills and reaps the rest, reports, exits. A hang-up of the control socket (the
// supervisor is gone) ends the cell at once: with PID 1 the kernel kills the whole pid namespace.
__attribute__((noreturn)) UNSANITIZED static void reap(void)
{
    int control = cell.plan->slots[CL_SLOT_CONTROL];
    int command_status = 0, command_gone = 0;
    while (!command_gone) {
        int status;
        long pid = CL_CALL(SYS_wait4, -1, &status, WNOHANG | __WALL, 0);
        if (pid > 0) {
            if (pid == cell.command_pid) command_status = status, command_gone = 1;
            continue;
        }
        if (pid == -ECHILD) break;
        if (pid < 0 && pid != -EINTR) leave(125); // cannot be told any more what becomes of the command
        struct pollfd watched[2] = {{control, 0, 0}, {cell.signal_fd, POLLIN, 0}};
        long r = CL_CALL(SYS_ppoll, watched, 2, 0, 0, 0);
        if (r > 0 && (watched[0].revents & (POLLHUP | POLLERR | POLLNVAL))) leave(125);
        if (r > 0 && watched[1].revents) {
            struct signalfd_siginfo info;
            CL_CALL(SYS_read, cell.signal_fd, &info, sizeof info);
        }
    }
    long killed = CL_CALL(SYS_kill, -1, SIGKILL);
    // Nobody left is ESRCH. What could not be killed here the kernel kills when this process ends: it is not waited for.
    if (killed == 0 || killed == -ESRCH)
        for (long pid = 0; pid >= 0 || pid == -EINTR;) pid = CL_CALL(SYS_wait4, -1, 0, __WALL, 0);
    struct rusage usage;
    cl_zero(&usage, sizeof usage);
    CL_CALL(SYS_getrusage, RUSAGE_CHILDREN, &usage);
    cell.report.kind = CL_REPORT_EXITED;
    cell.report.status = command_status;
    cell.report.user_us = (uint64_t)usage.ru_utime.tv_sec * 1000000u + (uint64_t)usage.ru_utime.tv_usec;
    cell.report.system_us = (uint64_t)usage.ru_stime.tv_sec * 1000000u + (uint64_t)usage.ru_stime.tv_usec;
    cell.report.max_rss_kib = (uint64_t)usage.ru_maxrss;
    cell.report.written_bytes = (uint64_t)usage.ru_oublock * 512;
    CL_CALL(SYS_write, control, &cell.report, sizeof cell.report);
    leave(0);
}

// The interpreter ---------------------------------------------------------------------------------------------------

static long keep(const struct cl_op *op, long fd)
{
    if (fd >= 0) cell.plan->slots[op->dst] = (int32_t)fd;
    return fd < 0 ? fd : 0;
}

UNSANITIZED static long perform(const struct cl_op *op, uint32_t index)
{
    const char *a = text(op, 0), *b = text(op, 1);
    switch (op->kind) {
    case CL_OP_WAIT_GO: {
        char go;
        long r = CL_CALL(SYS_read, cell.plan->slots[CL_SLOT_CONTROL], &go, 1);
        return r == 1 ? 0 : r < 0 ? r : -EPIPE;
    }
    case CL_OP_WRITE: return write_file(slot(op->src), a, b, op->n);
    case CL_OP_UNSHARE: return CL_CALL(SYS_unshare, op->x);
    case CL_OP_NETNS_BEGIN: return netns_begin(op);
    case CL_OP_NETNS_JOIN: return netns_join();
    case CL_OP_IDENTITY: {
        long r = CL_CALL(SYS_setgroups, 0, 0);
        if (r >= 0) r = CL_CALL(SYS_setresgid, op->y, op->y, op->y);
        return r < 0 ? r : CL_CALL(SYS_setresuid, op->x, op->x, op->x);
    }
    case CL_OP_DEATH_SIGNAL: {
        long r = CL_CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        struct pollfd watched = {cell.plan->slots[CL_SLOT_CONTROL], 0, 0};
        if (CL_CALL(SYS_poll, &watched, 1, 0) != 0) leave(125);
        return r;
    }
    case CL_OP_JOIN_GROUP: {
        long r = CL_CALL(SYS_write, slot(op->src), "0", 1);
        return r < 0 ? r : 0;
    }
    case CL_OP_KEYRING: {
        long r = CL_CALL(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0);
        return r < 0 ? r : 0;
    }
    case CL_OP_PRIVATE: return CL_CALL(SYS_mount, "none", "/", 0, MS_REC | MS_PRIVATE, 0);
    case CL_OP_LOOPBACK_UP: return loopback_up();
    case CL_OP_TMPFS: {
        const char *const options[][2] = {{"size", a}, {"nr_inodes", b}, {"mode", text(op, 2)}};
        return keep(op, new_filesystem("tmpfs", options, 3, op->x));
    }
    case CL_OP_PROC: {
        const char *const options[][2] = {{"subset", a}};
        return keep(op, new_filesystem("proc", options, 1, op->x));
    }
    case CL_OP_DEVPTS: {
        const char *const options[][2] = {{"ptmxmode", "0666"}, {"mode", "0600"}};
        return keep(op, new_filesystem("devpts", options, 2, op->x));
    }
    case CL_OP_OPEN_TREE: return keep(op, detached_tree(op));
    case CL_OP_SETATTR: return set_attributes(slot(op->src), a, op);
    case CL_OP_MOVE: return attach(op);
    case CL_OP_MKDIR: {
        long r = CL_CALL(SYS_mkdirat, slot(op->src), a, op->n);
        return r == -EEXIST && (op->flags & CL_FLAG_EXISTS_OK) ? 0 : r;
    }
    case CL_OP_SYMLINK: {
        long r = CL_CALL(SYS_symlinkat, a, slot(op->src), b);
        return r == -EEXIST && (op->flags & CL_FLAG_EXISTS_OK) ? 0 : r;
    }
    case CL_OP_FILE: return make_file(slot(op->src), op);
    case CL_OP_OPEN: {
        struct open_how how = {op->x | O_CLOEXEC, 0, op->y};
        return keep(op, CL_CALL(CL_SYS_OPENAT2, slot(op->src), a, &how, sizeof how));
    }
    case CL_OP_CLOSE: {
        long r = CL_CALL(SYS_close, slot(op->src));
        cell.plan->slots[op->src] = -1;
        return r;
    }
    case CL_OP_LANDLOCK_RULE: {
        struct cl_landlock_path rule = {op->x, slot(op->src)};
        return CL_CALL(CL_SYS_LANDLOCK_ADD_RULE, slot(op->dst), 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0);
    }
    case CL_OP_PIVOT: {
        long r = CL_CALL(SYS_fchdir, slot(op->src));
        if (r >= 0) r = CL_CALL(SYS_pivot_root, ".", ".");
        if (r >= 0) r = CL_CALL(SYS_umount2, ".", MNT_DETACH);
        return r < 0 ? r : CL_CALL(SYS_chdir, "/");
    }
    case CL_OP_CHDIR: {
        char where[4096];
        long r = CL_CALL(SYS_chdir, a);
        if (r >= 0) r = CL_CALL(SYS_getcwd, where, sizeof where);
        return r < 0 ? r : where[0] == '/' ? 0 : -CL_ERROR_OUTSIDE;
    }
    case CL_OP_HOSTNAME: return CL_CALL(SYS_sethostname, a, op->n);
    case CL_OP_SETSID: {
        long r = CL_CALL(SYS_setsid);
        return r < 0 ? r : 0;
    }
    case CL_OP_CONTROLLING_TTY: return CL_CALL(SYS_ioctl, slot(op->src), TIOCSCTTY, 0);
    case CL_OP_DUP: {
        long r = CL_CALL(SYS_dup3, slot(op->src), op->n, 0);
        return r < 0 ? r : 0;
    }
    case CL_OP_UMASK: return CL_CALL(SYS_umask, op->n), 0;
    case CL_OP_NICE: return CL_CALL(SYS_setpriority, PRIO_PROCESS, 0, op->n);
    case CL_OP_RLIMIT: {
        struct { uint64_t soft, hard; } limit = {op->x, op->y};
        return CL_CALL(SYS_prlimit64, 0, op->n, &limit, 0);
    }
    case CL_OP_DROP_CAPABILITIES: return drop_capabilities();
    case CL_OP_NO_NEW_PRIVS: return CL_CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case CL_OP_SPAWN: return spawn(op, index);
    case CL_OP_RESET_SIGNALS: return reset_signals();
    case CL_OP_CLOEXEC_FROM: return CL_CALL(CL_SYS_CLOSE_RANGE, op->n, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    case CL_OP_LANDLOCK_RESTRICT: return CL_CALL(CL_SYS_LANDLOCK_RESTRICT_SELF, slot(op->src), 0);
    case CL_OP_PROVE: return prove(op);
    case CL_OP_FILTER: {
        long r = filter(op);
        return op->dst == CL_SLOT_NONE ? r : keep(op, r);
    }
    case CL_OP_CANARY: return CL_CALL(CL_CANARY_NUMBER) == -(long)op->n ? 0 : -CL_ERROR_CANARY;
    case CL_OP_EXEC: return CL_CALL(SYS_execveat, AT_FDCWD, a, cell.plan->argv, cell.plan->envp, 0, op->x);
    case CL_OP_HANDOVER: return handover(op);
    case CL_OP_NON_DUMPABLE: return CL_CALL(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    case CL_OP_SEAL: return seal();
    case CL_OP_RELEASE: return release(index, op->x);
    case CL_OP_REAP: reap();
    case CL_OP_FORGET: {
        static const char name[] = "fumehood: process 1 of a cell";
        volatile char *area = (volatile char *)op->x; // SAFETY: the argument strings of this process, in its own copy
        for (uint64_t i = 0; i < op->y; i++) area[i] = i < sizeof name - 1 && i + 1 < op->y ? name[i] : 0;
        return 0;
    }
    case CL_OP_RESOLVER: return resolver();
    case CL_OP_TERMINAL: return terminal(op);
    case CL_OP_STAGE: return cell.report.stage_ns[op->n % CL_STAGES] = cl_now(), 0;
    }
    return -ENOSYS;
}

static void run(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const struct cl_op *op = &cell.plan->ops[i];
        long r = perform(op, i);
        if (r < 0) {
            if (!(op->flags & CL_FLAG_OPTIONAL)) fail(i, -r);
            if (cell.report.soft_count < CL_SOFT) {
                cell.report.soft[cell.report.soft_count].op = i;
                cell.report.soft[cell.report.soft_count++].error = (int32_t)-r;
            }
        }
        if (op->kind == CL_OP_SPAWN) i += op->n;
    }
}

long cl_write_maps(int proc, long pid, const char *group, const char *user, int control, enum cl_map_step *step)
{
    for (uint32_t i = CL_MAP_GROUP; i <= CL_MAP_USER; i++) {
        *step = i;
        char path[32], digits[20];
        int n = 0, length = 0;
        for (long rest = pid; rest > 0; rest /= 10) digits[n++] = (char)('0' + rest % 10);
        while (n > 0) path[length++] = digits[--n];
        const char *name = i == CL_MAP_GROUP ? "/gid_map" : "/uid_map", *map = i == CL_MAP_GROUP ? group : user;
        for (int k = 0; k < 9; k++) path[length++] = name[k];
        uint32_t size = 0;
        while (map[size]) size++;
        long r = write_file(proc, path, map, size);
        if (r < 0) return r;
    }
    *step = CL_MAP_GO;
    long r = CL_CALL(SYS_write, control, "", 1);
    return r < 0 ? r : 0;
}

long cl_launch(const struct cl_plan *plan, uint64_t flags, uint64_t exit_signal, int cgroup, int *pidfd)
{
    struct cl_clone_args args = {.flags = flags | CLONE_PIDFD, .pidfd = (uint64_t)pidfd, .exit_signal = exit_signal};
    if (cgroup >= 0) args.flags |= CLONE_INTO_CGROUP, args.cgroup = (uint64_t)cgroup;
    uint64_t all = ~0ull, before = 0;
    CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8); // no handler of the parent's may run in the child
    long pid = CL_CALL(CL_SYS_CLONE3, &args, sizeof args);
    if (pid != 0) {
        CL_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
        return pid;
    }
    cell.plan = plan;
    cl_zero(&cell.report, sizeof cell.report);
    // Its own copy of the supervisor's end would keep the control socket from ever hanging up.
    CL_CALL(SYS_close, plan->slots[CL_SLOT_SUPERVISOR]);
    plan->slots[CL_SLOT_SUPERVISOR] = -1;
    run(0, plan->op_count);
    leave(125); // a plan ends in REAP, which does not return
}

// SPDX-License-Identifier: Apache-2.0
// The C surface of Fumehood: raw system calls for Swift, and the launch plan that the child of a clone interprets.
// Nothing here allocates, locks or touches the C library's state after a clone. Wire structs are laid out by hand and
// asserted; their meaning, operation by operation, is told in Sandbox/Operation.swift, which writes them.
#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/vfs.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <linux/seccomp.h>

#define CL_CLOSED_ENUM __attribute__((enum_extensibility(closed)))

/// One raw system call: the result, or -errno.
long cl_syscall(long number, long a, long b, long c, long d, long e, long f);

/// This process's arguments where they lie, as execve(2) put them there.
int cl_argument_count(void);
char *_Nullable *_Nullable cl_argument_vector(void);

/// Where malloc's heap begins: the break when the first constructor ran.
void *_Nullable cl_heap_start(void);

/// The kernel's name of an errno (`EPERM`) and its description; NULL where it has none.
const char *_Nullable cl_errno_name(int code);
const char *_Nullable cl_errno_text(int code);

/// What the interpreter knows how to do. The order is wire format only within one process: parent and child are one binary.
enum CL_CLOSED_ENUM cl_op_kind : uint16_t {
    CL_OP_WAIT_GO = 1,       // read one byte from the control socket
    CL_OP_WRITE,             // open text0 under src for writing, write text1 (n bytes) at once
    CL_OP_UNSHARE,           // unshare(x)
    CL_OP_NETNS_BEGIN,       // a helper thread makes the network namespace while the plan goes on; src: /proc
    CL_OP_NETNS_JOIN,        // wait for the helper, setns
    CL_OP_IDENTITY,          // setgroups(0), setresgid(y), setresuid(x)
    CL_OP_DEATH_SIGNAL,      // PR_SET_PDEATHSIG SIGKILL, then look for a hang-up on the control socket
    CL_OP_JOIN_GROUP,        // write "0" to src (a v1 `tasks` file)
    CL_OP_KEYRING,           // join a new anonymous session keyring
    CL_OP_PRIVATE,           // mount propagation of everything private
    CL_OP_LOOPBACK_UP,
    CL_OP_TMPFS,             // dst = tmpfs of size text0, inodes text1, mode text2, mount attributes x
    CL_OP_PROC,              // dst = proc with optional subset=text0, mount attributes x
    CL_OP_DEVPTS,            // dst = a new devpts instance, mount attributes x
    CL_OP_OPEN_TREE,         // dst = detached copy of text0 under src; flags; y, z: expected device and inode
    CL_OP_SETATTR,           // mount attributes of text0 under src: set x, clear y
    CL_OP_MOVE,              // attach src at text0 under dst
    CL_OP_MKDIR,             // text0 under src, mode n
    CL_OP_SYMLINK,           // text0 = target, text1 = link under src
    CL_OP_FILE,              // text0 under src, made with text1 (n bytes), mode x
    CL_OP_OPEN,              // dst = openat2(src, text0, flags x, resolve y)
    CL_OP_CLOSE,             // src
    CL_OP_LANDLOCK_RULE,     // rule on src for access x in ruleset dst
    CL_OP_PIVOT,             // src becomes /, the old root is detached
    CL_OP_CHDIR,             // text0, and getcwd must answer with a path inside
    CL_OP_HOSTNAME,          // text0, n bytes
    CL_OP_SETSID,
    CL_OP_DUP,               // src at descriptor n
    CL_OP_UMASK,             // n
    CL_OP_NICE,              // n
    CL_OP_RLIMIT,            // resource n, soft x, hard y
    CL_OP_DROP_CAPABILITIES, // ambient, bounding, securebits, all sets
    CL_OP_NO_NEW_PRIVS,
    CL_OP_SPAWN,             // the next n operations run in PID 2, then PID 1 goes on behind them; dst = pidfd
    CL_OP_RESET_SIGNALS,     // dispositions and mask
    CL_OP_CLOEXEC_FROM,      // every descriptor from n up
    CL_OP_LANDLOCK_RESTRICT, // src = ruleset
    CL_OP_PROVE,             // n = cl_proof: the attempt must fail
    CL_OP_FILTER,            // seccomp: text0 = blob of n instructions, flags x; dst = listener if asked for
    CL_OP_CANARY,            // the impossible system call must answer errno n
    CL_OP_EXEC,              // execveat of text0 with the plan's argv, envp and cookie x
    CL_OP_HANDOVER,          // PID 1 tells the supervisor that the command runs: listener src, pidfd dst
    CL_OP_NON_DUMPABLE,      // before PID 2 exists: it shares the memory in which the exec cookie lies
    CL_OP_SEAL,              // PID 1 keeps only the control socket
    CL_OP_RELEASE,           // PID 1 gives its copy of the launcher's heap back, which begins at x
    CL_OP_REAP,              // PID 1's loop; never returns
    CL_OP_CONTROLLING_TTY,   // TIOCSCTTY on src
    CL_OP_FORGET,            // overwrite y bytes at x, the launcher's arguments
    CL_OP_STAGE,             // note the time as stage n
    CL_OP_RESOLVER,          // a UDP socket at 127.0.0.1:53 of the cell's network, which goes to the supervisor
    CL_OP_TERMINAL,          // a pty of text0 under src, x rows and y columns: stdin, stdout and stderr; its master goes to the supervisor
};

/// Attempts that must fail inside the finished cell, or facts that must hold.
enum CL_CLOSED_ENUM cl_proof : uint32_t {
    CL_PROOF_UNSHARE_USER = 1, // a nested user namespace
    CL_PROOF_MOUNT,            // any mount
    CL_PROOF_OPEN_WRITE,       // text0 opened for writing
    CL_PROOF_CREATE,           // text0 created
    CL_PROOF_CAPABILITY,       // one capability regained
    CL_PROOF_IDENTITY,         // setresuid(0)
    CL_PROOF_HOSTNAME,         // sethostname
    CL_PROOF_NAMESPACE,        // text0 names a namespace whose inode is x: the host's
    CL_PROOF_PID,              // getppid() must be 1
    CL_PROOF_NO_NEW_PRIVS,     // must be set
    CL_PROOF_READ_CAPS,        // capget must show three empty sets
    CL_PROOF_ABSENT,           // text0 must not exist
    CL_PROOF_DESCRIPTORS,      // every descriptor from 3 up must be close-on-exec
};

#define CL_NO_TEXT 0xffffffffu
#define CL_SLOT_NONE (-1)
#define CL_SLOT_CWD (-2)
#define CL_SLOTS 256
#define CL_SLOT_CONTROL 0
#define CL_SLOT_STREAMS 2 // stdin, stdout, stderr of the command
#define CL_SLOT_SUPERVISOR 11 // the other end of the control socket, which the child closes first
#define CL_STAGES 24
#define CL_SOFT 16
#define CL_REST 8          // operations of process 1 after it has given the heap back
#define CL_REST_FILTER 128 // instructions of their filter

#define CL_FLAG_OPTIONAL 1  // a failure is noted and handed over, the launch goes on
#define CL_FLAG_RECURSIVE 2 // the whole mount tree
#define CL_FLAG_EXISTS_OK 4 // mkdir, file, symlink: EEXIST is success
#define CL_FLAG_ABSENT_OK 8 // move: ENOENT is success (a mask over a file that this kernel lacks)

#define CL_CANARY_NUMBER 0x2c0ffee

struct cl_op {
    enum cl_op_kind kind;
    uint16_t flags;
    int16_t dst;
    int16_t src;
    uint32_t text[3];
    uint32_t n;
    uint64_t x, y, z;
};
_Static_assert(sizeof(struct cl_op) == 48, "the plan is a flat array");

struct cl_plan {
    const struct cl_op *_Nonnull ops;
    uint32_t op_count;
    uint32_t slot_count;
    const uint8_t *_Nonnull bytes;
    int32_t *_Nonnull slots;  // CL_SLOTS descriptors, -1 where empty
    char *_Nullable const *_Nonnull argv;
    char *_Nullable const *_Nonnull envp;
};

/// What the child says on the control socket: one packet each.
enum CL_CLOSED_ENUM cl_report_kind : uint32_t { CL_REPORT_FAILED = 1, CL_REPORT_LAUNCHED, CL_REPORT_EXITED, CL_REPORT_TERMINAL, CL_REPORT_RESOLVER };

struct cl_soft { uint32_t op; int32_t error; };

struct cl_report {
    enum cl_report_kind kind;
    uint32_t op;      // failed: index of the operation
    int32_t error;    // failed: errno, or a proof's own code (below)
    int32_t status;   // exited: wait status of PID 2
    uint64_t user_us, system_us, max_rss_kib, written_bytes; // exited: of the whole tree, dead children included
    uint32_t soft_count;
    struct cl_soft soft[CL_SOFT]; // launched: optional operations that failed
    uint64_t stage_ns[CL_STAGES];                         // launched: CLOCK_MONOTONIC
};
_Static_assert(sizeof(struct cl_report) == 16 + 32 + 8 + 8 * CL_SOFT + 8 * CL_STAGES, "no padding");

/// errno values of our own for proofs: the attempt succeeded; the fact did not hold; the canary was silent.
#define CL_ERROR_PROOF 4097
#define CL_ERROR_CANARY 4098
#define CL_ERROR_CHANGED 4099 // the path names another file than when the plan was made
#define CL_ERROR_OUTSIDE 4100 // the working directory lies outside the cell

/// Clones a process with `flags` (clone3) and lets it interpret `plan`. In the parent: its pid, or -errno; `*pidfd` is set.
/// `cgroup` is a descriptor for CLONE_INTO_CGROUP or -1.
long cl_launch(const struct cl_plan *_Nonnull plan, uint64_t flags, uint64_t exit_signal, int cgroup, int *_Nonnull pidfd);

/// Writes the id maps of a child that waits for them, as only its parent may, and lets it go. In C because every page that
/// is written right after a clone is copied first, and the child waits meanwhile. 0, or -errno with the step that failed.
enum CL_CLOSED_ENUM cl_map_step : uint32_t { CL_MAP_GROUP, CL_MAP_USER, CL_MAP_GO };
long cl_write_maps(int proc, long pid, const char *_Nonnull group, const char *_Nonnull user, int control, enum cl_map_step *_Nonnull step);

/// A process that holds a user namespace open until `release` hangs up; for id-mapped mounts and for probes. Its pid, or -errno.
long cl_hold_namespace(uint64_t flags, int release, int *_Nonnull pidfd);

/// Clones with `flags`, the child exits at once with 0; the parent waits. 0, or -errno: what this kernel refuses.
long cl_probe_clone(uint64_t flags);

/// What `cl_probe_cell` tries, in this order; each answers 0 or -errno.
enum CL_CLOSED_ENUM cl_trial : uint32_t {
    CL_TRIAL_MAP,        // setgroups deny, gid_map, uid_map: the caller's own ids alone
    CL_TRIAL_PRIVATE,    // everything's mount propagation private
    CL_TRIAL_TMPFS,      // fsopen, fsconfig, fsmount
    CL_TRIAL_ATTACH,     // move_mount onto /
    CL_TRIAL_PROC,       // a fresh /proc
    CL_TRIAL_PIVOT,      // pivot_root and umount2
    CL_TRIAL_NETWORK,    // unshare(CLONE_NEWNET)
    CL_TRIAL_TIME,       // unshare(CLONE_NEWTIME)
    CL_TRIAL_KEYRING,    // a new session keyring
    CL_TRIAL_HOSTNAME,   // sethostname in the new namespace
    CL_TRIAL_LANDLOCK,   // an empty ruleset, restrict_self
    CL_TRIAL_FILTER,     // a seccomp filter that allows everything
    CL_TRIAL_LISTENER,   // the same with a listener; EBUSY where somebody around us listens
    CL_TRIAL_COUNT
};

/// Clones with `flags` and tries there what building a cell needs, as the caller's own ids; nothing of it is left behind.
/// The child has 10 s. 0 and the results, or -errno of the clone; a trial that was not reached keeps CL_TRIAL_UNKNOWN.
#define CL_TRIAL_UNKNOWN 1
long cl_probe_cell(uint64_t flags, uint32_t user, uint32_t group, int32_t results[_Nonnull CL_TRIAL_COUNT]);

/// Removes placeholders when `line`, a socket that keeps packets apart, hangs up: see Sandbox/Placeholders.swift. A packet tells of
/// one: CL_JANITOR_WILL_MAKE and a name, with the descriptor of its folder, before it is made; CL_JANITOR_HOLDS, with the descriptor
/// of the placeholder, locked, when it stands. Its pid, or -errno.
#define CL_JANITOR_NAMES 256
#define CL_PLACEHOLDER_TIME 0x46756d65 // its modification time, seconds since 1970: the letters `Fume`
#define CL_JANITOR_WILL_MAKE 'n'
#define CL_JANITOR_HOLDS 'l'
#define CL_JANITOR_IS_THEIRS 'x' // what stands there is somebody's: nothing is to be removed
long cl_janitor(int line, int line_other_end, int *_Nonnull pidfd);

/// Tends the control groups of a cell until `release` hangs up: then writes `1` to texts[0] (cgroup.kill), `THAWED` to texts[1]
/// (freezer.state), unlinks texts[2], each where it is not empty, and removes the groups texts[3..<count], for at most 20 s.
/// Shares this process's memory: `*memory`, its stack and texts, is given back by cl_group_janitor_gone once it has been reaped.
long cl_group_janitor(const char *_Nonnull const *_Nonnull texts, uint32_t count, int release, int release_other_end, int *_Nonnull pidfd, void *_Nullable *_Nonnull memory);
void cl_group_janitor_gone(void *_Nonnull memory);

#endif

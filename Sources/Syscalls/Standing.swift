// SPDX-License-Identifier: Apache-2.0
//
// Where every syscall stands: base (T1), in families (T2), forbidden (T0), or checked by its arguments (ArgumentRules.swift).
// One exhaustive switch: a syscall that a new table brings does not compile until somebody has judged it.
// The base was settled by running 25 real workloads in a cell, not by reading an ordinary list.

/// What a syscall's answer depends on.
enum Standing: Hashable {
    /// T1: always allowed.
    case base
    /// T2: allowed when one of these families is granted, else denied with EPERM.
    case families(Families)
    /// T0: denied with this errno unless the group is named under `unsafe:`.
    case forbidden(Forbidden, UInt16)
    /// T0 that runtimes probe and fall back from: a plain ENOSYS, neither recorded nor counted.
    case probed(Forbidden)
    /// By its arguments.
    case checked
    /// A number without an implementation in any kernel: ENOSYS, like one that is unknown.
    case void
}

extension Syscall {
    var standing: Standing {
        switch self {
        // Files: reading, and writing what was opened for it. The mounts and Landlock decide what opens.
        case .read, .write, .readv, .writev, .pread64, .pwrite64, .preadv, .pwritev, .preadv2, .pwritev2, .close, .close_range, .stat, .fstat, .lstat,
            .newfstatat, .statx, .access, .faccessat, .faccessat2, .readlink,
            .readlinkat, .statfs, .fstatfs, .lseek, .dup, .dup2, .dup3, .fcntl, .fsync, .fdatasync, .sync_file_range, .fadvise64,
            .readahead, .sendfile, .copy_file_range, .getdents, .getdents64, .getcwd, .chdir, .fchdir, .umask, .getxattr, .lgetxattr,
            .fgetxattr, .getxattrat, .listxattr, .llistxattr, .flistxattr, .listxattrat, .file_getattr, .cachestat:
            return .base
        // Memory, but for what makes it executable (checked).
        case .munmap, .mremap, .brk, .madvise, .msync, .mincore, .mseal, .pkey_alloc, .pkey_free, .map_shadow_stack, .membarrier:
            return .base
        // Threads' own means, signals to oneself, time, waiting.
        case .futex, .futex_wait, .futex_wake, .futex_waitv, .futex_requeue, .set_robust_list, .get_robust_list, .set_tid_address,
            .set_thread_area, .get_thread_area, .rseq, .rseq_slice_yield, .arch_prctl, .rt_sigaction, .rt_sigprocmask, .rt_sigreturn,
            .rt_sigpending, .rt_sigtimedwait, .rt_sigsuspend, .sigaltstack, .restart_syscall, .pause, .alarm, .nanosleep,
            .clock_nanosleep, .clock_gettime, .clock_getres, .gettimeofday, .time, .times, .getitimer, .setitimer, .timer_create,
            .timer_settime, .timer_gettime, .timer_getoverrun, .timer_delete, .timerfd_create, .timerfd_settime, .timerfd_gettime,
            .poll, .ppoll, .select, .pselect6, .epoll_create, .epoll_create1, .epoll_ctl, .epoll_wait, .epoll_pwait, .epoll_pwait2,
            .eventfd, .eventfd2, .signalfd, .signalfd4, .pipe, .pipe2:
            return .base
        // Identity, limits and facts. Without capabilities the setters can only lower, or repeat what already holds.
        case .getuid, .geteuid, .getgid, .getegid, .getresuid, .getresgid, .getgroups, .getpid, .getppid, .gettid, .getpgid, .getpgrp,
            .getsid, .setuid, .setgid, .setreuid, .setregid, .setresuid, .setresgid, .setfsuid, .setfsgid, .setgroups, .capget,
            .capset, .setsid, .setpgid, .uname, .sysinfo, .getrandom, .getrusage, .getcpu, .getrlimit, .setrlimit, .getpriority,
            .ioprio_get, .sched_getaffinity, .sched_getattr, .sched_getparam, .sched_getscheduler, .sched_get_priority_max,
            .sched_get_priority_min, .sched_rr_get_interval, .sched_yield:
            return .base
        case .exit, .exit_group, .wait4, .waitid, .pidfd_open: return .base
        // A program that tightens its own sandbox is welcome to.
        case .seccomp, .landlock_create_ruleset, .landlock_add_rule, .landlock_restrict_self: return .base
        // On sockets that exist: making them is what is judged.
        case .sendto, .sendmsg, .sendmmsg, .recvfrom, .recvmsg, .recvmmsg, .getsockname, .getpeername, .getsockopt, .shutdown:
            return .base
        // Return points of the kernel's own probes, refused by the kernel anywhere else; denying them kills traced programs.
        case .uprobe, .uretprobe: return .base

        case .execve: return .families([.exec])
        // A signal by descriptor cannot be told from one to PID 1, which ignores what it does not expect.
        case .fork, .vfork, .pidfd_send_signal: return .families([.spawn])
        case .mkdir, .mkdirat, .rmdir, .unlink, .unlinkat, .rename, .renameat, .renameat2, .link, .linkat, .symlink, .symlinkat, .chown, .lchown, .fchown,
            .fchownat, .truncate, .utime, .utimes, .utimensat, .futimesat,
            .setxattr, .lsetxattr, .fsetxattr, .setxattrat, .removexattr, .lremovexattr, .fremovexattr, .removexattrat,
            .file_setattr, .flock:
            return .families([.fsMutate])
        case .ftruncate, .fallocate: return .families([.fsMutate, .memfd])
        case .memfd_create: return .families([.memfd])
        case .connect: return .families([.netClient, .unixSocket])
        case .bind: return .families([.netClient, .netServer, .unixSocket, .netlinkRoute])
        case .listen, .accept, .accept4: return .families([.netServer, .unixSocket])
        case .shmget, .shmat, .shmctl, .shmdt, .semget, .semop, .semtimedop, .semctl, .msgget, .msgsnd, .msgrcv, .msgctl:
            return .families([.sysvIPC])
        case .mq_open, .mq_unlink, .mq_timedsend, .mq_timedreceive, .mq_notify, .mq_getsetattr: return .families([.mqueue])
        case .io_setup, .io_destroy, .io_submit, .io_cancel, .io_getevents, .io_pgetevents: return .families([.aio])
        case .inotify_init, .inotify_init1, .inotify_add_watch, .inotify_rm_watch: return .families([.inotify])
        case .mlock, .mlock2, .munlock, .mlockall, .munlockall: return .families([.mlock])
        case .splice, .tee: return .families([.splice])
        case .sync, .syncfs: return .families([.sync])

        case .execveat, .clone, .kill, .tkill, .tgkill, .rt_sigqueueinfo, .rt_tgsigqueueinfo, .prlimit64, .setpriority, .ioprio_set,
            .sched_setaffinity, .sched_setscheduler, .sched_setparam, .sched_setattr, .personality, .ioctl, .prctl, .socket,
            .socketpair, .setsockopt, .mmap, .mprotect, .pkey_mprotect, .open, .openat, .openat2, .creat, .chmod, .fchmod, .fchmodat, .fchmodat2,
            .mknod, .mknodat:
            return .checked

        case .kexec_load, .kexec_file_load, .init_module, .finit_module, .delete_module, .create_module, .query_module, .get_kernel_syms,
            .reboot, .swapon, .swapoff, .acct, .iopl, .ioperm, .lookup_dcookie, .nfsservctl, .uselib, ._sysctl, .sysfs, .ustat,
            .vhangup:
            return .forbidden(.kernelImage, Errno.permission)
        case .bpf, .perf_event_open, .userfaultfd, .fanotify_init, .fanotify_mark: return .forbidden(.kernelPrograms, Errno.permission)
        case .add_key, .request_key, .keyctl: return .forbidden(.keyrings, Errno.permission)
        case .unshare, .setns, .mount, .umount2, .pivot_root, .chroot: return .forbidden(.namespaces, Errno.permission)
        // The new interface: callers fall back to the old one, and learn there that they may not.
        case .open_tree, .open_tree_attr, .move_mount, .fsopen, .fsconfig, .fsmount, .fspick, .mount_setattr, .statmount, .listmount,
            .listns, .fchroot:
            return .forbidden(.namespaces, Errno.noSyscall)
        case .ptrace, .process_vm_readv, .process_vm_writev, .process_madvise, .pidfd_getfd, .kcmp, .process_mrelease:
            return .forbidden(.ptrace, Errno.permission)
        case .open_by_handle_at, .name_to_handle_at, .quotactl, .quotactl_fd: return .forbidden(.handles, Errno.permission)
        case .settimeofday, .clock_settime, .adjtimex, .clock_adjtime, .sethostname, .setdomainname, .syslog:
            return .forbidden(.host, Errno.permission)
        case .lsm_get_self_attr, .lsm_set_self_attr, .lsm_list_modules: return .forbidden(.host, Errno.noSyscall)
        case .memfd_secret, .modify_ldt, .vmsplice, .remap_file_pages, .mbind, .set_mempolicy, .set_mempolicy_home_node, .get_mempolicy,
            .migrate_pages, .move_pages:
            return .forbidden(.memory, Errno.noSyscall)

        case .clone3: return .probed(.clone3)
        case .io_uring_setup, .io_uring_enter, .io_uring_register: return .probed(.ioUring)

        case .afs_syscall, .getpmsg, .putpmsg, .security, .tuxcall, .vserver, .epoll_ctl_old, .epoll_wait_old: return .void
        }
    }
}

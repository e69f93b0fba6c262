// SPDX-License-Identifier: Apache-2.0
//
// GENERATED: the syscalls of x86_64 and aarch64 and their numbers, from the kernel's own headers as written out in
// syscalls-x86_64.tsv and syscalls-aarch64.tsv. Do not edit: `FUMEHOOD_RECORD=1 swift test --filter TableTests` writes
// it anew. x32 is left out. Numbers are never used twice, so every older kernel's table is a subset.

/// The kernel headers that the tables were written from; part of every cache key.
public let tableVersion = "7.3.4"

/// A syscall by name. The raw value is the kernel's name.
public enum Syscall: String, Hashable, Sendable, CaseIterable {
    case _sysctl, accept, accept4, access, acct, add_key, adjtimex, afs_syscall, alarm, arch_prctl, bind, bpf, brk, cachestat
    case capget, capset, chdir, chmod, chown, chroot, clock_adjtime, clock_getres, clock_gettime, clock_nanosleep, clock_settime
    case clone, clone3, close, close_range, connect, copy_file_range, creat, create_module, delete_module, dup, dup2, dup3
    case epoll_create, epoll_create1, epoll_ctl, epoll_ctl_old, epoll_pwait, epoll_pwait2, epoll_wait, epoll_wait_old, eventfd
    case eventfd2, execve, execveat, exit, exit_group, faccessat, faccessat2, fadvise64, fallocate, fanotify_init, fanotify_mark
    case fchdir, fchmod, fchmodat, fchmodat2, fchown, fchownat, fchroot, fcntl, fdatasync, fgetxattr, file_getattr, file_setattr
    case finit_module, flistxattr, flock, fork, fremovexattr, fsconfig, fsetxattr, fsmount, fsopen, fspick, fstat, fstatfs
    case fsync, ftruncate, futex, futex_requeue, futex_wait, futex_waitv, futex_wake, futimesat, get_kernel_syms, get_mempolicy
    case get_robust_list, get_thread_area, getcpu, getcwd, getdents, getdents64, getegid, geteuid, getgid, getgroups, getitimer
    case getpeername, getpgid, getpgrp, getpid, getpmsg, getppid, getpriority, getrandom, getresgid, getresuid, getrlimit
    case getrusage, getsid, getsockname, getsockopt, gettid, gettimeofday, getuid, getxattr, getxattrat, init_module
    case inotify_add_watch, inotify_init, inotify_init1, inotify_rm_watch, io_cancel, io_destroy, io_getevents, io_pgetevents
    case io_setup, io_submit, io_uring_enter, io_uring_register, io_uring_setup, ioctl, ioperm, iopl, ioprio_get, ioprio_set
    case kcmp, kexec_file_load, kexec_load, keyctl, kill, landlock_add_rule, landlock_create_ruleset, landlock_restrict_self
    case lchown, lgetxattr, link, linkat, listen, listmount, listns, listxattr, listxattrat, llistxattr, lookup_dcookie
    case lremovexattr, lseek, lsetxattr, lsm_get_self_attr, lsm_list_modules, lsm_set_self_attr, lstat, madvise
    case map_shadow_stack, mbind, membarrier, memfd_create, memfd_secret, migrate_pages, mincore, mkdir, mkdirat, mknod, mknodat
    case mlock, mlock2, mlockall, mmap, modify_ldt, mount, mount_setattr, move_mount, move_pages, mprotect, mq_getsetattr
    case mq_notify, mq_open, mq_timedreceive, mq_timedsend, mq_unlink, mremap, mseal, msgctl, msgget, msgrcv, msgsnd, msync
    case munlock, munlockall, munmap, name_to_handle_at, nanosleep, newfstatat, nfsservctl, open, open_by_handle_at, open_tree
    case open_tree_attr, openat, openat2, pause, perf_event_open, personality, pidfd_getfd, pidfd_open, pidfd_send_signal, pipe
    case pipe2, pivot_root, pkey_alloc, pkey_free, pkey_mprotect, poll, ppoll, prctl, pread64, preadv, preadv2, prlimit64
    case process_madvise, process_mrelease, process_vm_readv, process_vm_writev, pselect6, ptrace, putpmsg, pwrite64, pwritev
    case pwritev2, query_module, quotactl, quotactl_fd, read, readahead, readlink, readlinkat, readv, reboot, recvfrom, recvmmsg
    case recvmsg, remap_file_pages, removexattr, removexattrat, rename, renameat, renameat2, request_key, restart_syscall, rmdir
    case rseq, rseq_slice_yield, rt_sigaction, rt_sigpending, rt_sigprocmask, rt_sigqueueinfo, rt_sigreturn, rt_sigsuspend
    case rt_sigtimedwait, rt_tgsigqueueinfo, sched_get_priority_max, sched_get_priority_min, sched_getaffinity, sched_getattr
    case sched_getparam, sched_getscheduler, sched_rr_get_interval, sched_setaffinity, sched_setattr, sched_setparam
    case sched_setscheduler, sched_yield, seccomp, security, select, semctl, semget, semop, semtimedop, sendfile, sendmmsg
    case sendmsg, sendto, set_mempolicy, set_mempolicy_home_node, set_robust_list, set_thread_area, set_tid_address
    case setdomainname, setfsgid, setfsuid, setgid, setgroups, sethostname, setitimer, setns, setpgid, setpriority, setregid
    case setresgid, setresuid, setreuid, setrlimit, setsid, setsockopt, settimeofday, setuid, setxattr, setxattrat, shmat
    case shmctl, shmdt, shmget, shutdown, sigaltstack, signalfd, signalfd4, socket, socketpair, splice, stat, statfs, statmount
    case statx, swapoff, swapon, symlink, symlinkat, sync, sync_file_range, syncfs, sysfs, sysinfo, syslog, tee, tgkill, time
    case timer_create, timer_delete, timer_getoverrun, timer_gettime, timer_settime, timerfd_create, timerfd_gettime
    case timerfd_settime, times, tkill, truncate, tuxcall, umask, umount2, uname, unlink, unlinkat, unshare, uprobe, uretprobe
    case uselib, userfaultfd, ustat, utime, utimensat, utimes, vfork, vhangup, vmsplice, vserver, wait4, waitid, write, writev
}

@usableFromInline let tableOfX86_64: [Syscall?] = [
    .read, .write, .open, .close, .stat, .fstat, .lstat, .poll, .lseek, .mmap, .mprotect, .munmap, .brk, .rt_sigaction,
    .rt_sigprocmask, .rt_sigreturn, .ioctl, .pread64, .pwrite64, .readv, .writev, .access, .pipe, .select, .sched_yield, .mremap,
    .msync, .mincore, .madvise, .shmget, .shmat, .shmctl, .dup, .dup2, .pause, .nanosleep, .getitimer, .alarm, .setitimer,
    .getpid, .sendfile, .socket, .connect, .accept, .sendto, .recvfrom, .sendmsg, .recvmsg, .shutdown, .bind, .listen,
    .getsockname, .getpeername, .socketpair, .setsockopt, .getsockopt, .clone, .fork, .vfork, .execve, .exit, .wait4, .kill,
    .uname, .semget, .semop, .semctl, .shmdt, .msgget, .msgsnd, .msgrcv, .msgctl, .fcntl, .flock, .fsync, .fdatasync, .truncate,
    .ftruncate, .getdents, .getcwd, .chdir, .fchdir, .rename, .mkdir, .rmdir, .creat, .link, .unlink, .symlink, .readlink,
    .chmod, .fchmod, .chown, .fchown, .lchown, .umask, .gettimeofday, .getrlimit, .getrusage, .sysinfo, .times, .ptrace, .getuid,
    .syslog, .getgid, .setuid, .setgid, .geteuid, .getegid, .setpgid, .getppid, .getpgrp, .setsid, .setreuid, .setregid,
    .getgroups, .setgroups, .setresuid, .getresuid, .setresgid, .getresgid, .getpgid, .setfsuid, .setfsgid, .getsid, .capget,
    .capset, .rt_sigpending, .rt_sigtimedwait, .rt_sigqueueinfo, .rt_sigsuspend, .sigaltstack, .utime, .mknod, .uselib,
    .personality, .ustat, .statfs, .fstatfs, .sysfs, .getpriority, .setpriority, .sched_setparam, .sched_getparam,
    .sched_setscheduler, .sched_getscheduler, .sched_get_priority_max, .sched_get_priority_min, .sched_rr_get_interval, .mlock,
    .munlock, .mlockall, .munlockall, .vhangup, .modify_ldt, .pivot_root, ._sysctl, .prctl, .arch_prctl, .adjtimex, .setrlimit,
    .chroot, .sync, .acct, .settimeofday, .mount, .umount2, .swapon, .swapoff, .reboot, .sethostname, .setdomainname, .iopl,
    .ioperm, .create_module, .init_module, .delete_module, .get_kernel_syms, .query_module, .quotactl, .nfsservctl, .getpmsg,
    .putpmsg, .afs_syscall, .tuxcall, .security, .gettid, .readahead, .setxattr, .lsetxattr, .fsetxattr, .getxattr, .lgetxattr,
    .fgetxattr, .listxattr, .llistxattr, .flistxattr, .removexattr, .lremovexattr, .fremovexattr, .tkill, .time, .futex,
    .sched_setaffinity, .sched_getaffinity, .set_thread_area, .io_setup, .io_destroy, .io_getevents, .io_submit, .io_cancel,
    .get_thread_area, .lookup_dcookie, .epoll_create, .epoll_ctl_old, .epoll_wait_old, .remap_file_pages, .getdents64,
    .set_tid_address, .restart_syscall, .semtimedop, .fadvise64, .timer_create, .timer_settime, .timer_gettime,
    .timer_getoverrun, .timer_delete, .clock_settime, .clock_gettime, .clock_getres, .clock_nanosleep, .exit_group, .epoll_wait,
    .epoll_ctl, .tgkill, .utimes, .vserver, .mbind, .set_mempolicy, .get_mempolicy, .mq_open, .mq_unlink, .mq_timedsend,
    .mq_timedreceive, .mq_notify, .mq_getsetattr, .kexec_load, .waitid, .add_key, .request_key, .keyctl, .ioprio_set,
    .ioprio_get, .inotify_init, .inotify_add_watch, .inotify_rm_watch, .migrate_pages, .openat, .mkdirat, .mknodat, .fchownat,
    .futimesat, .newfstatat, .unlinkat, .renameat, .linkat, .symlinkat, .readlinkat, .fchmodat, .faccessat, .pselect6, .ppoll,
    .unshare, .set_robust_list, .get_robust_list, .splice, .tee, .sync_file_range, .vmsplice, .move_pages, .utimensat,
    .epoll_pwait, .signalfd, .timerfd_create, .eventfd, .fallocate, .timerfd_settime, .timerfd_gettime, .accept4, .signalfd4,
    .eventfd2, .epoll_create1, .dup3, .pipe2, .inotify_init1, .preadv, .pwritev, .rt_tgsigqueueinfo, .perf_event_open, .recvmmsg,
    .fanotify_init, .fanotify_mark, .prlimit64, .name_to_handle_at, .open_by_handle_at, .clock_adjtime, .syncfs, .sendmmsg,
    .setns, .getcpu, .process_vm_readv, .process_vm_writev, .kcmp, .finit_module, .sched_setattr, .sched_getattr, .renameat2,
    .seccomp, .getrandom, .memfd_create, .kexec_file_load, .bpf, .execveat, .userfaultfd, .membarrier, .mlock2, .copy_file_range,
    .preadv2, .pwritev2, .pkey_mprotect, .pkey_alloc, .pkey_free, .statx, .io_pgetevents, .rseq, .uretprobe, .uprobe, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, .pidfd_send_signal, .io_uring_setup, .io_uring_enter, .io_uring_register,
    .open_tree, .move_mount, .fsopen, .fsconfig, .fsmount, .fspick, .pidfd_open, .clone3, .close_range, .openat2, .pidfd_getfd,
    .faccessat2, .process_madvise, .epoll_pwait2, .mount_setattr, .quotactl_fd, .landlock_create_ruleset, .landlock_add_rule,
    .landlock_restrict_self, .memfd_secret, .process_mrelease, .futex_waitv, .set_mempolicy_home_node, .cachestat, .fchmodat2,
    .map_shadow_stack, .futex_wake, .futex_wait, .futex_requeue, .statmount, .listmount, .lsm_get_self_attr, .lsm_set_self_attr,
    .lsm_list_modules, .mseal, .setxattrat, .getxattrat, .listxattrat, .removexattrat, .open_tree_attr, .file_getattr,
    .file_setattr, .listns, .rseq_slice_yield, .fchroot,
]

@usableFromInline let tableOfAarch64: [Syscall?] = [
    .io_setup, .io_destroy, .io_submit, .io_cancel, .io_getevents, .setxattr, .lsetxattr, .fsetxattr, .getxattr, .lgetxattr,
    .fgetxattr, .listxattr, .llistxattr, .flistxattr, .removexattr, .lremovexattr, .fremovexattr, .getcwd, .lookup_dcookie,
    .eventfd2, .epoll_create1, .epoll_ctl, .epoll_pwait, .dup, .dup3, .fcntl, .inotify_init1, .inotify_add_watch,
    .inotify_rm_watch, .ioctl, .ioprio_set, .ioprio_get, .flock, .mknodat, .mkdirat, .unlinkat, .symlinkat, .linkat, .renameat,
    .umount2, .mount, .pivot_root, .nfsservctl, .statfs, .fstatfs, .truncate, .ftruncate, .fallocate, .faccessat, .chdir,
    .fchdir, .chroot, .fchmod, .fchmodat, .fchownat, .fchown, .openat, .close, .vhangup, .pipe2, .quotactl, .getdents64, .lseek,
    .read, .write, .readv, .writev, .pread64, .pwrite64, .preadv, .pwritev, .sendfile, .pselect6, .ppoll, .signalfd4, .vmsplice,
    .splice, .tee, .readlinkat, .newfstatat, .fstat, .sync, .fsync, .fdatasync, .sync_file_range, .timerfd_create,
    .timerfd_settime, .timerfd_gettime, .utimensat, .acct, .capget, .capset, .personality, .exit, .exit_group, .waitid,
    .set_tid_address, .unshare, .futex, .set_robust_list, .get_robust_list, .nanosleep, .getitimer, .setitimer, .kexec_load,
    .init_module, .delete_module, .timer_create, .timer_gettime, .timer_getoverrun, .timer_settime, .timer_delete,
    .clock_settime, .clock_gettime, .clock_getres, .clock_nanosleep, .syslog, .ptrace, .sched_setparam, .sched_setscheduler,
    .sched_getscheduler, .sched_getparam, .sched_setaffinity, .sched_getaffinity, .sched_yield, .sched_get_priority_max,
    .sched_get_priority_min, .sched_rr_get_interval, .restart_syscall, .kill, .tkill, .tgkill, .sigaltstack, .rt_sigsuspend,
    .rt_sigaction, .rt_sigprocmask, .rt_sigpending, .rt_sigtimedwait, .rt_sigqueueinfo, .rt_sigreturn, .setpriority,
    .getpriority, .reboot, .setregid, .setgid, .setreuid, .setuid, .setresuid, .getresuid, .setresgid, .getresgid, .setfsuid,
    .setfsgid, .times, .setpgid, .getpgid, .getsid, .setsid, .getgroups, .setgroups, .uname, .sethostname, .setdomainname,
    .getrlimit, .setrlimit, .getrusage, .umask, .prctl, .getcpu, .gettimeofday, .settimeofday, .adjtimex, .getpid, .getppid,
    .getuid, .geteuid, .getgid, .getegid, .gettid, .sysinfo, .mq_open, .mq_unlink, .mq_timedsend, .mq_timedreceive, .mq_notify,
    .mq_getsetattr, .msgget, .msgctl, .msgrcv, .msgsnd, .semget, .semctl, .semtimedop, .semop, .shmget, .shmctl, .shmat, .shmdt,
    .socket, .socketpair, .bind, .listen, .accept, .connect, .getsockname, .getpeername, .sendto, .recvfrom, .setsockopt,
    .getsockopt, .shutdown, .sendmsg, .recvmsg, .readahead, .brk, .munmap, .mremap, .add_key, .request_key, .keyctl, .clone,
    .execve, .mmap, .fadvise64, .swapon, .swapoff, .mprotect, .msync, .mlock, .munlock, .mlockall, .munlockall, .mincore,
    .madvise, .remap_file_pages, .mbind, .get_mempolicy, .set_mempolicy, .migrate_pages, .move_pages, .rt_tgsigqueueinfo,
    .perf_event_open, .accept4, .recvmmsg, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    .wait4, .prlimit64, .fanotify_init, .fanotify_mark, .name_to_handle_at, .open_by_handle_at, .clock_adjtime, .syncfs, .setns,
    .sendmmsg, .process_vm_readv, .process_vm_writev, .kcmp, .finit_module, .sched_setattr, .sched_getattr, .renameat2, .seccomp,
    .getrandom, .memfd_create, .bpf, .execveat, .userfaultfd, .membarrier, .mlock2, .copy_file_range, .preadv2, .pwritev2,
    .pkey_mprotect, .pkey_alloc, .pkey_free, .statx, .io_pgetevents, .rseq, .kexec_file_load, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
    .pidfd_send_signal, .io_uring_setup, .io_uring_enter, .io_uring_register, .open_tree, .move_mount, .fsopen, .fsconfig,
    .fsmount, .fspick, .pidfd_open, .clone3, .close_range, .openat2, .pidfd_getfd, .faccessat2, .process_madvise, .epoll_pwait2,
    .mount_setattr, .quotactl_fd, .landlock_create_ruleset, .landlock_add_rule, .landlock_restrict_self, .memfd_secret,
    .process_mrelease, .futex_waitv, .set_mempolicy_home_node, .cachestat, .fchmodat2, .map_shadow_stack, .futex_wake,
    .futex_wait, .futex_requeue, .statmount, .listmount, .lsm_get_self_attr, .lsm_set_self_attr, .lsm_list_modules, .mseal,
    .setxattrat, .getxattrat, .listxattrat, .removexattrat, .open_tree_attr, .file_getattr, .file_setattr, .listns,
    .rseq_slice_yield, .fchroot,
]

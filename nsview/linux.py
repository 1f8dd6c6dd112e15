"""The few system calls that Python 3.8's standard library lacks; the callers decide when to make them.

Standard library only, as the agent and the join helper share it; the C library is loaded at the first call, because
most scans need none.
"""

from __future__ import annotations

import ctypes
import os
import struct
from errno import EINVAL

from .kernel import CLONE_NEW as CLONE_NEW
from .kernel import PF_KTHREAD as PF_KTHREAD
from .kernel import PR_SET_DUMPABLE as PR_SET_DUMPABLE
from .kernel import PR_SET_PDEATHSIG as PR_SET_PDEATHSIG

LIMITS = {
    "CPU": "Max cpu time", "FSIZE": "Max file size", "DATA": "Max data size", "STACK": "Max stack size",
    "CORE": "Max core file size", "RSS": "Max resident set", "NPROC": "Max processes", "NOFILE": "Max open files",
    "MEMLOCK": "Max locked memory", "AS": "Max address space", "LOCKS": "Max file locks",
    "SIGPENDING": "Max pending signals", "MSGQUEUE": "Max msgqueue size", "NICE": "Max nice priority",
    "RTPRIO": "Max realtime priority", "RTTIME": "Max realtime timeout",
}  # fmt: skip
"""{limit as in setrlimit(2) without RLIMIT_: its name in /proc/PID/limits}"""
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_IN_ROOT = 0x10
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_REC, MS_SLAVE = 0x4000, 0x80000
NSFS_MAGIC = 0x6E736673
NS_GET_NSTYPE = 0xB703  # ioctl_nsfs(2)
PROC_MAGIC = 0x9FA0
MQUEUE_MAGIC = 0x19800202

_SYS_FSOPEN, _SYS_FSCONFIG, _SYS_FSMOUNT = 430, 431, 432
_SYS_PIDFD_OPEN = 434  # the same number on every architecture, as for all calls since Linux 5.1
_SYS_CLONE3 = 435
_SYS_CLOSE_RANGE = 436
_SYS_OPENAT2 = 437
_SYS_PIDFD_GETFD = 438
_SYS_STATMOUNT, _SYS_LISTMOUNT = 457, 458
_SYS_LISTNS = 470
_SYS_EXECVEAT = {"x86_64": 322, "aarch64": 281, "riscv64": 281, "ppc64le": 362, "s390x": 354, "armv7l": 387}
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280, "armv7l": 311}
_SYS_KCMP = {"x86_64": 312, "aarch64": 272, "riscv64": 272, "ppc64le": 354, "s390x": 343, "armv7l": 378}
_KCMP_FILES = 2

SYS_SECCOMP = {"x86_64": 317, "aarch64": 277, "riscv64": 277, "ppc64le": 358, "s390x": 348, "armv7l": 383}

_KEYCTL_JOIN_SESSION_KEYRING = 1
_CLONE_INTO_CGROUP = 0x200000000
_AT_EMPTY_PATH = 0x1000
_MFD_CLOEXEC, _MFD_ALLOW_SEALING, _MFD_EXEC = 1, 2, 0x10
_F_ADD_SEALS, _SEAL_ALL = 1033, 0xF  # seal, shrink, grow, write
_FD_NSFS_ROOT, _FILEID_NSFS = -10003, 0xF1
_LISTED = 1024  # ids at a time
_LSMT_ROOT = (1 << 64) - 1
_STATMOUNT_WANTED, _STATMOUNT_STRINGS = 0x1B, 512  # SB_BASIC, MNT_BASIC, MNT_ROOT, MNT_POINT; offset of str[]
_CAPABILITY_VERSION_3 = 0x20080522

_libc = None


def exit_code(status: int) -> int:
    """The exit code of a wait status, -n for signal n: os.waitstatus_to_exitcode() of Python 3.9."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


def libc() -> ctypes.CDLL:
    """The C library, with errno kept for `checked`."""
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    return _libc


def checked(result: int, what: str) -> int:
    """The result of a C call. Raises OSError with its errno if the result is -1."""
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)
    return result


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def open_in_root(root_fd: int, path: str, flags: int, links: bool = True) -> int:
    """Open a path as a process whose root is root_fd would: no symlink leads out of it. openat2(2), Linux 5.6. links:
    they are followed; if not, one on the way is an error (ELOOP)."""
    resolve = RESOLVE_IN_ROOT | (RESOLVE_NO_MAGICLINKS if links else RESOLVE_NO_SYMLINKS)
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    result = libc().syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(root_fd),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    return checked(result, path)


def open_file_in_root(root_fd: int, path: str) -> int:
    """Like open_in_root, for reading, as `open_for_reading`."""
    place = open_in_root(root_fd, path, os.O_PATH)
    try:
        return open_for_reading(place, path)
    finally:
        os.close(place)


def open_for_reading(place: int, path: str) -> int:
    """Open the file that is open by O_PATH. Raises OSError (EINVAL) if the file is not regular: opening a device may
    have any effect, and opening a FIFO tells its writer. path: for the message."""
    if os.fstat(place).st_mode & 0o170000 != 0o100000:
        raise OSError(EINVAL, "not a regular file", path)
    return os.open("/proc/self/fd/%d" % place, os.O_RDONLY | os.O_CLOEXEC)


def pidfd_open(pid: int, thread: bool = False) -> int:
    """A file descriptor of the process, and never of a later one with the same pid. Linux 5.3; of a thread that is not
    the first of its process, 6.9."""
    flags = os.O_EXCL if thread else 0  # PIDFD_THREAD
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid, flags)
    return checked(
        libc().syscall(ctypes.c_long(_SYS_PIDFD_OPEN), ctypes.c_int(pid), ctypes.c_uint(flags)), f"pid {pid}"
    )


def pidfd_getfd(pidfd: int, number: int) -> int:
    """An fd of ours for the file that another process has open as that number. Linux 5.6; needs PTRACE_MODE_ATTACH."""
    return checked(
        libc().syscall(ctypes.c_long(_SYS_PIDFD_GETFD), ctypes.c_int(pidfd), ctypes.c_int(number), ctypes.c_uint(0)),
        f"fd {number}",
    )


def same_files(thread: int, other: int) -> bool:
    """True if two threads have one table of file descriptors, as those of a process have unless one has called
    unshare(CLONE_FILES); also if the kernel does not tell. kcmp(2)."""
    number = _SYS_KCMP.get(os.uname().machine)
    if number is None:
        return True
    nothing = ctypes.c_ulong(0)
    call = libc().syscall
    return call(ctypes.c_long(number), thread, other, ctypes.c_int(_KCMP_FILES), nothing, nothing) in (-1, 0)


def setns(fd: int, flags: int) -> None:
    """Join the namespaces of fd: of an nsfs file, or of a pidfd with several CLONE_NEW* flags (Linux 5.8)."""
    checked(libc().setns(ctypes.c_int(fd), ctypes.c_int(flags)), "setns")


class _NsIdReq(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32), ("spare", ctypes.c_uint32), ("ns_id", ctypes.c_uint64),
        ("ns_type", ctypes.c_uint32), ("spare2", ctypes.c_uint32), ("user_ns_id", ctypes.c_uint64),
    ]  # fmt: skip


def listns(after: int) -> list[int]:
    """The next ids of namespaces of all kinds and owners above `after`, ascending, at most 1024. listns(2), Linux
    6.19."""
    request = _NsIdReq(ctypes.sizeof(_NsIdReq), 0, after, 0, 0, 0)
    found = (ctypes.c_uint64 * _LISTED)()
    number = libc().syscall(
        ctypes.c_long(_SYS_LISTNS), ctypes.byref(request), found, ctypes.c_size_t(_LISTED), ctypes.c_uint(0)
    )
    return list(found[: checked(number, "listns")])


class _MntIdReq(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32), ("spare", ctypes.c_uint32), ("mnt_id", ctypes.c_uint64), ("param", ctypes.c_uint64),
        ("mnt_ns_id", ctypes.c_uint64),
    ]  # fmt: skip


def listmount(mnt_ns_id: int) -> list[int]:
    """The unique ids of all mounts of the mount namespace of this id. listmount(2), Linux 6.11."""
    listed: list[int] = []
    found = (ctypes.c_uint64 * _LISTED)()
    while True:
        after = listed[-1] if listed else 0
        request = _MntIdReq(ctypes.sizeof(_MntIdReq), 0, _LSMT_ROOT, after, mnt_ns_id)
        number = libc().syscall(
            ctypes.c_long(_SYS_LISTMOUNT), ctypes.byref(request), found, ctypes.c_size_t(_LISTED), ctypes.c_uint(0)
        )
        listed += found[: checked(number, "listmount")]
        if number < _LISTED:
            return listed


def statmount(mnt_ns_id: int, mnt_id: int) -> tuple[int, int, bytes, bytes]:
    """(magic of the file system, id as in mountinfo, the mounted part of the file system, mount point) of a mount by
    its unique id.

    The mount point is as the root of its mount namespace sees it. statmount(2), Linux 6.11.
    """
    request = _MntIdReq(ctypes.sizeof(_MntIdReq), 0, mnt_id, _STATMOUNT_WANTED, mnt_ns_id)
    buffer = ctypes.create_string_buffer(_STATMOUNT_STRINGS + 3 * 4096)
    result = libc().syscall(
        ctypes.c_long(_SYS_STATMOUNT), ctypes.byref(request), buffer, ctypes.c_size_t(len(buffer)), ctypes.c_uint(0)
    )
    checked(result, f"mount {mnt_id}")
    magic, id = struct.unpack_from("=Q", buffer, 24)[0], struct.unpack_from("=I", buffer, 56)[0]
    root, point = struct.unpack_from("=II", buffer, 104)
    texts = (buffer.raw[_STATMOUNT_STRINGS + at :].split(b"\0", 1)[0] for at in (root, point))
    return (magic, id, *texts)


class _NsfsHandle(ctypes.Structure):
    _fields_ = [
        ("handle_bytes", ctypes.c_uint), ("handle_type", ctypes.c_int),
        ("ns_id", ctypes.c_uint64), ("ns_type", ctypes.c_uint32), ("ns_inum", ctypes.c_uint32),
    ]  # fmt: skip


def open_namespace(id: int) -> int:
    """An fd of the namespace with this id. open_by_handle_at(2) of nsfs; by the id alone since Linux 6.19."""
    handle = _NsfsHandle(16, _FILEID_NSFS, id, 0, 0)
    flags = os.O_RDONLY | os.O_CLOEXEC
    return checked(
        libc().open_by_handle_at(ctypes.c_int(_FD_NSFS_ROOT), ctypes.byref(handle), ctypes.c_int(flags)),
        f"namespace {id}",
    )


def unshare(flags: int) -> None:
    """Move into new namespaces of these CLONE_NEW* kinds. unshare(2)."""
    checked(libc().unshare(ctypes.c_int(flags)), "unshare")


class _CloneArgs(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid",
            "set_tid_size", "cgroup",
        )
    ]  # fmt: skip


def fork_into(cgroup: int, exit_signal: int) -> int:
    """os.fork() into a cgroup of v2: the child's pid, 0 in the child. clone3(2), Linux 5.7.

    cgroup: its directory, open. Raises OSError if it is refused: EAGAIN at pids.max, EBUSY if the cgroup may only hold
    cgroups, ENOSYS before Linux 5.7. For a process without threads that will soon execute a program: the C library
    does not know of the fork, so its record of the thread (the id by which it would signal itself) is the parent's.
    """
    python = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, which the child could not take again
    arguments = _CloneArgs(flags=_CLONE_INTO_CGROUP, exit_signal=exit_signal, cgroup=cgroup)
    # os.fork() calls these around fork(2) too; part of Python's C API since 3.7.
    python.PyOS_BeforeFork()
    pid = python.syscall(ctypes.c_long(_SYS_CLONE3), ctypes.byref(arguments), ctypes.c_size_t(ctypes.sizeof(arguments)))
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    return checked(pid, "clone3")


def leave_session_keyring() -> None:
    """Replace the inherited session keyring by a new, empty one. keyctl(2) KEYCTL_JOIN_SESSION_KEYRING."""
    result = libc().syscall(
        ctypes.c_long(_SYS_KEYCTL[os.uname().machine]), ctypes.c_int(_KEYCTL_JOIN_SESSION_KEYRING), None
    )
    checked(result, "keyctl")


def mount(source: str, target: str, kind: str, flags: int) -> None:
    """mount(2) without options of the file system's own; flags: MS_*."""
    words = [os.fsencode(word) for word in (source, target, kind)]
    checked(libc().mount(*words, ctypes.c_ulong(flags), None), target)


def detached_mount(kind: str) -> int:
    """An fd of the root of a file system that is mounted nowhere and lasts as long as the fd. fsopen(2), Linux 5.2."""
    fsopen_cloexec, fsconfig_cmd_create, fsmount_cloexec, attributes = 1, 6, 1, MS_NOSUID | MS_NODEV | MS_NOEXEC
    call, number, nothing = libc().syscall, ctypes.c_long, ctypes.c_void_p(None)
    context = checked(call(number(_SYS_FSOPEN), os.fsencode(kind), ctypes.c_uint(fsopen_cloexec)), kind)
    try:
        made = call(
            number(_SYS_FSCONFIG), ctypes.c_int(context), ctypes.c_uint(fsconfig_cmd_create), nothing, nothing,
            ctypes.c_int(0),
        )  # fmt: skip
        checked(made, kind)
        root = call(
            number(_SYS_FSMOUNT), ctypes.c_int(context), ctypes.c_uint(fsmount_cloexec), ctypes.c_uint(attributes)
        )
        return checked(root, kind)
    finally:
        os.close(context)


def stat_fields(stat: bytes) -> list[bytes]:
    """The fields of a /proc/PID/stat behind the name: [0] state, [1] parent, [3] session, [6] flags, [17] threads, [19]
    start. The name may hold anything, parentheses included. proc_pid_stat(5)"""
    return stat[stat.rindex(b")") + 2 :].split(b" ", 20)


def prctl(option: int, *arguments: int) -> int:
    """prctl(2); unused arguments are 0."""
    padded = (list(arguments) + [0, 0, 0, 0])[:4]
    return checked(libc().prctl(ctypes.c_int(option), *[ctypes.c_ulong(a) for a in padded]), f"prctl {option}")


def close_all_but(keep: set[int]) -> None:
    """Close every other file descriptor: close_range(2), Linux 5.9, or by /proc/self/fd if that fails."""
    edges = [-1, *sorted(keep), 1 << 32]
    for below, above in zip(edges, edges[1:]):  # noqa: B905, RUF007  Python 3.8
        if below + 1 < above and libc().syscall(
            ctypes.c_long(_SYS_CLOSE_RANGE), ctypes.c_uint(below + 1), ctypes.c_uint(above - 1), ctypes.c_uint(0)
        ):
            break
    else:
        return
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd not in keep:
            try:
                os.close(fd)
            except OSError:
                continue  # the listing's own descriptor


def executable_memfd(name: str) -> int:
    """memfd_create(2) of a file that may be executed and sealed. Raises OSError (EACCES) if vm.memfd_noexec forbids
    it."""
    flags = _MFD_CLOEXEC | _MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | _MFD_EXEC)  # Linux 6.3
    except OSError as error:
        if error.errno != EINVAL:
            raise
        return os.memfd_create(name, flags)


def seal(fd: int) -> None:
    """Let nobody, this process included, change the memfd or its seals any more. fcntl(2) F_ADD_SEALS, Linux 3.17."""
    checked(libc().fcntl(ctypes.c_int(fd), ctypes.c_int(_F_ADD_SEALS), ctypes.c_int(_SEAL_ALL)), "F_ADD_SEALS")


class Exec:
    """Execute the program that is open as fd when called; all arguments are made before. execveat(2), Linux 3.19."""

    def __init__(self, fd: int, argv: list[bytes], environment: list[bytes]) -> None:
        arguments = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
        variables = (ctypes.c_char_p * (len(environment) + 1))(*environment, None)
        self._arguments = (
            ctypes.c_long(_SYS_EXECVEAT[os.uname().machine]), ctypes.c_int(fd), ctypes.c_char_p(b""), arguments,
            variables, ctypes.c_int(_AT_EMPTY_PATH),
        )  # fmt: skip
        self._call = libc().syscall

    def __call__(self) -> int:
        """Return only if the exec failed: the errno, or 0 if a filter answered in the kernel's place."""
        return ctypes.get_errno() if self._call(*self._arguments) == -1 else 0


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


_CapData = ctypes.c_uint32 * 6  # effective, permitted, inheritable of the lower 32, then of the upper


def capabilities() -> tuple[int, int, int]:
    """(effective, permitted, inheritable) of this thread, as masks. capget(2)."""
    header, data = _CapHeader(_CAPABILITY_VERSION_3, 0), _CapData()
    checked(libc().capget(ctypes.byref(header), data), "capget")
    return data[0] | data[3] << 32, data[1] | data[4] << 32, data[2] | data[5] << 32


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """Set the capabilities of this thread, as masks. capset(2)."""
    header, low = _CapHeader(_CAPABILITY_VERSION_3, 0), (1 << 32) - 1
    sets = (effective, permitted, inheritable)
    data = _CapData(*[mask & low for mask in sets], *[mask >> 32 for mask in sets])
    checked(libc().capset(ctypes.byref(header), data), "capset")


def all_capabilities() -> int:
    """All capabilities that this kernel has, as a mask. Linux 3.2."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return (1 << int(file.read()) + 1) - 1


def filesystem_magic(fd: int) -> int:
    """The kind of file system that fd is on, as in linux/magic.h. fstatfs(2); works with O_PATH since Linux 3.12."""
    buffer = (ctypes.c_long * 64)()  # struct statfs begins with f_type, a long, and is less than half as big
    checked(libc().fstatfs(ctypes.c_int(fd), buffer), "fstatfs")
    return buffer[0]

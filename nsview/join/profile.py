"""The filter that a container's configuration asks for, where the one of its process can't be read.

To read a process's filters takes CAP_SYS_ADMIN on the host; a user's own container was given its filter by a runtime
that made it from `linux.seccomp` of config.json, with libseccomp. So it is made here, from the same file with the same
library, which is there wherever such a runtime is. Sources: the runtime specification's config-linux.md#seccomp,
runc libcontainer/seccomp (what is passed over), seccomp_init(3), seccomp_rule_add(3), seccomp_export_bpf(3).
"""

from __future__ import annotations

import ctypes
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_LIBRARY = "libseccomp.so.2"
_ACTIONS = {
    "SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0, "SCMP_ACT_KILL_PROCESS": 0x80000000, "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000, "SCMP_ACT_TRACE": 0x7FF00000, "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}  # fmt: skip
_WITH_DATA = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
_COMPARISONS = {
    "SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4, "SCMP_CMP_GE": 5, "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}  # fmt: skip
_EPERM, _EEXIST = 1, 17
_UNKNOWN = -1  # __NR_SCMP_ERROR
_BIGGEST = 1 << 24  # bytes of a config.json


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


def compiled(config, runtime="runc"):
    from .seccomp import Filter
    return Filter(_compiled(config["linux"]["seccomp"]))


def compiled_old(path: str) -> bytes:
    """The filter of a config.json as an array of struct sock_filter. OSError where file or library can't be read;
    ValueError where it has none, or one that is not as specified, or of a kind that only its runtime can serve."""
    with open(path, "rb") as file:
        try:
            wanted = json.loads(file.read(_BIGGEST))["linux"]["seccomp"]
            return _compiled(wanted)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no seccomp profile as specified ({error})") from None


def _compiled(wanted: dict[str, Any]) -> bytes:
    library = ctypes.CDLL(_LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    default = _action(wanted["defaultAction"], wanted.get("defaultErrnoRet"))
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))
    if not context:
        raise ValueError("its default action is not known to libseccomp")
    try:
        for name in wanted.get("architectures") or ():
            token = library.seccomp_arch_resolve_name(name.replace("SCMP_ARCH_", "").lower().encode())
            if not token:
                continue  # an architecture that this library has not; nothing of it is let through
            _checked(library.seccomp_arch_add(context, ctypes.c_uint32(token)), name, _EEXIST)
        for rule in wanted.get("syscalls") or ():
            action = _action(rule["action"], rule.get("errnoRet"))
            if action != default:
                for name in rule["names"]:
                    _add(library, context, action, name, rule.get("args") or ())
        return _exported(library, context)
    finally:
        library.seccomp_release(context)


def _action(name: str, data: int | None) -> int:
    if name not in _ACTIONS:
        raise ValueError(f"{name} is nothing that it can be given from here")
    return _ACTIONS[name] | ((_EPERM if data is None else data) & 0xFFFF if name in _WITH_DATA else 0)


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, action: int, name: str, arguments: Iterable[Any]) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == _UNKNOWN:
        return  # a call that this library does not know, which falls to the default
    comparisons = [
        _Comparison(a["index"], _COMPARISONS[a["op"]], a["value"], a.get("valueTwo", 0)) for a in arguments
    ]
    # Two conditions on one argument can't be in one rule: each is one by itself then, as runc takes them.
    indexes = [comparison.argument for comparison in comparisons]
    together = [comparisons] if len(set(indexes)) == len(indexes) else [[comparison] for comparison in comparisons]
    for group in together:
        array = (_Comparison * len(group))(*group)
        result = library.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(group), array)
        _checked(result, name, _EEXIST)


def _exported(library: ctypes.CDLL, context: ctypes.c_void_p) -> bytes:
    fd = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        _checked(library.seccomp_export_bpf(context, fd), "the filter")
        os.lseek(fd, 0, os.SEEK_SET)
        return os.read(fd, 1 << 20)  # BPF_MAXINSNS are 32 KiB
    finally:
        os.close(fd)


def _checked(result: int, what: str, harmless: int = 0) -> None:
    if result < 0 and -result != harmless:
        raise ValueError(f"libseccomp does not take {what}: {os.strerror(-result)}")

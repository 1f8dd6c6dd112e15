"""The filter that a container's runtime makes of config.json's `linux.seccomp`, the authority for a joined command.

Calls that are judged by their number alone get their verdicts here, in a search tree. libseccomp, the library of the
runtimes, knows the numbers and judges the rest, in a program of its own that follows the tree: calls with conditions on
arguments, calls that some architecture has as parts of socketcall(2) or ipc(2), architectures that are not listed.
Sources: the runtime specification's config-linux.md#seccomp, runc 1.1 libcontainer/seccomp, crun src/libcrun/seccomp.c,
libseccomp src/db.c, seccomp_init(3), seccomp_rule_add(3), seccomp_export_bpf(3).
"""

from __future__ import annotations

import ctypes
import os
import struct

from . import bpf
from .seccomp import FilterProgram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    FilterRule = tuple[bytes, int, list[list[bytes]]]  # a call's name, its action, groups of conditions for the action

_LIBRARY = "libseccomp.so.2"
_KILL_PROCESS, _ERRNO, _TRACE, _LOG, _ALLOW = 0x80000000, 0x00050000, 0x7FF00000, 0x7FFC0000, 0x7FFF0000
_ACTIONS = {
    "SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0, "SCMP_ACT_KILL_PROCESS": _KILL_PROCESS, "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": _ERRNO, "SCMP_ACT_TRACE": _TRACE, "SCMP_ACT_LOG": _LOG, "SCMP_ACT_ALLOW": _ALLOW,
}  # fmt: skip
_OPERATORS = {f"SCMP_CMP_{name}": at for at, name in enumerate("NE LT LE EQ GE GT MASKED_EQ".split(), 1)}
# SECCOMP_FILTER_FLAG_*; TSYNC means nothing to a process with one thread.
_FLAGS = {"SECCOMP_FILTER_FLAG_TSYNC": 0, "SECCOMP_FILTER_FLAG_LOG": 2, "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4}
_EPERM, _ENOSYS, _MAX_ERRNO = 1, 38, 4095
_UNKNOWN = -1  # __NR_SCMP_ERROR
_ELSEWHERE = -10000  # numbers from here down: calls of other architectures; above: parts of another call
_X86_64, _X32, _X32_BIT = 0xC000003E, 0x4000003E, 1 << 30
_S390 = 0x16, 0x80000016


def compiled(config: Mapping[str, Any] | str, runtime: str = "runc") -> FilterProgram:
    """The filter of a config.json, given by its content or path, as "runc" or "crun" makes it.

    Raises OSError if file or library can't be read; ValueError if there is no profile, or one that is not as specified,
    or of a kind that only its runtime can serve.
    """
    if isinstance(config, str):
        import json

        with open(config, "rb") as file:
            config = json.load(file)
    try:
        return _filter(config, runtime)  # type: ignore[arg-type]
    except (AttributeError, KeyError, TypeError, struct.error) as error:
        raise ValueError(f"no seccomp profile as specified ({error!r})") from None


def _filter(config: Mapping[str, Any], runtime: str) -> FilterProgram:
    if runtime not in ("runc", "crun"):
        raise ValueError(f"the filters of {runtime} are not known")
    profile = config["linux"].get("seccomp") or {}
    flags = profile.get("flags")
    if flags is None:
        flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] if runtime == "crun" else []
    if unknown := set(flags) - _FLAGS.keys():
        raise ValueError(f"its seccomp flags {', '.join(sorted(unknown))} can't be given from here")
    program = (config.get("annotations") or {}).get("run.oci.seccomp_bpf_data") if runtime == "crun" else None
    if program is None:
        program = _program(profile, runtime)
    else:
        from binascii import a2b_base64

        program = a2b_base64(program)
    return FilterProgram(program, sum(_FLAGS[flag] for flag in set(flags)))


def _program(profile: Mapping[str, Any], runtime: str) -> bytes:
    library = ctypes.CDLL(_LIBRARY)
    library.seccomp_arch_native.restype = library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    resolve = library.seccomp_syscall_resolve_name_arch
    resolve.argtypes = ctypes.c_uint32, ctypes.c_char_p
    default = _action(profile["defaultAction"], profile, "defaultErrnoRet", runtime)
    entries = profile.get("syscalls") or ()
    listed = [_architecture(library, name) for name in profile.get("architectures") or ()]
    native = library.seccomp_arch_native()
    names = {name.encode() for entry in entries for name in entry["names"]}
    numbers = {of: {name: resolve(of, name) for name in names} for of in dict.fromkeys((native, *listed))}
    rules = list(_known(_rules(entries, runtime), default, numbers[native]))
    plain = _plain(rules, numbers)
    spans: dict[int, list[bpf.Span]] = {}
    for architecture, known in numbers.items():
        # The kernel reports calls of x32 to a filter as those of x86_64.
        own = spans.setdefault(_X86_64 if architecture == _X32 else architecture, [])
        own += [(known[name], known[name] + 1, action) for name, action in plain.items() if known[name] >= 0]
        if runtime == "runc" and architecture in listed and default & 0xFFFF0000 not in (_TRACE, _LOG, _ALLOW):
            own += _newer(architecture, max(known.values(), default=0))
    rest = [rule for rule in rules if rule[0] not in plain]
    return bpf.by_number(spans) + _of_library(library, default, list(numbers)[1:], rest, numbers[native])


def _architecture(library: ctypes.CDLL, name: str) -> int:
    if token := library.seccomp_arch_resolve_name(name.replace("SCMP_ARCH_", "", 1).lower().encode()):
        return int(token)
    raise ValueError(f"libseccomp does not know the architecture {name}")


def _action(name: str, entry: Mapping[str, Any], key: str, runtime: str) -> int:
    action, data = _ACTIONS.get(name), entry.get(key)
    if action in (_ERRNO, _TRACE):
        data = _EPERM if data is None else data & 0xFFFF
        if action == _TRACE or data < _MAX_ERRNO:
            return action | data
    elif action is not None and (data is None or runtime == "runc"):
        return action
    raise ValueError(f"{name}{'' if data is None else f' with {key} {data}'} can't be given from here")


def _rules(entries: Iterable[Mapping[str, Any]], runtime: str) -> Iterator[FilterRule]:
    for entry in entries:
        action = _action(entry["action"], entry, "errnoRet", runtime)
        wanted = (entry.get("args") or ())[: 6 if runtime == "crun" else None]
        conditions = [
            struct.pack("@IiQQ", a.get("index", 0), _OPERATORS[a["op"]], a.get("value", 0), a.get("valueTwo", 0))
            for a in wanted
        ]
        # Two conditions on one argument can't be in one rule: each becomes a rule of its own.
        together = len({a.get("index", 0) for a in wanted}) == len(wanted)
        groups = [conditions] if together else [[condition] for condition in conditions]
        yield from ((name.encode(), action, groups) for name in entry["names"])


def _known(rules: Iterable[FilterRule], default: int, numbers: Mapping[bytes, int]) -> Iterator[FilterRule]:
    """The rules of calls that libseccomp knows, without the rules whose action is the default. Raises ValueError if
    an unknown call is to be refused."""
    for name, action, groups in rules:
        if numbers[name] != _UNKNOWN:
            if action != default:
                yield name, action, groups
        elif _leniency(action) < _leniency(default):
            # The runtime may have another libseccomp, which knows the call.
            raise ValueError(f"libseccomp does not know the call {name.decode()}, which is to be refused")


def _leniency(action: int) -> int:
    """A rank: of two verdicts the kernel takes the lesser one (kernel/seccomp.c, ACTION_ONLY)."""
    return (action & 0xFFFF0000) - (bpf.END if action & _KILL_PROCESS else 0)


def _plain(rules: Iterable[FilterRule], numbers: Mapping[int, Mapping[bytes, int]]) -> dict[bytes, int]:
    """{name: action} of the calls that are judged by their number alone on each architecture."""
    actions: dict[bytes, int] = {}
    others = {b"socketcall", b"ipc"}
    for name, action, groups in rules:
        if groups != [[]] or actions.setdefault(name, action) != action:
            others.add(name)
    for known in numbers.values():
        name_of: dict[int, bytes] = {}
        for name, number in known.items():
            if _ELSEWHERE < number < _UNKNOWN:
                others.add(name)
            elif number >= 0 and name_of.setdefault(number, name) != name:
                others.update((name, name_of[number]))  # one call by two names
    return {name: action for name, action in actions.items() if name not in others}


def _newer(architecture: int, newest: int) -> list[bpf.Span]:
    """The calls newer than all calls of a profile, which runc lets fail as if the kernel did not have them."""
    verdict = _ERRNO | _ENOSYS
    if newest <= 0:
        return []
    if architecture == _X86_64:
        return [(newest + 1, _X32_BIT, verdict), (2 * _X32_BIT, 3 * _X32_BIT, verdict)]
    if architecture == _X32:
        return [(newest + 1, 2 * _X32_BIT, verdict), (3 * _X32_BIT, bpf.END, verdict)]
    return [(newest + 1, bpf.END, verdict), *([(0, 1, verdict)] if architecture in _S390 else [])]


def _of_library(
    library: ctypes.CDLL, default: int, added: Iterable[int], rules: Iterable[FilterRule], numbers: Mapping[bytes, int]
) -> bytes:
    """libseccomp's program for these rules. added: the architectures besides the machine's own."""
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))
    if not context:
        raise ValueError("libseccomp does not take the default action")
    add = library.seccomp_rule_add_array
    add.argtypes = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p
    try:
        for architecture in added:
            _checked(library.seccomp_arch_add(context, ctypes.c_uint32(architecture)), f"AUDIT_ARCH {architecture:#x}")
        for name, action, groups in rules:
            for group in groups:
                _checked(add(context, action, numbers[name], len(group), b"".join(group)), name.decode())
        fd = os.memfd_create("filter", os.MFD_CLOEXEC)
        try:
            _checked(library.seccomp_export_bpf(context, fd), "the filter")
            return os.pread(fd, 1 << 20, 0)  # BPF_MAXINSNS are 32 KiB
        finally:
            os.close(fd)
    finally:
        library.seccomp_release(context)


def _checked(result: int, what: str) -> None:
    if result < 0:
        raise ValueError(f"libseccomp does not take {what}: {os.strerror(-result)}")

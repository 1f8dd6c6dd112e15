"""The files and facts that the supervisor's child needs and can't have once it is inside."""

from __future__ import annotations

import os

from nsview import linux
from nsview.record import Record

from . import seccomp, toolbox, trampoline
from .failure import FAILED, NOT_PERMITTED, Failure, attempt
from .streams import high
from .target import Followed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Steps = Mapping[str, Mapping[str, Any]]

_SELINUX = "security.selinux"


class Given(Record):
    """The files that the supervisor has opened for its child, and the facts that it has read.

    followed: the process to follow. pins, namespaces: the namespaces to join, and {kind: fd} of each. root: the root
    directory of the process, open. program: the sealed file to execute. filters: programs of seccomp(2), the oldest
    first, each with its flags. guard: the bit of the capability that keeps the container from tracing the command, 0
    for none. ids: (uid, gid, groups or None) as numbered in the user namespace in which they will be set.
    """

    followed: Followed | None
    pins: Sequence[Mapping[str, Any]]
    namespaces: dict[str, int]
    root: int | None
    program: int
    filters: tuple[seccomp.FilterProgram, ...]
    guard: int
    ids: tuple[int, int, list[int] | None] | None


def given_for(
    steps: Steps, followed: Followed | None, namespaces: Mapping[str, int], config: Mapping[str, Any] | None
) -> Given:
    """The files and facts for these steps by name. Raises Failure if one can't be had at all."""
    filters: tuple[seccomp.FilterProgram, ...] = ()
    if "PutOnFilters" in steps:
        assert followed is not None
        filters = seccomp.wanted(steps["PutOnFilters"], config, followed)
    root = None
    if "ChangeRoot" in steps:
        assert followed is not None
        root = high(followed.root())
    given = Given(
        followed=followed,
        pins=steps.get("JoinNamespaces", {}).get("namespaces", ()),
        namespaces=dict(namespaces),
        root=root,
        program=_program(steps, followed),
        filters=filters,
        guard=_guard(steps["SetCapabilities"]["guard"], namespaces) if "SetCapabilities" in steps else 0,
        ids=_ids(steps["SetIds"], followed, namespaces) if "SetIds" in steps else None,
    )
    if followed is not None and "SetCapabilities" in steps:
        followed.check_user_namespace(namespaces.get("user"))
    return given


def held(namespaces: Mapping[str, int]) -> int:
    """The capabilities that the child has permitted after joining: all there are, in a joined user namespace."""
    return linux.all_capabilities() if "user" in namespaces else linux.capabilities()[1]


def owner(ids: Mapping[str, Any] | None, followed: Followed | None, namespaces: Mapping[str, int]) -> tuple[int, int]:
    """(uid, gid) of the command on the host. ids: the step that sets them."""
    if ids is None:
        return os.geteuid(), os.getegid()
    if ids["host_numbers"] or "user" not in namespaces or followed is None:
        return ids["uid"], ids["gid"]
    return followed.id_outside("uid", ids["uid"]), followed.id_outside("gid", ids["gid"])


def _program(steps: Steps, followed: Followed | None) -> int:
    """The sealed file to execute. Under SELinux it gets the label of the process's own program, as the policy decides
    by that label whether the context may be entered."""
    program = high(toolbox.sealed(toolbox.find()) if steps["Execute"]["toolbox"] else trampoline.sealed_image())
    if steps.get("SetLabel", {}).get("module") == "selinux" and followed is not None:
        exe = f"/proc/self/fd/{followed.directory}/exe"
        attempt(lambda: os.setxattr(program, _SELINUX, os.getxattr(exe, _SELINUX)))
    return program


def _guard(candidates: Sequence[int], namespaces: Mapping[str, int]) -> int:
    """The bit of one of these capabilities, which the container's processes lack; 0 if the command needs none. Raises
    Failure if none can be had."""
    if not candidates:
        return 0
    permitted = held(namespaces)
    guard = next((1 << number for number in candidates if permitted >> number & 1), 0)
    if not guard:
        raise Failure(
            NOT_PERMITTED,
            "outside of its files the command would be open to the container's processes: join mnt too, or "
            "use --host-privileges",
        )
    return guard


def _ids(
    step: Mapping[str, Any], followed: Followed | None, namespaces: Mapping[str, int]
) -> tuple[int, int, list[int] | None]:
    """(uid, gid, groups) as numbered in the user namespace where they will be set. Raises Failure if unmapped."""
    uid, gid, groups = step["uid"], step["gid"], step["groups"]
    if not (step["host_numbers"] and "user" in namespaces) or followed is None:
        return uid, gid, groups
    if groups is not None:
        inner = (followed.id_inside("gid", number) for number in groups)
        groups = [group for group in inner if group is not None]
    inner_uid, inner_gid = followed.id_inside("uid", uid), followed.id_inside("gid", gid)
    if inner_uid is None or inner_gid is None:
        raise Failure(FAILED, f"uid {uid} or gid {gid} has no number in the user namespace: use --host-privileges")
    return inner_uid, inner_gid, groups

"""The facts that the host's kernel tells of the command at its exec, compared with the plan.

The supervisor reads them through /proc/PID while the command is stopped: proc_pid_status(5), proc_pid_limits(5),
proc_pid_ns(5), proc_pid_fd(5), proc_pid_attr(5). No program of the container has run in the command yet, and no system
call of the command is believed: a filter could have answered it.
"""

from __future__ import annotations

import errno
import os

from nsview import linux
from nsview.agent.status import limits

from . import cgroups
from .failure import FAILED, Failure
from .inside import granted
from .target import proc_is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from .given import Given

_CAPABILITIES = {
    "inheritable": "CapInh", "permitted": "CapPrm", "effective": "CapEff", "bounding": "CapBnd", "ambient": "CapAmb",
}  # fmt: skip
_IDS = ("Uid", "Gid")


class Seen:
    """One process as the kernel shows it. directory: its open /proc/PID. pid: in our own pid namespace."""

    def __init__(self, directory: int, pid: int) -> None:
        self._directory, self._pid = directory, pid
        pairs = (line.partition(":\t") for line in self._text("status").split("\n"))
        self.status = {name: value.strip() for name, _, value in pairs}

    def _text(self, name: str) -> str:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
        with open(fd, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def capabilities(self) -> dict[str, int]:
        """{set: mask} of the five sets."""
        return {name: int(self.status.get(field, "0"), 16) for name, field in _CAPABILITIES.items()}

    def facts(self) -> dict[str, Any]:
        """{name: value} of all facts to compare; None for a fact that this kernel does not tell."""
        status = self.status
        return {
            **{name: tuple(map(int, status[name].split())) for name in _IDS},
            "Groups": frozenset(map(int, status["Groups"].split())),
            **{_CAPABILITIES[name]: mask for name, mask in self.capabilities().items()},
            "NoNewPrivs": int(status.get("NoNewPrivs", "0")),
            "Seccomp": int(status.get("Seccomp", "0")),
            "Seccomp_filters": int(status["Seccomp_filters"]) if "Seccomp_filters" in status else None,
            **{f"ns/{kind}": self.file(f"ns/{kind}") for kind in linux.CLONE_NEW},
            "root": self.file("root"),
            "cgroup": self.cgroups(),
            "limits": self.limits(),
            "attr": self.label(),
            "fds": self.files(),
            "dumpable": self._owner("environ") == (int(status["Uid"].split()[1]), int(status["Gid"].split()[1])),
        }

    def file(self, name: str) -> tuple[int, int] | None:
        """(device, inode) of the file that a link below /proc/PID leads to. None if this kernel has no such link."""
        try:
            found = os.stat(name, dir_fd=self._directory)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _owner(self, name: str) -> tuple[int, int]:
        found = os.stat(name, dir_fd=self._directory)
        return found.st_uid, found.st_gid

    def files(self) -> dict[int, tuple[int, int] | None]:
        """{number: (device, inode)} of its open files. /proc/PID/fd is for the process's own user: another user asks
        for each number, pidfd_getfd(2)."""
        try:
            fd = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._directory)
        except PermissionError:
            return dict(self._each_file())
        try:
            return {int(name): self.file(f"fd/{name}") for name in os.listdir(fd)}
        finally:
            os.close(fd)

    def _each_file(self) -> Iterator[tuple[int, tuple[int, int]]]:
        pidfd = linux.pidfd_open(self._pid)
        try:
            for number in range(int(self.status["FDSize"])):
                try:
                    fd = linux.pidfd_getfd(pidfd, number)
                except OSError as error:
                    if error.errno != errno.EBADF:
                        raise
                    continue
                found = os.fstat(fd)
                os.close(fd)
                yield number, (found.st_dev, found.st_ino)
        finally:
            os.close(pidfd)

    def cgroups(self) -> dict[str, str]:
        """{controllers, "" for v2: path} of its cgroups."""
        return dict(cgroups.lines(self._text("cgroup")))

    def limits(self) -> dict[str, tuple[str, str]]:
        """{name in /proc/PID/limits: (soft, hard)} of its resource limits."""
        return limits(self._text("limits"))

    def outside(self, kind: str, number: int) -> int:
        """A user or group id (kind: "uid", "gid") of its user namespace as ours numbers it, -1 if ours has none."""
        for line in self._text(f"{kind}_map").splitlines():
            inside, outside, count = map(int, line.split())
            if inside <= number < inside + count:
                return outside + number - inside
        return -1

    def label(self) -> str:
        """The label of the process by a security module, "" if there is none."""
        for name in ("attr/apparmor/current", "attr/current"):
            try:
                text = self._text(name).strip("\0\n")
            except OSError:
                continue
            if text:
                return text.rpartition(" (")[0] or text  # AppArmor's mode
        return ""


def of(pid: int) -> Seen:
    """A process of ours, or one that we trace. pid: in our own pid namespace; /proc may show another's pids.

    Raises ProcessLookupError if it is not found.
    """
    if proc_is_ours():
        return Seen(os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), pid)
    if pid == os.getpid():
        return Seen(os.open("/proc/self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), pid)
    us = os.readlink("/proc/self")
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            seen = Seen(os.open(f"/proc/{name}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), pid)
        except OSError:
            continue
        if seen.status.get("TracerPid") == us and seen.status["State"].startswith("t"):
            return seen
    raise ProcessLookupError(pid)


def expected(steps: Mapping[str, Mapping[str, Any]], given: Given, own: Seen, child: Seen, held: int) -> dict[str, Any]:
    """The facts that a plan's steps ({type: step}) lead to. own: the supervisor, whose facts hold until a step changes
    them. child: the command, whose user namespace numbers the ids. held: the capabilities permitted after joining."""
    facts = own.facts()
    facts.update(dict.fromkeys(("attr", "fds")), dumpable=True)
    facts.update({f"ns/{pin['kind']}": (pin["device"], pin["inode"]) for pin in given.pins})
    if "mnt" in given.namespaces:
        facts["root"] = None
    joins_user = "user" in given.namespaces
    sets = own.capabilities()
    uid = given.ids[0] if given.ids else os.geteuid()
    if joins_user:
        sets = {"inheritable": 0, "ambient": 0, "bounding": held, "permitted": held, "effective": held}
    if "SetCapabilities" in steps:
        most = sets["bounding"]
        sets = granted(steps["SetCapabilities"]["sets"], given.guard, held, uid)
        sets["bounding"] &= most
    if "SetGroups" in steps and not os.geteuid():
        facts["Groups"] = frozenset(steps["SetGroups"]["groups"])
    if given.ids:
        facts.update(_ids(given.ids, child if joins_user else None, facts["Groups"]))
    if "SetNoNewPrivs" in steps:
        facts["NoNewPrivs"] = 1
    sets = after_exec(uid, sets, facts["NoNewPrivs"] == 1)
    facts.update((_CAPABILITIES[name], mask) for name, mask in sets.items())
    if given.filters:
        facts["Seccomp"] = 2
        if facts["Seccomp_filters"] is not None:
            facts["Seccomp_filters"] += len(given.filters)
    if "SetLabel" in steps:
        facts["attr"] = steps["SetLabel"]["label"]
    if "JoinCgroups" in steps:
        facts["cgroup"] = _cgroups(dict(steps["JoinCgroups"]["cgroups"]), facts["cgroup"], child.cgroups())
    for name, (soft, hard) in steps.get("SetLimits", {}).get("limits", {}).items():
        facts["limits"][linux.LIMITS[name]] = _limit(name, soft), _limit(name, hard)
    return facts


def _ids(ids: tuple[int, int, Any], mapped: Seen | None, groups: frozenset[int]) -> dict[str, Any]:
    """Uid, Gid and Groups as the supervisor's user namespace numbers them. mapped: the process whose user namespace
    numbers `ids`, None if it is the supervisor's."""
    uid, gid, wanted = ids
    outer = mapped.outside if mapped else lambda _, number: number
    return {
        "Uid": (outer("uid", uid),) * 4,
        "Gid": (outer("gid", gid),) * 4,
        "Groups": groups if wanted is None else frozenset(outer("gid", number) for number in wanted),
    }


def _cgroups(wanted: dict[str, str], own: dict[str, str], seen: dict[str, str]) -> dict[str, str]:
    """{controllers: path} to expect. Without root a cgroup may be kept: cgroups are delegated to users one by one."""
    left = {name: own[name] for name in wanted if os.geteuid() and name in own and seen.get(name) == own[name]}
    return {**own, **wanted, **left}


def _limit(name: str, value: int) -> str:
    return "unlimited" if value == -1 else str(value)


def after_exec(uid: int, sets: Mapping[str, int], no_new_privs: bool) -> dict[str, int]:
    """The five sets once a program without capabilities of its own has been executed: capabilities(7).

    uid: in the user namespace of the process, where 0 gets all inheritable and bounding capabilities; under
    no_new_privs only those that were permitted before (security/commoncap.c).
    """
    permitted = sets["ambient"] | (sets["inheritable"] | sets["bounding"] if uid == 0 else 0)
    if no_new_privs and permitted & ~sets["permitted"]:
        permitted &= sets["permitted"]
    return {**sets, "permitted": permitted, "effective": permitted}


def differences(expected: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    """The facts that are not as expected, a few words each. A value of None is not compared.

    A limit may be lower than expected, as raising one may not have been permitted.
    """
    found = [
        f"{name} {_shown(name, seen[name])} and not {_shown(name, value)}"
        for name, value in expected.items()
        if name != "limits" and value is not None and seen[name] is not None and seen[name] != value
    ]
    lost = [name for name, value in expected.items() if value is not None and seen[name] is None]
    found += [f"{name} not known" for name in lost if name != "Seccomp_filters"]
    for name, wanted in expected["limits"].items():
        have = seen["limits"].get(name)
        if have is None or any(_amount(h) > _amount(w) for h, w in zip(have, wanted)):
            found.append(f"limit {name} {have} and not {wanted}")
    return found


def _amount(limit: str) -> float:
    return float("inf") if limit == "unlimited" else int(limit)


def _shown(name: str, value: object) -> str:
    return f"{value:x}" if name.startswith("Cap") and isinstance(value, int) else str(value)


def check(expected: Mapping[str, Any], seen: Mapping[str, Any], other_than: Iterable[tuple[str, object]] = ()) -> None:
    """Raises Failure if a fact differs. other_than: (name, value) that a fact must not have."""
    found = differences(expected, seen)
    found += [f"{name} is {value}" for name, value in other_than if seen[name] == value]
    if found:
        raise Failure(
            FAILED,
            f"the command was killed before it ran, as the kernel says otherwise than planned: {'; '.join(found)}",
        )

"""The ends of processes that are worth a word: of a container's first process, and by the kernel for want of memory.

The process connector tells each exit with its status (`events`). The kernel's log alone tells, for every version of
cgroups and the whole host, which process was killed for want of memory; it is read only when one was killed, so that a
busy log costs nothing. Sources: mm/oom_kill.c (__oom_kill_process, dump_oom_summary), Documentation/ABI/testing/
dev-kmsg: a message of the kernel's own has facility 0, which no program can give to one.
"""

from __future__ import annotations

import os
import re
import time

from . import cgroup, files, hostfiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .protocol import Ended, Look

_SIGKILL = 9
_KEPT = 5.0  # seconds that an exit is kept at the least
_RECORD = 8192  # bytes of a message at the most
_KILLED = re.compile(r"(?:[\w ().]+: )?Killed process (\d+) \((.*?)\)(?:,| )")
# Since Linux 5.0, but not of each: the number of these is limited.
_IN_CGROUP = re.compile(r"oom-kill:.*,task_memcg=(/.*),task=.*,pid=(\d+),uid=\d+")


class Ends:
    """The exits that were heard of; `frames` tells those that are worth a word.

    An exit is kept for a while: a look may find a container after its first process has exited.
    """

    def __init__(self) -> None:
        self._statuses: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self._killed: dict[int, tuple[str, str]] = {}  # for want of memory
        self._ask = False
        self._renewed = 0.0
        self._log: int | None = None

    def begin(self) -> None:
        """Take the messages of the log from now on."""
        try:
            self._log = hostfiles.opened("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._log, 0, os.SEEK_END)
        except OSError:
            self._log = None

    def heard(self, changed: Collection[int], ended: Mapping[int, int]) -> None:
        """Note exits. changed: the pids of processes that were born or changed: an earlier exit of such a pid was of
        another process. ended: {pid: status as of wait(2)}."""
        for pid in changed:
            self._forget(pid)
        if time.monotonic() > self._renewed + _KEPT:
            self._renewed = time.monotonic()
            self._older, self._statuses = self._statuses, {}
            self._killed = {pid: victim for pid, victim in self._killed.items() if pid in self._older}
        self._statuses.update(ended)
        self._ask = self._ask or any(status & 0x7F == _SIGKILL for status in ended.values())

    def frames(self, look: Look, taken_at: float) -> list[Ended]:
        """The frames of the exits that were not told yet. look: before them, or the last with their records."""
        if not self._statuses and not self._older:
            return []
        if self._ask:
            self._ask = False
            self._killed.update(self._victims())
        firsts = {record["init_pid"]: record["key"] for record in look["containers"] if record["init_pid"]}
        told: list[Ended] = []
        for pid in sorted(firsts.keys() | self._killed.keys()):
            status = self._statuses.get(pid, self._older.get(pid))
            known = look["processes"].get(pid)
            comm, path = self._killed.get(pid, ("", ""))
            container = firsts.get(pid) or (known["container"] if known else _container(look, path))
            if status is None or not (known or container):
                continue
            told.append(
                {
                    "frame": "ended",
                    "taken_at": taken_at,
                    "pid": pid,
                    "start": known["start"] if known else None,
                    "comm": comm or (known["comm"] if known else ""),  # the log's is the later one
                    "container": container,
                    "code": 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF,
                    "oom": pid in self._killed if self._log is not None or status & 0x7F != _SIGKILL else None,
                }
            )
            self._forget(pid)
        return told

    def _forget(self, pid: int) -> None:
        self._statuses.pop(pid, None)
        self._older.pop(pid, None)
        self._killed.pop(pid, None)

    def _victims(self) -> dict[int, tuple[str, str]]:
        """{pid killed for want of memory since the last call: (its name, its cgroup, "" if not told)}."""
        names: dict[int, str] = {}
        paths: dict[int, str] = {}
        while self._log is not None:
            try:
                message = files.text(os.read(self._log, _RECORD))
            except BlockingIOError:
                break
            except BrokenPipeError:
                continue  # some were overwritten; the next read is of those that are left
            except OSError:
                self._log = None
                break
            head, _, text = message.partition(";")
            if not head.partition(",")[0].isdigit() or int(head.partition(",")[0]) >= 8:
                continue
            text = text.partition("\n")[0]
            if killed := _KILLED.match(text):
                names[int(killed[1])] = killed[2]
            elif placed := _IN_CGROUP.match(text):
                paths[int(placed[2])] = placed[1]
        return {pid: (name, paths.get(pid, "")) for pid, name in names.items()}


def _container(look: Look, path: str) -> str | None:
    """The key of the container whose own cgroup this is, or is above this. None if there is none."""
    above = set(cgroup.ancestors(path))
    return next((one["key"] for one in look["containers"] if cgroup.own(one["witness"]) in above), None)

"""The agent's run: frames out, requests in, and the times to look again. `protocol` has both.

It ends when stdin does, so it never outlives its reader.
"""

from __future__ import annotations

import base64
import gc
import json
import math
import os
import select
import sys
import time

import nsview

from . import holders, hostfiles, limitations, namespaces, procfs, scan
from .containers import identify
from .output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any, BinaryIO

    from .containers.logs import LogReader
    from .net_queue import NetQueue
    from .protocol import (
        Changes,
        DeltaFrame,
        DetailsRequest,
        Hello,
        HoldersRequest,
        Look,
        Question,
        Request,
        SnapshotFrame,
    )
    from .schedule import Schedule
    from .security import SecurityReading

SCHEMA = 1
PART = scan.STEP  # processes of a first look's first part; each further part has twice as many
ALONE = 2 * scan.STEP  # processes that are read before a copy helps, if the look is told in parts
SLICE = 0.02  # seconds of a search at a time: that long may an answer to another request be late
SLOWLY = 9  # a search that is not waited for pauses so many times as long as it works


def hello(scanner: scan.Scanner) -> Hello:
    """The frame that describes the host."""
    uname = os.uname()
    return {
        "frame": "hello",
        "schema": SCHEMA,
        "host": {
            "name": hostfiles.name(),
            "kernel": uname.release,
            "boot_id": _boot_id(),
            "uid": os.geteuid(),
            "privileged": os.geteuid() == 0,
            "nsview": nsview.__version__,
            "namespaces": scanner.own["namespaces"],
            "initial": {kind: inode for kind, inode in scanner.initial.items() if inode},
            "hides_processes": scanner.hides_processes,
            "notes": limitations.notes(scanner.own, scanner.initial, os.getpid()),
        },
    }


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def snapshot(look: Look, taken_at: float) -> SnapshotFrame:
    """The frame of a first look."""
    return {
        "frame": "snapshot",
        "taken_at": taken_at,
        "processes": list(look["processes"].values()),
        "namespaces": list(look["namespaces"].values()),
        "containers": look["containers"],
    }


def differences(old: Look, new: Look) -> Changes:
    """The changes from one look to another."""
    before, after = old["processes"], new["processes"]
    changed, gone = namespaces.changes(old["namespaces"], new["namespaces"])
    containers, containers_gone = identify.changes(old["containers"], new["containers"])
    return {
        # A record that did not change is the same object, which is quick to see.
        "processes": [r for pid, r in after.items() if (b := before.get(pid)) is not r and b != r],
        "gone": [pid for pid in before if pid not in after],
        "namespaces": changed,
        "namespaces_gone": gone,
        "containers": containers,
        "containers_gone": containers_gone,
    }


def delta(changes: Changes, taken_at: float) -> DeltaFrame:
    """The frame that tells these changes."""
    return {"frame": "delta", "taken_at": taken_at, **changes}  # type: ignore[typeddict-item]  # none of it is partial


class Agent:
    """One run: frames to `out` (a binary file), requests from the fd `requests`. It ends after `lease` seconds without
    a request: over a network the reader may be gone without a word."""

    def __init__(
        self, out: BinaryIO, requests: int, lease: float = math.inf, add: Callable[[bytes], object] = bytes
    ) -> None:
        """add: takes modules that are sent."""
        self.output = Output(out)
        self.write = self.output.write
        self.requests = requests
        self.lease = lease
        self.add = add
        self.heard = time.monotonic()
        self.pending = b""
        self.kept: BinaryIO | None = None
        self.noted: list[str] = []  # of the files that could not be read
        self.told: Look | None = None  # the parts of the first look that are told
        self.search: tuple[HoldersRequest, holders.Search] | None = None  # under way ..
        self.searches: list[HoldersRequest] = []  # .. and those to come: each is answered by a search begun after it
        self.nets: NetQueue | None = None  # if one was asked for
        self.logs: LogReader | None = None
        self.audits: list[tuple[int, SecurityReading]] = []  # by id of the request, answered one after another

    def run(self, once: bool = False, parts: bool = False) -> None:
        """Look, then follow the changes until told to stop. once: end after the look. parts: tell a first look that
        takes long in parts."""
        followed = watch = noted = None
        if not once:
            from . import schedule  # kept out of a single look, which is to be quick

            followed = schedule.Schedule()
            watch, noted = followed.watch, followed.notices.note if followed.notices else None
        self.scanner = scan.Scanner(watch=watch, noted=noted)
        self.write(hello(self.scanner))
        began = time.monotonic()
        taken_at = time.time()
        # All records of a first look stay: a search for cycles would find none.
        gc.disable()
        # A screen that shows parts has just begun as well: until the first part, one of two processors is for it.
        progress = None if once else self._progress(began, taken_at, parts)
        self.look = self.scanner.look(progress, ALONE if parts else 0)
        self._greet_again()
        if self.told:
            self.output.write_long(delta(differences(self.told, self.look), taken_at))
        else:
            self.output.write_long(snapshot(self.look, taken_at))
        self.told = None
        gc.enable()
        gc.freeze()
        if followed:
            followed.looked(time.monotonic() - began)
            followed.begin()
            while self._serve(followed):
                self._follow(followed)

    def _greet_again(self) -> bool:
        """Say whose the frames are once more if a note of the last look is another. True if it is."""
        noted = list(limitations.of_files())
        if noted == self.noted:
            return False
        self.noted = noted
        self.write(hello(self.scanner))
        return True

    def _tell_details(self, request: DetailsRequest) -> None:
        from . import details  # not needed by a look

        kinds = request.get("contents", ())
        answer = details.details(
            request["pid"], request["start"], kinds, self.scanner.initial, request.get("sockets", False)
        )
        self.write({"frame": "details", "id": request["id"], "details": answer})

    def _follow(self, followed: Schedule) -> None:
        """Look again at the things that may have changed, or at everything if that is due."""
        taken_at = time.time()
        self._tell_ends(followed, self.look, taken_at)  # while their records are there
        everything, pids, mounts, names = followed.due(self.scanner)
        if not (everything or pids or mounts or names):
            return
        before: Look = {**self.look, "processes": self.look["processes"].copy()}
        if everything:
            began = time.monotonic()  # with the time of the process that looks at the other half
            new = self.scanner.look()
            changes, self.look = differences(self.look, new), new
            followed.looked(time.monotonic() - began)
        else:
            began = time.thread_time()  # without waits for other processes, which shall not make updates rarer
            changes = self.scanner.update(pids, mounts, names)  # sets self.look right
            followed.updated(time.thread_time() - began, self.look["processes"], names)
        followed.hear()
        self._tell_ends(followed, before, taken_at)  # of processes that exited meanwhile
        self._tell(changes, taken_at)

    def _tell_ends(self, followed: Schedule, look: Look, taken_at: float) -> None:
        for frame in followed.ends.frames(look, taken_at):
            self.write(frame)

    def _advance(self, new: Look, taken_at: float) -> None:
        self._tell(differences(self.look, new), taken_at)
        self.look = new

    def _tell(self, changes: Changes, taken_at: float) -> None:
        again = self._greet_again()
        if again or any(changes.values()):
            self.write(delta(changes, taken_at))

    def _search(self) -> float:
        """Go on with a search for one slice, and return the time to go on again."""
        if self.search is None:
            request = self.searches.pop(0)
            self.search = request, self.scanner.search(self.look)
        request, search = self.search
        began = time.monotonic()
        if search.step(SLICE):
            self.search = None
            taken_at = time.time()
            self._advance(self.scanner.searched(self.look, search), taken_at)
            self.write(
                {
                    "frame": "holders",
                    "id": request["id"],
                    "taken_at": taken_at,
                    "kinds": list(holders.KINDS),
                    "processes": search.processes,
                    "unreadable": search.unreadable,
                    "left_out": search.left_out,
                }
            )
        now = time.monotonic()
        return now + SLOWLY * (now - began) if request.get("slowly") else now

    def _read_security(self) -> None:
        """Tell one slice of the facts that were asked for first."""
        id, reading = self.audits[0]
        processes = reading.step(SLICE)
        done, total = reading.done, len(reading.pids)
        self.write(
            {"frame": "security", "id": id, "done": done, "total": total, "lsm": reading.lsm, "processes": processes}
        )
        if done == total:
            del self.audits[0]

    def _progress(self, began: float, taken_at: float, parts: bool) -> Callable[[int, int, int], None]:
        """The function that tells a first look's progress and, if asked for, its parts while it is under way."""
        next_part = PART

        def progress(read: int, done: int, total: int) -> None:
            nonlocal next_part
            due = parts and next_part <= read <= total // 2
            if due or self.told or time.monotonic() - began > 0.3:
                self.write({"frame": "progress", "done": done, "total": total})
            if due:
                next_part = 2 * read
                part = self.scanner.part()
                old = self.told
                frame = delta(differences(old, part), taken_at) if old else snapshot(part, taken_at)
                frame["partial"] = True
                self.output.write_long(frame)
                self.told = part

        return progress

    def _serve(self, followed: Schedule) -> bool:
        """Answer requests until something is due, and some also if it is by now; False: stop."""
        resume = 0.0
        first = True
        while True:
            now = time.monotonic()
            if now >= self.heard + self.lease:
                return False
            until = min(followed.next(now), self.heard + self.lease)
            if now >= until and not first:
                return True
            searching = self.search or self.searches
            left = max(0.0, (min(resume, until) if searching else until) - now)
            if self.audits:
                left = 0.0
            if self.nets:
                left = min(left, self.nets.left(now))
            sources = [self.requests, *followed.sources, *(self.nets.sources if self.nets else ())]
            ready, urgent = _wait(sources, followed.urgent, left)
            if ready or urgent:
                followed.heard(ready, urgent)
            if self.nets:
                self.nets.hear(ready)
            due, first = time.monotonic() >= until and not first, False
            if self.requests not in ready:
                if self.audits:
                    self._read_security()
                elif searching and not due:
                    resume = self._search()
                continue
            stop, rescan = self._take_all()
            if stop:
                return False
            if rescan:
                followed.want_everything()
                return True

    def _take_all(self) -> tuple[bool, bool]:
        """Take the requests that are there. (True if one is to stop, or no more will come; True to look again)."""
        data = os.read(self.requests, 1 << 16)
        self.heard = time.monotonic()
        *lines, self.pending = (self.pending + data).split(b"\n")
        rescan = False
        for line in lines:
            request: Request = json.loads(line)
            if request["request"] == "stop":
                return True, False
            if request["request"] == "rescan":
                rescan = True
            elif request["request"] == "modules":
                self.add(base64.b64decode(request["packed"]))
            else:
                self._take(request)
        return not data, rescan

    def _take(self, request: Question) -> None:
        """Answer a request, or note it for later."""
        if request["request"] == "holders":
            self.searches.append(request)
        elif request["request"] == "net":
            from .net_queue import NetQueue  # seldom needed, and a start is to be quick

            self.nets = self.nets or NetQueue(self.scanner, self.output, lambda: self.look)
            self.nets.take(request)
        elif request["request"] == "security":
            from . import security  # seldom needed, and a start is to be quick

            self.audits.append((request["id"], security.SecurityReading(self.look, request.get("pids"))))
        elif request["request"] == "details":
            self._tell_details(request)
        elif request["request"] == "thread":
            pid = procfs.thread_group(str(request["tid"]))
            self.write({"frame": "thread", "id": request["id"], "pid": pid})
        elif request["request"] == "keep":
            if self.kept:
                self.kept.close()
            self.kept = _in_memory(base64.b64decode(request["packed"]))
            path = "/proc/%d/fd/%d" % (os.getpid(), self.kept.fileno()) if self.kept else None
            self.write({"frame": "kept", "id": request["id"], "path": path})
        elif request["request"] == "usage":
            from . import usage

            self.write(usage.answer(request["id"], self.scanner, request))
        elif request["request"] == "log":
            from .containers import logs

            self.logs = self.logs or logs.LogReader(lambda: self.scanner.engines()["stopped"])
            self.write(self.logs.answer(self.look, request))


def _in_memory(data: bytes) -> BinaryIO | None:
    """A file without a name that holds these bytes, None if there can be none."""
    try:
        file = os.fdopen(os.memfd_create("nsview"), "wb", 0)
        file.write(data)
        return file
    except (OSError, AttributeError):  # a kernel before 3.17; a C library without it
        return None


def _wait(sources: Sequence[Any], urgent: Collection[int], seconds: float) -> tuple[list[Any], list[int]]:
    """([the sources that can be read], [the urgent fds on which something happened]), after at most that many seconds.

    Not by select(2), which knows no file descriptors above 1023: a large host is followed with one a cgroup.
    """
    poll = select.poll()
    of_fd = {}
    for source in sources:
        of_fd[source if isinstance(source, int) else source.fileno()] = source
    for fd in of_fd:
        poll.register(fd, select.POLLIN)
    for fd in urgent:
        poll.register(fd, select.POLLPRI)
    happened = [fd for fd, _ in poll.poll(max(0.0, seconds) * 1000)]
    return [of_fd[fd] for fd in happened if fd in of_fd], [fd for fd in happened if fd in urgent]


def main(arguments: Sequence[str] = (), add: Callable[[bytes], object] = bytes) -> None:
    """Run as a program. `--once` ends after the first look, `--parts` tells that in parts, `--lease=N` ends it
    after N seconds without a request. add: takes modules that are sent. Exit code 4 if /proc can't
    be read."""
    lease = next((float(word[8:]) for word in arguments if word.startswith("--lease=")), math.inf)
    agent = Agent(sys.stdout.buffer, 0, lease, add)
    try:
        agent.run("--once" in arguments, "--parts" in arguments)
        os._exit(0)  # all is written, and to free the records one by one would take time
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the reader is gone
    except OSError as error:
        agent.write({"frame": "error", "text": "cannot read this host's /proc: %s" % error})
        raise SystemExit(4) from None

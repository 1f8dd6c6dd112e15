"""The agent's run: frames out, requests in, and the times to look again. `protocol` has both.

It ends when stdin does, so it never outlives its reader.
"""

from __future__ import annotations

import base64
import gc
import json
import math
import os
import re
import select
import sys
import time

import nsview

from . import holders, hostfiles, limitations, namespaces, procfs, scan
from .containers import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Any, BinaryIO

    from .containers.logs import LogReader
    from .links import LinkSocket
    from .net import NetReading
    from .protocol import (
        Changes,
        DeltaFrame,
        DetailsRequest,
        Frame,
        Hello,
        HoldersRequest,
        Look,
        NetRequest,
        Question,
        Request,
        SnapshotFrame,
    )
    from .schedule import Schedule
    from .security import SecurityReading

SCHEMA = 1
# Half a surrogate pair as json.dumps writes it, which no decoder takes: of a byte that is no UTF-8 (of a file's or a
# host's name), or of another. Escaped backslashes and whole pairs are passed over.
_HALF_PAIR = re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|\\udc([89a-f].)|\\(ud[89a-f]..)")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
PART = scan.STEP  # processes of a first look's first part; each further part has twice as many
ALONE = 2 * scan.STEP  # processes that are read before a copy helps, if the look is told in parts
SLICE = 0.02  # seconds of a search at a time: that long may an answer to another request be late
INTERESTED = 600.0  # seconds after a request for net namespaces, for which changes of them are told
SLOWLY = 9  # a search that is not waited for pauses so many times as long as it works


def _escaped(match: re.Match[str]) -> str:
    byte, half = match.groups()
    return "\\\\x" + byte if byte else "\\\\" + half if half else match.group()


def encoded(frame: Frame | dict[str, Any]) -> bytes:
    """A frame's line: ASCII, so that no encoding of the reader's can break it."""
    return _json(frame) + b"\n"


def in_pieces(frame: SnapshotFrame | DeltaFrame, size: int = 500) -> Iterator[bytes]:
    """The same line, some processes at a time: with all of them it would take much memory."""
    processes = frame["processes"]
    head, tail = _json({**frame, "processes": []}).split(b'"processes":[]', 1)
    yield head + b'"processes":['
    for at in range(0, len(processes), size):
        yield (b"," if at else b"") + _json(processes[at : at + size])[1:-1]
    yield b"]" + tail + b"\n"


def _json(value: object) -> bytes:
    line = _encode(value)
    if "\\ud" in line:
        line = _HALF_PAIR.sub(_escaped, line)
    return line.encode("ascii")


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


def delta(old: Look, new: Look, taken_at: float) -> DeltaFrame | None:
    """The frame that turns the old look into the new one. None if they are equal."""
    return delta_of(differences(old, new), taken_at)


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


def delta_of(changes: Changes, taken_at: float) -> DeltaFrame | None:
    """The frame that tells these changes. None if there are none."""
    return _delta(changes, taken_at) if any(changes.values()) else None


def _delta(changes: Changes, taken_at: float) -> DeltaFrame:
    return {"frame": "delta", "taken_at": taken_at, **changes}  # type: ignore[typeddict-item]  # none of it is partial


class Agent:
    """One run: frames to `out` (a binary file), requests from the fd `requests`. It ends after `lease` seconds without
    a request: over a network the reader may be gone without a word."""

    def __init__(
        self, out: BinaryIO, requests: int, lease: float = math.inf, add: Callable[[bytes], object] = bytes
    ) -> None:
        """add: takes modules that are sent."""
        self.out = out
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
        self.reading: NetReading | None = None  # under way ..
        self.readings: list[NetRequest] = []  # .. and those to come
        self.links: LinkSocket | None = None  # if changes are to be told
        self.logs: LogReader | None = None
        self.audits: list[tuple[int, SecurityReading]] = []  # by id of the request, answered one after another

    def write(self, frame: Frame) -> None:
        self.out.write(encoded(frame))
        self.out.flush()

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
        # All records of a first look stay: to search them for cycles is a tenth of its cost.
        gc.disable()
        # A screen that shows parts has just begun as well: until the first part, one of two processors is for it.
        progress = None if once else self._progress(began, taken_at, parts)
        self.look = self.scanner.look(progress, ALONE if parts else 0)
        self._greet_again()
        if self.told:
            self._write_long(_delta(differences(self.told, self.look), taken_at))
        else:
            self._write_long(snapshot(self.look, taken_at))
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
            self.write(_delta(changes, taken_at))

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

    def _read_nets(self) -> None:
        """Begin with the next reading of the net namespaces, if one is asked for and none is under way."""
        from . import net  # seldom needed, and a start is to be quick

        while self.readings and self.reading is None:
            request = self.readings.pop(0)
            followed = bool(request.get("follow")) and self._follow_links()
            packages = request.get("packages")
            try:
                self.reading = net.NetReading(request["id"], self.look, self.scanner, packages, followed, encoded)
            except OSError as error:
                self._no_nets(request["id"], error.strerror or "")

    def _follow_links(self) -> bool:
        """Prepare to tell the next change of links; True if changes of every net namespace are received."""
        from . import links

        if self.links is None:
            try:
                self.links = links.LinkSocket()
            except OSError:
                return False
        self.links.told, self.links.until = False, time.monotonic() + INTERESTED
        return self.links.hears_of(self.scanner.ways("net"))

    def _hear_links(self, links: LinkSocket) -> None:
        links.take()
        if time.monotonic() > links.until:
            links.close()
            self.links = None
        elif not links.told:
            links.told = True
            self.write({"frame": "links"})

    def _no_nets(self, id: int, why: str) -> None:
        notes = ["the net namespaces could not be read: %s" % why]
        self.write({"frame": "net", "id": id, "taken_at": time.time(), "nets": [], "notes": notes, "unsearched": 0})

    def _relay(self, reading: NetReading) -> None:
        """Pass on the frames that a reading has written, whole ones alone."""
        frames, ended = reading.take()
        self.out.writelines(frames)
        self.out.flush()
        if ended is not None:
            self._end_reading(reading, "" if ended else "the process that does so failed")

    def _end_reading(self, reading: NetReading, failure: str) -> None:
        if failure:
            self._no_nets(reading.id, failure)
        self.reading = None
        self._read_nets()

    def _give_up(self, reading: NetReading) -> None:
        from . import net

        reading.give_up()
        self._end_reading(reading, "the process that does so has not answered for %d s" % net.PATIENCE)

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
                frame = _delta(differences(old, part), taken_at) if old else snapshot(part, taken_at)
                frame["partial"] = True
                self._write_long(frame)
                self.told = part

        return progress

    def _write_long(self, frame: SnapshotFrame | DeltaFrame) -> None:
        self.out.writelines(in_pieces(frame))
        self.out.flush()

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
            if self.reading and self.reading.until <= now:
                self._give_up(self.reading)
            if self.reading:
                left = min(left, max(0.0, self.reading.until - now))
            sources: list[Any] = [self.requests, *followed.sources, *([self.reading.fd] if self.reading else [])]
            sources += [self.links] if self.links else []
            ready, urgent = _wait(sources, followed.urgent, left)
            if ready or urgent:
                followed.heard(ready, urgent)
            if self.links and self.links in ready:
                self._hear_links(self.links)
            if self.reading and self.reading.fd in ready:
                self._relay(self.reading)
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
            self.readings.append(request)
            self._read_nets()
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

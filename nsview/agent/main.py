"""The frames out, the requests in, and when to look again.

Frames, one JSON object a line on stdout:
  {"frame": "hello", "schema": 1, "host": {..}}             first of all, and again before a frame since which another
                                                            of its notes holds
  {"frame": "progress", "done": n, "total": n}              while a first look takes long
  {"frame": "snapshot", "taken_at": s, "processes": [..], "namespaces": [..], "containers": [..]}
                                                            "partial": true, which a delta may have too: what a first
                                                            look has read so far, without containers, for who asked for
                                                            parts; the first delta that lacks it makes it whole
  {"frame": "delta", "taken_at": s, "processes": [..], "gone": [pid, ..], "namespaces": [..],
   "namespaces_gone": [[type, inode], ..], "containers": [..], "containers_gone": [key, ..]}
                                                            changed or new records whole; a namespace gone and new at
                                                            once has another's inode
  {"frame": "details", "id": n, "details": {..} or null}    null: that process is gone
  {"frame": "security", "id": n, "done": n, "total": n, "lsm": [module, ..], "processes": [..]}
                                                            one of several: of `total` processes `done` are told; lsm:
                                                            the host's security modules
  {"frame": "holders", "id": n, "taken_at": s, "kinds": [..], "processes": n, "unreadable": {errno's name: n},
   "left_out": n}                                           a search has ended; what it found came in the delta before
  {"frame": "net", "id": n, "taken_at": s, "nets": [..], "notes": [..], "unsearched": n}
                                                            net namespaces from within; meanwhile, while it takes long:
  {"frame": "net_progress", "id": n, "what": "namespaces|links|processes", "done": n, "total": n}
                                                            "followed", in an answer to who wished it: changes of all
                                                            these are told, once each time they are asked for, by:
  {"frame": "usage", "id": n, "taken_at": s, "clock": s, "host": {..}, "processes": [..], "containers": [..]}
                                                            the use of processor, memory, I/O and pids; see `usage`
  {"frame": "links"}                                        interfaces, addresses or routes have changed
  {"frame": "error", "text": ".."}                          it can't go on

Requests, one JSON object a line on stdin:
  {"request": "details", "id": n, "pid": n, "start": ticks, "contents": [kind, ..], "sockets": bool}
                                                            contents: of namespaces of these kinds; sockets: those of
                                                            the process too; both may be left out
  {"request": "security", "id": n}, with "pids": [..]       what confines processes: all of containers, or these
  {"request": "holders", "id": n, "slowly": bool}           search for all holders of namespaces
  {"request": "net", "id": n, "packages": path or null}     where pyroute2 may be imported from; with "follow": true
  {"request": "usage", "id": n}, with "pids": [..] and "containers": [key, ..] of these alone; with "fields": [..] these
                                                            parts of a container's alone; "files": true: open files too
  {"request": "rescan"}
  {"request": "stop"}
It ends when stdin does, so it never outlives who asked.
"""

from __future__ import annotations

import gc
import json
import os
import re
import select
import sys
import time

import nsview

from . import holders, honesty, hostfiles, namespaces, scan
from .containers import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA = 1
# What json.dumps makes of half a surrogate pair, which no decoder takes: of a byte that is no UTF-8 (of a file's or a
# host's name), or of another. Escaped backslashes and whole pairs are passed over.
_HALF_PAIR = re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|\\udc([89a-f].)|\\(ud[89a-f]..)")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
PART = scan.STEP  # processes of a first look's first part; each further one has twice as many as the one before
ALONE = 2 * scan.STEP  # processes that are read before a copy helps, where it is told in parts
SLICE = 0.02  # seconds of a search at a time: so long may an answer to another request be late
INTERESTED = 600.0  # seconds after a request for net namespaces, for which changes of them are told
SLOWLY = 9  # a search that is not waited for pauses so many times as long as it works


def _escaped(match):
    byte, half = match.groups()
    return "\\\\x" + byte if byte else "\\\\" + half if half else match.group()


def encoded(frame):
    """A frame's line: ASCII, so that no encoding of the reader's can break it."""
    return _json(frame) + b"\n"


def in_pieces(frame, field, size=500):
    """The same line, a piece at a time, one field's list being so long that a whole would take much memory."""
    head, tail = _json(dict(frame, **{field: []})).split(b'"%s":[]' % field.encode("ascii"), 1)
    yield head + b'"%s":[' % field.encode("ascii")
    for at in range(0, len(frame[field]), size):
        yield (b"," if at else b"") + _json(frame[field][at : at + size])[1:-1]
    yield b"]" + tail + b"\n"


def _json(value):
    line = _encode(value)
    if "\\ud" in line:
        line = _HALF_PAIR.sub(_escaped, line)
    return line.encode("ascii")


def hello(scanner):
    """The frame that says whose frames these are."""
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
            "notes": honesty.notes(scanner.own, scanner.initial, os.getpid()),
        },
    }


def _boot_id():
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def snapshot(look, taken_at):
    """The frame of a first look."""
    return {
        "frame": "snapshot",
        "taken_at": taken_at,
        "processes": list(look["processes"].values()),
        "namespaces": list(look["namespaces"].values()),
        "containers": look["containers"],
    }


def delta(old, new, taken_at):
    """The frame that makes the new look of the old one; None where they are equal."""
    return delta_of(differences(old, new), taken_at)


def differences(old, new):
    """A delta's fields, from one look to another."""
    before, after = old["processes"], new["processes"]
    changed, gone = namespaces.changes(old["namespaces"], new["namespaces"])
    return {
        # What did not change is the same object, which is soon seen.
        "processes": [r for pid, r in after.items() if (b := before.get(pid)) is not r and b != r],
        "gone": [pid for pid in before if pid not in after],
        "namespaces": changed,
        "namespaces_gone": gone,
        **identify.changes(old["containers"], new["containers"]),
    }


def delta_of(changes, taken_at):
    """The frame that tells of these changes, {its fields: [..]}; None where there are none."""
    return {"frame": "delta", "taken_at": taken_at, **changes} if any(changes.values()) else None


class Agent:
    """One run: frames to `out` (a binary file), requests from the fd `requests`."""

    def __init__(self, out, requests):
        self.out = out
        self.requests = requests
        self.pending = b""
        self.scanner: Any = None
        self.noted: list[str] = []  # of the files that could not be read
        self.look: Any = None
        self.told: Any = None  # a look of what the parts of the first one have told
        self.search = None  # (request, holders.Search) under way ..
        self.searches = []  # .. and the requests to come: each is answered by a search begun after it
        self.reading: Any = None  # the net.Reading under way ..
        self.readings: list[Any] = []  # .. and the requests to come
        self.links: Any = None  # links.Links, where changes are to be told
        self.audits: list[Any] = []  # (id of a request, its security.Reading), answered one after another

    def write(self, frame):
        self.out.write(encoded(frame))
        self.out.flush()

    def run(self, once=False, parts=False):
        """Look, then follow what changes until told to stop. parts: tell of a first look that takes long in parts."""
        followed = None
        if not once:
            from . import follow  # what looks once is to be quick

            followed = follow.Follow()
        self.scanner = scanner = scan.Scanner(
            watch=followed and followed.watch, noted=followed and followed.notices and followed.notices.note
        )
        self.write(hello(scanner))
        began = time.monotonic()
        taken_at = time.time()
        # Of a first look everything stays: to search that for cycles is a tenth of its cost.
        gc.disable()
        # Who shows parts has just begun as well: until that has something to show, one of two processors is for it.
        self.look = scanner.look(None if once else self._progress(began, taken_at, parts), alone=ALONE if parts else 0)
        self._greet_again()
        if self.told:
            frame = {"frame": "delta", "taken_at": taken_at, **differences(self.told, self.look)}
        else:
            frame = snapshot(self.look, taken_at)
        self._write_long(frame)
        self.told = None
        gc.enable()
        gc.freeze()
        if followed:
            followed.looked(time.monotonic() - began)
            followed.begin()
            while self._serve(followed):
                self._follow(followed)

    def _greet_again(self):
        """Say whose the frames are once more, where a note of the last look is another; whether it is."""
        noted = list(honesty.of_files())
        if noted == self.noted:
            return False
        self.noted = noted
        self.write(hello(self.scanner))
        return True

    def answer(self, pids=None):
        """Look once, at these processes or at all, then answer for details: for who chooses one and needs no more."""
        self.scanner = scanner = scan.Scanner()
        self.write(hello(scanner))
        taken_at = time.time()
        gc.disable()
        self.write(snapshot(scanner.look(only=pids), taken_at))
        with open(self.requests, "rb", closefd=False) as requests:
            for line in requests:
                self._tell_details(json.loads(line))

    def _tell_details(self, request):
        from . import details  # what no look needs

        kinds = request.get("contents", ())
        answer = details.details(
            request["pid"], request["start"], kinds, self.scanner.initial, request.get("sockets", False)
        )
        self.write({"frame": "details", "id": request["id"], "details": answer})

    def _follow(self, followed):
        """Look again at what may have changed, or at everything where that is due."""
        taken_at = time.time()
        everything, pids, mounts, names = followed.due(self.scanner)
        began = time.monotonic()
        if everything:
            self._advance(self.scanner.look(), taken_at)
            followed.looked(time.monotonic() - began)
        elif pids or mounts or names:
            self._tell(self.scanner.update(pids, mounts, names), taken_at)  # which sets right the look we have
            followed.updated(time.monotonic() - began, self.look["processes"], names)

    def _advance(self, new, taken_at):
        self._tell(differences(self.look, new), taken_at)
        self.look = new

    def _tell(self, changes, taken_at):
        again = self._greet_again()
        frame = {"frame": "delta", "taken_at": taken_at, **changes} if again else delta_of(changes, taken_at)
        if frame:
            self.write(frame)

    def _search(self):
        """Go on with a search for one slice; when to go on again."""
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
                    "kinds": holders.KINDS,
                    "processes": search.processes,
                    "unreadable": search.unreadable,
                    "left_out": search.left_out,
                }
            )
        now = time.monotonic()
        return now + SLOWLY * (now - began) if request.get("slowly") else now

    def _read_nets(self):
        """Begin with the next reading of the net namespaces, where one is wanted and none is under way."""
        from . import net  # seldom wanted, and a start is to be quick

        while self.readings and self.reading is None:
            request = self.readings.pop(0)
            followed = bool(request.get("follow")) and self._follow_links()
            try:
                self.reading = net.Reading(
                    request["id"],
                    self.look,
                    self.scanner,
                    request.get("packages"),
                    lambda frame, followed=followed: encoded(
                        dict(frame, followed=followed) if frame["frame"] == "net" else frame
                    ),
                )
            except OSError as error:
                self._no_nets(request["id"], error.strerror)

    def _follow_links(self):
        """Tell of the next change; whether that will be of any net namespace."""
        from . import links

        if self.links is None:
            try:
                self.links = links.Links()
            except OSError:
                return False
        self.links.told, self.links.until = False, time.monotonic() + INTERESTED
        return self.links.hears_of(self.scanner.ways("net"))

    def _hear_links(self):
        self.links.take()
        if time.monotonic() > self.links.until:
            self.links.close()
            self.links = None
        elif not self.links.told:
            self.links.told = True
            self.write({"frame": "links"})

    def _no_nets(self, id, why):
        notes = ["the net namespaces could not be read: %s" % why]
        self.write({"frame": "net", "id": id, "taken_at": time.time(), "nets": [], "notes": notes, "unsearched": 0})

    def _relay(self):
        """Pass on what a reading has written, whole frames alone."""
        frames, ended = self.reading.take()
        self.out.writelines(frames)
        self.out.flush()
        if ended is not None:
            self._end_reading("" if ended else "the process that does so failed")

    def _end_reading(self, failure):
        if failure:
            self._no_nets(self.reading.id, failure)
        self.reading = None
        self._read_nets()

    def _give_up_reading(self):
        from . import net

        self.reading.give_up()
        self._end_reading("the process that does so has not answered for %d s" % net.PATIENCE)

    def _read_security(self):
        """Tell one slice of the facts that were asked for first."""
        id, reading = self.audits[0]
        processes = reading.step(SLICE)
        done, total = reading.done, len(reading.pids)
        self.write(
            {
                "frame": "security",
                "id": id,
                "done": done,
                "total": total,
                "lsm": reading.lsm,
                "processes": processes,
            }
        )
        if done == total:
            del self.audits[0]

    def _progress(self, began, taken_at, parts):
        """What a first look tells while it is under way: how far it is, and where asked for, what it has read."""
        next_part = PART

        def progress(read, done, total):
            nonlocal next_part
            due = parts and next_part <= read <= total // 2
            if due or self.told or time.monotonic() - began > 0.3:
                self.write({"frame": "progress", "done": done, "total": total})
            if due:
                next_part = 2 * read
                part = self.scanner.part()
                frame = delta(self.told, part, taken_at) if self.told else snapshot(part, taken_at)
                self._write_long(dict(frame, partial=True))
                self.told = part

        return progress

    def _write_long(self, frame):
        self.out.writelines(in_pieces(frame, "processes"))
        self.out.flush()

    def _serve(self, followed):
        """Answer requests until something is due; False: stop."""
        resume = 0.0
        while True:
            now = time.monotonic()
            until = followed.next(now)
            if now >= until:
                return True
            searching = self.search or self.searches
            left = max(0.0, min(resume, until) - now) if searching else until - now
            if self.audits:
                left = 0.0
            if self.reading and self.reading.until <= now:
                self._give_up_reading()
            if self.reading:
                left = min(left, max(0.0, self.reading.until - now))
            sources = [self.requests, *followed.sources, *([self.reading.fd] if self.reading else [])]
            sources += [self.links] if self.links else []
            ready, urgent = _wait(sources, followed.urgent, left)
            if ready or urgent:
                followed.heard(ready, urgent)
            if self.links in ready:
                self._hear_links()
            if self.reading and self.reading.fd in ready:
                self._relay()
            if self.requests not in ready:
                if self.audits:
                    self._read_security()
                elif searching and time.monotonic() < until:
                    resume = self._search()
                continue
            data = os.read(self.requests, 1 << 16)
            if not data:
                return False
            *lines, self.pending = (self.pending + data).split(b"\n")
            rescan = False
            for line in lines:
                request = json.loads(line)
                kind = request.get("request")
                if kind == "stop":
                    return False
                if kind == "rescan":
                    rescan = True
                elif kind == "holders":
                    self.searches.append(request)
                elif kind == "net":
                    self.readings.append(request)
                    self._read_nets()
                elif kind == "security":
                    from . import security  # seldom wanted, as above

                    self.audits.append((request["id"], security.Reading(self.look, request.get("pids"))))
                elif kind == "details":
                    self._tell_details(request)
                elif kind == "usage":
                    from . import usage  # seldom wanted, as above

                    self.write(usage.answer(request["id"], self.look, request))
            if rescan:
                followed.want_everything()
                return True


def _wait(sources, urgent, seconds):
    """([those of the sources that can be read], [urgent ones where something happened]), after so long at the most.

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


def main(arguments=()):
    """Run as a program. `--once` ends after the first look, `--parts` tells of it in parts; `--answer` and pids (none:
    all) looks at these, and then answers for details alone. Exit code 4 where /proc can't be read."""
    agent = Agent(sys.stdout.buffer, 0)
    try:
        if arguments[:1] == ["--answer"]:
            agent.answer([int(pid) for pid in arguments[1:]] or None)
        else:
            agent.run("--once" in arguments, "--parts" in arguments)
        os._exit(0)  # all is written; to take the records apart one by one is of use to nobody
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # who asked is gone; nothing is left to flush to
    except OSError as error:
        agent.write({"frame": "error", "text": "cannot read this host's /proc: %s" % error})
        raise SystemExit(4) from None

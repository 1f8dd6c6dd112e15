"""The log of a container, where its runtime keeps it as a file: its last lines, and those that came since.

docker and nerdctl write JSON (json-file), the runtimes of Kubernetes and podman `TIME STREAM TAG TEXT` (cri, k8s-file).
The file is the engine's, its text the container's. A pod that may write to the host's /var/log can put a link in the
place of its log, so no link is followed below the directory that an engine has for its logs.

Sources: moby daemon/logger/jsonfilelog, daemon/logger/loggerutils (rotation), container/container.go; nerdctl
pkg/logging; Kubernetes pkg/kubelet/kuberuntime/helpers.go, cri-api docs (logging format); conmon src/ctr_logging.c.
"""

from __future__ import annotations

import errno
import os
import stat

from nsview import linux

from .. import engines, files, hostfiles
from . import conmon, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Callable

    from ..protocol import Container, LogFrame, LogLine, LogRequest, Look, Pod, Process, Stopped

    LogPiece = tuple[str, str, str, bool]
    """(time, stream, text, the line ends here)"""

PODS = "/var/log/pods"
CHUNK = 1 << 20
"""Bytes of a log that an answer is made from, at the most."""
LONGEST = 16 << 10
"""Characters of a line that are told."""
_BLOCK = 1 << 16


class LogFiles:
    """The files of one container's log. driver: the name of its format or of the engine's way to log, None if that is
    not known. directory: an open fd, None if there are no files; name: of the file that is written to in it."""

    def __init__(self, driver: str | None, directory: int | None = None, name: str = "", path: str = "") -> None:
        self.driver, self.directory, self.name, self.path = driver, directory, name, path
        self._parse: Callable[[bytes], LogPiece] = _json_piece if driver == "json-file" else _cri_piece

    def close(self) -> None:
        if self.directory is not None:
            os.close(self.directory)

    def tail(self, wanted: int) -> tuple[list[LogLine], list[int]]:
        """(the last so many lines, the place behind them). Raises OSError if the file can't be opened."""
        place: list[int] = []
        parts: list[bytes] = []
        left = CHUNK
        for name in [self.name, *self._rotated()]:
            try:
                fd = self._open(name)
            except OSError:
                if not place:
                    raise
                break
            try:
                data, end = _last(fd, max(1, wanted - _count(parts)), left)
                place = place or [os.fstat(fd).st_ino, end]
            finally:
                os.close(fd)
            parts.insert(0, data)
            left -= len(data)
            if left <= 0 or _count(parts) >= wanted:
                break
        return self._lines(b"".join(parts))[-wanted:] if wanted else [], place

    def since(self, place: list[int], skip: bool) -> tuple[list[LogLine], list[int], bool, int]:
        """(the lines behind a place, the place behind them, there are more, the number of bytes left out). skip: leave
        out what is more than an answer holds, but its end."""
        opened = self._opened_since(place[0])
        skipped, left, data, more = 0, CHUNK, b"", False
        try:
            for fd in opened:
                found = os.fstat(fd)
                at = place[1] if found.st_ino == place[0] and place[1] <= found.st_size else 0
                if skip and found.st_size - at > left:
                    at, before = found.st_size - left, at
                    at += os.pread(fd, left, at).find(b"\n") + 1
                    skipped += at - before
                part, more = _whole(fd, at, left)
                place = [found.st_ino, at + len(part)]
                data += part
                left -= len(part)
                if more:
                    break
        finally:
            for fd in opened:
                os.close(fd)
        return self._lines(data), place, more, skipped

    def _opened_since(self, inode: int) -> list[int]:
        """The log file with this inode and all newer ones, oldest first; the newest alone if no file has the inode."""
        opened: list[int] = []
        for name in [self.name, *self._rotated()]:
            try:
                opened.insert(0, self._open(name))
            except OSError:
                if not opened:
                    raise
                break
            if os.fstat(opened[0]).st_ino == inode:
                return opened
        for fd in opened[:-1]:
            os.close(fd)
        return opened[-1:]

    def _open(self, name: str) -> int:
        """A regular file of the directory, and never through a link. Raises OSError."""
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.directory)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file")
        return fd

    def _rotated(self) -> Iterator[str]:
        """The older files that are not compressed, newest first; listed once they are needed."""
        names = [name for name in os.listdir(self.directory) if name.startswith(self.name + ".")]
        plain = [name for name in names if not name.endswith((".gz", ".tmp"))]
        if self.driver == "json-file":
            return iter(sorted(plain, key=_number))
        return iter(sorted(plain, reverse=True))

    def _lines(self, data: bytes) -> list[LogLine]:
        """The lines, of the pieces that the engine has made of long ones; the last may be told unfinished."""
        lines: list[LogLine] = []
        open_: dict[str, LogLine] = {}
        for raw in data.split(b"\n"):
            if not raw:
                continue
            time, stream, text, ends = self._parse(raw)
            line = open_.get(stream)
            if line is None:
                line = {"time": time, "stream": stream, "text": ""}
                lines.append(line)
            line["text"] = (line["text"] + text)[: LONGEST + 1]
            if ends:
                open_.pop(stream, None)
            else:
                open_[stream] = line
        for line in lines:
            text = line["text"]
            line["text"] = text[:LONGEST] + "…" if len(text) > LONGEST else text[:-1] if text.endswith("\r") else text
        return lines


def _number(name: str) -> int:
    number = name.rpartition(".")[2]
    return int(number) if number.isdecimal() else 1 << 30


def _count(parts: list[bytes]) -> int:
    return sum(part.count(b"\n") for part in parts)


def _last(fd: int, wanted: int, most: int) -> tuple[bytes, int]:
    """(the last so many whole lines of a file, of at most so many bytes, the offset behind them)."""
    size = os.fstat(fd).st_size
    at, data, end = size, b"", size
    while at > 0 and len(data) < most and data.count(b"\n") <= wanted:
        step = min(_BLOCK, at)
        at -= step
        data = os.pread(fd, step, at) + data
    if b"\n" in data:
        end = at + data.rindex(b"\n") + 1
        data = data[: end - at]
    starts = data.split(b"\n")[:-1]
    if at > 0:
        starts = starts[1:]  # the first begins amid a line
    return b"".join(line + b"\n" for line in starts[-wanted:]), end


def _whole(fd: int, at: int, most: int) -> tuple[bytes, bool]:
    """(the whole lines from an offset on, of at most so many bytes, there may be more); a longer line in parts."""
    data = os.pread(fd, most, at)
    full = len(data) == most
    end = data.rfind(b"\n") + 1
    return data if full and not end else data[:end], full


def _json_piece(raw: bytes) -> LogPiece:
    try:
        said = files.json_object(raw)
    except (ValueError, RecursionError):
        return "", "", files.text(raw), True
    text, stream, time = (said.get(name) for name in ("log", "stream", "time"))
    text = text if isinstance(text, str) else ""
    ends = text.endswith("\n")
    return str(time or ""), str(stream or ""), text[:-1] if ends else text, ends


def _cri_piece(raw: bytes) -> LogPiece:
    parts = files.text(raw).split(" ", 3)
    if len(parts) < 3 or parts[1] not in ("stdout", "stderr"):
        return "", "", files.text(raw), True
    return parts[0], parts[1], parts[3] if len(parts) > 3 else "", parts[2].split(":")[0] != "P"


# The place of a log


def find(container: Container, processes: Mapping[int, Process]) -> LogFiles:
    """The log of a container. Raises OSError if its files can't be read."""
    supervisor = engines.supervisor_of(container, processes)
    if supervisor is None and container["outer"]:
        return LogFiles(None)  # the engine's files can't be told from others any more
    root = hostfiles.root_of(supervisor["pid"] if supervisor else 0)
    try:
        if container["pod"] and container["runtime"] != "podman":
            return (
                LogFiles("none")
                if container["role"] == "sandbox"
                else _of_pod(root, container["pod"], container["name"])
            )
        if container["runtime"] == "docker":
            id = container["id"]
            return _of_docker(root, id, _witness(container, "/containers/%s/config.v2.json" % id), container["uid"])
        if container["runtime"] == "containerd":
            return _of_nerdctl(root, container)
        if container["runtime"] == "podman" and supervisor and supervisor["comm"] == "conmon":
            return _of_conmon(root, container, supervisor)
    finally:
        os.close(root)
    return LogFiles(None)


def of_stopped(one: Stopped) -> LogFiles:
    """The log of a container without a process, of an engine of root's. Raises OSError if its files can't be read."""
    root = hostfiles.root_of(0)
    try:
        if one["runtime"] == "docker":
            return _of_docker(root, one["id"], one["witness"], 0)
        if one["runtime"] == "podman":
            path = one["log"]
            return _made(root, "k8s-file", os.path.dirname(path), "", conmon.LOG, 0) if path else LogFiles(None)
        return _of_pod(root, one["pod"], one["name"]) if one["pod"] else LogFiles(None)
    except FileNotFoundError:
        return LogFiles(None)  # never written, or elsewhere
    finally:
        os.close(root)


def _made(root: int, driver: str, base: str, below: str, name: str, uid: int) -> LogFiles:
    """The log in the directory `below` base, to which no link leads. Raises OSError if there is none, or another
    user than root and `uid` may write to it."""
    above = linux.open_in_root(root, base, os.O_PATH | os.O_DIRECTORY)
    try:
        directory = linux.open_in_root(above, below or ".", os.O_RDONLY | os.O_DIRECTORY, links=False)
    finally:
        os.close(above)
    if not witness.owned(directory, uid):
        os.close(directory)
        raise OSError(errno.EPERM, "others may write to its directory")
    return LogFiles(driver, directory, name, "%s/%s/%s" % (base, below, name) if below else "%s/%s" % (base, name))


def _witness(container: Container, ending: str) -> str | None:
    return next((word for word in container["witness"].split("; ") if word.endswith(ending)), None)


def _read_json(root: int, path: str, uid: int) -> dict[str, Any]:
    """The JSON object in an engine's file. Raises OSError if it can't be read."""
    data = files.read_in_root(root, path, believed=lambda fd: witness.owned(fd, uid))
    try:
        return files.json_object(data)
    except (ValueError, RecursionError):
        raise OSError(errno.EINVAL, "damaged") from None


def _of_docker(root: int, id: str, path: str | None, uid: int) -> LogFiles:
    """path: of the container's config.v2.json, None if that may not be read or is gone."""
    if path is None:
        if os.geteuid():
            raise OSError(errno.EACCES, "docker's files")
        return LogFiles(None)
    directory = os.path.dirname(path)
    settings = _read_json(root, directory + "/hostconfig.json", uid).get("LogConfig")
    driver = settings.get("Type") if isinstance(settings, dict) else None
    if driver != "json-file":
        return LogFiles(driver if isinstance(driver, str) and driver else None)
    return _made(root, driver, directory[: -len("/containers/" + id)], "containers/" + id, id + "-json.log", uid)


def _of_nerdctl(root: int, container: Container) -> LogFiles:
    path = _witness(container, "/%s/config.json" % container["id"])
    annotations = _read_json(root, path, container["uid"]).get("annotations") if path else None
    state = annotations.get("nerdctl/state-dir") if isinstance(annotations, dict) else None
    below = "%s/%s" % (container["engine_namespace"], container["id"])
    if not isinstance(state, str) or not state.endswith("/containers/" + below):
        return LogFiles(None)  # of ctr, whose containers write to pipes
    driver = _read_json(root, state + "/log-config.json", container["uid"]).get("driver")
    if driver != "json-file":
        return LogFiles(driver if isinstance(driver, str) else None)
    name = container["id"] + "-json.log"
    return _made(root, driver, state[: -len(below) - 1], below, name, container["uid"])


def _of_pod(root: int, pod: Pod, name: str) -> LogFiles:
    """By the kubelet's layout: PODS/NAMESPACE_POD_UID/CONTAINER/NUMBER.log, the number being that of its restarts.
    name: of the container."""
    below = "%s_%s_%s/%s" % (pod["namespace"], pod["name"], pod["uid"], name)
    if not pod["name"] or below.count("/") != 1 or name in (".", ".."):
        return LogFiles(None)
    log = _made(root, "cri", PODS, below, "", 0)
    numbers = [name[:-4] for name in os.listdir(log.directory) if name.endswith(".log")]
    log.name = "%d.log" % max((int(number) for number in numbers if number.isdecimal()), default=0)
    log.path += log.name
    return log


def _of_conmon(root: int, container: Container, monitor: Process) -> LogFiles:
    places = conmon.log_places(monitor["cmdline"])
    driver, path = next(((driver, path) for driver, path in places if path), places[0] if places else ("", ""))
    if not path:
        return LogFiles(driver or None)
    return _made(root, "k8s-file", os.path.dirname(path), "", os.path.basename(path), container["uid"])


class LogReader:
    """The answers to requests for logs. That of the last container stays open, for its last words after its end."""

    def __init__(self, stopped: Callable[[], list[Stopped]]) -> None:
        """stopped: reads the engines' records of the containers without a process."""
        self._stopped = stopped
        self._open: tuple[str, LogFiles] | None = None

    def answer(self, look: Look, request: LogRequest) -> LogFrame:
        """The frame that answers."""
        key = request["container"]
        container = next((one for one in look["containers"] if one["key"] == key), None)
        frame: LogFrame = {
            "frame": "log", "id": request["id"], "driver": None, "path": None, "unreadable": None, "lines": [],
            "place": None, "more": False, "skipped": 0, "gone": container is None,
        }  # fmt: skip
        try:
            log = self._log(key, container, look["processes"])
            if log is None:
                return frame
            frame["driver"] = log.driver
            if log.directory is not None:
                frame["path"] = log.path
                place = request.get("place")
                if place:
                    frame["lines"], frame["place"], frame["more"], frame["skipped"] = log.since(
                        place, request.get("skip", False)
                    )
                else:
                    frame["lines"], frame["place"] = log.tail(request.get("tail", 0))
        except OSError as error:
            frame["unreadable"] = errno.errorcode.get(error.errno or 0, "EIO")
        return frame

    def _log(self, key: str, container: Container | None, processes: Mapping[int, Process]) -> LogFiles | None:
        if self._open and self._open[0] == key:
            return self._open[1]
        log = find(container, processes) if container else self._log_of_stopped(key)
        if log is None:
            return None
        if self._open:
            self._open[1].close()
        self._open = key, log
        return log

    def _log_of_stopped(self, key: str) -> LogFiles | None:
        one = next((one for one in self._stopped() if one["key"] == key), None)
        return of_stopped(one) if one else None

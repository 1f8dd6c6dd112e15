"""The log of a container as the agent reads it, and the reason why there is none to read, with the remedy. Pure."""

from msgspec import Struct

from . import engine
from .elsewhere import Elsewhere, typed
from .records import Container
from .snapshot import Snapshot
from .text import safe


class LogLine(Struct, frozen=True, gc=False):
    """A line as the engine noted it; text is the container's. time: RFC 3339, "" if not told. stream: "stdout",
    "stderr" or ""."""

    time: str
    stream: str
    text: str


class Log(Struct, frozen=True, kw_only=True):
    """A part of a log. driver: the format of the file, or the engine's other way to log; None if not known.

    path: of the file, None if there is none. unreadable: the errno's name if it can't be read. place: behind the last
    line, to go on from: (inode, offset). more: there are further lines. skipped: bytes that are left out before these
    lines. gone: the container is not there any more.
    """

    driver: str | None = None
    path: str | None = None
    unreadable: str | None = None
    lines: tuple[LogLine, ...] = ()
    place: tuple[int, int] | None = None
    more: bool = False
    skipped: int = 0
    gone: bool = False


def shown(line: LogLine) -> str:
    """The text of a line, safe for a terminal: escape sequences are shown, not obeyed."""
    return safe(line.text.replace("\t", " " * 4))


def missing(
    log: Log, container: Container, snapshot: Snapshot, as_root: str, elsewhere: Elsewhere | None = None
) -> str | None:
    """The line that says why there is no log to read, and what to run instead. None if there is one.

    as_root: the way to read it as root. elsewhere: the container's host, None for this machine.
    """
    name = safe(container.name)
    if log.unreadable in ("EACCES", "EPERM") and not snapshot.host.privileged:
        return f"the log of {name} is not readable ({log.unreadable}): {safe(as_root)}"
    if log.unreadable == "ENOENT" and container.state == "created":
        return f"{name} was never started, so it has no log"
    instead = engine.logs(container, snapshot)
    by_engine = f": {typed(instead, elsewhere)}" if instead else ""
    if log.unreadable:
        return f"the log of {name} can't be read ({log.unreadable}){by_engine}"
    if log.path is not None:
        return None
    if log.gone and container.pids:
        return f"container {name} is gone"
    match log.driver:
        case "local":
            return f"{name} logs in a binary format of docker's own (local){by_engine}"
        case "journald":
            return f"{name} logs to the journal: {typed(engine.journal(container, snapshot), elsewhere)}"
        case "none" | "null" | "off":
            return f"no log of {name} is kept (none): only what it writes from now on can be seen, where it was started"
        case "passthrough" | "passthrough-tty":
            return f"no log of {name} is kept (passthrough): it writes to where it was started"
        case str(driver):
            return f"{name} logs to {safe(driver)}{by_engine}"
    return f"no log of {name} is known, a container of {safe(container.runtime)}{by_engine}"

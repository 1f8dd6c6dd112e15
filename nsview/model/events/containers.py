"""Containers that have started, stopped, or are otherwise than before."""

import signal
from collections.abc import Hashable, Iterator, Mapping

from ..records import Container
from ..snapshot import Snapshot
from ..stage import RUNTIMES, is_stage
from ..usage import HostUsage, started
from .record import Ended, Event, EventKind, Period, event

_DEAD = ("exited", "restarting", "dead")


def of_containers(period: Period, ends: Mapping[str, Ended]) -> Iterator[Event]:
    before, after = period.before, period.after
    gone: dict[Hashable, Container] = {}
    for key in sorted(period.touched.containers):
        old = before.containers.get(key)
        if old is not None and key not in after.containers and (first := _first(old, before)):
            gone[first] = old
    known_again: set[str] = set()
    pairs: list[tuple[Container | None, Container | None]] = []
    for key in sorted(period.touched.containers):
        old, new = before.containers.get(key), after.containers.get(key)
        if old is None and new is not None and (other := gone.get(_first(new, after))):
            known_again.add(other.key)  # the same one, of which more is known by now
            old = other
        pairs.append((old, new))
    for old, new in pairs:
        if old is None or new is not None or old.key not in known_again:
            yield from _of_container(old, new, period, ends)


def _of_container(
    old: Container | None, new: Container | None, period: Period, ends: Mapping[str, Ended]
) -> Iterator[Event]:
    one = new or old
    assert one is not None
    first, then = _first(old, period.before), _first(new, period.after)
    if not _lives(old) and _lives(new):
        yield period.event(
            "started" if old is None or _is_being_made(old, period.before) else "restarted",
            one.name,
            one.image or "",
            new,
            **_of_first(new, period.after),
        )
    elif _lives(old) and not _lives(new):
        assert old is not None
        again = ", its engine will start it again" if new is not None and new.state == "restarting" else ""
        yield _stopped(old, period, ends.get(old.key), again)
    elif _lives(old) and _lives(new) and first and then and first != then and not _is_being_made(old, period.before):
        assert old is not None
        yield _stopped(old, period, ends.get(old.key), "")
        yield period.event("restarted", one.name, one.image or "", new, **_of_first(new, period.after))
    if old is not None and new is not None and old.name != new.name and not _is_id(old) and not _is_id(new):
        yield period.event("renamed", new.name, f"was {old.name}", new)
    if old is not None and new is not None and (old.state == "paused") != (new.state == "paused"):
        if new.state == "paused":
            yield period.event("paused", new.name, "", new)
        elif new.state == "running":
            yield period.event("unpaused", new.name, "", new)


def _stopped(old: Container, period: Period, end: Ended | None, more: str) -> Event:
    if end is not None and end.pid != old.init_pid:
        end = None  # of a stage of the runtime, before the container's own began
    code = end.code if end else None
    return period.event("stopped", old.name, exit_text(end) + more, old, **_of_first(old, period.before), code=code)


def exit_text(end: Ended | None) -> str:
    if end is None:
        return "exit code not known"
    killed = ""
    if end.code > 128:
        try:
            killed = f" ({signal.Signals(end.code - 128).name})"
        except ValueError:
            killed = ""
    return f"exit code {end.code}{killed}" + (", killed for want of memory" if end.oom else "")


def _lives(container: Container | None) -> bool:
    return container is not None and container.state not in _DEAD


def _is_being_made(container: Container | None, snapshot: Snapshot) -> bool:
    """True if the first process is the runtime's, which is gone when the container's own begins: by its name, or as the
    first process of a pid namespace is its init, pid 1 in there."""
    first = snapshot.init_of(container)
    if first is None:
        return False
    return is_stage(first) or first.comm.startswith(RUNTIMES) or (len(first.nspid) > 1 and first.nspid[-1] != 1)


def _first(container: Container | None, snapshot: Snapshot) -> tuple[int, int] | None:
    """(pid, start) of a container's first process. None if not known."""
    process = snapshot.init_of(container)
    return (process.pid, process.start) if process else None


def _of_first(container: Container | None, snapshot: Snapshot) -> dict[str, int]:
    first = _first(container, snapshot)
    return {"pid": first[0], "start": first[1]} if first else {}


def _is_id(container: Container) -> bool:
    """True if the name is but the id: no better one could be read."""
    return container.id.startswith(container.name)


def killed(end: Ended, snapshot: Snapshot) -> Event:
    """The event of a process that was killed for want of memory. snapshot: the last one before."""
    container = snapshot.containers.get(end.container or "")
    process = snapshot.processes.get(end.pid)
    start = {"start": end.start} if process is not None and process.start == end.start else {}
    subject = container.name if container else f"{end.pid} {end.comm}"
    return event(end.taken_at, "oom", subject, f"killed {end.pid} {end.comm}", container, pid=end.pid, **start)


def running(snapshot: Snapshot, host: HostUsage | None) -> tuple[Event, ...]:
    """The last start of each container that runs, oldest first: of a host that was not looked at before."""
    found = []
    for one in snapshot.containers.values():
        first = snapshot.init_of(one)
        time = started(first.start, host) if first and _lives(one) else None
        if time is not None:
            kind: EventKind = "restarted" if one.restarts else "started"
            found.append(event(time, kind, one.name, one.image or "", one, **_of_first(one, snapshot)))
    return tuple(sorted(found, key=lambda event: (event.time, event.subject)))

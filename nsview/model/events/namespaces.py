"""Namespaces that were born or are gone, and processes that have gone from one to another."""

from collections.abc import Iterable, Iterator, Mapping

from ..changes import changes
from ..kinds import KIND_NAMES
from ..records import Container, Namespace, NamespaceKey, Namespaces, Process
from ..snapshot import Snapshot
from ..stage import is_stage
from .record import Event, EventKind, Period, container_in, label, named, place

_ENDED = ("ENOENT", "ESRCH")


def of_namespaces(period: Period) -> Iterator[Event]:
    born, gone = _born_and_gone(period)
    if not born and not gone:
        return
    pids = sorted(period.touched.pids)
    makers = _members(born, _by_age(period.after, pids))
    yield from _told("born", [key for key in born if _is_new(key, makers.get(key), period)], makers, period)
    pairs = [(period.before.processes.get(pid), period.after.processes.get(pid)) for pid in pids]
    unread = {key for old, now in pairs if old and now for key in _no_longer_read(old, now)}
    yield from _told("gone", [k for k in gone if k not in unread], _members(gone, _by_age(period.before, pids)), period)


def _born_and_gone(period: Period) -> tuple[list[NamespaceKey], list[NamespaceKey]]:
    born, gone = [], []
    for key in sorted(period.touched.namespaces, key=lambda key: (KIND_NAMES.index(key[0]), key[1])):
        old, new = period.before.namespaces.get(key), period.after.namespaces.get(key)
        other = old is not None and new is not None and _is_other(old, new)
        if old is not None and (new is None or other):
            gone.append(key)
        if new is not None and (old is None or other):
            born.append(key)
    return born, gone


def _is_other(old: Namespace, new: Namespace) -> bool:
    """True if an inode is another namespace's by now."""
    return old.id != new.id and None not in (old.id, new.id)


def _by_age(snapshot: Snapshot, pids: Iterable[int]) -> list[Process]:
    found = [snapshot.processes[pid] for pid in pids if pid in snapshot.processes]
    return sorted(found, key=lambda process: (process.start, process.pid))


def _members(keys: list[NamespaceKey], processes: Iterable[Process]) -> dict[NamespaceKey, Process]:
    """{namespace: its oldest member among these processes}."""
    wanted, found = set(keys), dict[NamespaceKey, Process]()
    for process in processes:
        for kind in KIND_NAMES if wanted else ():
            key = kind, getattr(process.namespaces, kind)
            if key in wanted:
                found.setdefault(key, process)
    return found


def _is_new(key: NamespaceKey, maker: Process | None, period: Period) -> bool:
    """True if a namespace was not there before: it was not just found by a search, or read for the first time."""
    if maker is None:
        return bool(period.after.namespaces[key].names)
    old = period.before.processes.get(maker.pid)
    if _is_new_process(maker, period):
        old = period.before.processes.get(maker.ppid) or period.after.processes.get(maker.ppid)
    # Of one that exited while it was read nothing is known, but it hid nothing.
    return old is None or old.ended or old.unreadable in _ENDED or getattr(old.namespaces, key[0]) is not None


def _no_longer_read(old: Process, now: Process) -> Iterator[NamespaceKey]:
    """The namespaces that a process was in, and may be in still."""
    if old.start == now.start and not now.ended and now.unreadable not in _ENDED:
        for kind in KIND_NAMES:
            inode = getattr(old.namespaces, kind)
            if inode is not None and getattr(now.namespaces, kind) is None:
                yield kind, inode


def _told(
    kind: EventKind, keys: list[NamespaceKey], members: Mapping[NamespaceKey, Process], period: Period
) -> Iterator[Event]:
    """An event for each process, of all of its namespaces among these, and one for each that has no process."""
    of_process: dict[int, list[NamespaceKey]] = {}
    snapshot = period.before if kind == "gone" else period.after
    for key in keys:
        process = members.get(key)
        if process is not None:
            of_process.setdefault(process.pid, []).append(key)
        else:
            names = snapshot.namespaces[key].names
            text = f"mounted at {' '.join(names)}" if names else ""
            yield period.event(kind, label(key), text, None, namespaces=(key,), names=names)
    for several in of_process.values():
        process = members[several[0]]
        of = f"{'of' if kind == 'born' else 'last of'} {named(process)}"
        unsure = (
            "" if kind == "born" or all(period.after.sees_all(key[0]) for key in several) else ", as far as is seen"
        )
        subject = label(several[0]) if len(several) == 1 else " ".join(key[0] for key in several)
        yield period.event(
            kind, subject, of + unsure, period.container_of(process),
            pid=process.pid, start=process.start, namespaces=tuple(several), command=process.command,
            names=tuple(name for key in several for name in snapshot.namespaces[key].names),
        )  # fmt: skip


def moves(period: Period) -> Iterator[Event]:
    """A process that goes into a namespace that was there happens to the container whose that is, if it is in none."""
    for ways, now in _ways(period):
        inside = period.after.container_of(now)
        if inside is not None and inside.key not in period.before.containers:
            continue  # a part of the container's start
        moved = _left_for(ways, now)
        there = [key for key in moved if _was_there(key, period)]
        whose = inside or next(filter(None, (container_in(key, period.after) for key in there)), None)
        if there:
            yield _move("joined", now, there, whose, period)
        if len(there) < len(moved) and not _is_new_process(now, period):  # else they were born with it
            yield _move("unshared", now, [key for key in moved if key not in there], inside, period)


def _move(
    kind: EventKind, process: Process, keys: list[NamespaceKey], inside: Container | None, period: Period
) -> Event:
    text = ", ".join(place(key, period.after) for key in keys)
    return period.event(
        kind, named(process), text, inside, pid=process.pid, start=process.start, namespaces=tuple(keys)
    )


def _ways(period: Period) -> Iterator[tuple[list[Namespaces], Process]]:
    """([the namespaces that it was in], a process) of each that may be in others now. A new one was in those of its
    parent, before or after the parent itself went, unless it has lost that one since, or is a copy of it, as programs
    make one for a look into a namespace; of those in a container the way was its runtime's."""
    found = changes(period.before, period.after)
    for old, now in found.moved:
        yield [old.namespaces], now
    for now in found.new:
        parents = [one for s in (period.before, period.after) if (one := s.processes.get(now.ppid)) and one.ppid]
        copied = any(parent.cmdline == now.cmdline for parent in parents)
        if parents and not copied and now.container is None and not is_stage(now):
            yield [parent.namespaces for parent in parents], now


def _left_for(ways: list[Namespaces], now: Process) -> list[NamespaceKey]:
    """The namespaces that a process is in now and was not, of the kinds of which all are known."""
    found: list[NamespaceKey] = []
    for kind in KIND_NAMES:
        inode, known = getattr(now.namespaces, kind), [getattr(was, kind) for was in ways]
        if inode not in known and None not in (inode, *known):
            found.append((kind, inode))
    return found


def _is_new_process(process: Process, period: Period) -> bool:
    old = period.before.processes.get(process.pid)
    return old is None or old.start != process.start


def _was_there(key: NamespaceKey, period: Period) -> bool:
    old, new = period.before.namespaces.get(key), period.after.namespaces.get(key)
    return old is not None and (new is None or not _is_other(old, new))

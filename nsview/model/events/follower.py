"""The events of a host, by its snapshots, exits and net namespaces as they arrive."""

from collections.abc import Hashable, Iterator

from msgspec.structs import replace

from ..kinds import KIND_NAMES
from ..net import Nets
from ..records import Container, Host, NamespaceKey
from ..snapshot import Snapshot
from ..stage import is_stage
from .between import events
from .containers import exit_text, killed
from .nets import net_events
from .record import Ended, Event, event

RESTART = 10.0
"""Seconds within which a container that comes back by the same name, or as the same, has restarted."""


class Follower:
    """The last that a host has said, to be compared with the next. Snapshots that are parts are passed over; after
    another host's, or another user's view, it begins anew."""

    def __init__(self) -> None:
        self._before: Snapshot | None = None
        self._nets: Nets | None = None
        self._ends: dict[str, Ended] = {}
        self._stopped: dict[Hashable, tuple[float, Ended | None]] = {}
        self._outlived: dict[NamespaceKey, Container] = {}  # namespaces, and the last container that was in each
        self._held: dict[str, Event] = {}  # starts, by the key of a container in which a runtime is at work still

    def take(self, said: object) -> tuple[Event, ...]:
        """The events that a snapshot, an exit or a reading of net namespaces tells of; none of anything else."""
        match said:
            case Snapshot(partial=False):
                before, self._before = self._before, said
                if before is not None and _view(before.host) == _view(said.host):
                    return self._between(before, said)
                self._nets, self._ends, self._stopped, self._outlived, self._held = None, {}, {}, {}, {}
            case Ended() if self._before is not None:
                return self._ended(said, self._before)
            case Nets() if self._before is not None:
                nets, self._nets = self._nets, said
                return net_events(nets, said, self._before) if nets is not None else ()
        return ()

    def _ended(self, end: Ended, before: Snapshot) -> tuple[Event, ...]:
        container = before.containers.get(end.container or "")
        if container is not None and container.init_pid == end.pid:
            self._ends[container.key] = end
        return (killed(end, before),) if end.oom else ()

    def _between(self, before: Snapshot, after: Snapshot) -> tuple[Event, ...]:
        found = list(self._released(after))
        for one in events(before, after, self._ends):
            key = one.container or ""
            if one.kind == "stopped":
                if held := self._held.pop(key, None):
                    found.append(replace(held, time=after.taken_at))
                self._note_stop(before.containers[key], after.taken_at)
                self._note_outlived(before.containers[key], before)
            elif one.kind == "gone" and not key and (last := self._outlived.get(one.namespaces[0])):
                one = event(one.time, one.kind, one.subject, one.text, last, namespaces=one.namespaces)
            elif one.kind in ("started", "restarted"):
                one = self._restarted(one, after.containers[key])
                if is_stage(after.init_of(after.containers[key])):
                    self._held[key] = one
                    continue
            found.append(one)
        self._held = {key: held for key, held in self._held.items() if key in after.containers}
        self._outlived = {key: last for key, last in self._outlived.items() if key in after.namespaces}
        return tuple(found)

    def _released(self, after: Snapshot) -> Iterator[Event]:
        """The starts of containers whose own process has begun by now, by their present names if they had none."""
        for key, held in [*self._held.items()]:
            process = after.processes.get(held.pid or 0)
            container = after.containers.get(key) or (after.container_of(process) if process else None)
            first = after.init_of(container)
            if container is None or (is_stage(first) and container.key == key):
                continue  # of one that is gone its stop tells
            del self._held[key]
            if is_stage(first):
                self._held[container.key] = held
                continue
            named = container.name if container.id.startswith(held.subject) else held.subject
            text = held.text or container.image or ""
            of = {"pid": first.pid, "start": first.start} if first else {}
            yield event(after.taken_at, held.kind, named, text, container, **of)

    def _note_stop(self, container: Container, time: float) -> None:
        self._stopped = {name: stop for name, stop in self._stopped.items() if time - stop[0] <= RESTART}
        self._stopped.update(dict.fromkeys(_names(container), (time, self._ends.pop(container.key, None))))

    def _note_outlived(self, container: Container, before: Snapshot) -> None:
        """Note the namespaces of a container that has stopped, as a mount may keep one: dockerd's of the net."""
        first = before.init_of(container)
        for kind in KIND_NAMES:
            inode = getattr(first.namespaces, kind) if first else None
            if inode is not None and not before.is_initial(kind, inode):
                self._outlived[kind, inode] = container

    def _restarted(self, start: Event, container: Container) -> Event:
        """The event of a start, as a restart if the container has stopped just now."""
        self._ends.pop(container.key, None)
        stops = [self._stopped.pop(name, None) for name in _names(container)]
        stop = next((stop for stop in stops if stop is not None), None)
        if stop is None or start.time - stop[0] > RESTART:
            return start
        return replace(start, kind="restarted", text=f"{exit_text(stop[1])}, {start.time - stop[0]:.1f} s before")


def _names(container: Container) -> tuple[Hashable, ...]:
    """The names by which a container is the same as one before."""
    pod = container.pod.label if container.pod else None
    return container.key, (container.runtime, container.whose, pod, container.role, container.name)


def _view(host: Host) -> tuple[Hashable, ...]:
    return host.boot_id, host.name, host.uid, host.hides_processes

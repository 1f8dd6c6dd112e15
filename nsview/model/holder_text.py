"""The holders that keep a namespace alive, in words. Names and paths are as they were found: not yet `safe`."""

from .counts import nprocs
from .records import Holder, Namespace
from .snapshot import Snapshot

_TOLD = 3  # holders that are named


def words(holder: Holder, snapshot: Snapshot) -> str:
    """One holder: "fd 7 of 4711 dockerd"."""
    who = _who(holder.pid, snapshot)
    match holder.kind:
        case "process":
            return who
        case "thread":
            # /proc/PID/task/TID/ns/KIND
            parts = (holder.path or "").split("/")
            return f"thread {parts[4] if len(parts) > 4 else '?'} of {who}"
        case "for_children":
            # /proc/PID/ns/.. or /proc/PID/task/TID/ns/..
            parts = (holder.path or "").split("/")
            return f"{f'thread {parts[4]} of ' if 'task' in parts[3:4] else ''}{who}, for its children"
        case "fd":
            return f"fd {holder.fd} of {who}"
        case "socket":
            return f"fd {holder.fd} ({holder.path}) of {who}" if holder.path else f"socket {holder.fd} of {who}"
        case "child":
            return f"child {holder.path}"
        case "mount" if holder.mnt is not None:
            return f"mount {holder.path} in mnt:[{holder.mnt}]"
        case "mount":
            return f"mount {holder.path}" + (f" as seen by {who}" if holder.pid is not None else "")


def summary(namespace: Namespace, snapshot: Snapshot, *, named: bool = False) -> str:
    """The holders of a namespace without processes, on one line. named: its first mount is already
    shown beside it, and stands for itself in all mount namespaces that have it."""
    holders = namespace.held_by
    if not holders and not nprocs(namespace, snapshot)[1]:
        return "held by what is not visible to you"
    if not holders:
        return "held by nothing that can be seen" if snapshot.search else "holders not yet looked for"
    others = [one for one in holders if not (named and one.kind == "mount" and one.path in namespace.names[:1])]
    said = [*(["that mount"] if len(others) < len(holders) else []), *(words(one, snapshot) for one in others)]
    more = f" and {len(said) - _TOLD} more" if len(said) > _TOLD else ""
    return "held by " + ", ".join(said[:_TOLD]) + more


def _who(pid: int | None, snapshot: Snapshot) -> str:
    process = snapshot.processes.get(pid) if pid is not None else None
    return f"{pid} {process.comm}" if process else f"{pid}"

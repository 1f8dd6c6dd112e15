"""The facts of a container, a namespace and a process, as labels and values: for `inspect` and for the details.

A value is a text, or several lines; not yet `safe`. None if a fact is not known, or there is nothing to say.
"""

import re

from . import condition, counts
from .elsewhere import Elsewhere, typed
from .kinds import KIND
from .label import of_process
from .members import Sharing, containers_of
from .records import Container, Details, Namespace, Process
from .security import SECCOMP
from .snapshot import Snapshot
from .text import count

Fact = tuple[str, str | tuple[str, ...] | None]
"""(label, value)"""


def container(of: Container) -> list[Fact]:
    pod = of.pod
    return [
        ("name", of.name),
        ("id", of.id),
        ("runtime", of.runtime + (f", {of.engine_namespace}" if of.engine_namespace else "")),
        ("image", of.image),
        ("pod", f"{pod.label} ({of.role})" if pod else None),
        ("init pid", str(of.init_pid) if of.init_pid else None),
        ("shim pid", str(of.shim_pid) if of.shim_pid else None),
        *condition.facts(of),
        ("whose", of.whose or None),
        ("known by", tuple(of.witness.split("; "))),
    ]


def namespace(of: Namespace, snapshot: Snapshot) -> list[Fact]:
    pids = snapshot.members(of.type).get(of.inode, ())
    oldest = min((snapshot.processes[pid] for pid in pids), key=lambda p: (p.start, p.pid), default=None)
    known = of.initial or containers_of(snapshot, pids)
    return [
        ("isolates", KIND[of.type].isolates),
        ("processes", counts.number(*counts.nprocs(of, snapshot))),
        ("oldest", f"{oldest.pid} {oldest.command}" if oldest else None),
        ("label", of_process(oldest, snapshot) if oldest and not known else None),
        ("owner", _related(of, "owner", "user", of.owner)),
        ("parent", _related(of, "parent", of.type, of.parent)),
        ("made by", f"uid {of.owner_uid}" if of.owner_uid is not None else None),
        ("kernel id", str(of.id) if of.id is not None else None),
        ("mounted at", of.names or None),
    ]


def by_hand(of: Namespace, oldest: Process | None, snapshot: Snapshot, elsewhere: Elsewhere | None = None) -> str:
    """A command that shows a namespace without nsview: by the oldest process in it, else by the first mount of it. Of
    one without either, the reason that there is no command. elsewhere: its host, None for this machine."""
    kind = KIND[of.type]
    if oldest:
        return typed(tuple(kind.by_hand.replace("PID", str(oldest.pid)).split()), elsewhere)
    if of.names:
        command = re.sub(r"^nsenter -t PID -\w ", "", kind.by_hand).replace("PID", "self")
        return typed(("nsenter", f"{kind.option}={of.names[0]}", *command.split()), elsewhere)
    return "no process is in it" if snapshot.sees_all(of.type) else counts.processes(0, sure=False)


def _related(of: Namespace, field: str, kind: str, inode: int | None) -> str | None:
    if inode is not None:
        return f"{kind}:[{inode}]"
    return "out of view" if field in of.out_of_view else None


def process(of: Process) -> list[Fact]:
    inside = f" here, {' → '.join(map(str, of.nspid[1:]))} inside" if len(of.nspid) > 1 else ""
    return [("pid", f"{of.pid}{inside}"), ("user", of.users_told), ("command", of.command)]


def more(of: Process, container: Container | None, details: Details | None = None) -> list[Fact]:
    """The further facts of a process. details: read on request."""
    frozen = details is not None and details.frozen and of.state == "D"
    found: list[Fact] = [
        ("state", "paused" if frozen else condition.state(of, container)),
        ("cgroup", of.cgroup or None),
    ]
    if details:
        identity = details.identity
        found += [
            ("exe", details.exe),
            ("cwd", details.cwd),
            ("root", details.root if details.root != "/" else None),
            ("threads", str(details.threads) if details.threads > 1 else None),
            ("frozen", "yes: it cannot be entered before it is thawed" if details.frozen else None),
            ("seccomp", SECCOMP[min(details.seccomp, 2)]),
        ]
        if identity:
            found += [
                ("no new privs", "yes" if identity.no_new_privs else "no"),
                ("capabilities", f"{identity.capabilities.effective:016x}"),
                ("shells", ", ".join(details.shells) or "none inside"),
            ]
    return found


def who_else(shared: Sharing, process: Process) -> str:
    """The other members of a process's namespace, in words."""
    if shared.inode is None:
        return f"not readable ({process.unreadable})" if process.unreadable else "not known to this kernel"
    if shared.initial:
        return "the host"
    others = [container.name for container in shared.containers if container.key != process.container]
    if others:
        return ", ".join(others)
    if process.container and shared.containers:
        return "this container only" if shared.sure else "no other container seen"
    if shared.nprocs > 1:
        return ("" if shared.sure else "≥ ") + count(shared.nprocs - 1, "other")
    return "nobody else" if shared.sure else "nobody else seen"

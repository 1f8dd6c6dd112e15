"""`nsview enter`: from the words of a command line to a command in the namespaces that the words mean.

This process itself reads the facts, by the agent's own functions, and supervises the command: an agent and a helper of
its own would start too slowly (docs/design.md). Only a word that is neither a number, a path nor a container's name is
looked up in a snapshot.
"""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

from nsview import linux
from nsview.agent import procfs
from nsview.linux import CLONE_NEW
from nsview.record import Record, builtins

from .join import failure, plan, steps, target
from .join.failure import GONE, USAGE, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from nsview.agent.protocol import Container, Process

    from .join.accounts import Account

_TRIES = 3


class Chosen(Record):
    """The thing to enter. process: to follow into it, None for a namespace without a process. word: the name of the
    thing for `nsview enter`. pin: the namespace that was named, container: the name of the container that was; None
    otherwise."""

    process: target.Followed | None
    word: str
    pin: steps.Pin | None = None
    container: str | None = None


def run(options: Any) -> int:
    """Enter as the options ask and return the exit code. A refusal is one line on stderr."""
    try:
        return _run(options)
    except Failure as refused:
        print(f"nsview: {failure.printable(refused.text)}", file=sys.stderr)
        return refused.code
    except KeyboardInterrupt:
        return 130


def _run(options: Any) -> int:
    from nsview.agent import hostfiles

    as_root = failure.sudo(options.given, there=bool(options.where or options.via)) if os.geteuid() else ""
    failure.as_root(as_root and f"as root: {as_root}")
    hostfiles.host()  # before anything is compared with the namespaces that this process is in
    for attempt in range(_TRIES):
        try:
            chosen = choose(options.target, options.start, options.thread)
            if container := getattr(options, "container", None):
                chosen = chosen.changed(container=container)
            if chosen.pin and options.inode not in (None, chosen.pin.inode):
                raise Failure(GONE, f"{options.target} is another namespace by now, {chosen.pin.label}: choose again")
            made, namespaces, config = _planned(options, chosen)
            if made.refusal and made.refusal.code == GONE and not options.dry_run:
                raise Failure(GONE, made.refusal.text)
            break
        except Failure as gone:
            # Another process of a namespace or container can be followed; a process that was named itself is gone.
            if gone.code != GONE or options.target.isdecimal() or attempt + 1 == _TRIES:
                raise
    if options.dry_run:
        print(plan.describe(made))
        return 0
    if made.refusal:
        raise Failure(made.refusal.code, made.refusal.text)
    if not options.cmd and not sys.stdin.isatty():
        raise Failure(USAGE, "a shell needs a terminal; give a command after --")
    if sys.stderr.isatty():
        for warning in made.warnings:
            print(f"nsview: note: {failure.printable(warning)}", file=sys.stderr)
        usual = chosen.container or chosen.word if options.start is None else None  # the explorer has said so
        if not options.cmd and (called := getattr(options, "called", usual)):
            print(f"nsview: {plan.banner(made, called)}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    return _carry_out(made, chosen, namespaces, config)


def sent(given: dict[str, Any]) -> NoReturn:
    """Enter with these options, and exit: on a host to which these modules were sent. container: the name of the one
    that was looked up before, None if no container was named. called: the name for the banner, None for none."""
    if not os.isatty(0):  # else the terminal is taken away if the link breaks
        linux.prctl(linux.PR_SET_PDEATHSIG, 1)  # SIGHUP
    code = run(SimpleNamespace(**given))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


# The thing to enter


def choose(word: str, start: int | None = None, thread: int | None = None) -> Chosen:
    """The thing that a word means; a process is held open. Raises Failure if there is none."""
    if leader := procfs.thread_group(word):
        other = int(word) if leader != int(word) else thread or 0
        return Chosen(target.Followed(leader, start, other), word)
    if word.startswith(("/", "./")):
        return _by_path(word)
    if word.isdecimal():
        return _by_snapshot(word)  # an inode, a port or the name of a container: the resolver weighs them
    return _by_container(word) or _by_snapshot(word)


def _by_path(word: str) -> Chosen:
    """The namespace that a path leads to, and the process to follow: a /proc path's own, else the oldest member."""
    path = target.spelled(word)
    fd = target.open_path(word)
    kind, device, inode, id = target.identity(fd)
    os.close(fd)
    _, _, rest = path.partition("/proc/")
    number = rest.split("/", 1)[0] if path.startswith("/proc/") else ""
    way = steps.Way("mount", path)
    followed = None
    if number.isdecimal():
        parts = rest.split("/")
        thread = int(parts[2]) if parts[1:2] == ["task"] and parts[2].isdecimal() else 0
        followed = target.Followed(int(number), None, thread)
        way = steps.Way("process", path, followed.pid, followed.start)
    pin = steps.Pin(kind, CLONE_NEW[kind], device, inode, id, (way,))
    if followed is None or not _is_in(followed, pin):
        followed = _oldest_in(pin)
    return Chosen(followed, path, pin)


def _is_in(followed: target.Followed, pin: steps.Pin) -> bool:
    try:
        found = os.stat(f"ns/{pin.kind}", dir_fd=followed.directory)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (pin.device, pin.inode)


def _oldest_in(pin: steps.Pin) -> target.Followed | None:
    """The oldest process in a namespace, which is the least likely to exit soon. None if no process is in it."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            inside = os.stat(f"/proc/{name}/ns/{pin.kind}")
            if (inside.st_dev, inside.st_ino) == (pin.device, pin.inode):
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = linux.stat_fields(stat.read())
                if not int(fields[6]) & linux.PF_KTHREAD:
                    found.append((int(fields[19]), int(name)))
        except OSError:
            continue
    for start, pid in sorted(found):
        try:
            return target.Followed(pid, start)
        except Failure:
            continue
    return None


def _by_container(word: str) -> Chosen | None:
    """The container of the host's own engines with this name, id or key. None if there is none, or more than one, or
    a mounted namespace has the name too.

    `model.target.resolve` decides the other cases; the usual one needs no import of the snapshot's modules.
    """
    from nsview.agent.scan import Scanner

    look = Scanner().look()
    named = [c for c in look["containers"] if word in (c["key"], c["name"], c["id"])]
    own = [c for c in named if not c["outer"] and c["uid"] in (0, os.geteuid())]
    mounted = any(path.rpartition("/")[2] == word for record in look["namespaces"].values() for path in record["names"])
    if len(own) != 1 or mounted:
        return None
    pid = _first_of(own[0], look["processes"])
    return Chosen(target.Followed(pid, look["processes"][pid]["start"]), str(pid), container=own[0]["name"])


def _first_of(container: Container, processes: dict[int, Process]) -> int:
    """The pid to follow into a container: its first process, else the oldest alive. Raises Failure if none is."""
    pids = [container["init_pid"] or 0, *container["pids"]]
    living = [pid for pid in pids if pid in processes and len(processes[pid]["namespaces"]) > 2]
    if not living:
        raise ended(container["name"], container["state"])
    return living[0]


def ended(name: str, state: str | None) -> Failure:
    """The refusal of a container without a process."""
    words = "has stopped, and its runtime has not cleared it away: nothing is left to join"
    if state == "restarting":
        words = "is restarting, and has no process now: try again when it runs"
    return Failure(GONE, f"container {failure.printable(name)} {words}")


def _by_snapshot(word: str) -> Chosen:
    """The thing that a snapshot's resolver takes a word for."""
    try:
        from . import lookup
    except ImportError:  # sent to another host, and the target was looked up before
        raise Failure(GONE, f"{word} is gone: choose again") from None

    snapshot, found = lookup.meant_to_enter(word)
    process, namespace = found.process, found.namespace
    container = found.container if isinstance(found.thing, str) else None
    if container and (process is None or process.ended):
        raise ended(container.name, container.state)
    followed = target.Followed(process.pid, process.start, found.thread or 0) if process else None
    if namespace is None:
        assert process is not None and followed is not None
        if container and container.whose and container.uid != os.geteuid():
            lookup.say((f"note: {container.name} is a container {container.whose}",))
        return Chosen(followed, str(process.pid), container=container.name if container else None)
    starts = {pid: record.start for pid, record in snapshot.processes.items()}
    ways = plan.ways_of(namespace, starts)
    if process and followed:
        ways = (plan.way_of(process, namespace.type, followed.thread), *ways)
    return Chosen(followed, f"{namespace.type}:{namespace.inode}", plan.pin(namespace, ways))


# The plan


def _planned(options: Any, chosen: Chosen) -> tuple[plan.Plan, dict[str, int], Any]:
    """(plan, {kind: fd} of the namespaces to join, the container's configuration)."""
    own = {kind: _inode(f"/proc/self/ns/{kind}") for kind in CLONE_NEW}
    host: Any = SimpleNamespace(namespaces=SimpleNamespace(**own), privileged=os.geteuid() == 0)
    kinds, command, environment = tuple(options.kinds or ()), tuple(options.cmd), tuple(options.env)
    choice = plan.Choice(
        kinds, command, options.host_privileges, options.toolbox, None, options.cwd, environment,
        elsewhere=("-H", options.where) if options.where else ("--via", options.via) if options.via else (),
    )  # fmt: skip
    followed = chosen.process
    if followed is None:
        assert chosen.pin is not None
        if options.account:
            raise Failure(USAGE, "no process is in it, so there is no /etc/passwd to go by: leave out -u")
        _compare(options.pin, {chosen.pin.kind: chosen.pin}, chosen.word)
        made = plan.plan_for_namespace(chosen.pin, chosen.word, host, choice)
        return made, {} if made.refusal else target.opened(map(builtins, (chosen.pin,)), None), None
    open_now = followed.namespaces()
    pins: dict[Any, steps.Pin] = {}
    for kind, fd in open_now.items():
        _, device, inode, id = target.identity(fd)
        pins[kind] = steps.Pin(kind, CLONE_NEW[kind], device, inode, id)
    if chosen.pin:
        pins[chosen.pin.kind] = chosen.pin
    _compare(options.pin, pins, chosen.word)
    process: Any = _process(followed, {kind: pin.inode for kind, pin in pins.items()})
    details, config = _details(followed)
    if options.account:
        choice = choice.changed(account=_account(followed, options.account))
    if options.all or not kinds:
        differing = (*plan.choice_for(process, host), *plan.unknown_kinds(process, host))
        preset = differing if options.all or not chosen.pin else (chosen.pin.kind,)
        named = (*kinds, "all") if options.all else kinds
        chosen_kinds = tuple(kind for kind in CLONE_NEW if kind in {*preset, *kinds})
        choice = choice.changed(kinds=chosen_kinds, named=named)
    made = plan.plan(process, details, host, choice, pins, thread=followed.thread, container=chosen.container)
    if not made.refusal and chosen.pin and chosen.pin.kind in made.kinds:
        open_now.update(target.opened(map(builtins, (chosen.pin,)), followed))
    return made, {kind: fd for kind, fd in open_now.items() if kind in made.kinds}, config


def _compare(wanted: list[str], pins: dict[Any, steps.Pin], word: str) -> None:
    """Raises Failure if a namespace is not the one of `wanted`, each KIND:INODE. word: for the message."""
    for text in wanted:
        kind, _, inode = text.partition(":")
        if kind not in pins or str(pins[kind].inode) != inode:
            raise Failure(GONE, f"{word} is not in {kind}:[{inode}] any more: choose again")


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def _process(followed: target.Followed, inodes: dict[str, int]) -> SimpleNamespace:
    """The fields of a process that a plan needs. inodes: {kind: inode} of its namespaces."""
    fields = linux.stat_fields(followed.read("stat"))
    unreadable = None
    if not inodes:
        try:
            os.readlink("ns/mnt", dir_fd=followed.directory)
        except OSError as error:
            unreadable = os.strerror(error.errno or 0)
    return SimpleNamespace(
        pid=followed.pid,
        start=followed.start,
        state=fields[0].decode(),
        kthread=bool(int(fields[6]) & linux.PF_KTHREAD),
        unreadable=unreadable,
        namespaces=SimpleNamespace(**{kind: inodes.get(kind) for kind in CLONE_NEW}),
    )


def _details(followed: target.Followed) -> tuple[Any, Any]:
    """(details of a process, the content of its container's configuration or None). Raises Failure if it is gone."""
    from nsview.agent import details

    found, config = details.read(followed.pid, followed.start, followed.thread)
    if found is None:
        raise followed.gone
    return _record(found), config


def _record(value: Any) -> Any:
    """A dict of the agent's with the fields as attributes; maps by name stay dicts."""
    if not isinstance(value, dict):
        return value
    return SimpleNamespace(**{name: field if name == "rlimits" else _record(field) for name, field in value.items()})


def _account(followed: target.Followed, asked: str) -> Account:
    from .join import accounts

    return accounts.of_process(followed.pid, followed.start, asked)


# Carrying out


def _carry_out(made: plan.Plan, chosen: Chosen, namespaces: dict[str, int], config: Any) -> int:
    """Supervise the command and return its exit code. On a terminal a child supervises, and this process restores the
    terminal however the child exits."""
    from .join.supervisor import carry_out

    made_steps = builtins(made.steps)
    if not any(map(_is_terminal, (0, 1, 2))):
        return carry_out(made_steps, chosen.process, namespaces, config)
    from .join.run import guarded

    return guarded(lambda: carry_out(made_steps, chosen.process, namespaces, config))


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False

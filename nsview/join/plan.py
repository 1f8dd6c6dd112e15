"""Plans, pure: from a process, its details and the user's choice to the steps that lead inside.

A plan says in advance what will look odd inside (`warnings`) and why it cannot work (`refusal`). Nothing here touches
the system; the supervisor checks again all facts that may have changed by then. Processes, details and hosts are the
model's records, or others with the same fields.
"""

from __future__ import annotations

from nsview.linux import CLONE_NEW
from nsview.model.text import safe
from nsview.record import Record

from . import failure, steps
from .failure import FAILED, GONE, USAGE
from .failure import NOT_PERMITTED as NOT_PERMITTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nsview.model.kinds import KindName
    from nsview.model.records import Details, Host, Identity, Namespace, Process
    from nsview.model.snapshot import Snapshot

    from .accounts import Account

HOST_SHELLS = (("/bin/bash",), ("/bin/sh",))

# Harmless to hold, rarely given to a container: WAKE_ALARM, BLOCK_SUSPEND, LEASE, AUDIT_READ (capabilities(7)).
_GUARDS = (35, 36, 28, 37)
_SYS_PTRACE = 1 << 19
_KINDS: tuple[KindName, ...] = tuple(CLONE_NEW)  # type: ignore[arg-type]  # the same names
_OPTION = {"mnt": "--mount"}  # nsenter's long options that are not the kind's name


class Choice(Record):
    """A request to enter. kinds: to join; command: empty for a shell; host_privileges: keep the caller's.

    toolbox: the command is an applet of the host's static busybox. account: the user to become instead of the
    process's own. cwd: the working directory, environment: NAME=value, both instead of the process's. named: the kinds
    as they were asked for, None if one by one. elsewhere: the options that name the host, none for this one.
    """

    kinds: tuple[KindName, ...]
    command: tuple[str, ...] = ()
    host_privileges: bool = False
    toolbox: bool = False
    account: Account | None = None
    cwd: str | None = None
    environment: tuple[str, ...] = ()
    named: tuple[str, ...] | None = None
    elsewhere: tuple[str, ...] = ()


class Refusal(Record):
    """The reason not to try a plan, with the remedy. code: the exit code of the command line."""

    text: str
    code: int


class Plan(Record):
    """The steps of the helper, in order.

    kinds: to join, without those already shared. inside: the command sees the container's files, not the host's.
    command: argv, or the first candidate for a shell. nsenter: the nearest command line without nsview, empty if only
    the toolbox has the command. path: a name of the namespace to join if there is no process to follow (pid and start
    are 0 then), else None.
    """

    pid: int
    start: int
    kinds: tuple[KindName, ...]
    steps: tuple[steps.Step, ...]
    warnings: tuple[str, ...]
    command: tuple[str, ...]
    nsenter: tuple[str, ...]
    inside: bool
    host_privileges: bool
    asked: Choice
    refusal: Refusal | None = None
    path: str | None = None


class _Who(Record):
    """The ids and capabilities that a command is given. host_numbers: the ids are as the host numbers them."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    sets: steps.Sets
    host_numbers: bool


def choice_for(process: Process, host: Host, namespace: Namespace | None = None) -> tuple[KindName, ...]:
    """The kinds to join by default: the chosen namespace's, else all in which the process differs from nsview."""
    if namespace:
        return (namespace.type,)
    own = host.namespaces
    return tuple(
        kind
        for kind in _KINDS
        if (inode := getattr(process.namespaces, kind)) is not None and inode != getattr(own, kind)
    )


def unknown_kinds(process: Process, host: Host) -> tuple[KindName, ...]:
    """The kinds of namespace that this kernel has and whose namespace of the process could not be read."""
    return tuple(
        kind for kind in _KINDS if getattr(process.namespaces, kind) is None and getattr(host.namespaces, kind)
    )


def pin(namespace: Namespace, ways: tuple[steps.Way, ...] = ()) -> steps.Pin:
    """The identity of a namespace of a snapshot."""
    return steps.Pin(namespace.type, CLONE_NEW[namespace.type], namespace.device, namespace.inode, namespace.id, ways)


def pins_of(snapshot: Snapshot, process: Process) -> dict[KindName, steps.Pin]:
    """{kind: identity} of the namespaces that a process of a snapshot was in, as far as they could be read."""
    keys = ((kind, getattr(process.namespaces, kind)) for kind in _KINDS)
    return {key[0]: pin(namespace) for key in keys if (namespace := snapshot.namespaces.get(key))}


def way_of(process: Process, kind: KindName, thread: int = 0) -> steps.Way:
    """The way to a namespace through a member process, or a thread of the process."""
    task = f"task/{thread}/" if thread else ""
    return steps.Way("process", f"/proc/{process.pid}/{task}ns/{kind}", process.pid, process.start)


def ways_of(namespace: Namespace, starts: Mapping[int, int]) -> tuple[steps.Way, ...]:
    """The ways to a namespace through its mounts and holders, the surest first. starts: {pid: start time}."""
    own = [steps.Way("mount", path) for path in namespace.names]
    held = [
        steps.Way(
            holder.kind, holder.path or f"/proc/{holder.pid}/fd/{holder.fd}", holder.pid or 0,
            starts.get(holder.pid or 0, 0), -1 if holder.fd is None else holder.fd,
        )
        for holder in namespace.held_by
        if holder.kind not in ("child", "process")
        and holder.mnt is None
        and (holder.pid is None or holder.pid in starts)
    ]  # fmt: skip
    return tuple(dict.fromkeys((*own, *sorted(held, key=lambda way: _SUREST.index(way.kind)))))


def path_of(ways: Iterable[steps.Way]) -> str | None:
    """The path by which another process can open a namespace, None if none of these ways has one."""
    seen = ("fd", "thread", "for_children")
    return next((way.path for way in ways if way.kind in seen or (way.kind == "mount" and not way.pid)), None)


_SUREST = ("mount", "fd", "socket", "thread", "for_children")


def plan(
    process: Process,
    details: Details,
    host: Host,
    choice: Choice,
    pins: Mapping[KindName, steps.Pin],
    *,
    thread: int = 0,
    container: str | None = None,
) -> Plan:
    """The plan for one process, with a `refusal` if it cannot work and `warnings` about what will look odd inside.

    pins: the namespaces that the process is in, as far as they could be read. thread: the one to follow, 0 for the
    first. container: the name of the container that was asked for, None if a process was.
    """
    asked = tuple(kind for kind in _KINDS if kind in choice.kinds)
    differing = tuple(kind for kind in _KINDS if kind in pins and pins[kind].inode != getattr(host.namespaces, kind))
    kinds = tuple(kind for kind in asked if kind in differing)
    nothing_to_join = not kinds
    who = None if choice.host_privileges else _who(details, choice.account)
    # Ids and capabilities of another user namespace mean nothing, or too much, outside of it.
    follows_user = not choice.host_privileges and "user" in differing and "user" not in kinds
    if follows_user:
        kinds = tuple(kind for kind in _KINDS if kind in kinds or kind == "user")
    chrooted = details.root not in (None, "/")
    inside = "mnt" in kinds or ("mnt" in asked and chrooted)
    candidates = _candidates(details, choice, inside)
    # The container's processes see ours if the container's pid namespace is ours or is joined.
    seen = not inside and ("pid" in kinds or "pid" not in differing)
    # In a joined user namespace the kernel seldom lets a proc be mounted: files hidden by mounts over the host's own
    # /proc would come to light (mount_too_revealing).
    proc = not inside and "pid" in kinds and "user" not in kinds and host.privileged
    before = steps.CheckIdentity(process.pid, process.start, thread)
    joined = tuple(pins[kind] for kind in kinds)
    within = tuple(_within(details, choice, who, joined, inside, seen, proc, host.privileged))
    refusal = _refusal(process, details, host, choice, kinds, thread) or _unknown(process, details, host, choice, pins)
    if container is not None and nothing_to_join:
        refusal = refusal or Refusal(
            f"{safe(container)} is in nsview's own namespaces as far as {', '.join(asked) or 'all kinds'} goes: there "
            f"is nothing to join, and the command would run on this host; "
            f"`{_as_typed(('nsview', 'inspect', str(process.pid), *choice.elsewhere))}` shows it",
            NOT_PERMITTED,
        )
    return Plan(
        pid=process.pid,
        start=process.start,
        kinds=kinds,
        steps=(before, *_outside(details, choice), *within, steps.Execute(candidates, choice.toolbox)),
        warnings=tuple(_warnings(details, choice, asked, kinds, differing, inside, seen, proc, follows_user)),
        command=candidates[0],
        nsenter=()
        if inside and (choice.toolbox or not (choice.command or details.shells))
        else _nsenter(process, details, choice, kinds, inside and chrooted, candidates[0]),
        inside=inside,
        host_privileges=choice.host_privileges,
        asked=choice,
        refusal=refusal,
    )


def plan_for_namespace(pin: steps.Pin, name: str, host: Host, choice: Choice) -> Plan:
    """The plan for a namespace without a process to follow, through the ways of the namespace's pin.

    User, capabilities, cgroup and environment are the caller's, for no process is there to take them from. name: a
    word for the namespace that `nsview enter` takes.
    """
    kind = pin.kind
    inside = kind == "mnt"
    candidates = _candidates(None, choice, inside)
    made: list[steps.Step] = [steps.JoinNamespaces((pin,))]
    if kind == "user":
        made = [steps.SetGroups(()), *made, steps.SetIds(0, 0, None, False)]
    if inside or choice.cwd or kind == "user":
        made.append(steps.ChangeDirectory(choice.cwd or "/", choice.cwd is not None))
    made.append(steps.SetEnvironment("host", asked=choice.environment))
    if kind in ("pid", "time"):
        made.append(steps.Fork())
    made += [steps.NewSession(), steps.Execute(candidates, choice.toolbox)]
    warnings = ["no process is in it whose privileges could be taken: the command keeps all those of this user"]
    if kind == "net":
        warnings.append("net without mnt: /sys still lists the host's network devices; ip and ss show the namespace's")
    refusal = None
    if choice.account:
        refusal = Refusal("no process is in it, so there is no /etc/passwd to go by: leave out -u", USAGE)
    elif other := next((wanted for wanted in choice.kinds if wanted != kind), None):
        refusal = Refusal(f"{name} is of kind {kind}, and no process is in it: leave out --{other}", USAGE)
    elif not host.privileged:
        refusal = Refusal(f"joining {kind} needs CAP_SYS_ADMIN; {_as_root(name, choice)}", NOT_PERMITTED)
    elif not pin.ways:
        refusal = Refusal(f"nothing that could be opened leads to {pin.label}: {_no_way(kind, choice)}", GONE)
    way = pin.ways[0].path if pin.ways else f"/proc/PID/ns/{kind}"
    return Plan(
        pid=0,
        start=0,
        kinds=(kind,),  # type: ignore[arg-type]
        steps=tuple(made),
        warnings=tuple(warnings),
        command=candidates[0],
        nsenter=("nsenter", f"{_OPTION.get(kind, '--' + kind)}={way}", "--", *candidates[0]),
        inside=inside,
        host_privileges=True,
        asked=choice,
        refusal=refusal or _unspeakable(choice),
        path=name,
    )


def _no_way(kind: str, choice: Choice) -> str:
    words = ("nsview", "list", "--type", kind, "--holders", *choice.elsewhere)
    return f"`{_as_typed(words)}` shows what keeps each alive"


def shell_command(plan: Plan) -> tuple[str, ...]:
    """The argv of the `nsview enter` that carries out this plan, for a person or another terminal window."""
    return _command_line(plan.path or str(plan.pid), plan.asked)


def toolbox_command(plan: Plan) -> tuple[str, ...]:
    """The argv of the `nsview enter` of this plan with a toolbox, which stands where nsenter would find no command."""
    argv = shell_command(plan)
    return argv if plan.asked.toolbox else (*argv, "--toolbox")


def pinned_command(plan: Plan) -> tuple[str, ...]:
    """The argv of `shell_command` with pins, for a process that plans anew: refuses if the process or a namespace is
    another by then."""
    argv = shell_command(plan)
    joined = [pin for step in plan.steps if isinstance(step, steps.JoinNamespaces) for pin in step.namespaces]
    pins = [f"--pin={pin.kind}:{pin.inode}" for pin in joined]
    start = [f"--start={plan.start}"] if plan.pid else []
    return (*argv[:3], *start, *pins, *argv[3:])


def _command_line(target: str, choice: Choice) -> tuple[str, ...]:
    named = choice.kinds if choice.named is None else choice.named
    argv = ["nsview", "enter", target, *choice.elsewhere, *(f"--{kind}" for kind in (*_KINDS, "all") if kind in named)]
    if choice.host_privileges:
        argv.append("--host-privileges")
    if choice.toolbox:
        argv.append("--toolbox")
    if choice.account:
        argv.append(f"--as={choice.account.asked}")
    if choice.cwd is not None:
        argv.append(f"--cwd={choice.cwd}")
    argv += [f"--env={variable}" for variable in choice.environment]
    return (*argv, "--", *choice.command) if choice.command else tuple(argv)


def describe(plan: Plan) -> str:
    """The plan as lines of text, safe for a terminal: steps, warnings, the nsenter command."""
    lines = [f"{number:2}. {safe(step.text)}" for number, step in enumerate(plan.steps, 1)]
    lines += [f"note: {safe(warning)}" for warning in plan.warnings]
    there = " there" if plan.asked.elsewhere else ""
    if plan.nsenter:
        lines.append(f"by hand{there}: {safe(_as_typed(plan.nsenter))}")
    else:
        lines.append(f"with a toolbox: {safe(_as_typed(toolbox_command(plan)))}")
    if plan.refusal:
        lines.append(f"refused: {safe(plan.refusal.text)}")
    return "\n".join(lines)


def banner(plan: Plan, name: str) -> str:
    """The place and the rights of a shell, in one line, safe for a terminal. name: of the thing that is entered."""
    place = (
        safe(name) if plan.inside else f"{', '.join(plan.kinds) or 'nothing'} of {safe(name)}, with the host's files"
    )
    ids = next((step for step in plan.steps if isinstance(step, steps.SetIds)), None)
    account = plan.asked.account
    if plan.host_privileges or ids is None:
        who = "with all of this user's privileges"
    else:
        who = f"as {safe(account.asked) if account else f'uid {ids.uid}' if ids.uid else 'root'}"
    return f"in {place} {who}; exit returns"


def _who(details: Details, account: Account | None) -> _Who | None:
    """The ids and capabilities of the command, None if those of the process could not be read.

    An account gets the capabilities that docker and podman give: an ordinary user none, root the bounding set.
    """
    identity = details.identity
    if identity is None:
        return None
    has = identity.capabilities
    sets = steps.Sets(has.effective, has.permitted, has.inheritable, has.bounding, has.ambient)
    if account is None:
        return _Who(identity.uid, identity.gid, tuple(identity.groups), sets, identity.source == "status")
    held = 0 if account.uid else sets.bounding
    groups = tuple(dict.fromkeys((account.gid, *account.groups)))
    return _Who(account.uid, account.gid, groups, steps.Sets(held, held, 0, sets.bounding, 0), False)


def _candidates(details: Details | None, choice: Choice, inside: bool) -> tuple[tuple[str, ...], ...]:
    if choice.command:
        return (choice.command,)
    if choice.toolbox:
        return (("sh",),)
    if inside and details:
        return tuple((shell,) for shell in details.shells) or (("/bin/sh",),)
    return HOST_SHELLS


def _outside(details: Details, choice: Choice) -> Iterable[steps.Step]:
    """The steps that need the host's files or power, before anything is joined."""
    identity = None if choice.host_privileges else details.identity
    if identity is None:
        return
    if cgroups := tuple(_cgroups(details.cgroup_lines)):
        yield steps.JoinCgroups(cgroups)
    if identity.oom_score_adj is not None:
        yield steps.SetOomScore(identity.oom_score_adj)
    if identity.rlimits:
        yield steps.SetLimits({name: (limit[0], limit[1]) for name, limit in _items(identity.rlimits)})


def _within(
    details: Details,
    choice: Choice,
    who: _Who | None,
    joined: tuple[steps.Pin, ...],
    inside: bool,
    seen: bool,
    proc: bool,
    privileged: bool,
) -> Iterable[steps.Step]:
    """The steps from joining up to the exec. Power is given up before the fork that makes the command visible inside,
    unless a /proc has to be mounted first; a filter, which the container may have written, comes last. The owner of a
    user namespace can look into the command by /proc/PID/cwd, where root's own working directory is not to be."""
    kinds = {pin.kind for pin in joined}
    forks = "pid" in kinds or "time" in kinds
    denied = details.setgroups_denied and "user" in kinds
    if denied:
        yield steps.SetGroups(who.groups if who and who.host_numbers else ())
    if joined:
        yield steps.JoinNamespaces(joined)
    if proc:
        yield from (steps.Fork(), steps.MountProc())
    if inside:
        yield steps.ChangeRoot(details.root or "/")
    identity = details.identity if who else None
    if details.label and inside and who:  # the container's label is not made for the host's tools
        yield steps.SetLabel(details.label.module, details.label.text)
    if identity and identity.umask is not None:
        yield steps.SetUmask(identity.umask)
    if who:
        yield steps.SetIds(who.uid, who.gid, None if denied else who.groups, who.host_numbers)
        yield steps.SetCapabilities(who.sets, _guards(who.sets.bounding) if seen else ())
    elif "user" in kinds:
        # As nsenter does: become the user namespace's own root, with all capabilities there.
        yield steps.SetIds(0, 0, None if denied else (), False)
    if identity and identity.no_new_privs:
        yield steps.SetNoNewPrivs()
    if inside or choice.cwd or ("user" in kinds and privileged):
        path = choice.cwd or (_directory(details, choice) if inside else "/")
        yield steps.ChangeDirectory(path, choice.cwd is not None)
    yield _environment(details, choice, inside)
    if forks and not proc:
        yield steps.Fork()
    yield steps.NewSession()
    if who and details.filtered:
        yield steps.PutOnFilters(details.config, details.runtime, details.own_filters)
    elif who and details.own_filters:
        yield steps.PutOnFilters()


def _environment(details: Details, choice: Choice, inside: bool) -> steps.SetEnvironment:
    if not inside:
        return steps.SetEnvironment("host", asked=choice.environment)
    home = (choice.account.home if choice.account else details.home) or "/"  # as runc does for an unknown user
    if details.identity and details.identity.environment is not None:
        return steps.SetEnvironment("given", tuple(details.identity.environment), home, choice.environment)
    return steps.SetEnvironment("target", (), home, choice.environment)


def _items(fields: object) -> Iterable[tuple[str, tuple[int, int]]]:
    """The items of a dict, or of a record made from a dict."""
    return (fields if isinstance(fields, dict) else vars(fields)).items()


def _directory(details: Details, choice: Choice) -> str:
    """The working directory as a path below the root that is entered; the links in /proc show paths from outside."""
    identity = details.identity
    if choice.host_privileges or identity is None:
        return "/"
    cwd, root = identity.cwd, (details.root or "/").rstrip("/")
    if identity.source == "config.json" or not (cwd + "/").startswith(root + "/"):
        return cwd
    return cwd[len(root) :] or "/"


def _guards(bounding: int) -> tuple[int, ...]:
    return tuple(guard for guard in _GUARDS if not bounding & 1 << guard)


def _cgroups(lines: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    """(controllers, path) from lines like `4:memory:/docker/ID`; the controllers of v2 are "" (cgroups(7))."""
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator:
            yield controllers, path


def _warnings(
    details: Details,
    choice: Choice,
    asked: tuple[KindName, ...],
    kinds: tuple[KindName, ...],
    differing: tuple[KindName, ...],
    inside: bool,
    seen: bool,
    proc: bool,
    follows_user: bool,
) -> Iterable[str]:
    identity = details.identity
    shared = [kind for kind in asked if kind not in differing]
    if not asked and not differing and not details.unreadable:
        yield "nothing is joined: the process is in the same namespaces as nsview"
    if shared:
        yield f"already shared with nsview, so there is nothing to join: {', '.join(shared)}"
    if "mnt" in kinds and "pid" not in kinds and "pid" in differing:
        yield "mnt without pid: /proc shows the container's processes, and /proc/self leads nowhere"
    if "pid" in kinds and not inside and not proc:
        yield "pid without mnt: /proc still shows the host's processes, so ps and top do too"
    if "net" in kinds and not inside:
        yield "net without mnt: /sys still lists the host's network devices; ip and ss show the container's"
    if follows_user:
        yield "user is joined too: the container's ids and capabilities have a meaning only in there"
    if "user" in kinds:
        yield "user: ids inside are mapped to others on the host (cat /proc/self/uid_map)"
    if inside and not details.shells and not choice.command and not choice.toolbox:
        yield "no shell was found in its files: --toolbox brings one, or leave out mnt and the host's tools are used"
    if inside and choice.toolbox and not details.has_proc:
        yield (
            "no /proc is in its files: within the toolbox's shell only applets that busybox need not execute anew work "
            "(ls, cat, id ..); given as the command any applet works"
        )
    selinux = identity and details.label and details.label.module == "selinux" and not choice.host_privileges
    if inside and choice.toolbox and selinux:
        yield (
            "toolbox under SELinux: it is run from memory, by which a policy seldom lets a context be entered, so it "
            "may be refused (Permission denied); --host-privileges goes without the context"
        )
    if choice.host_privileges:
        if inside:
            yield "host privileges: the container's own programs will run with every capability of the host"
        elif seen:
            yield "host privileges: every capability of the host, in a process that the container's can see"
        yield "host privileges: this user's ids, limits and cgroup are kept, and no seccomp filter is put on"
    elif "net" in kinds and not inside and identity and not _administers_net(identity):
        yield "the container's capabilities are used: ip and tcpdump may need --host-privileges to change or capture"
    seen = seen and bool(kinds)
    if seen and identity and (identity.capabilities.bounding & _SYS_PTRACE):
        yield "the container may trace processes (CAP_SYS_PTRACE): by /proc/PID/root of this one it reaches the host"
    elif seen and identity and not choice.host_privileges and not _guards(identity.capabilities.bounding):
        yield "the container has all capabilities: by /proc/PID/root of this one it reaches the host"


def _administers_net(identity: Identity) -> bool:
    """True if CAP_NET_ADMIN and CAP_NET_RAW, which ip(8) and tcpdump(8) need, are effective."""
    wanted = 1 << 12 | 1 << 13
    return identity.capabilities.effective & wanted == wanted


def _unknown(
    process: Process, details: Details, host: Host, choice: Choice, pins: Mapping[KindName, steps.Pin]
) -> Refusal | None:
    """The refusal to join a kind whose namespace could not be read, as the command would stay in nsview's own; else
    None."""
    unknown = [kind for kind in choice.kinds if kind not in pins and getattr(host.namespaces, kind) is not None]
    if not unknown:
        return None
    why = details.unreadable or process.unreadable or "not readable"
    what = "run nsview as root" if not host.privileged else "root lacks CAP_SYS_PTRACE here (a container's: --cap-add)"
    return Refusal(
        f"which {', '.join(unknown)} namespace process {process.pid} is in is not known ({why}): {what}", NOT_PERMITTED
    )


def _refusal(
    process: Process, details: Details, host: Host, choice: Choice, kinds: tuple[KindName, ...], thread: int
) -> Refusal | None:
    pid = process.pid
    if choice.account and choice.host_privileges:
        return Refusal("another user goes with the container's privileges: leave out --host-privileges or -u", USAGE)
    if not choice.kinds and (choice_for(process, host) or unknown_kinds(process, host)):
        # On the command line, naming no kind means all kinds.
        return Refusal("nothing is chosen to be joined: choose a kind", USAGE)
    if details.pid != pid or details.start != process.start:
        return Refusal(f"process {pid} is gone; its pid is another's by now", GONE)
    if process.kthread:
        return Refusal(f"process {pid} is a thread of the kernel, which nothing can follow", FAILED)
    if details.unfinished and "mnt" in kinds:
        return Refusal(f"the container of process {pid} is still being made, without its files: try again", GONE)
    if "pid" in kinds and details.pid_namespace_dead:
        return Refusal("this pid namespace is dead: its init has exited; choose without pid", GONE)
    if process.state in ("Z", "X") and not thread:
        return Refusal(f"process {pid} has exited (a zombie) and left its namespaces; choose another", GONE)
    if details.seccomp == 1 and not choice.host_privileges:
        text = f"process {pid} is under strict seccomp, under which no command can run; --host-privileges goes without"
        return Refusal(text, NOT_PERMITTED)
    if not choice.host_privileges and details.frozen:
        return Refusal(
            "its cgroup is frozen (paused), where the command would hang too: thaw it first (docker unpause), or use "
            "--host-privileges, which stays outside of the cgroup",
            FAILED,
        )
    why = details.unreadable or process.unreadable
    if why and not host.privileged:
        return Refusal(f"process {pid} is not readable ({why}); {_as_root(str(pid), choice)}", NOT_PERMITTED)
    if not host.privileged and kinds and "user" not in kinds:
        return Refusal(f"joining {', '.join(kinds)} needs CAP_SYS_ADMIN; {_as_root(str(pid), choice)}", NOT_PERMITTED)
    if details.identity is None and not choice.host_privileges:
        text = f"the ids of process {pid} are not readable ({why}); --host-privileges goes without"
        return Refusal(text, _unread(why))
    return _unspeakable(choice)


def _as_root(target: str, choice: Choice) -> str:
    return f"as root: {failure.sudo(_command_line(target, choice)[1:], there=bool(choice.elsewhere))}"


def _as_typed(argv: Iterable[str]) -> str:
    """The words quoted for a shell."""
    import shlex  # imports `re`, and most plans show no command

    return shlex.join(argv)


def _unread(why: str | None) -> int:
    """The exit code for a failure to read, by the name of its errno."""
    return NOT_PERMITTED if why in ("EACCES", "EPERM") else FAILED


def _unspeakable(choice: Choice) -> Refusal | None:
    if choice.cwd is not None and not choice.cwd.startswith("/"):
        return Refusal(f"--cwd {choice.cwd}: give the whole path, from /", USAGE)
    if any("\0" in text for text in (*choice.command, *choice.environment, choice.cwd or "")):
        return Refusal("a command can't hold a NUL character", FAILED)
    return None


def _nsenter(
    process: Process,
    details: Details,
    choice: Choice,
    kinds: tuple[KindName, ...],
    root: bool,
    command: tuple[str, ...],
) -> tuple[str, ...]:
    argv = ["nsenter", "-t", str(process.pid), *(_OPTION.get(kind, f"--{kind}") for kind in kinds)]
    if root:
        argv.append("--root")
    identity = details.identity
    if identity and not choice.host_privileges and identity.uid | identity.gid:
        argv += [f"--setgid={identity.gid}", f"--setuid={identity.uid}"]
    return (*argv, "--", *command)

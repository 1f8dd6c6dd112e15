"""Pure: from a process, what is known of it and what was asked for, to the steps that lead inside.

What can be known before is said before: what will look odd inside (`warnings`) and what cannot work (`refusal`).
Nothing here touches the system; `nsview.join.helper` checks again whatever may have changed by then.
"""

import shlex
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from nsview.model.kinds import KIND, KIND_NAMES, KindName
from nsview.model.records import Account, Capabilities, Details, Host, Identity, Namespace, Process
from nsview.model.text import safe

from . import steps
from .failure import FAILED, GONE, USAGE
from .failure import NOT_PERMITTED as NOT_PERMITTED

HOST_SHELLS = (("/bin/bash",), ("/bin/sh",))

# Harmless to hold, rarely given to a container: WAKE_ALARM, BLOCK_SUSPEND, LEASE, AUDIT_READ (capabilities(7)).
_GUARDS = (35, 36, 28, 37)
_SYS_PTRACE = 1 << 19


class Choice(Struct, frozen=True):
    """What was asked for. kinds: to join; command: empty for a shell; host_privileges: keep the caller's.

    toolbox: the command is an applet of the host's static busybox. account: whom to be instead of the process's own.
    cwd: the working directory, environment: NAME=value, over those that the process would give.
    """

    kinds: tuple[KindName, ...]
    command: tuple[str, ...] = ()
    host_privileges: bool = False
    toolbox: bool = False
    account: Account | None = None
    cwd: str | None = None
    environment: tuple[str, ...] = ()


class Refusal(Struct, frozen=True):
    """Why it is not tried: text says what to do, code is the exit code of the command line."""

    text: str
    code: int


class Plan(Struct, frozen=True):
    """All that the helper does, in order.

    kinds: those to join, without those already shared. inside: the command sees the container's files, not the host's.
    command: argv, the first candidate where it is a shell. nsenter: what comes nearest without nsview.
    path: of the namespace to join where no process is followed; pid and start are 0 then.
    """

    pid: int
    start: int
    kinds: tuple[KindName, ...]
    steps: tuple[steps.AnyStep, ...]
    warnings: tuple[str, ...]
    command: tuple[str, ...]
    nsenter: tuple[str, ...]
    inside: bool
    host_privileges: bool
    asked: Choice
    refusal: Refusal | None = None
    path: str | None = None


def choice_for(process: Process, host: Host, namespace: Namespace | None = None) -> tuple[KindName, ...]:
    """The kinds to join at first: that of the namespace chosen, else all in which the process differs from nsview."""
    return (namespace.type,) if namespace else _differing(process, host)


def plan(process: Process, details: Details, host: Host, choice: Choice) -> Plan:
    """The plan for one process. Its `refusal` says if it cannot work, its `warnings` what is to be known before."""
    asked = tuple(kind for kind in KIND_NAMES if kind in choice.kinds)
    differing = _differing(process, host)
    kinds = tuple(kind for kind in asked if kind in differing)
    details = _with_account(details, choice)
    # Ids and capabilities of another user namespace mean nothing, or too much, outside of it.
    follows_user = bool(kinds) and not choice.host_privileges and "user" in differing and "user" not in kinds
    if follows_user:
        kinds = tuple(kind for kind in KIND_NAMES if kind in kinds or kind == "user")
    chrooted = details.root not in (None, "/")
    inside = "mnt" in kinds or ("mnt" in asked and chrooted)
    candidates = _candidates(details, choice, inside)
    # The container's processes see ours if its pid namespace is ours, or if it is the one joined.
    seen = not inside and ("pid" in kinds or "pid" not in differing)
    # In a user namespace that is joined the kernel seldom lets a proc be mounted: what is mounted over the host's own
    # would come to light (mount_too_revealing).
    proc = not inside and "pid" in kinds and "user" not in kinds and host.privileged
    return Plan(
        pid=process.pid,
        start=process.start,
        kinds=kinds,
        steps=tuple(_steps(process, details, choice, kinds, inside, seen, proc, host.privileged, candidates)),
        warnings=tuple(_warnings(details, choice, asked, kinds, differing, inside, seen, proc, follows_user)),
        command=candidates[0],
        nsenter=_nsenter(process, details, choice, kinds, inside and chrooted, candidates[0]),
        inside=inside,
        host_privileges=choice.host_privileges,
        asked=choice,
        refusal=_refusal(process, details, host, choice, kinds),
    )


def plan_for_path(path: str, kind: KindName, inode: int, device: int, host: Host, choice: Choice) -> Plan:
    """The plan for a namespace by its path, as it was seen there, with no process in it to follow.

    Nobody is there whose user, capabilities, cgroup or environment could be taken, so all are the caller's.
    """
    inside = kind == "mnt"
    candidates = _candidates(None, choice, inside)
    flag = KIND[kind].value
    made: list[steps.AnyStep] = [
        steps.HoldNamespace(path, kind, flag, inode, device),
        steps.JoinNamespaces((kind,), flag),
    ]
    if kind in ("pid", "time"):
        made.append(steps.Fork())
    made.append(steps.NewSession())
    if kind == "user":
        made.append(steps.SetIds(0, 0, None, False))
    if inside or choice.cwd:
        made.append(steps.ChangeDirectory(choice.cwd or "/", choice.cwd is not None))
    made += [
        steps.SetEnvironment("host", asked=choice.environment),
        steps.Execute(candidates, choice.toolbox),
    ]
    warnings = ["no process is in it whose privileges could be taken: the command keeps all those of this user"]
    if kind == "net":
        warnings.append("net without mnt: /sys still lists the host's network devices; ip and ss show the namespace's")
    refusal = None
    if choice.account:
        refusal = Refusal("no process is in it, so there is no /etc/passwd to go by: leave out -u", USAGE)
    elif set(choice.kinds) - {kind}:
        other = next(name for name in choice.kinds if name != kind)
        refusal = Refusal(f"{path} is of kind {kind}, and no process is in it: leave out --{other}", USAGE)
    elif not host.privileged:
        command = shlex.join(("sudo", *_command_line(path, choice)))
        refusal = Refusal(f"joining {kind} needs CAP_SYS_ADMIN; as root: {command}", NOT_PERMITTED)
    return Plan(
        pid=0,
        start=0,
        kinds=(kind,),
        steps=tuple(made),
        warnings=tuple(warnings),
        command=candidates[0],
        nsenter=("nsenter", f"{KIND[kind].option}={path}", "--", *candidates[0]),
        inside=inside,
        host_privileges=True,
        asked=choice,
        refusal=refusal or _unspeakable(choice),
        path=path,
    )


def shell_command(plan: Plan) -> tuple[str, ...]:
    """The argv of `nsview enter` that does the same; for a person or another terminal window."""
    return _command_line(plan.path or str(plan.pid), plan.asked)


def pinned_command(plan: Plan) -> tuple[str, ...]:
    """The same for who begins anew: it refuses what is another process, or another namespace, by then."""
    argv = shell_command(plan)
    held = next((step for step in plan.steps if isinstance(step, steps.HoldNamespace)), None)
    pin = f"--inode={held.inode}" if held else f"--start={plan.start}"
    return (*argv[:3], pin, *argv[3:])


def _command_line(target: str, choice: Choice) -> tuple[str, ...]:
    argv = ["nsview", "enter", target, *(f"--{kind}" for kind in KIND_NAMES if kind in choice.kinds)]
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
    lines.append(f"by hand: {safe(shlex.join(plan.nsenter))}")
    if plan.refusal:
        lines.append(f"refused: {safe(plan.refusal.text)}")
    return "\n".join(lines)


def _differing(process: Process, host: Host) -> tuple[KindName, ...]:
    """The kinds whose namespace is known and another than the agent's, which are the ones that can be joined."""
    return tuple(
        kind
        for kind in KIND_NAMES
        if (inode := getattr(process.namespaces, kind)) is not None and inode != getattr(host.namespaces, kind)
    )


def _with_account(details: Details, choice: Choice) -> Details:
    """What is known of the process, with another user in the place of its own.

    As docker and podman do: an ordinary user has no capabilities, root those of the bounding set.
    """
    identity, account = details.identity, choice.account
    if identity is None or account is None:
        return details
    bounding = identity.capabilities.bounding
    held = 0 if account.uid else bounding
    groups = tuple(dict.fromkeys((account.gid, *account.groups)))
    changed = replace(
        identity,
        source="config.json",  # whose numbers are the container's
        uid=account.uid,
        gid=account.gid,
        groups=groups,
        capabilities=Capabilities(held, held, 0, bounding, 0),
        cwd=_directory(details, identity),
    )
    return replace(details, identity=changed, home=account.home)


def _candidates(details: Details | None, choice: Choice, inside: bool) -> tuple[tuple[str, ...], ...]:
    if choice.command:
        return (choice.command,)
    if choice.toolbox:
        return (("sh",),)
    if inside and details:
        return tuple((shell,) for shell in details.shells) or (("/bin/sh",),)
    return HOST_SHELLS


def _steps(
    process: Process,
    details: Details,
    choice: Choice,
    kinds: tuple[KindName, ...],
    inside: bool,
    seen: bool,
    proc: bool,
    privileged: bool,
    candidates: tuple[tuple[str, ...], ...],
) -> Iterable[steps.AnyStep]:
    identity = None if choice.host_privileges else details.identity
    yield steps.CheckIdentity(process.pid, process.start)
    if identity:
        if cgroups := tuple(_cgroups(details.cgroup_lines)):
            yield steps.JoinCgroups(cgroups)
        if identity.oom_score_adj is not None:
            yield steps.SetOomScore(identity.oom_score_adj)
        if identity.rlimits:
            yield steps.SetLimits(identity.rlimits)
    if kinds:
        yield steps.JoinNamespaces(kinds, sum(KIND[kind].value for kind in kinds))
    if "pid" in kinds or "time" in kinds:
        yield steps.Fork()
    if proc:
        yield steps.MountProc()
    if inside:
        yield steps.ChangeRoot(details.root or "/")
    yield steps.NewSession()
    if identity:
        if details.label and inside:  # the host's tools are not what the container's label is for
            yield steps.SetLabel(details.label.module, details.label.text)
        if identity.umask is not None:
            yield steps.SetUmask(identity.umask)
        groups = None if details.setgroups_denied and "user" in kinds else identity.groups
        yield steps.SetIds(identity.uid, identity.gid, groups, identity.source == "status")
        if details.seccomp == 2:
            yield steps.CopySeccomp(None if privileged else details.seccomp_config)
        yield steps.SetCapabilities(identity.capabilities, _guards(identity) if seen else ())
        if identity.no_new_privs:
            yield steps.SetNoNewPrivs()
    elif "user" in kinds:
        # As nsenter does: the user namespace's own root, who holds all its capabilities.
        yield steps.SetIds(0, 0, None if details.setgroups_denied else (), False)
    if inside or choice.cwd:
        yield steps.ChangeDirectory(choice.cwd or _directory(details, identity), choice.cwd is not None)
    home = details.home or "/"  # as runc has it for a user that /etc/passwd lacks
    if not inside:
        yield steps.SetEnvironment("host", asked=choice.environment)
    elif details.identity and details.identity.environment is not None:
        yield steps.SetEnvironment("given", details.identity.environment, home, choice.environment)
    else:
        yield steps.SetEnvironment("target", (), home, choice.environment)
    yield steps.Execute(candidates, choice.toolbox)


def _directory(details: Details, identity: Identity | None) -> str:
    """The working directory as it is called below the root that is entered; links in /proc show it from outside."""
    if identity is None:
        return "/"
    cwd, root = identity.cwd, (details.root or "/").rstrip("/")
    if identity.source == "config.json" or not (cwd + "/").startswith(root + "/"):
        return cwd
    return cwd[len(root) :] or "/"


def _guards(identity: Identity) -> tuple[int, ...]:
    return tuple(guard for guard in _GUARDS if not identity.capabilities.bounding & 1 << guard)


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
            "no /proc is in its files: within the toolbox's shell only what busybox need not execute anew works (ls, "
            "cat, id ..); given as the command any applet does"
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
    elif seen and identity and not choice.host_privileges and not _guards(identity):
        yield "the container has all capabilities: by /proc/PID/root of this one it reaches the host"
    if details.seccomp == 1 and not choice.host_privileges:
        yield "the process is under strict seccomp, which the command is not"


def _administers_net(identity: Identity) -> bool:
    """CAP_NET_ADMIN and CAP_NET_RAW, which ip(8) and tcpdump(8) want."""
    wanted = 1 << 12 | 1 << 13
    return identity.capabilities.effective & wanted == wanted


def _refusal(
    process: Process, details: Details, host: Host, choice: Choice, kinds: tuple[KindName, ...]
) -> Refusal | None:
    pid = process.pid
    sudo = shlex.join(("sudo", *_command_line(str(pid), choice)))
    if choice.account and choice.host_privileges:
        return Refusal("another user goes with the container's privileges: leave out --host-privileges or -u", USAGE)
    if not choice.kinds and choice_for(process, host):
        # The command line takes no kind for all.
        return Refusal("nothing is chosen to be joined: choose a kind", USAGE)
    if details.pid != pid or details.start != process.start:
        return Refusal(f"process {pid} is gone; its pid is another's by now", GONE)
    if process.kthread:
        return Refusal(f"process {pid} is a thread of the kernel, which nothing can follow", FAILED)
    if "pid" in kinds and details.pid_namespace_dead:
        return Refusal("this pid namespace is dead: its init has exited; choose without pid", GONE)
    if process.state in ("Z", "X"):
        return Refusal(f"process {pid} has exited (a zombie) and left its namespaces; choose another", GONE)
    if not choice.host_privileges and details.frozen:
        return Refusal(
            "its cgroup is frozen (paused), where the command would hang too: thaw it first (docker unpause), or use "
            "--host-privileges, which stays outside of the cgroup",
            FAILED,
        )
    why = details.unreadable or process.unreadable
    if why and not host.privileged:
        return Refusal(f"process {pid} is not readable ({why}); as root: {sudo}", NOT_PERMITTED)
    if not host.privileged and kinds and "user" not in kinds:
        return Refusal(f"joining {', '.join(kinds)} needs CAP_SYS_ADMIN; as root: {sudo}", NOT_PERMITTED)
    if details.identity is None and not choice.host_privileges:
        text = f"what process {pid} runs as is not readable ({why}); --host-privileges goes without"
        return Refusal(text, _unread(why))
    return _unspeakable(choice)


def _unread(why: str | None) -> int:
    """The exit code for what could not be read."""
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
    argv = ["nsenter", "-t", str(process.pid), *(KIND[kind].option for kind in kinds)]
    if root:
        argv.append("--root")
    identity = details.identity
    if identity and not choice.host_privileges and identity.uid | identity.gid:
        argv += [f"--setgid={identity.gid}", f"--setuid={identity.uid}"]
    return (*argv, "--", *command)

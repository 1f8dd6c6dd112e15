"""The plan: which steps in which order, what is said before, and what is refused without trying."""

import marshal
import os
import pickle
from pathlib import Path

import msgspec
import pytest

from nsview.join import cgroups, steps, trampoline
from nsview.join.accounts import Account
from nsview.join.failure import printable
from nsview.join.plan import (
    Choice,
    Plan,
    banner,
    choice_for,
    describe,
    pinned_command,
    plan,
    plan_for_namespace,
    shell_command,
    toolbox_command,
)
from nsview.model.kinds import KIND, KIND_NAMES, KindName
from nsview.model.records import Capabilities, Details, Host, Identity, Label, Namespace, Process
from nsview.record import builtins
from tests.unit.make import HOST, process

DOCKER = 0xA80425FB
USER = msgspec.structs.replace(HOST, uid=1000, privileged=False)
CONTAINER = {"mnt": 2, "uts": 2, "ipc": 2, "pid": 2, "net": 2}


def identity(**fields: object) -> Identity:
    record: dict[str, object] = {
        "source": "config.json", "uid": 0, "gid": 0, "groups": (0, 10),
        "capabilities": Capabilities(DOCKER, DOCKER, 0, DOCKER, 0), "no_new_privs": True, "cwd": "/srv",
        "environment": ("PATH=/bin",), "rlimits": {"NOFILE": (512, 1024)}, "umask": 0o22, "oom_score_adj": 0,
    }  # fmt: skip
    return Identity(**(record | fields))  # type: ignore[arg-type]


def details(pid: int = 7, **fields: object) -> Details:
    record: dict[str, object] = {
        "pid": pid, "start": pid, "exe": "/bin/sleep", "cwd": "/", "root": "/", "threads": 1, "seccomp": 2,
        "config": "/run/x/config.json", "filtered": True,
        "cgroup_lines": ("4:memory:/docker/x", "0::/docker/x:y"), "frozen": False, "pid_namespace_dead": False,
        "setgroups_denied": False, "shells": ("/bin/bash", "/bin/sh"), "home": "/root", "identity": identity(),
    }  # fmt: skip
    return Details(**(record | fields))  # type: ignore[arg-type]


def made(
    *kinds: KindName,
    command: tuple[str, ...] = (),
    host_privileges: bool = False,
    toolbox: bool = False,
    account: Account | None = None,
    cwd: str | None = None,
    env: tuple[str, ...] = (),
    host: Host = HOST,
    known: Details | None = None,
    **fields: object,
) -> Plan:
    """A plan for process 7 of a container, all kinds asked for unless some are named."""
    found = process(7, **({**CONTAINER, **fields}))
    chosen = kinds or choice_for(found, host)
    choice = Choice(chosen, command, host_privileges, toolbox, account, cwd, env)
    return plan(found, known or details(), host, choice, pins(found))


def pins(found: Process) -> dict[KindName, steps.Pin]:
    """The namespaces of a process, on device 4."""
    inodes = ((kind, getattr(found.namespaces, kind)) for kind in KIND_NAMES)
    return {kind: steps.Pin(kind, KIND[kind].value, 4, inode) for kind, inode in inodes if inode is not None}


def by_path(kind: KindName, choice: Choice, host: Host = HOST) -> Plan:
    """A plan for namespace 5 of device 4, which no process is in and which is mounted at /x."""
    way = steps.Way("mount", "/x")
    return plan_for_namespace(steps.Pin(kind, KIND[kind].value, 4, 5, None, (way,)), "/x", host, choice)


def names(plan: Plan) -> list[str]:
    return [type(step).__name__ for step in plan.steps]


def step(plan: Plan, kind: type[steps.Step]) -> steps.Step:
    return next(step for step in plan.steps if isinstance(step, kind))


def told(plan: Plan, words: str) -> bool:
    return any(words in warning for warning in plan.warnings)


def test_all_steps_in_the_order_in_which_they_are_possible() -> None:
    assert names(made()) == [
        "CheckIdentity", "JoinCgroups", "SetOomScore", "SetLimits", "JoinNamespaces", "ChangeRoot", "SetUmask",
        "SetIds", "SetCapabilities", "SetNoNewPrivs", "ChangeDirectory", "SetEnvironment", "Fork", "NewSession",
        "PutOnFilters", "Execute",
    ]  # fmt: skip


RESTRICTIONS = {"SetLimits", "SetLabel", "SetUmask", "SetIds", "SetCapabilities", "SetNoNewPrivs", "ChangeDirectory"}


@pytest.mark.parametrize("kinds", [(), ("net",), ("pid",), ("pid", "net"), ("mnt",), ("mnt", "pid")], ids=str)
@pytest.mark.parametrize("account", [None, Account("app", 1000, 100, (100, 7))], ids=["itself", "account"])
def test_every_restriction_is_made_before_a_filter_that_could_answer_it(
    kinds: tuple[KindName, ...], account: Account | None
) -> None:
    order = names(made(*kinds, account=account, known=details(label=Label("apparmor", "docker-default"))))
    assert order[-2:] == ["PutOnFilters", "Execute"]
    assert {"SetIds", "SetCapabilities", "SetNoNewPrivs"} <= RESTRICTIONS & set(order)


def test_nothing_with_power_is_seen_inside() -> None:
    """The fork that brings the command into the pid namespace comes when its power is given up."""
    order = names(made())
    assert order.index("SetCapabilities") < order.index("Fork") < order.index("NewSession")


def test_the_steps_hold_what_is_known() -> None:
    all_of_it = made()
    assert step(all_of_it, steps.CheckIdentity) == steps.CheckIdentity(7, 7)
    assert step(all_of_it, steps.JoinCgroups) == steps.JoinCgroups((("memory", "/docker/x"), ("", "/docker/x:y")))
    assert step(all_of_it, steps.SetLimits) == steps.SetLimits({"NOFILE": (512, 1024)})
    assert step(all_of_it, steps.SetIds) == steps.SetIds(0, 0, (0, 10), False)
    assert step(all_of_it, steps.SetEnvironment) == steps.SetEnvironment("given", ("PATH=/bin",), "/root")
    assert step(all_of_it, steps.ChangeDirectory) == steps.ChangeDirectory("/srv")
    assert step(all_of_it, steps.Execute) == steps.Execute((("/bin/bash",), ("/bin/sh",)))


def test_flags_are_those_of_the_kinds() -> None:
    joined = step(made("net", "mnt"), steps.JoinNamespaces)
    assert isinstance(joined, steps.JoinNamespaces)
    assert [(pin.kind, pin.flag, pin.inode) for pin in joined.namespaces] == [
        (kind, KIND[kind].value, 2) for kind in ("mnt", "net")
    ]


@pytest.mark.parametrize(("kinds", "forks"), [(("net",), False), (("pid",), True), (("time",), True)])
def test_only_pid_and_time_need_a_fork(kinds: tuple[KindName, ...], forks: bool) -> None:
    assert ("Fork" in names(made(*kinds, time=2))) == forks


def test_shared_kinds_are_left_out_and_said() -> None:
    plan = made("net", "user", "cgroup")
    assert plan.kinds == ("net",)
    assert told(plan, "nothing to join: user, cgroup")


def test_with_nothing_to_join_the_command_still_runs() -> None:
    plan = made("net", net=1, command=("ss",))
    assert plan.kinds == () and "JoinNamespaces" not in names(plan) and plan.refusal is None


def test_unknown_namespaces_are_not_joined_nor_taken_for_ours() -> None:
    assert "net" not in made(net=None).kinds
    refusal = made("net", "uts", net=None, host_privileges=True).refusal
    assert refusal and refusal.code == 3 and "net namespace process 7 is in is not known" in refusal.text


def test_a_container_with_nothing_to_join_is_refused() -> None:
    found = process(7, net=1)
    refusal = plan(found, details(), HOST, Choice(("net",)), pins(found), container="web").refusal
    assert refusal and refusal.code == 3 and "nothing to join" in refusal.text
    found = process(7, net=1, user=2)
    refusal = plan(found, details(), HOST, Choice(("net",)), pins(found), container="web").refusal
    assert refusal and "nothing to join" in refusal.text, "its user namespace alone is none of what was asked for"


def test_a_user_namespace_comes_along_because_ids_mean_nothing_outside() -> None:
    plan = made("net", user=2)
    assert plan.kinds == ("net", "user")
    assert told(plan, "user is joined too") and told(plan, "mapped")
    assert made("net", user=2, host_privileges=True).kinds == ("net",)
    assert made("net", net=1, user=2).kinds == ("user",), "though of what was asked for there is nothing to join"


def test_groups_are_set_before_a_user_namespace_in_which_they_can_not_be() -> None:
    denied = details(setgroups_denied=True, identity=identity(source="status", environment=None))
    plan = made("net", user=2, known=denied)
    assert step(plan, steps.SetIds) == steps.SetIds(0, 0, None, True)
    assert step(plan, steps.SetGroups) == steps.SetGroups((0, 10))
    assert names(plan).index("SetGroups") < names(plan).index("JoinNamespaces")
    by_configuration = made("net", user=2, known=details(setgroups_denied=True))
    assert step(by_configuration, steps.SetGroups) == steps.SetGroups(()), "its numbers are not the host's"
    assert "SetGroups" not in names(made("net", known=denied)), "its own user namespace is not joined"


def test_another_user_has_what_docker_exec_gives_it() -> None:
    person = made(account=Account("app", 1000, 100, (100, 7)))
    assert step(person, steps.SetIds) == steps.SetIds(1000, 100, (100, 7), False)
    assert step(person, steps.SetCapabilities) == steps.SetCapabilities(steps.Sets(0, 0, 0, DOCKER, 0))
    environment = step(person, steps.SetEnvironment)
    assert isinstance(environment, steps.SetEnvironment) and environment.home == "/"
    # Root of a container whose own process is an ordinary user, or has dropped what it had.
    ordinary = identity(uid=5, gid=5, source="status", environment=None, capabilities=Capabilities(0, 0, 0, DOCKER, 0))
    root = made(account=Account("root", 0, 0, (), "/root"), known=details(identity=ordinary))
    assert step(root, steps.SetCapabilities) == steps.SetCapabilities(steps.Sets(DOCKER, DOCKER, 0, DOCKER, 0))
    assert step(root, steps.SetIds) == steps.SetIds(0, 0, (0,), False), "the numbers are the container's own"
    assert step(root, steps.SetEnvironment) == steps.SetEnvironment("target", (), "/root")


@pytest.mark.parametrize(
    ("label", "words"),
    [(Label("apparmor", "docker-default"), "AppArmor's profile"), (Label("selinux", "a:b:c:d"), "SELinux's context")],
)
def test_a_label_is_taken_while_the_power_for_it_is_there(label: Label, words: str) -> None:
    known = details(label=label)
    plan = made(known=known)
    assert step(plan, steps.SetLabel) == steps.SetLabel(label.module, label.text)
    assert names(plan)[names(plan).index("SetLabel") - 1] == "ChangeRoot" and "SetLabel" not in names(made())
    assert f"{words} {label.text}" in describe(plan)
    # Not for the host's tools, and not where the caller's privileges are kept.
    assert "SetLabel" not in names(made("net", "pid", known=known))
    assert "SetLabel" not in names(made(known=known, host_privileges=True))


@pytest.mark.parametrize(
    ("label", "files", "written"),
    [
        (("apparmor", "docker-default"), ("attr/apparmor/exec", "attr/exec"), "exec docker-default"),
        (("apparmor", "docker-default"), ("attr/exec",), "exec docker-default"),
        (("selinux", "u:r:container_t:s0:c1,c2"), ("attr/exec",), "u:r:container_t:s0:c1,c2"),
    ],
)
def test_a_label_is_written_where_its_module_reads_it(
    tmp_path: Path, label: tuple[str, str], files: tuple[str, ...], written: str
) -> None:
    from nsview.join.failure import Failure
    from nsview.join.inside import Inside

    for file in files:
        (tmp_path / "self" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "self" / file).touch()
    inside = object.__new__(Inside)
    inside._proc = os.open(tmp_path, os.O_PATH)
    inside.set_label({"module": label[0], "label": label[1]})
    assert (tmp_path / "self" / files[0]).read_text() == written
    inside._proc = os.open(tmp_path / "self", os.O_PATH)
    with pytest.raises(Failure, match="--host-privileges goes without"):
        inside.set_label({"module": label[0], "label": label[1]})


@pytest.mark.parametrize(
    ("file", "text", "module", "label"),
    [
        ("attr/apparmor/current", "docker-default (enforce)\n", "_APPARMOR", Label("apparmor", "docker-default")),
        ("attr/current", "docker-default (complain)\n", "_APPARMOR", Label("apparmor", "docker-default")),
        ("attr/current", "a (b) c (enforce)\n", "_APPARMOR", Label("apparmor", "a (b) c")),
        ("attr/current", "unconfined\n", "_APPARMOR", None),
        ("attr/current", "u:r:container_t:s0:c1,c2\0", "_SELINUX", Label("selinux", "u:r:container_t:s0:c1,c2")),
        ("attr/current", "kernel\0", "_SELINUX", None),
        ("attr/current", "u:r:container_t:s0\0", None, None),
        ("attr/none", "", None, None),
    ],
)
def test_a_label_is_read_as_its_module_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, module: str | None, label: Label | None
) -> None:
    from nsview.agent import status as agent

    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    for name in ("_APPARMOR", "_SELINUX"):
        monkeypatch.setattr(agent, name, str(tmp_path) if name == module else str(tmp_path / "missing"))
    fd = os.open(tmp_path, os.O_PATH)
    try:
        found = agent.label(fd)
    finally:
        os.close(fd)
    assert msgspec.convert(found, Label | None) == label


def test_directory_and_variables_are_as_asked() -> None:
    plan = made(cwd="/tmp", env=("A=1", "B="))
    assert step(plan, steps.ChangeDirectory) == steps.ChangeDirectory("/tmp", True)
    assert step(plan, steps.SetEnvironment) == steps.SetEnvironment("given", ("PATH=/bin",), "/root", ("A=1", "B="))
    outside = made("net", cwd="/tmp", env=("A=1",))
    assert step(outside, steps.ChangeDirectory) == steps.ChangeDirectory("/tmp", True)
    assert step(outside, steps.SetEnvironment) == steps.SetEnvironment("host", asked=("A=1",))
    assert shell_command(plan)[-3:] == ("--cwd=/tmp", "--env=A=1", "--env=B=")


def test_the_toolbox_needs_no_shell_inside() -> None:
    plan = made(toolbox=True, known=details(shells=()))
    assert step(plan, steps.Execute) == steps.Execute((("sh",),), True)
    assert not told(plan, "no shell") and plan.refusal is None
    assert step(made(toolbox=True, command=("ls",)), steps.Execute) == steps.Execute((("ls",),), True)


def test_a_proc_of_its_own_where_it_can_be_mounted() -> None:
    plan = made("pid", "net")
    assert names(plan)[3:7] == ["SetLimits", "JoinNamespaces", "Fork", "MountProc"]
    assert not told(plan, "pid without mnt")
    assert "MountProc" in names(made("pid", host_privileges=True))
    for other in (made(), made("net"), made("pid", user=2), made("pid", user=2, host=USER)):
        assert "MountProc" not in names(other)


def test_a_namespace_without_processes_is_joined_by_its_path() -> None:
    way = steps.Way("mount", "/run/netns/blue")
    pin = steps.Pin("net", KIND["net"].value, 4, 5, 77, (way,))
    plan = plan_for_namespace(pin, "/run/netns/blue", HOST, Choice(("net",), ("ip", "addr")))
    assert names(plan) == ["JoinNamespaces", "SetEnvironment", "NewSession", "Execute"]
    assert step(plan, steps.JoinNamespaces) == steps.JoinNamespaces((pin,))
    assert plan.refusal is None and plan.host_privileges and told(plan, "no process is in it")
    assert plan.nsenter == ("nsenter", "--net=/run/netns/blue", "--", "ip", "addr")
    assert shell_command(plan) == ("nsview", "enter", "/run/netns/blue", "--net", "--", "ip", "addr")
    assert step(by_path("net", Choice(())), steps.Execute).text == "run /bin/bash, or else /bin/sh"
    assert names(by_path("user", Choice(())))[:3] == ["SetGroups", "JoinNamespaces", "SetIds"]
    assert "ChangeDirectory" in names(by_path("mnt", Choice(())))
    assert "Fork" in names(by_path("time", Choice(())))


def test_a_namespace_to_which_nothing_leads_is_refused() -> None:
    refusal = plan_for_namespace(steps.Pin("net", 1, 4, 5), "net:5", HOST, Choice(())).refusal
    assert refusal and refusal.code == 1 and "net:[5]" in refusal.text


@pytest.mark.parametrize(
    ("choice", "host", "code", "words"),
    [
        (Choice(("mnt",)), HOST, 2, "leave out --mnt"),
        (Choice((), account=Account("app", 1, 1)), HOST, 2, "leave out -u"),
        (Choice((), ("a\0",)), HOST, 4, "NUL"),
        (Choice((), ("ip",)), USER, 3, "sudo nsview enter /x -- ip"),
    ],
)
def test_what_a_path_alone_cannot_give_is_refused(choice: Choice, host: Host, code: int, words: str) -> None:
    refusal = by_path("net", choice, host).refusal
    assert refusal and refusal.code == code and words in refusal.text


def test_without_mnt_the_hosts_shell_and_environment_are_used() -> None:
    plan = made("net")
    assert step(plan, steps.Execute) == steps.Execute((("/bin/bash",), ("/bin/sh",)))
    assert step(plan, steps.SetEnvironment) == steps.SetEnvironment("host")
    assert {"ChangeRoot", "ChangeDirectory"}.isdisjoint(names(plan))
    assert not plan.inside


def test_the_environment_of_a_process_is_left_to_the_helper() -> None:
    plan = made(known=details(identity=identity(source="status", environment=None)))
    assert step(plan, steps.SetEnvironment) == steps.SetEnvironment("target", (), "/root")


def test_a_chroot_is_entered_even_where_mnt_is_shared() -> None:
    plan = made("mnt", mnt=1, known=details(root="/srv/jail"))
    assert plan.inside and plan.kinds == ()
    assert step(plan, steps.ChangeRoot) == steps.ChangeRoot("/srv/jail")
    assert "--root" in plan.nsenter


@pytest.mark.parametrize(
    ("cwd", "inner"), [("/srv/jail", "/"), ("/srv/jail/tmp", "/tmp"), ("/srv/jailer", "/srv/jailer"), ("/", "/")]
)
def test_the_directory_of_a_chroot_is_called_as_inside(cwd: str, inner: str) -> None:
    known = details(root="/srv/jail", identity=identity(source="status", cwd=cwd))
    assert step(made(known=known), steps.ChangeDirectory) == steps.ChangeDirectory(inner)
    person = Account("app", 1, 1)
    assert step(made(known=known, account=person), steps.ChangeDirectory) == steps.ChangeDirectory(inner)
    configured = details(root="/srv/jail", identity=identity(cwd=cwd))
    assert step(made(known=configured), steps.ChangeDirectory) == steps.ChangeDirectory(cwd)


def test_host_privileges_change_no_limit_and_no_id() -> None:
    plan = made(host_privileges=True)
    assert names(plan) == [
        "CheckIdentity", "JoinNamespaces", "ChangeRoot", "ChangeDirectory", "SetEnvironment", "Fork", "NewSession",
        "Execute",
    ]  # fmt: skip
    assert told(plan, "every capability of the host") and told(plan, "no seccomp filter")


def test_host_privileges_in_a_user_namespace_are_its_roots() -> None:
    assert step(made("user", user=2, host_privileges=True), steps.SetIds) == steps.SetIds(0, 0, (), False)


@pytest.mark.parametrize(
    ("kinds", "fields", "words"),
    [
        (("mnt",), {}, "mnt without pid"),
        (("pid",), {"host": USER, "user": 2}, "pid without mnt"),
        (("net",), {}, "/sys still lists"),
        (("net",), {}, "--host-privileges"),
        (("mnt",), {"known": details(shells=())}, "--toolbox"),
        (("mnt",), {"known": details(label=Label("selinux", "a:b:c:d")), "toolbox": True}, "toolbox under SELinux"),
    ],
)
def test_what_looks_odd_inside_is_said_before(
    kinds: tuple[KindName, ...], fields: dict[str, object], words: str
) -> None:
    assert told(made(*kinds, **fields), words)  # type: ignore[arg-type]


def test_nothing_odd_nothing_said() -> None:
    assert made().warnings == ()


def test_the_toolbox_is_said_to_be_refused_where_a_context_is_taken_alone() -> None:
    selinux, apparmor = details(label=Label("selinux", "a:b:c:d")), details(label=Label("apparmor", "docker-default"))
    words = "toolbox under SELinux"
    assert not told(made(toolbox=True, known=apparmor), words) and not told(made(known=selinux), words)
    assert not told(made(toolbox=True, known=selinux, host_privileges=True), words)
    assert not told(made("net", toolbox=True, known=selinux), words)


def test_a_guard_keeps_the_container_from_tracing_a_process_of_the_hosts_files() -> None:
    def guard(plan: Plan) -> tuple[int, ...]:
        found = step(plan, steps.SetCapabilities)
        assert isinstance(found, steps.SetCapabilities)
        return found.guard

    assert guard(made("pid"))
    assert not any(DOCKER & 1 << number for number in guard(made("pid")))
    assert guard(made("net", pid=1)), "the container is in the host's pid namespace"
    assert not guard(made("net")), "the container can't see it"
    assert not guard(made()), "it sees its own files only"
    everything = (1 << 41) - 1
    powerful = details(identity=identity(capabilities=Capabilities(0, 0, 0, everything, 0)))
    assert told(made("pid", known=powerful), "CAP_SYS_PTRACE")


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"known": details(start=8)}, 1, "another's"),
        ({"known": details(pid_namespace_dead=True)}, 1, "dead"),
        ({"state": "Z"}, 1, "zombie"),
        ({"kthread": True}, 4, "kernel"),
        ({"known": details(seccomp=1)}, 3, "strict seccomp"),
        ({"known": details(frozen=True)}, 4, "thaw"),
        ({"known": details(identity=None, unreadable="EACCES"), "host": USER}, 3, "as root"),
        ({"host": USER}, 3, "CAP_SYS_ADMIN"),
        ({"known": details(identity=None)}, 4, "--host-privileges"),
        ({"command": ("a\0b",)}, 4, "NUL"),
        ({"env": ("A=\0",)}, 4, "NUL"),
        ({"cwd": "tmp"}, 2, "from /"),
        ({"account": Account("app", 1, 1), "host_privileges": True}, 2, "leave out"),
    ],
)
def test_what_cannot_work_is_refused(fields: dict[str, object], code: int, words: str) -> None:
    refusal = made(**fields).refusal  # type: ignore[arg-type]
    assert refusal and refusal.code == code and words in refusal.text


def test_where_root_is_needed_the_command_is_named() -> None:
    choice = {"host": USER, "command": ("ls", "a b"), "account": Account("app:extra", 1, 1), "toolbox": True}
    words = "sudo nsview enter 7 --net --toolbox --as=app:extra -- ls 'a b'"
    refusal = made("net", **choice).refusal  # type: ignore[arg-type]
    assert refusal and refusal.text.endswith(words)
    refusal = made("net", known=details(identity=None, unreadable="EACCES"), **choice).refusal  # type: ignore[arg-type]
    assert refusal and refusal.text.endswith(words)


def test_what_can_work_is_not_refused() -> None:
    assert made().refusal is None
    assert made("net", user=2, host=USER).refusal is None
    assert made(known=details(frozen=True), host_privileges=True).refusal is None
    assert made("net", known=details(pid_namespace_dead=True)).refusal is None


@pytest.mark.parametrize("toolbox", [True, False])
def test_where_no_command_is_for_nsenter_the_toolbox_is_told(toolbox: bool) -> None:
    plan = made("net", "mnt", known=details(shells=()), toolbox=toolbox)
    line = ("nsview", "enter", "7", "--mnt", "--net", "--toolbox")
    assert (plan.nsenter, toolbox_command(plan)) == ((), line)
    assert f"with a toolbox: {' '.join(line)}" in describe(plan) and "nsenter" not in describe(plan)
    assert made("net", known=details(shells=()), toolbox=toolbox).nsenter, "the shell is one of the host"


def test_the_commands_by_hand() -> None:
    assert made("net", "mnt", command=("sh",)).nsenter == ("nsenter", "-t", "7", "--mount", "--net", "--", "sh")
    person = details(identity=identity(uid=1000, gid=100))
    assert made("net", known=person).nsenter[4:6] == ("--setgid=100", "--setuid=1000")
    plan = made("net", "mnt", command=("ls", "-l"), host_privileges=True)
    assert shell_command(plan) == ("nsview", "enter", "7", "--mnt", "--net", "--host-privileges", "--", "ls", "-l")
    assert shell_command(made("net")) == ("nsview", "enter", "7", "--net")


def test_a_command_that_is_begun_anew_is_told_what_was_chosen() -> None:
    assert pinned_command(made("net", command=("ip", "a")))[2:6] == ("7", "--start=7", "--pin=net:2", "--net")
    assert pinned_command(by_path("net", Choice((), ("ip", "a")))) == (
        "nsview", "enter", "/x", "--pin=net:5", "--", "ip", "a",
    )  # fmt: skip


def test_who_chooses_nothing_is_not_given_everything() -> None:
    """That is what the same command without kinds would be."""
    found = process(7, **CONTAINER)
    refused = plan(found, details(), HOST, Choice((), (), host_privileges=True), pins(found)).refusal
    assert refused is not None and (refused.code, "choose a kind" in refused.text) == (2, True)


def test_the_preset_is_what_differs_or_the_namespace_chosen() -> None:
    found = process(7, net=2, mnt=2, user=None)
    assert choice_for(found, HOST) == ("mnt", "net")
    assert choice_for(found, HOST, Namespace("net", 2, 4)) == ("net",)


def test_a_description_is_safe_and_has_a_line_for_each_step() -> None:
    plan = made(command=("echo", "\x1b[31m"))
    lines = describe(plan).splitlines()
    assert "\x1b" not in describe(plan)
    assert len(lines) == len(plan.steps) + 1
    assert lines[-1].startswith("by hand: nsenter -t 7 --mount")
    assert all(step.text and "\n" not in step.text for step in plan.steps)


def test_a_plan_survives_the_ways_it_travels() -> None:
    plan = made()
    assert pickle.loads(pickle.dumps(plan)) == plan
    travelled = marshal.loads(marshal.dumps(builtins(plan.steps)))
    assert [step["type"] for step in travelled] == names(plan)


def test_every_step_can_be_carried_out() -> None:
    from nsview.join import inside

    every = {kind.__name__ for kind in steps.Step.__subclasses__()}
    assert set(inside._STEPS) == every


MOUNTINFO = """\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
37 31 0:34 /docker /mnt/a\\040b rw - cgroup none rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
"""


@pytest.mark.parametrize(
    ("controllers", "path", "where"),
    [
        ("", "/docker/x", "/sys/fs/cgroup/unified/docker/x"),
        ("", "/", "/sys/fs/cgroup/unified"),
        ("cpu,cpuacct", "/x", "/sys/fs/cgroup/cpu,cpuacct/x"),
        ("name=systemd", "/docker/x", "/mnt/a b/x"),
        ("name=systemd", "/docker", "/mnt/a b"),
        ("name=systemd", "/dockerish/x", None),
        ("memory", "/x", None),
    ],
)
def test_a_cgroups_directory_is_found_by_the_mounts(controllers: str, path: str, where: str | None) -> None:
    assert cgroups.directory(controllers, path, list(cgroups.mounts(MOUNTINFO))) == where


@pytest.mark.parametrize(
    ("controllers", "file", "text", "frozen"),
    [
        ("", "cgroup.events", "populated 1\nfrozen 1\n", True),
        ("", "cgroup.events", "populated 1\nfrozen 0\n", False),
        ("", "cgroup.freeze", "1\n", True),
        ("freezer", "freezer.state", "FROZEN\n", True),
        ("freezer", "freezer.state", "FREEZING\n", True),
        ("freezer", "freezer.state", "THAWED\n", False),
        ("cpu", "freezer.state", "FROZEN\n", False),
    ],
)
def test_frozen_is_read_as_each_version_writes_it(
    tmp_path: Path, controllers: str, file: str, text: str, frozen: bool
) -> None:
    (tmp_path / file).write_text(text)
    assert cgroups.frozen(controllers, str(tmp_path)) == frozen


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_a_trampoline_is_a_static_elf_with_a_stack_that_is_not_executable(machine: str, number: int) -> None:
    image = trampoline.image(machine)
    assert image and image[:4] == b"\x7fELF"
    assert int.from_bytes(image[16:18], "little") == 2  # ET_EXEC
    assert int.from_bytes(image[18:20], "little") == number
    kinds = [int.from_bytes(image[at : at + 4], "little") for at in (64, 120)]
    assert kinds == [1, 0x6474E551]  # PT_LOAD, PT_GNU_STACK; no PT_INTERP
    assert int.from_bytes(image[124:128], "little") & 1 == 0
    entry = int.from_bytes(image[24:32], "little") - 0x400000
    assert entry == 176 and len(image) == entry + len(image[entry:])


def test_no_other_machine_has_one() -> None:
    assert trampoline.image("m68k") is None


def test_a_message_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2J\nb\u202e") == "a\\x1b[2J\\nb\\u202e"


def test_kinds_are_asked_in_any_order() -> None:
    assert made(*reversed(KIND_NAMES)).kinds == ("mnt", "uts", "ipc", "pid", "net")


def test_the_banner_of_a_shell_says_where_it_is_and_as_whom() -> None:
    assert banner(made(), "web") == "in web as root; exit returns"
    assert banner(made(known=details(identity=identity(uid=33))), "web") == "in web as uid 33; exit returns"
    assert banner(made(account=Account("app:www", 1000, 100)), "web") == "in web as app:www; exit returns"
    assert banner(made("net", "pid"), "web") == "in pid, net of web, with the host's files as root; exit returns"
    assert banner(made(host_privileges=True), "web") == "in web with all of this user's privileges; exit returns"
    assert "\x1b" not in banner(made(), "we\x1b[2Jb")

"""Entering as an ordinary user: what is theirs without root, and for all else the command that root would give."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .account import Account
from .conftest import require
from .daemons import Docker
from .joining import Terminal
from .runtimes import RootlessPodman
from .test_equal import PORTRAIT, seen
from .user import AS_NOBODY, NOBODY, User
from .workspace import Workspace, wait_until


@pytest.fixture
def own(user: User, workspace: Workspace, rootfs: Path) -> Iterator[int]:
    """A container of the user's, made without root: its first process, as the host counts."""
    mounts = "mount --rbind ROOT ROOT && cd ROOT && mount -t proc proc proc && exec chroot . /bin/sleep 2222"
    options = ["--user", "--map-root-user", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    script = mounts.replace("ROOT", shlex.quote(str(rootfs)))
    started = subprocess.Popen([*AS_NOBODY, "unshare", *options, "sh", "-c", script], env=workspace.environment)
    try:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        pid = 0

        def runs() -> bool:
            nonlocal pid
            pid = int(children.read_text() or 0)
            return pid != 0 and b"2222" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")

        wait_until(runs, 20, "the user's container")
        yield pid
    finally:
        started.kill()
        started.wait()


_INSIDE = "id -u; readlink /proc/self/ns/net; cat /root/inside.txt; grep -E '^(CapEff|Uid)' /proc/self/status"


def test_what_is_theirs_needs_no_root(user: User, own: int) -> None:
    done = user.nsview("enter", str(own), "--", "/bin/sh", "-c", _INSIDE)
    assert done.returncode == 0, done.stderr
    uid, net, text, uids, effective = done.stdout.splitlines()
    assert (uid, net, text) == ("0", os.readlink(f"/proc/{own}/ns/net"), "a file of the container")
    assert uids.split()[1:] == ["0"] * 4 and int(effective.split()[1], 16) & 1 << 21
    # What is root inside is the user to the host.
    assert os.stat(f"/proc/{own}").st_uid == NOBODY


def test_the_toolbox_and_the_hosts_tools_need_none_either(user: User, own: int) -> None:
    done = user.nsview("enter", "--toolbox", str(own), "--", "readlink", "/proc/self/exe")
    assert (done.returncode, done.stdout) == (0, "/memfd:busybox (deleted)\n"), done.stderr
    done = user.nsview("enter", "--net", str(own), "--", "readlink", "/proc/self/ns/net")
    assert (done.returncode, done.stdout) == (0, os.readlink(f"/proc/{own}/ns/net") + "\n"), done.stderr


def as_root(user: User, *words: str) -> str:
    """The command that runs the same nsview as root, found where sudo does not search."""
    return shlex.join(("sudo", user.python[0], "-m", "nsview", *words))


@pytest.mark.parametrize("options", [(), ("--net",), ("--toolbox", "--cwd=/a b"), ("--as", "app", "--all")])
def test_for_what_is_not_theirs_the_command_that_root_would_give_is_named(
    docker: Docker, user: User, options: tuple[str, ...]
) -> None:
    pid = docker.container("r-other")
    try:
        given = ["enter", str(pid), *options, "--", "ip", "addr"]
        done = user.nsview(*given)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
        assert done.stderr.endswith(f" as root: {as_root(user, *given)}\n")
    finally:
        docker.remove("r-other")


def test_a_namespace_by_its_path_is_roots_too(user: User, workspace: Workspace) -> None:
    name = f"{workspace.root.name}-r"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        given = ["enter", f"/run/netns/{name}", "--", "ip", "addr"]
        done = user.nsview(*given)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.endswith(f" as root: {as_root(user, *given)}\n")
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture(scope="module")
def podman(account: Account, rootfs: Path) -> Iterator[RootlessPodman]:
    require(*RootlessPodman.NEEDS)
    podman = RootlessPodman(account, rootfs)
    yield podman
    podman.clear()


@pytest.fixture(scope="module", params=["runc", "crun"])
def either(request: pytest.FixtureRequest, account: Account, rootfs: Path) -> Iterator[RootlessPodman]:
    """podman with either runtime."""
    if request.param == "runc":
        yield request.getfixturevalue("podman")
        return
    require(*RootlessPodman.NEEDS)
    podman = RootlessPodman(account, rootfs, "crun")
    yield podman
    podman.clear()


def entering(account: Account, *arguments: str) -> subprocess.CompletedProcess[str]:
    return account.run(*account.nsview(), "enter", *arguments, check=False)


@pytest.mark.parametrize(
    ("options", "seccomp_mode"),
    [((), 2), (("--privileged",), 0), (("--cap-drop", "ALL", "--security-opt", "no-new-privileges"), 2)],
    ids=["plain", "privileged", "confined"],
)
def test_a_users_podman_container_is_entered_by_its_name(
    account: Account, either: RootlessPodman, options: tuple[str, ...], seccomp_mode: int
) -> None:
    pid = either.container("own", *options)
    try:
        # Real ids, not one user posing as root: the container's users are ids of the user's on the host.
        assert len(Path(f"/proc/{pid}/uid_map").read_text().splitlines()) == 2
        done = entering(account, "own", "--", "sh", "-c", PORTRAIT)
        assert done.returncode == 0, done.stderr
        ours, theirs = done.stdout.splitlines(), either.run("exec", "own", "sh", "-c", PORTRAIT).splitlines()
        # Podman's exec leaves out the variable that its own config.json has for the container.
        assert [line for line in ours if not line.startswith("HOSTNAME=")] == theirs
        assert done.stderr == "" and f"Seccomp:\t{seccomp_mode}" in ours
    finally:
        either.remove("own")


def test_the_host_sees_no_difference_between_the_two_ways_in(account: Account, either: RootlessPodman) -> None:
    either.container("seen")
    marks = [str(2_000_000 + 2 * os.getpid() + n) for n in (0, 1)]  # which no run beside this one has
    try:
        enter = [*account.words, *account.nsview(), "enter", "seen", "--"]
        ours = seen([*enter, "/bin/sleep", marks[0]], marks[0], {})
        theirs = seen([*either.command, "exec", "--interactive", "seen", "/bin/sleep", marks[1]], marks[1], {})
    finally:
        either.remove("seen")
    variables = ours["environment"]
    assert isinstance(variables, list)
    ours["environment"] = [variable for variable in variables if not variable.startswith(b"HOSTNAME=")]
    if either.crun:
        del theirs["leads its session and group"]  # as in test_equal
    assert {what: (ours[what], theirs[what]) for what in theirs if ours[what] != theirs[what]} == {}


def test_without_that_configuration_there_is_no_filter_so_it_is_refused(
    account: Account, podman: RootlessPodman
) -> None:
    pid = podman.container("unconfigured")
    config = Path(podman.run("inspect", "--format", "{{.OCIConfigPath}}", "unconfigured").strip())
    hidden = config.rename(config.with_name("hidden"))
    try:
        done = entering(account, str(pid), "--", "grep", "^Seccomp:", "/proc/self/status")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
        assert f"the seccomp filter of process {pid} can't be had" in done.stderr
    finally:
        hidden.rename(config)


def test_its_shell_has_a_terminal_of_the_containers(account: Account, podman: RootlessPodman) -> None:
    podman.container("shell")
    terminal = Terminal([*account.words, *account.nsview(), "enter", "shell"])
    try:
        terminal.expect("/ # ")
        terminal.send("echo $(tty) uid=$(id -u) $(stty size)\n")
        terminal.expect("/dev/pts/0 uid=0 33 77")
        terminal.send("exit 3\n")
        terminal.expect("same-3")
    finally:
        terminal.close()


@pytest.mark.parametrize("options", [(), ("--as=root",), ("--as=2000:2000", "--cwd=/tmp", "--env=A=b")], ids=str)
def test_who_is_another_user_inside_is_entered_too(
    account: Account, podman: RootlessPodman, options: tuple[str, ...]
) -> None:
    """Its id is not the user's on the host, who so can't read its environment from there."""
    pid = podman.container("other", "--user", "1000:1000", "--env", "ONLY=here")
    try:
        assert os.stat(f"/proc/{pid}").st_uid not in (0, account.uid)
        assert account.run("cat", f"/proc/{pid}/environ", check=False).returncode != 0
        script = "id -u; id -g; echo $ONLY; pwd; grep -E '^Cap' /proc/self/status"
        done = entering(account, *options, "other", "--", "sh", "-c", script)
        assert done.returncode == 0, done.stderr
        theirs = [option.replace("--as=", "--user=").replace("--cwd", "--workdir") for option in options]
        assert done.stdout == podman.run("exec", *theirs, "other", "sh", "-c", script)
    finally:
        podman.remove("other")


def test_another_users_podman_container_is_not_theirs(user: User, podman: RootlessPodman) -> None:
    pid = podman.container("foreign")
    done = user.nsview("enter", str(pid), "--", "id")
    assert (done.returncode, done.stdout) == (3, "") and f"as root: {as_root(user, 'enter')}" in done.stderr

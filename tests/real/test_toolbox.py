"""A shell where there is none, another user, another directory, a namespace that only a path is left of."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.join.plan import Choice, Plan, plan_for_namespace
from nsview.join.steps import Pin, Way
from nsview.join.target import identity
from nsview.model.kinds import KIND

from ..unit.make import HOST
from .command import NSVIEW, nsview
from .daemons import CommandError, Docker
from .joining import Terminal, docker_exec, enter, plan_for
from .population import Population
from .workspace import Workspace, wait_until

EMPTY = "nsview-empty:1"


@pytest.fixture(scope="module")
def empty(docker: Docker, workspace: Workspace) -> Iterator[int]:
    """A container of an image with one static program and nothing else, all read-only."""
    root = workspace.root / "empty"
    root.mkdir()
    shutil.copy(docker_busybox(), root / "sleep")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run([*docker.command, "import", "-", EMPTY], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)
    docker.run("run", "--detach", "--name", "t-empty", "--read-only", EMPTY, "/sleep", "9999")
    yield int(docker.inspect("t-empty")["State"]["Pid"])
    docker.remove("t-empty")


def docker_busybox() -> str:
    found = shutil.which("busybox")
    assert found
    return found


def test_a_shell_in_a_container_that_has_nothing(docker: Docker, empty: int) -> None:
    with pytest.raises(CommandError):
        docker_exec(docker, "t-empty", "true")
    code, _, err = enter(plan_for(empty, command=["sh", "-c", "true"]))
    assert code == 127 and "--toolbox" in err
    before = docker.run("diff", "t-empty")
    script = "cat /etc/hostname; ls -d /sleep; sed -n '/^CapEff/p' /proc/self/status; readlink /proc/$$/exe; exit 3"
    code, out, err = enter(plan_for(empty, toolbox=True, command=["sh", "-c", script]))
    assert (code, err) == (3, "")
    assert out.split("\n") == [
        docker.inspect("t-empty")["Config"]["Hostname"], "/sleep", "CapEff:\t00000000a80425fb",
        "/memfd:busybox (deleted)", "",
    ]  # fmt: skip
    assert docker.run("diff", "t-empty") == before


def test_the_toolbox_has_a_terminal(empty: int, terminals: list[Terminal]) -> None:
    terminal = Terminal(plan_for(empty, toolbox=True))
    terminals.append(terminal)
    terminal.expect("# ")
    terminal.send("tty; stty size; cat /proc/1/comm; echo ma''rk\r")
    assert terminal.expect("\r\nmark").splitlines()[-3:] == ["/dev/pts/0", "33 77", "sleep"]
    terminal.send("exit 6\r")
    terminal.expect("same-6")


def test_the_toolbox_needs_no_proc_no_devpts_and_no_file(workspace: Workspace, population: Population) -> None:
    """A root directory with one program, without any mount: what no runtime makes, for runc itself needs a /proc."""
    root = workspace.root / "t-bare"
    root.mkdir()
    shutil.copy(docker_busybox(), root / "sleep")
    script = f"cd {root}; exec chroot . /sleep 9999"
    pid = population.process("mnt", "pid", command=["sh", "-c", script])
    wait_until(lambda: os.readlink(f"/proc/{pid}/root") == str(root), 10, "chroot")
    assert enter(plan_for(pid, toolbox=True, command=["ls", "/"])) == (0, "sleep\n", "")
    # Given as the command each applet works; within the shell those that busybox does not execute anew.
    code, out, err = enter(plan_for(pid, toolbox=True, command=["wc", "-c", "/sleep"]))
    assert (code, out, err) == (0, f"{(root / 'sleep').stat().st_size} /sleep\n", "")
    code, out, err = enter(plan_for(pid, toolbox=True, command=["sh", "-c", "ls /; id -u; echo $0"]))
    assert (code, out, err) == (0, "sleep\n0\nsh\n", "")
    # The others it would execute through /proc/self/exe, which is said before.
    made = plan_for(pid, toolbox=True, command=["sh", "-c", "wc -c /sleep"])
    assert any(warning.startswith("no /proc is in its files: ") for warning in made.warnings)
    code, out, err = enter(made)
    assert (code, out) == (127, "") and "wc: not found" in err
    assert os.listdir(root) == ["sleep"]


def test_where_there_is_a_proc_no_applet_is_missing(web: int) -> None:
    made = plan_for(web, toolbox=True, command=["sh", "-c", "wc -c </root/inside.txt"])
    assert not any("/proc is in its files" in warning for warning in made.warnings)
    assert enter(made) == (0, "24\n", "")


def test_the_toolbox_runs_where_no_file_may_be_executed(docker: Docker) -> None:
    pid = docker.container("t-noexec", "--tmpfs", "/work:noexec", "--workdir", "/work")
    try:
        docker_exec(docker, "t-noexec", "cp /bin/busybox /work/cat")
        code, _, err = enter(plan_for(pid, command=["./cat", "/root/inside.txt"]))
        assert (code, err) == (
            126, "nsview: ./cat can't be executed: its file system is mounted noexec; --toolbox needs none\n"
        )  # fmt: skip
        code, out, err = enter(plan_for(pid, toolbox=True, command=["cat", "/root/inside.txt"]))
        assert (code, out, err) == (0, "a file of the container\n", "")
    finally:
        docker.remove("t-noexec")


def test_a_hostile_path_gives_no_applet(docker: Docker) -> None:
    pid = docker.container("t-path", "--env", "PATH=/tmp")
    try:
        docker.run("exec", "t-path", "/bin/sh", "-c", "/bin/cp /bin/true /tmp/ls; /bin/cp /bin/true /tmp/cat")
        code, out, err = enter(plan_for(pid, toolbox=True, command=["sh", "-c", "ls -d /tmp; cat /root/inside.txt"]))
        assert (code, out, err) == (0, "/tmp\na file of the container\n", "")
    finally:
        docker.remove("t-path")


def test_an_ordinary_user_has_the_toolbox_too(empty: int) -> None:
    script = ["sh", "-c", "cat /proc/self/status | grep -E '^(Uid|CapEff)'"]
    code, out, err = enter(plan_for(empty, toolbox=True, account="1000:1000", command=script))
    assert (code, err) == (0, "")
    assert out == "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n"


def test_where_there_is_no_busybox_it_is_said_what_to_install(web: int) -> None:
    patch = "from nsview.join import toolbox; toolbox._PLACES = (); import os; os.environ['PATH'] = '/nowhere'"
    code, out, err = enter(plan_for(web, toolbox=True, command=["true"]), patch=patch)
    assert (code, out) == (127, "")
    assert "apt-get install busybox-static" in err and err.count("\n") == 1


_WHO = "id; pwd; env | sort; grep -E '^(Uid|Gid|Groups|Cap)' /proc/self/status"


@pytest.mark.parametrize(
    "options",
    [
        ("-u", "app"), ("-u", "1000"), ("-u", "app:extra"), ("-u", "0:1000"), ("-u", "1234"), ("-u", "root"),
        ("-u", "nobody"), ("-w", "/tmp"), ("-e", "A=b c", "-e", "HOME=/x"), ("-u", "app", "-w", "/", "-e", "PATH=/bin"),
    ],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("run_options", [(), ("--user", "1000:2000", "--cap-add", "NET_ADMIN")], ids=["root", "app"])
def test_user_directory_and_variables_are_those_of_docker_exec(
    docker: Docker, options: tuple[str, ...], run_options: tuple[str, ...]
) -> None:
    docker.container("t-who", *run_options)
    try:
        theirs = docker.run("exec", *options, "t-who", "sh", "-c", _WHO)
        id = docker.inspect("t-who")["Id"]
        done = nsview("enter", *options, id, "--", "sh", "-c", _WHO)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", theirs)
    finally:
        docker.remove("t-who")


def test_user_with_a_name_is_the_user_and_alone_the_kind_of_namespace(web: int) -> None:
    done = nsview("enter", str(web), "--user=app", "--", "id", "-u")
    assert (done.returncode, done.stdout) == (0, "1000\n")
    done = nsview("enter", str(web), "--user", "--dry-run")
    assert "nothing to join: user" in done.stdout


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("-u", "nobodyknows"), 1, "not in the container's /etc/passwd"),
        (("-u", "app:nobodyknows"), 1, "not in the container's /etc/group"),
        (("-w", "/nowhere"), 126, "/nowhere can't be the working directory"),
        (("-w", "tmp"), 2, "from /"),
        (("-e", "=x"), 2, "give NAME=value"),
        (("-u", "app", "--host-privileges"), 2, "leave out"),
    ],
)
def test_what_can_not_be_had_is_one_line(web: int, options: tuple[str, ...], code: int, words: str) -> None:
    done = nsview("enter", *options, str(web), "--", "true")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert words in done.stderr


def test_a_variable_without_value_is_the_callers(web: int) -> None:
    done = nsview("enter", "-e", "MINE", str(web), "--", "env", env={**os.environ, "MINE": "of the caller"})
    assert "MINE=of the caller\n" in done.stdout


# Host's tools


def test_ps_shows_the_containers_processes_and_the_host_sees_no_mount(web: int) -> None:
    def procs() -> int:
        return Path("/proc/self/mountinfo").read_text().count(" - proc ")

    before = procs()
    script = "ps -e -o pid=,comm=; grep -c ' - proc ' /proc/self/mountinfo; readlink /proc/self/ns/mnt"
    code, out, err = enter(plan_for(web, "pid", command=["sh", "-c", script]))
    assert (code, err) == (0, "")
    *shown, mounted, namespace = out.split("\n")[:-1]
    assert shown[0].split() == ["1", "sleep"] and 2 <= len(shown) <= 4
    assert namespace not in (os.readlink("/proc/self/ns/mnt"), os.readlink(f"/proc/{web}/ns/mnt"))
    assert int(mounted) == before + 1 and procs() == before


def test_where_no_proc_can_be_mounted_it_goes_on_without(web: int) -> None:
    patch = """
from nsview import linux
def mount(*_):
    raise OSError(1, "Operation not permitted")
linux.mount = mount
"""
    code, out, err = enter(plan_for(web, "pid", command=["cat", "/proc/1/comm"]), patch=patch)
    assert (code, out) == (0, Path("/proc/1/comm").read_text())
    words = "no /proc of its own (Operation not permitted), so ps and top show the host's processes"
    assert err == f"nsview: note: {words}\n"


# A path


@pytest.fixture
def blue(workspace: Workspace) -> Iterator[str]:
    """The path of a net namespace without processes."""
    name = workspace.root.name
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield f"/run/netns/{name}"
    subprocess.run(["ip", "netns", "delete", name], check=True)


def test_a_namespace_without_processes_is_entered_by_its_path(blue: str) -> None:
    inode = os.stat(blue).st_ino
    script = "readlink /proc/self/ns/net; ip -o link; grep CapEff /proc/self/status"
    done = nsview("enter", blue, "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    link, *devices, effective = done.stdout.splitlines()
    assert link == f"net:[{inode}]" and len(devices) == 1 and ": lo: " in devices[0]
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if "CapEff" in line)
    assert effective == own
    # By its number it is the same one.
    assert nsview("enter", f"net:{inode}", "--", "readlink", "/proc/self/ns/net").stdout == link + "\n"
    assert nsview("enter", blue, "--dry-run").stdout.count("no process is in it") == 1


def test_another_namespace_at_the_path_is_not_entered(blue: str, workspace: Workspace, population: Population) -> None:
    status = os.stat(blue)
    with open(blue) as file:
        _, device, inode, id = identity(file.fileno())
    assert inode == status.st_ino
    pin = Pin("net", KIND["net"].value, device, inode, id)

    def made(path: str | Path) -> Plan:
        held = pin.changed(ways=(Way("mount", str(path)),))
        return plan_for_namespace(held, str(path), HOST, Choice((), ("true",)))

    assert enter(made(blue)) == (0, "", "")
    other = population.process("net")
    link = workspace.root / "t-path"
    for target, words in (
        (f"/proc/{other}/ns/net", "another namespace by now"),
        (f"/proc/{other}/ns/uts", "another namespace by now"),
        ("/etc/passwd", "nothing leads to"),
        ("/nowhere", "nothing leads to"),
    ):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        code, out, err = enter(made(link))
        assert (code, out, err.count("\n")) == (1, "", 1) and words in err
    link.unlink()
    os.mkfifo(link)
    assert enter(made(link))[0] == 1
    link.unlink()


def test_a_mount_namespace_is_entered_by_its_path(workspace: Workspace, population: Population) -> None:
    there = workspace.root / "t-mnt"
    there.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "--make-private", "tmpfs", there], check=True)
    kept = there / "kept"
    kept.touch()
    script = f"mount -t tmpfs tmpfs {there}/inner && touch {there}/inner/seen && mount --bind /proc/$$/ns/mnt {kept}"
    (there / "inner").mkdir()
    try:
        # A mount namespace may be bound only where it is not itself seen: from the host, by the process's link.
        pid = population.process("mnt")
        subprocess.run(["nsenter", "-t", str(pid), "-m", "sh", "-c", script.rpartition(" && ")[0]], check=True)
        subprocess.run(["mount", "--bind", f"/proc/{pid}/ns/mnt", kept], check=True)
        population.kill(pid)
        done = nsview("enter", str(kept), "--", "ls", f"{there}/inner")
        assert (done.returncode, done.stdout, done.stderr) == (0, "seen\n", "")
    finally:
        subprocess.run(["umount", kept], check=False)
        subprocess.run(["umount", "--lazy", there], check=True)


# What is said before


def test_notes_are_for_people(web: int, terminals: list[Terminal]) -> None:
    words = "nsview: note: the container's capabilities are used"
    command = ["enter", str(web), "--net", "--", "true"]
    assert nsview(*command).stderr == ""
    terminal = Terminal([*NSVIEW, *command])
    terminals.append(terminal)
    assert words in terminal.expect("same-0")

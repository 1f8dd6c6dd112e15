"""What keeps nsview from seeing all of the host is said, one line each, and nothing where nothing does."""

import json
import os
import subprocess

import pytest

from nsview.agent import limitations, mountinfo
from nsview.hosts.local import LocalHost

from .user import AS_NOBODY, User

HIDES = "/proc hides the processes of other users"
NO_PTRACE = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")


def run(
    user: User, *before: str, arguments: tuple[str, ...] = ("list", "processes")
) -> subprocess.CompletedProcess[str]:
    done = user.run(*before, *user.python, "-m", "nsview", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def notes(user: User, *before: str) -> list[str]:
    """The host's notes for nsview run by these words, less those that this machine gives anyway."""
    plain = json.loads(run(user, arguments=("list", "processes", "--json")).stdout)["host"]["notes"]
    said = json.loads(run(user, *before, arguments=("list", "processes", "--json")).stdout)["host"]["notes"]
    return [note for note in said if note not in plain]


def in_mounted_proc(options: str, *then: str) -> tuple[str, ...]:
    return ("unshare", "--mount", "sh", "-c", f'mount -t proc -o {options} proc /proc && exec "$@"', "sh", *then)


def test_on_the_host_itself_as_root_there_is_nothing_to_say(user: User) -> None:
    if os.stat("/proc/self/ns/pid").st_ino != 4026531836:
        assert notes(user) == []  # in a container that runs the tests; the others compare with it
        return
    host = LocalHost(once=True)
    assert host.first().host.notes == ()
    host.stop()


@pytest.mark.parametrize(
    ("before", "begin", "helps"),
    [
        (in_mounted_proc("hidepid=2", *AS_NOBODY), HIDES + " (hidepid=invisible)", "root"),
        (in_mounted_proc("hidepid=1", *AS_NOBODY), HIDES + " (hidepid=noaccess)", "root"),
        (("unshare", "--pid", "--fork"), "/proc is that of another pid namespace", "mount -t proc proc /proc"),
        (("unshare", "--pid", "--fork", "--mount-proc"), "nsview runs in a pid namespace below", "--pid=host"),
        (("unshare", "--cgroup"), "nsview runs in a cgroup namespace below", "--cgroupns=host"),
        (("unshare", "--user", "--map-root-user"), "nsview runs in a user namespace below", "host's root"),
        (NO_PTRACE, "nsview runs as root without CAP_SYS_PTRACE", "--cap-add=SYS_PTRACE"),
    ],
    ids=["hidepid=2", "hidepid=1", "foreign /proc", "pid", "cgroup", "user", "no ptrace"],
)
def test_each_is_one_line_that_says_what_would_help(
    user: User, before: tuple[str, ...], begin: str, helps: str
) -> None:
    found = [note for note in notes(user, *before) if note.startswith(begin)]
    assert len(found) == 1
    assert helps in found[0] and "\n" not in found[0]
    # .. and people see it, beside what is printed.
    listed = run(user, *before)
    assert f"nsview: {found[0]}\n" in listed.stderr
    assert begin not in listed.stdout


def test_only_what_is_so_is_said(user: User) -> None:
    (only,) = notes(user, "unshare", "--cgroup")
    assert only.startswith("nsview runs in a cgroup namespace")
    assert notes(user, "unshare", "--net", "--uts", "--ipc", "--mount") == []
    assert notes(user, *in_mounted_proc("hidepid=2")) == []  # root sees them all
    assert notes(user, *AS_NOBODY) == []  # that is said by counts of what could not be read


def test_with_the_proc_of_another_pid_namespace_processes_are_right_nevertheless(user: User) -> None:
    """`unshare --pid` alone: getpid() says 1, /proc shows the host's processes."""
    shown = json.loads(run(user, "unshare", "--pid", "--fork", arguments=("list", "processes", "--json")).stdout)
    (own,) = [p for p in shown["processes"] if p["nspid"][1:] and p["cmdline"][-5:-2] == ["-m", "nsview", "list"]]
    assert own["nspid"][-1] == 1
    assert os.getpid() in {p["pid"] for p in shown["processes"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22 1 0:5 / /proc rw,relatime - proc proc rw,hidepid=2,gid=5\n", {"rw": "", "hidepid": "2", "gid": "5"}),
        # What is mounted over it last is what is read.
        ("22 1 0:5 / /proc rw - proc proc rw,hidepid=2\n23 22 0:6 / /proc rw - proc proc rw\n", {"rw": ""}),
        ("22 1 0:5 / /proc rw shared:5 master:1 - proc proc rw\n", {"rw": ""}),
        ("22 1 0:5 / /mnt/proc rw - proc proc rw,hidepid=2\n", {}),
        ("22 1 0:5 / /proc rw - tmpfs hidepid=2 rw,hidepid=2\n", {}),
        ("", {}),
        ("nonsense\n\n - proc proc hidepid=2", {}),
    ],
)
def test_options_are_those_of_what_is_mounted_at_proc(text: str, expected: dict[str, str]) -> None:
    assert limitations.proc_options(mountinfo.parse(text)) == expected

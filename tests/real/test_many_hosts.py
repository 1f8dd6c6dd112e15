"""Several hosts asked at once: by a user's own ssh, each in namespaces of its own, and by pipes; the hostile among them
harm no other."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.cli import fleet, main
from tests.unit.schemas import differences

from .account import Account
from .command import nsview
from .conftest import require
from .sshd import Sshd
from .workspace import Workspace, wait_until

NAMES = ("far1", "far2", "far3")
ONE = "pid=1 ppid=0"
"""Of each host the first process alone."""
GOOD = ("env", "env A=1")
"""Two pipes to this machine."""
_PROGRESS = r"{\"frame\":\"progress\",\"done\":1,\"total\":2}"
HOSTILE = {
    "sh -c yes": "y … is no agent's word",
    "sh -c 'cat /dev/zero'": "a line of more than 16 MiB, which is no frame of nsview's",
    "sh -c 'echo nsview-agent 0 x; yes'": "not an agent of nsview",
    f"sh -c 'echo nsview-agent 0 x; yes {_PROGRESS}'": "more than 64 MiB: ask this host alone",
    r"""sh -c 'printf "\033[2J\033]0;x\007%070000d\n" 1'""": "is no agent's word",
    "sh -c 'exec <&-; exit 3'": "via ended with exit code 3",
    "/nowhere": "/nowhere could not be started: No such file or directory",
}
"""{a pipe: the end of its line}"""


@pytest.fixture(scope="module")
def far(workspace: Workspace, account: Account) -> Iterator[list[Sshd]]:
    """Servers whose pids, mounts and names are their own; the user's configuration knows all of them."""
    require(*Sshd.NEEDS, "unshare")
    hosts = []
    try:
        for name in NAMES:
            own = ("unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
            hosts.append(Sshd(workspace, account, name, (*own, "sh", "-c", f'hostname {name}; exec "$@"', "sh")))
        ssh = account.home / ".ssh"
        config, known = ssh / "config", ssh / "known_hosts"
        usual = f"User root\nIdentityFile {ssh}/id\nIdentitiesOnly yes\nHostName 127.0.0.1\n"
        config.write_text("".join(f"Host {host.name}\nPort {host.port}\n{usual}" for host in hosts))
        known.write_text("".join(f"[127.0.0.1]:{host.port} {host.key}\n" for host in hosts))
        for file in (config, known):
            file.chmod(0o600)
            shutil.chown(file, account.name, account.name)
        yield hosts
    finally:
        for host in hosts:
            host._process.kill()
            host._process.wait()
            shutil.rmtree(host.directory)  # another module begins them anew


def told(*words: str, code: int = 0) -> dict[str, Any]:
    """{host: its part of the JSON that a command prints}"""
    done = nsview(*words, "--json")
    assert done.returncode == code, done.stderr
    printed = json.loads(done.stdout)
    assert list(differences("hosts", printed)) == []
    return {one["host"]: one for one in printed["hosts"]}


def via(*commands: str) -> list[str]:
    return [word for command in commands for word in ("--via", command)]


# -- real hosts -----------------------------------------------------------------------------------


def test_each_host_has_its_own_processes_under_its_name(far: list[Sshd]) -> None:
    done = far[0].nsview("list", "processes", "-H", "far*", "-o", "host,pid,name", "--no-headers", "--filter", ONE)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [[name, "1", "sshd"] for name in NAMES]


def test_an_answer_is_that_of_the_host_alone(far: list[Sshd]) -> None:
    words = ("list", "namespaces", "--type", "uts", "--json")
    together = far[0].nsview(*words, *(word for name in NAMES for word in ("-H", name)))
    assert together.returncode == 0, together.stderr
    hosts = json.loads(together.stdout)["hosts"]
    assert [one["host"] for one in hosts] == list(NAMES)
    for one in hosts:
        alone = json.loads(far[0].nsview(*words, "-H", one["host"]).stdout)
        assert one["answer"]["host"] == alone["host"] and one["answer"]["host"]["name"] == one["host"]
        inodes = [[space["inode"] for space in answer["namespaces"]] for answer in (one["answer"], alone)]
        assert inodes[0] == inodes[1] and inodes[0]
        assert (one["exit"], one["error"]) == (0, None)


def test_words_of_a_table_are_taken_by_other_commands(far: list[Sshd]) -> None:
    done = far[0].nsview("list", "processes", "-H", "far2", "-H", "far3", "-q", "--filter", ONE)
    assert done.stdout.splitlines() == ["-H far2 1", "-H far3 1"], done.stderr
    found = far[0].nsview("inspect", *done.stdout.splitlines()[0].split(), "--json")
    assert json.loads(found.stdout)["comm"] == "sshd"


def test_a_file_of_hosts_and_one_that_is_not_reached(far: list[Sshd], account: Account) -> None:
    file = account.home / "hosts"
    file.write_text("far1\nssh://127.0.0.1:1 # nobody\na b\nfar3\n")
    done = far[0].nsview("list", "processes", "--hosts", str(file), "--no-headers", "-o", "host", "--filter", ONE)
    assert done.returncode == 4
    assert done.stdout.split() == ["far1", "far3"]
    first, second = (line for line in done.stderr.splitlines() if not line.startswith("nsview: far"))
    assert first.startswith("nsview: ssh://127.0.0.1:1: ssh: connect") and "Connection refused" in first
    assert second == f"nsview: a b: {file}, line 3: 'a b' is no name of a host"


def test_an_inventory_gives_the_names(far: list[Sshd], account: Account) -> None:
    variables = {name: {"ansible_host": host.name} for name, host in zip(("db", "web"), far, strict=False)}
    file = account.home / "inventory.json"
    file.write_text(json.dumps({"_meta": {"hostvars": variables}, "all": {"hosts": ["db", "web"]}}))
    done = far[0].nsview("list", "processes", "--hosts", str(file), "--filter", f"{ONE} host=w*", "-q")
    assert (done.returncode, done.stdout) == (0, "-H far2 1\n"), done.stderr


def test_nobody_is_asked_for_a_password(far: list[Sshd], account: Account) -> None:
    """Each line of stderr is of a host; the others answer."""
    file = account.home / ".ssh/config"
    before = file.read_text()
    file.write_text(f"Match originalhost far2\nPubkeyAuthentication no\nUser {account.name}\n{before}")
    try:
        words = ["list", "processes", "-H", "far1", "-H", "far2", "-q", "--filter", ONE]
        done = subprocess.run(
            ["script", "-qec", shlex.join([*account.words, *account.nsview(), *words]), "/dev/null"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd="/", check=False,
        )  # fmt: skip
        assert done.returncode == 4
        assert "-H far1 1" in done.stdout and "far2: " in done.stdout and "Permission denied" in done.stdout
        assert "assword:" not in done.stdout
    finally:
        file.write_text(before)


# -- one among others -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["list", "list containers", "ps", "list nets", "list use", "list containers --all", "list --holders"]
)
def test_each_table_is_merged(words: str) -> None:
    found = told(*words.split(), *via(*GOOD))
    assert list(found) == list(GOOD)
    assert all(one["answer"]["schema"] == 1 for one in found.values())
    done = nsview(*words.split(), *via(*GOOD))
    assert done.stdout.startswith("HOST ") and done.returncode == 0, done.stderr


def test_an_audit_of_several(tmp_path: Path) -> None:
    done = nsview("audit", *via(*GOOD, "false"), "--json")
    found = {one["host"]: one for one in json.loads(done.stdout)["hosts"]}
    assert done.returncode == 4  # though there may be findings
    assert found["env"]["exit"] in (0, 1) and isinstance(found["env A=1"]["answer"]["findings"], list)
    assert nsview("audit", *via(*GOOD)).stdout.startswith("HOST ")


def test_hostile_hosts_are_a_line_each_and_little_memory() -> None:
    code = "import re,sys; from nsview.cli import main; code=main(); "
    code += (
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "list", "processes", *via(*GOOD, *HOSTILE), "-q", "--filter", ONE],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    *lines, memory = done.stderr.splitlines()
    assert done.returncode == 4
    assert done.stdout.splitlines() == ["--via env 1", "--via 'env A=1' 1"], done.stderr
    assert len(lines) == len(HOSTILE) and all(line.isprintable() for line in lines), lines
    assert [said for said in HOSTILE.values() if not any(line.endswith(said) for line in lines)] == [], lines
    assert int(memory) < 400_000


def test_a_host_that_hangs_is_given_up_and_its_programs_are_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The first is silent, the second goes on about nothing, and both leave the pipe to a program of theirs."""
    monkeypatch.setattr(fleet, "DEADLINE", 5.0)
    hanging = f"sh -c 'echo $$ >> {tmp_path}/pids; sleep 997; true'", f"sh {tmp_path}/busy"
    (tmp_path / "busy").write_text(
        f"echo $$ >> {tmp_path}/pids\necho nsview-agent 0 x\n"
        'while sleep 0.1; do echo \'{"frame":"progress","done":1,"total":2}\'; done\n'
    )
    assert main(["list", "processes", *via(*hanging, *GOOD), "-q", "--filter", ONE]) == 4
    out, err = capsys.readouterr()
    assert out.splitlines() == ["--via env 1", "--via 'env A=1' 1"]
    assert err.count("\n") == 1 and "no answer within 5 s" in err  # of both
    sessions = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(sessions) == 2
    wait_until(lambda: not [pid for pid in _running() if _session(pid) in sessions], 10, "the end of what hung")


def _running() -> list[int]:
    return [int(pid) for pid in os.listdir("/proc") if pid.isdecimal()]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def test_a_clock_that_is_off_is_said_once_with_the_names_of_the_hosts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time
    monkeypatch.setattr("nsview.hosts.remote.time.time", lambda: now() - 3600)
    assert main(["ps", *via(*GOOD)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("1 h 00 min ahead of this one" in line for line in lines)


def test_the_end_of_the_user_s_patience_ends_all(tmp_path: Path) -> None:
    hanging = f"sh -c 'echo $$ >> {tmp_path}/pids; exec sleep 997'"
    with subprocess.Popen(
        [sys.executable, "-m", "nsview", "ps", *via(hanging, hanging.replace("997", "998"))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as asking:  # fmt: skip
        pids = tmp_path / "pids"
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, 20, "both hosts")
        asking.send_signal(signal.SIGINT)
        assert asking.communicate(timeout=20) == ("", "")
        assert asking.returncode == 130
    sessions = [int(pid) for pid in pids.read_text().split()]
    wait_until(lambda: not [pid for pid in _running() if _session(pid) in sessions], 10, "the end of both")


def test_more_hosts_than_are_asked_at_once_are_told_in_order() -> None:
    commands = [f"env N={number}" for number in range(fleet.AT_ONCE + 4)]
    done = nsview("list", "processes", *via(*commands), "-o", "host", "--no-headers", "--filter", ONE)
    assert done.stdout.splitlines() == commands, done.stderr


# -- the question ---------------------------------------------------------------------------------


def test_the_filter_asks_for_the_host_s_name_too() -> None:
    found = told("list", "processes", *via(*GOOD), "--filter", f'{ONE} host="env A=*"')
    assert [len(one["answer"]["processes"]) for one in found.values()] == [0, 1]
    assert [one["exit"] for one in found.values()] == [1, 0]
    other = told("list", "processes", *via(*GOOD), "--filter", f'{ONE} host!="env A=*"')
    assert [len(one["answer"]["processes"]) for one in other.values()] == [1, 0]
    kind = told("list", "processes", *via(*GOOD), "--filter", f"{ONE} host=net")
    assert [len(one["answer"]["processes"]) for one in kind.values()] == [1, 1]


def test_nothing_matched_anywhere_is_one_line() -> None:
    done = nsview("ps", *via(*GOOD), "--filter", "no-such-container")
    assert (done.returncode, done.stderr) == (1, "nsview: nothing matched\n")


def test_lines_are_sorted_over_all_hosts() -> None:
    done = nsview("list", "processes", *via(*GOOD), "--sort=-host", "-o", "pid,host", "--no-headers", "--filter", ONE)
    assert [line.split(maxsplit=1)[1] for line in done.stdout.splitlines()] == ["env A=1", "env"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ps --watch", "--watch is for one host"), ("ps --from x", "--from is for one host"),
        ("events --from x", "--from is for one host"), ("events --filter nothing=3", "no field is called nothing"),
        ("logs web", "several hosts are for the explorer, list, ps"),
        ("enter web -- true", "several hosts are for"), ("record {}/x", "several hosts are for"),
        ("export --prometheus", "several hosts are for"), ("ps -o none", "no column 'none'; there are host, name"),
        ("ps --filter nothing=3", "no field is called nothing"),
    ],
)  # fmt: skip
def test_a_question_that_is_wrong_asks_nobody(words: str, said: str, tmp_path: Path) -> None:
    touching = f"sh -c 'touch {tmp_path}/asked'"
    command, dashes, rest = words.format(tmp_path).partition(" -- ")
    done = nsview(*command.split(), *via(touching, "env"), *([dashes.strip(), rest] if dashes else []))
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done
    assert not (tmp_path / "asked").exists()


def test_one_thing_is_inspected_on_each_host_that_has_it(far: list[Sshd]) -> None:
    words = *(word for name in NAMES[:2] for word in ("-H", name)), "--via", "true"
    done = far[0].nsview("inspect", "1", *words)
    assert done.returncode == 4 and done.stderr.startswith("nsview: true: ")
    first, second = done.stdout.partition("far2:\n")[::2]
    assert first.startswith("far1:\n") and all("sshd" in part for part in (first, second))
    done = far[0].nsview("inspect", "1", *words[:4], "--json")
    assert [one["answer"]["comm"] for one in json.loads(done.stdout)["hosts"]] == ["sshd", "sshd"]
    inode = json.loads(far[0].nsview("inspect", "1", "-H", "far1", "--json").stdout)["namespaces"]["pid"]
    done = far[0].nsview("inspect", f"pid:{inode}", *words[:4])  # which the other does not see
    assert done.returncode == 0 and done.stdout.startswith("far1:\n") and "far2:\n" not in done.stdout
    done = far[0].nsview("inspect", "no-such-thing", *words[:4])
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["ps", "audit", "events"])
def test_a_word_that_names_no_host_is_wrong_usage_where_no_other_can_be_asked(command: str) -> None:
    """Else the others answer, and it is a host that could not be read."""
    wrong = "-H", "a b", "-H", "ftp://x"
    done = nsview(command, *wrong)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert sorted(line.partition(": -H")[0] for line in done.stderr.splitlines()) == ["nsview: a b", "nsview: ftp://x"]
    assert nsview(command, *wrong, *via(GOOD[0])).returncode == 4


def test_the_terminal_has_one_line_of_progress_that_goes_away() -> None:
    words = " ".join([sys.executable, "-m", "nsview", "ps", "-q", "--no-pager", "--via", "env", "--via", "'env A=1'"])
    done = subprocess.run(["script", "-qec", words, "/dev/null"], capture_output=True, timeout=60, check=False)
    assert re.findall(rb"\r(\d of 2 hosts)\x1b\[K", done.stdout)[0] == b"0 of 2 hosts", done
    assert b"\r\x1b[K" in done.stdout

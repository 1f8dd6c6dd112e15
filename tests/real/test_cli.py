"""The command line as scripts and people meet it: what it prints, what it says on bad input, and how it ends."""

import gzip
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import nsview as package

from .command import NSVIEW, containers, links, nsview, printed
from .daemons import Containerd, Docker
from .population import Population
from .workspace import wait_until


def refused(code: int, *arguments: str | bytes, **options: object) -> str:
    """What it says of a bad request: one line of its own on stderr, nothing else, and this exit code."""
    done = nsview(*arguments, **options)
    assert done.returncode == code, done
    assert done.stderr.startswith("nsview: ") and done.stderr.endswith("\n") and done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


@pytest.fixture(scope="module")
def web(docker: Docker) -> Iterator[int]:
    yield docker.container("cli-web")
    docker.remove("cli-web")


# -- bad input ---------------------------------------------------------------------------------------------------------


def gone() -> str:
    """A pid that was somebody's."""
    done = subprocess.Popen(["true"])
    done.wait()
    return str(done.pid)


@pytest.mark.parametrize("command", ["inspect", "enter"])
def test_a_pid_that_is_gone(command: str) -> None:
    pid = gone()
    assert pid in refused(1, command, pid)


@pytest.mark.parametrize("command", ["inspect", "enter"])
@pytest.mark.parametrize("target", ["net:1", "net:[1]", "pid:99999999999999999999", "nobody", "docker:nobody", ""])
def test_a_target_that_nobody_is(command: str, target: str) -> None:
    refused(1, command, target)


def has_snapshot(recording: Path) -> bool:
    """A recording in the making has a whole snapshot in it."""
    return b'{"frame":"snapshot"' in told(recording)


def told(recording: Path) -> bytes:
    """The whole frames of a recording in the making."""
    return subprocess.run(["zcat", str(recording)], check=False, capture_output=True).stdout


def test_an_ambiguous_prefix_lists_the_candidates(containerd: Containerd) -> None:
    ids = ("alike-one", "alike-two")
    for id in ids:
        containerd.container(id)
    try:
        for command in ("inspect", "enter"):
            said = refused(1, command, "alike-")
            assert all(f"containerd:default/{id}" in said for id in ids)
    finally:
        for id in ids:
            containerd.remove(id)


@pytest.mark.parametrize("command", ["inspect", "enter"])
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/nobody/here", "/", "/dev/null", "/proc/self/fd/0", "./nobody", "/proc/1/nsx"]
)
def test_a_path_that_is_no_namespace(command: str, path: str) -> None:
    assert path in refused(4, command, path)


def test_a_fifo_in_the_place_of_a_namespace_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    refused(4, "inspect", str(tmp_path / "fifo"))


@pytest.mark.parametrize("target", [b"\xff\xfe", b"\x1b[2J", b"a\nb", "²", "9" * 5000, "x" * 100_000])
def test_a_target_of_odd_text(target: str | bytes) -> None:
    refused(1, "inspect", target)


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"], ["list", "nothing"], ["list", "--type", "eth"], ["list", "--type"], ["list", "--dance"],
        ["list", "processes", "--type", "net"], ["list", "--", "x"], ["inspect"], ["inspect", "1", "2"], ["enter"],
        ["enter", "1", "--eth"], ["record"], ["record", "f", "--seconds", "x"], ["record", "f", "--seconds", "-1"],
        ["record", "f", "--seconds", "nan"], ["--from"], ["list", "a\nb"], ["list", "-o", "colour"], ["list", "-o", ""],
        ["list", "-o", "a\nb"], ["list", "--sort", "colour"], ["ps", "nets"], ["ps", "--watch=0"], ["ps", "--watch=x"],
        ["inspect", "1", "-o", "wide"], ["exec"], ["exec", "-it"], ["exec", "-d", "1", "true"],
        ["exec", "--net", "1", "x"],
    ],
    ids=lambda words: " ".join(words).replace("\n", "_"),
)  # fmt: skip
def test_wrong_usage(arguments: list[str]) -> None:
    refused(2, *arguments)


def test_a_recording_is_not_entered_nor_recorded(tmp_path: Path) -> None:
    recording = recorded(tmp_path)
    refused(2, "--from", str(recording), "enter", "1")
    refused(2, "--from", str(recording), "record", str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"), (b"{}\n", "not a recording"), (b"\x1f\x8b\x08", "without a whole frame"),
        (b'{"frame":"hello","schema":99,"host":{}}\n', "schema 99"), (b'{"frame":"hello","sch', "recording"),
    ],
    ids=["empty", "other", "gzip", "schema", "cut"],
)  # fmt: skip
@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["inspect", "1"]], ids=lambda words: " ".join(words))
def test_a_recording_that_is_none(tmp_path: Path, content: bytes, words: str, command: list[str]) -> None:
    file = tmp_path / "recording"
    file.write_bytes(content)
    said = refused(4, *command, "--from", str(file))
    assert words in said and str(file) in said


def test_a_recording_cut_in_the_middle(tmp_path: Path) -> None:
    whole = recorded(tmp_path)
    cut = tmp_path / "cut"
    text = told(whole)
    cut.write_bytes(text[:-100])
    done = nsview("list", "--from", str(cut))
    assert done.returncode == 0 and "cut in the middle" in done.stderr
    cut.write_bytes(whole.read_bytes()[:-100])
    assert printed("list", "--from", str(cut))["processes"]


def test_a_recording_that_is_not_there() -> None:
    refused(4, "list", "--from", "/nobody/here")
    refused(4, "list", "--from", "/")


def test_a_file_to_record_to_that_exists_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("mine")
    assert "exists" in refused(2, "record", str(file))
    assert file.read_text() == "mine"
    refused(4, "record", "/nobody/here")


def test_without_proc(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh", *NSVIEW, "list"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith("nsview: /proc") and done.stderr.count("\n") == 1


def test_not_on_linux() -> None:
    code = "import sys; sys.platform = 'darwin'; import nsview.cli; sys.exit(nsview.cli.main(['list']))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 4
    assert done.stderr.startswith("nsview: this is not Linux") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["demo"]])
def test_the_explorer_needs_a_terminal(arguments: list[str]) -> None:
    assert "terminal" in refused(2, *arguments)


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_the_explorer_needs_a_terminal_that_can_be_drawn_on(term: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TERM"}
    if term is not None:
        environment["TERM"] = term
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*NSVIEW], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, check=False, timeout=60
        )  # fmt: skip
        said = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert said.startswith("nsview: this terminal cannot be drawn on") and said.count("\n") == 1


def test_a_shell_needs_a_terminal(docker: Docker, web: int) -> None:
    assert "terminal" in refused(2, "enter", "cli-web")


@pytest.mark.parametrize(
    "words",
    [
        "web id", "-i web cat", "-u 33:44 -w /tmp web sh -c id;pwd", "-e A=b web sh -c 'echo $A -- $0' -it",
        "web sh -c 'exit 3'", "web sh -c 'kill -9 $$'",
    ],
)  # fmt: skip
def test_exec_does_what_docker_exec_does(docker: Docker, web: int, words: str) -> None:
    """The same words to both: what they print, read and return."""
    given = ["exec", *("cli-web" if word == "web" else word for word in shlex.split(words))]
    theirs = subprocess.run([*docker.command, *given], check=False, capture_output=True, text=True, input="in\n")
    ours = nsview(*given, stdin=None, input="in\n")
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), (ours, theirs)


def test_exec_of_a_program_that_is_not_there(docker: Docker, web: int) -> None:
    refused(127, "exec", "cli-web", "no-such-program")


def test_exec_on_a_terminal_has_it(docker: Docker, web: int) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*NSVIEW, "exec", "-it", "cli-web", "sh", "-c", "test -t 0 && test -t 1 && exit 7"],
            stdin=theirs, stdout=theirs, stderr=theirs, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 7


def test_a_process_that_is_another_by_now(docker: Docker, web: int) -> None:
    pid = docker.inspect("cli-web")["State"]["Pid"]
    assert "-u USER, or --user=USER" in refused(2, "enter", str(pid), "--user", "1000")
    assert "no number of a user" in refused(2, "enter", str(pid), "-u", "99999999999", "--", "true")
    assert "another" in refused(1, "enter", str(pid), "--start", "1", "--", "true")


def test_a_kernel_thread_cannot_be_entered() -> None:
    if Path("/proc/2/comm").read_text() == "kthreadd\n":
        assert "kernel" in refused(4, "enter", "2", "--", "true")


def test_a_zombie_cannot_be_entered(population: Population) -> None:
    refused(1, "enter", str(population.zombie()), "--", "true")


# -- what it prints ----------------------------------------------------------------------------------------------------


def test_version_and_help_end_well() -> None:
    assert nsview("--version").stdout == f"nsview {package.__version__}\n"
    for arguments in (["--help"], ["list", "--help"], ["inspect", "--help"], ["enter", "--help"], ["record", "--help"]):
        done = nsview(*arguments)
        assert (done.returncode, done.stderr) == (0, "") and "usage: nsview" in done.stdout


def test_the_whole_list_as_json_adds_up(population: Population) -> None:
    population.process("net")
    population.zombie()
    whole = printed("list")
    assert whole["schema"] == 1
    by_pid = {p["pid"]: p for p in whole["processes"]}
    by_key = {(n["type"], n["inode"]): n for n in whole["namespaces"]}
    assert len(by_pid) == len(whole["processes"]) and len(by_key) == len(whole["namespaces"])
    for pid, process in by_pid.items():
        for kind, inode in process["namespaces"].items():
            assert pid in by_key[kind, inode]["pids"]
    for (kind, inode), namespace in by_key.items():
        # Not known where a process is protected from root too, as pid 1 may be.
        assert namespace["nprocs"] in (None, len(namespace["pids"])) and namespace["nprocs_at_least"] == len(
            namespace["pids"]
        )
        assert all(by_pid[pid]["namespaces"][kind] == inode for pid in namespace["pids"])
        assert [h["pid"] for h in namespace["held_by"] if h["kind"] == "process"] == namespace["pids"]
        assert namespace["held_by"], "something must keep it"
    unreadable = [p["unreadable"] for p in by_pid.values() if p["unreadable"]]
    assert whole["unreadable"]["processes"] == len(unreadable)
    assert whole["unreadable"]["reasons"] == {reason: unreadable.count(reason) for reason in set(unreadable)}
    keys = {c["key"] for c in whole["containers"] if c["pids"] or c["state"] != "restarting"}
    assert {p["container"] for p in by_pid.values()} - {None} == keys
    assert whole["host"]["uid"] == 0 and whole["host"]["privileged"] is True
    assert whole["host"]["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert abs(whole["taken_at"] - time.time()) < 60


def test_the_hosts_first_namespaces_are_marked() -> None:
    initial = {n["type"]: n["inode"] for n in printed("list", "namespaces")["namespaces"] if n["initial"]}
    assert initial == links(os.getpid()), "the suite itself runs in a container"


@pytest.mark.parametrize("kind", ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"])
def test_a_type_narrows_to_its_own(kind: str) -> None:
    listing = printed("list", "--type", kind)
    assert {n["type"] for n in listing["namespaces"]} == {kind}
    lines = nsview("list", "--type", kind).stdout.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {kind}


def test_a_table_alone_is_the_part_of_the_whole(web: int) -> None:
    for table in ("namespaces", "processes", "containers"):
        listing = printed("list", table)
        assert {"schema", "host", "taken_at", "unreadable", table} <= listing.keys()
        assert not listing.keys() & ({"namespaces", "processes", "containers"} - {table})
        assert listing[table]


def test_a_filter_by_the_name_of_a_container(docker: Docker, web: int) -> None:
    pid = docker.inspect("cli-web")["State"]["Pid"]
    id = docker.inspect("cli-web")["Id"]
    assert [c["id"] for c in printed("list", "containers", "--filter", id[:20])["containers"]] == [id]
    found = printed("list", "processes", "--filter", f"{id[:20]} sleep")["processes"]
    assert [p["pid"] for p in found] == [pid]


def test_a_filter_that_nothing_matches() -> None:
    for arguments in (["processes"], ["containers"], ["namespaces"], []):
        refused(1, "list", *arguments, "--filter", "nobody-is-called-this")
    done = nsview("list", "--json", "--filter", "nobody-is-called-this")
    assert done.returncode == 1 and json.loads(done.stdout)["processes"] == []


def test_the_one_who_asks_does_not_find_itself() -> None:
    assert nsview("list", "processes", "--filter", "word-in-no-other-command-line").returncode == 1


def test_a_container_is_inspected_even_where_its_prefix_is_a_number(containerd: Containerd) -> None:
    pid = containerd.container("999999999")
    try:
        assert printed("inspect", "999999999")["key"] == "containerd:default/999999999"
        assert printed("inspect", "99999999")["init_pid"] == pid
        assert printed("inspect", str(pid))["pid"] == pid
    finally:
        containerd.remove("999999999")


HOSTILE = """
import ctypes, signal
ctypes.CDLL(None).prctl(15, b') R 1 [x]\\n\\x1b[2J', 0, 0, 0)
print(flush=True)
signal.pause()
"""


@pytest.fixture
def hostile(population: Population) -> Iterator[int]:
    """A process whose name and arguments would clear the screen and add lines."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", HOSTILE, b"\x1b]0;owned\x07\n", b"\xff\xc2\x9b31m", "\u202e"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout and process.stdout.readline()
    yield process.pid
    process.kill()
    process.communicate()


def test_whatever_a_process_calls_itself_a_terminal_gets_printable_lines(hostile: int) -> None:
    done = nsview("list", "processes")
    lines = done.stdout.split("\n")
    assert all(line.isprintable() for line in lines)
    (line,) = [line for line in lines if line.split()[:1] == [str(hostile)]]
    assert "\\x1b]0;owned\\x07\\x0a" in line
    assert all(line.isprintable() for line in nsview("inspect", str(hostile)).stdout.split("\n"))


def test_json_is_ascii_and_says_the_name_as_it_is(hostile: int) -> None:
    done = nsview("inspect", str(hostile), "--json")
    assert done.stdout.isascii()
    shown = json.loads(done.stdout)
    assert shown["comm"] == ") R 1 [x]\n\x1b[2J"
    assert shown["cmdline"][-3:] == ["\x1b]0;owned\x07\n", "\\xff\x9b31m", "\u202e"]


def test_a_process_with_more_groups_than_fit_a_page_is_listed_whole(population: Population) -> None:
    """Its /proc/PID/status is 700 kB long."""
    code = "import os, signal; os.setgroups(range(10**9, 10**9 + 65536)); print(flush=True); signal.pause()"
    process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout and process.stdout.readline()
        (shown,) = [p for p in printed("list", "processes")["processes"] if p["ppid"] == process.pid]
        assert (shown["uid"], shown["nspid"][-1]) == (0, 1)
        done = nsview("enter", str(shown["pid"]), "--dry-run")
        assert done.returncode == 0, done.stderr
    finally:
        process.kill()
        process.communicate()


def test_a_working_directory_that_is_no_utf8_does_not_end_the_agent(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.mkdir(odd)
    process = subprocess.Popen(["sleep", "9999"], cwd=odd)
    try:
        assert nsview("enter", str(process.pid), "--dry-run").returncode == 0
    finally:
        process.kill()
        process.wait()


def test_a_host_name_that_is_no_utf8_does_not_end_the_agent() -> None:
    name = "import ctypes, os, sys; ctypes.CDLL(None).sethostname(b'\\xff\\xfe', 2)"
    code = f"{name}; os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        ["unshare", "--uts", sys.executable, "-c", code, *NSVIEW, "list", "--json"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["host"]["name"] == "\\xff\\xfe"


def test_in_a_pid_namespace_whose_proc_is_the_hosts(population: Population) -> None:
    """`unshare --pid` without a /proc of its own: own pids there are not those that /proc shows."""
    done = subprocess.run(
        ["unshare", "--pid", "--fork", *NSVIEW, "list", "--json"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    listing = json.loads(done.stdout)
    assert os.getpid() in {p["pid"] for p in listing["processes"]}
    assert listing["host"]["privileged"]


def test_in_a_pid_namespace_with_its_own_proc() -> None:
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *NSVIEW, "list", "--json"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listing = json.loads(done.stdout)
    assert [p["pid"] for p in listing["processes"]][:1] == [1]
    assert all(len(p["nspid"]) == 1 for p in listing["processes"])


# -- where it prints to ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["list"], ["list", "--json"], ["list", "processes"], ["--help"], ["list", "--filter", "nobody-here"],
        ["list", "-q"], ["list", "-o", "wide"],
    ],
    ids=lambda words: " ".join(words),
)  # fmt: skip
def test_a_reader_that_has_had_enough_is_no_error(command: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = nsview(*command, stdout=write, stderr=subprocess.PIPE, capture_output=False)
    finally:
        os.close(write)
    assert "BrokenPipe" not in done.stderr and "Traceback" not in done.stderr
    assert done.returncode in (0, 1)


def test_head_takes_the_first_line() -> None:
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | head -n 1', "bash", *NSVIEW, "list", "--json"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = nsview("list", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 4
    assert [line for line in done.stderr.splitlines() if "space" in line] and "Traceback" not in done.stderr
    assert all(line.startswith("nsview: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_no_error(closed: str) -> None:
    shell = ["sh", "-c", f'"$@" {closed}', "sh"]
    done = subprocess.run([*shell, *NSVIEW, "list"], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert all(line.startswith("nsview: ") for line in done.stderr.splitlines())


def test_a_locale_without_our_arrows_gets_escapes(docker: Docker, web: int) -> None:
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = nsview("inspect", "cli-web", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii() and "serves" in done.stdout


# -- recording ---------------------------------------------------------------------------------------------------------


def recorded(directory: Path) -> Path:
    file = directory / "recording.jsonl"
    done = nsview("record", str(file), "--seconds", "0.3")
    assert done.returncode == 0, done.stderr
    return file


def test_a_recording_shows_what_was(tmp_path: Path, docker: Docker) -> None:
    pid = docker.container("recorded")
    file = recorded(tmp_path)
    docker.remove("recorded")
    assert "recorded" not in {c["name"] for c in containers().values()}
    then = printed("list", "--from", str(file))
    (container,) = [c for c in then["containers"] if c["name"] == "recorded"]
    assert container["pids"] == [pid]
    assert printed("inspect", "recorded", "--from", str(file)) == container
    assert printed("--from", str(file), "inspect", "recorded") == container
    assert printed("inspect", str(pid), "--from", str(file))["chain"][-1]["pid"] == pid


def test_a_recording_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """It holds the command lines of all users."""
    assert recorded(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_recording_goes_on_until_interrupted_and_is_whole_then(tmp_path: Path, population: Population) -> None:
    file = tmp_path / "r"
    process = subprocess.Popen([*NSVIEW, "record", str(file)], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: has_snapshot(file), 30, "first snapshot")
    born = population.process("net")
    wait_until(lambda: f'"pid":{born},'.encode() in told(file), 20, "delta")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert said.startswith("nsview: ") and str(file) in said and said.count("\n") == 1
    assert re.search(r": \d+ frames in ", said)
    assert born in {p["pid"] for p in printed("list", "processes", "--from", str(file))["processes"]}


def test_interrupted_at_any_moment_a_recording_is_whole_or_says_what_it_lacks(tmp_path: Path) -> None:
    for number in range(12):
        file = tmp_path / str(number)
        process = subprocess.Popen([*NSVIEW, "record", str(file)], stderr=subprocess.PIPE, text=True)
        time.sleep(0.02 * number)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        if file.exists():  # else it was still being loaded
            assert "Traceback" not in said
            assert process.returncode in (0, 130)
            data = gzip.decompress(file.read_bytes())
            assert data[-1:] in (b"", b"\n")
            assert all(json.loads(line) for line in data.splitlines())


def test_a_killed_recorder_leaves_whole_frames_and_no_agent(tmp_path: Path) -> None:
    file = tmp_path / "r"
    process = subprocess.Popen([*NSVIEW, "record", str(file)])
    wait_until(lambda: has_snapshot(file), 30, "first snapshot")
    (agent,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    wait_until(lambda: not Path("/proc", agent).exists(), 5, "end of the agent")
    assert printed("list", "processes", "--from", str(file))["processes"]


def test_an_agent_that_is_killed_is_a_line_and_what_was_recorded_is_whole(tmp_path: Path) -> None:
    """The first is started again, and the recording goes on; the second so soon after is not."""
    file = tmp_path / "r"
    process = subprocess.Popen([*NSVIEW, "record", str(file)], stderr=subprocess.PIPE, text=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: has_snapshot(file), 30, "first snapshot")
    (first,) = children.read_text().split()
    os.kill(int(first), signal.SIGKILL)
    wait_until(lambda: set(children.read_text().split()) - {first}, 30, "the second agent")
    (second,) = set(children.read_text().split()) - {first}
    wait_until(lambda: told(file).count(b'{"frame":"snapshot"') > 1, 30, "its first snapshot")
    os.kill(int(second), signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4
    again, last = said.splitlines()
    assert again.startswith("nsview: the agent exited") and again.endswith("started again")
    assert last.startswith("nsview: the agent exited") and "starts it" in last
    assert printed("list", "processes", "--from", str(file))["processes"]


def test_a_recording_that_is_kept_for_a_time_is_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "r"
    for _ in range(2):
        process = subprocess.Popen([*NSVIEW, "record", "--keep", "1h", str(file)], stderr=subprocess.PIPE, text=True)
        before = told(file).count(b'{"frame":"snapshot"')
        wait_until(lambda before=before: told(file).count(b'{"frame":"snapshot"') > before, 30, "snapshot")
        assert "another" in refused(4, "record", "--keep", "1h", str(file))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
    (tmp_path / "mine").write_text("mine")
    assert "another name" in refused(2, "record", "--keep", "1h", str(tmp_path / "mine"))
    refused(2, "record", "--keep", "24", str(tmp_path / "new"))


def test_a_redacted_recording_has_no_arguments_of_commands_nor_values_of_environments(
    tmp_path: Path, docker: Docker
) -> None:
    secret = "hunter2-of-a-command-line"
    child = subprocess.Popen(["sh", "-c", "sleep 60; true", secret], env={**os.environ, "TOKEN": secret})
    docker.container("r-kept", f"--env=TOKEN={secret}", command=("sh", "-c", "sleep 60; true", secret))
    docker.container("r-ended", f"--env=TOKEN={secret}", command=("sh", "-c", f"exit 3 {secret}"))
    try:
        done = nsview("record", "--redact", "--seconds", "3", str(tmp_path / "r"))
        assert done.returncode == 0, done.stderr
        written = told(tmp_path / "r")
        assert secret.encode() not in written
        assert b'"r-kept"' in written and b'"r-ended"' in written
        listed = printed("list", "processes", "--from", str(tmp_path / "r"))["processes"]
        assert [p["cmdline"] for p in listed if p["pid"] == child.pid] == [["sh", "[redacted]"]]
        assert nsview("record", "--keep", "1h", "--seconds", "0.5", str(tmp_path / "plain")).returncode == 0
        said = refused(2, "record", "--keep", "1h", "--redact", str(tmp_path / "plain"))
        assert "is there already, with arguments of commands and values of environments in it; give another" in said
    finally:
        docker.remove("r-kept")
        docker.remove("r-ended")
        child.kill()
        child.wait()


# A service

_AS_ROOT = ("setpriv", "--no-new-privs", "--bounding-set")


def unit(*words: str) -> dict[str, str]:
    """{key: value} of the unit that is printed."""
    done = nsview("record", "--service", *words)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line and not line.startswith("#"))


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    file = tmp_path / "nsview-recording.service"
    file.write_text(nsview("record", "--service", "--redact", "/var/lib/nsview/50% of $HOME").stdout)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], check=False, capture_output=True, text=True
    )
    assert [line for line in done.stderr.splitlines() if file.name in line] == []
    assert unit()["ExecStart"].endswith("nsview record --keep 86400s /var/lib/nsview/recording")
    assert '"/var/lib/nsview/50%% of $$HOME"' in unit("/var/lib/nsview/50% of $HOME")["ExecStart"]
    refused(2, "record", "--service", "relative")
    refused(2, "record", "--service", "--seconds", "9")
    refused(2, "record")


def test_with_the_capabilities_of_the_unit_all_is_recorded_that_root_sees(tmp_path: Path, docker: Docker) -> None:
    pid = docker.container("u-service")
    own = os.stat(f"/proc/{pid}/ns/net").st_ino
    capabilities = [name.removeprefix("CAP_").lower() for name in unit()["CapabilityBoundingSet"].split()]
    bounds = "-all," + ",".join(f"+{name}" for name in capabilities)
    found, read = [], []
    try:
        # Other namespaces than the container's come and go: those that root saw before and after were there meanwhile.
        for number, before in enumerate(((), (*_AS_ROOT, bounds), ())):
            file = tmp_path / str(number)
            subprocess.run([*before, *NSVIEW, "record", "--seconds", "5", str(file)], check=True, capture_output=True)
            listed, nets = (
                printed("list", "--holders", "--from", str(file)),
                printed("list", "nets", "--from", str(file)),
            )
            audit = json.loads(nsview("audit", "--json", "--from", str(file)).stdout)
            (container,) = [one for one in listed["containers"] if one["name"] == "u-service"]
            assert container["pids"] == [pid]
            # A process that is just born may be confined in a way that is not known yet.
            rules = [line.split(":")[1] for line in audit["unchecked"] if " rules, of " in line]
            found.append(
                ({reason for reason in listed["unreadable"]["reasons"] if reason != "ENOENT"}, nets["notes"], rules)
            )
            read.append({(net["inode"], net["source"], len(net["interfaces"])) for net in nets["nets"]})
    finally:
        docker.remove("u-service")
    assert found[0] == found[1]
    assert own in {inode for inode, _, _ in read[0] & read[1]}
    assert read[0] & read[2] <= read[1]


def test_a_storm_of_short_lived_processes_does_not_disturb(population: Population) -> None:
    stop = threading.Event()

    def storm() -> None:
        while not stop.is_set():
            subprocess.run(["true"], check=True)

    storms = [threading.Thread(target=storm) for _ in range(2)]
    for thread in storms:
        thread.start()
    try:
        for _ in range(10):
            listing = printed("list")
            pids = {p["pid"] for p in listing["processes"]}
            assert all(set(n["pids"]) <= pids for n in listing["namespaces"])
    finally:
        stop.set()
        for thread in storms:
            thread.join()

"""One process as the agent reads it, from the real /proc and with processes that mean no good."""

import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import procfs
from tests.unit.processes import running


@pytest.fixture
def reader() -> Iterator[procfs.Reader]:
    reader = procfs.Reader()
    yield reader
    reader.close()


def read(reader: procfs.Reader, pid: int) -> dict[str, Any]:
    record, _ = reader.process(pid)
    return record


def test_this_process_is_read_as_it_knows_itself(reader: procfs.Reader) -> None:
    record, cgroup = reader.process(os.getpid())
    assert record["pid"] == os.getpid()
    assert record["ppid"] == os.getppid()
    assert record["uid"] == os.geteuid()
    assert record["user"] == pwd.getpwuid(os.geteuid()).pw_name
    assert record["comm"] == Path("/proc/self/comm").read_text().rstrip("\n")
    assert record["cmdline"] == Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0")
    assert record["state"] == "R"
    assert record["nspid"][0] == os.getpid()
    assert record["unreadable"] is None and record["kthread"] is False
    assert cgroup == Path("/proc/self/cgroup").read_bytes()


def test_the_eight_namespaces_are_those_of_readlink(reader: procfs.Reader) -> None:
    links = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in procfs.KINDS}
    assert {k: f"{k}:[{inode}]" for k, inode in read(reader, os.getpid())["namespaces"].items()} == links
    assert len(links) == 8


def test_start_is_field_22_of_stat(reader: procfs.Reader) -> None:
    with running("say(0); wait()") as (pid, _):
        stat = Path(f"/proc/{pid}/stat").read_text()
        assert read(reader, pid)["start"] == int(stat.rpartition(")")[2].split()[19])


@pytest.mark.parametrize(
    "name",
    [
        b") R 1 [x]\n\x1b[2J",
        b"a\nUid:\t0\t0\t0\t0",
        b") Z 0 0 0 0 0",
        b"((((",
        b"))))",
        b"\xff\xfe\xc3",
        b" ",
        "名前".encode(),
        b"a\\nb",
    ],
)
def test_no_name_is_taken_for_anything_but_a_name(reader: procfs.Reader, name: bytes) -> None:
    with running(f"name({name!r}); say(0); wait()") as (pid, _):
        record = read(reader, pid)
    assert record["comm"] == name[:15].decode("utf-8", "backslashreplace")
    assert record["state"] in "RS"
    assert record["ppid"] == os.getpid()
    assert record["uid"] == os.geteuid()
    assert record["nspid"][-1] == pid


def test_an_empty_name_is_empty(reader: procfs.Reader) -> None:
    with running("name(b''); say(0); wait()") as (pid, _):
        assert read(reader, pid)["comm"] == ""


def test_arguments_that_are_no_utf8_become_escapes(reader: procfs.Reader) -> None:
    with running("say(0); wait()", b"\xff\xfe", "é", "", "a b", argv0=b"\x1b]0;x\x07") as (pid, _):
        cmdline = read(reader, pid)["cmdline"]
    assert cmdline[0] == "\x1b]0;x\x07"
    assert cmdline[5:] == ["\\xff\\xfe", "é", "", "a b"]


def test_a_long_command_line_is_cut_and_says_so(reader: procfs.Reader) -> None:
    with running("say(0); wait()", "x" * 100_000) as (pid, _):
        cmdline = read(reader, pid)["cmdline"]
    assert cmdline[-1].startswith("xxx") and cmdline[-1].endswith("x…")
    assert sum(len(argument) + 1 for argument in cmdline) <= procfs.CMDLINE_LIMIT + 2


def test_a_command_line_that_was_overwritten_is_one_argument(reader: procfs.Reader) -> None:
    """As setproctitle does it: PR_SET_MM is root's, so the arguments' own memory is written to."""
    code = """
address = next(int(l.split('-')[0], 16) for l in open('/proc/self/maps') if '[stack]' in l)
end = next(int(l.split('-')[1].split()[0], 16) for l in open('/proc/self/maps') if '[stack]' in l)
stack = ctypes.string_at(address, end - address)
own = open('/proc/self/cmdline', 'rb').read()
at = address + stack.rindex(own)
ctypes.memset(at, 0, len(own))
ctypes.memmove(at, b'title: idle', 11)
say(0); wait()
"""
    with running(code, "argument") as (pid, _):
        assert read(reader, pid)["cmdline"] == ["title: idle"]


def test_a_process_without_a_command_line_has_no_arguments(reader: procfs.Reader) -> None:
    with running("c = os.fork()\nif c == 0: os._exit(0)\nos.waitid(os.P_PID, c, 0x1000004)\nsay(c); wait()") as (_, z):
        record = read(reader, z)
    assert record["cmdline"] == []


def test_a_zombie_keeps_what_the_kernel_still_tells_of_it(reader: procfs.Reader) -> None:
    with running("c = os.fork()\nif c == 0: os._exit(0)\nos.waitid(os.P_PID, c, 0x1000004)\nsay(c); wait()") as (p, z):
        record = read(reader, z)
    assert record["state"] == "Z"
    assert record["ppid"] == p
    assert record["unreadable"] == "ENOENT"
    assert set(record["namespaces"]) == {"pid", "user"}


def test_a_dead_leader_has_the_namespaces_of_its_live_thread(reader: procfs.Reader) -> None:
    """pthread_exit in main: the process is a zombie by its stat and alive by its threads."""
    code = """
import threading
def rest():
    while open('/proc/self/stat').read().rpartition(')')[2].split()[0] != 'Z':
        pass
    say(0); wait()
threading.Thread(target=rest).start()
libc.syscall(60, 0)  # SYS_exit: this thread alone
"""
    if os.uname().machine != "x86_64":
        code = code.replace("60", "93")
    with running(code) as (pid, _):
        record = read(reader, pid)
    assert record["state"] == "Z"
    assert record["namespaces"] == read(reader, os.getpid())["namespaces"]
    assert record["unreadable"] is None


def test_a_pid_that_is_nobodys_has_vanished(reader: procfs.Reader) -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    with pytest.raises(procfs.Vanished):
        reader.process(done.pid)


def test_a_kernel_thread_has_a_name_and_no_arguments(reader: procfs.Reader) -> None:
    record = read(reader, 2)
    if record["comm"] != "kthreadd":
        pytest.skip("pid 2 is not the host's here: this is a pid namespace of its own")
    assert record["kthread"] is True
    assert record["cmdline"] == []


def test_pids_are_those_of_proc_in_order(reader: procfs.Reader) -> None:
    def there() -> set[int]:
        return {int(name) for name in os.listdir("/proc") if name.isdigit()}

    before, pids, after = there(), reader.pids(), there()
    assert os.getpid() in pids and os.getppid() in pids
    assert pids == sorted(set(pids))
    assert before & after <= set(pids)


def children(parent: int) -> list[int]:
    """Their pids as the kernel lists them: some are gone by the time they are read."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_processes_that_come_and_go_while_they_are_read_never_fail_a_scan_nor_mix(reader: procfs.Reader) -> None:
    """Each short-lived process is called after its pid and has one of two parents with a command line of its own."""
    code = """
import random, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
say(0)
while True:
    if os.fork() == 0:
        name(b't%d' % os.getpid())
        time.sleep(random.random() / 100)
        os._exit(0)
    time.sleep(0.0005)
"""
    alive = vanished = 0
    with running(code, "first") as (first, _), running(code, "second") as (second, _):
        began = time.monotonic()
        while (passed := time.monotonic() - began) < 1 or (passed < 30 and not (alive > 50 and vanished > 5)):
            for pid in (*children(first), *children(second)):
                try:
                    record = read(reader, pid)
                except procfs.Vanished:
                    vanished += 1
                    continue
                if record["ppid"] in (first, second):
                    alive += 1
                    # A zombie, or one that has just become one, has lost its arguments.
                    assert record["cmdline"][-1:] in ([], ["first" if record["ppid"] == first else "second"])
                    assert record["comm"] in (f"t{pid}", Path(sys.executable).resolve().name[:15], "python3", "python")
    assert alive > 50 and vanished > 5, "too few were caught for the test to mean anything"


def test_every_record_is_json_of_ascii(reader: procfs.Reader) -> None:
    with running("name(b'\\xed\\xa0\\x80\\xff'); say(0); wait()", b"\xed\xa0\x80") as (pid, _):
        record = read(reader, pid)
    assert json.loads(json.dumps(record).encode("ascii")) == record
    json.dumps(record, ensure_ascii=False).encode("utf-8")  # and nothing in it is half a surrogate pair


def test_the_agents_directory_handle_is_not_left_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    reader = procfs.Reader()
    for pid in (os.getpid(), os.getppid()):
        reader.process(pid)
    with pytest.raises(procfs.Vanished):
        reader.process(2**22 + 1)
    reader.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_reading_needs_no_more_than_the_standard_interpreter() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import nsview.agent.procfs",
         str(Path(__file__).parents[3])], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_namespace_that_could_not_be_opened_is_new_to_the_next_process_in_it() -> None:
    """Else the first process of a namespace, ending just then, would leave it without owner and id for all."""
    seen: list[str] = []
    opened = False
    reader = procfs.Reader(on_namespace=lambda kind, inode, open_namespace: seen.append(kind) or opened)
    reader.process(os.getpid())
    assert sorted(seen) == sorted(set(seen))
    once = len(seen)
    reader.process(os.getpid())
    assert len(seen) == 2 * once
    opened = True
    reader.process(os.getpid())
    reader.process(os.getpid())
    assert len(seen) == 3 * once


def test_one_that_can_be_seen_no_longer_is_gone(reader: procfs.Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under hidepid=ptraceable what is refused is soon not even there for us (fs/proc/base.c, pid_getattr: ENOENT)."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def unseen(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(reader, "_process", refused)
    monkeypatch.setattr(reader, "_forbidden", unseen)
    with pytest.raises(procfs.Vanished):
        reader.process(os.getpid())

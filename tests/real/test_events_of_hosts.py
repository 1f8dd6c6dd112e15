"""The events of several hosts as one list, in order of time."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nsview.cli import main
from tests.unit.schemas import differences

from .command import nsview
from .daemons import Docker
from .sshd import Sshd
from .test_many_hosts import GOOD, NAMES, via
from .test_many_hosts import far as far
from .workspace import wait_until


def told(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert [difference for one in found for difference in differences("events", one)] == []
    return found


@pytest.fixture(scope="module")
def two(docker: Docker) -> Iterator[tuple[str, str]]:
    """Two containers, one of which was started after the other."""
    names = "of-hosts-a", "of-hosts-b"
    for name in names:
        docker.container(name)
    yield names
    for name in names:
        docker.remove(name)


@contextmanager
def following(*words: str) -> "Iterator[tuple[subprocess.Popen[str], list[str], list[str]]]":
    """`events --follow` of these, with the lines of its stdout and of its stderr so far."""
    command = [sys.executable, "-m", "nsview", "events", "--follow", *words]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        out: list[str] = []
        err: list[str] = []
        for pipe, lines in ((running.stdout, out), (running.stderr, err)):
            assert pipe is not None
            threading.Thread(target=lines.extend, args=(pipe,), daemon=True).start()
        try:
            yield running, out, err
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(20)


def test_the_starts_of_all_hosts_are_one_list_in_order_of_time(two: tuple[str, str]) -> None:
    done = nsview("events", *via(*GOOD), "--json", "--filter", "container=of-hosts-*")
    assert done.returncode == 0, done.stderr
    found = told(done.stdout)
    assert [one["name"] for one in found] == [two[0], two[0], two[1], two[1]]
    assert [one["time"] for one in found] == sorted(one["time"] for one in found)
    assert {(one["host"], one["name"]) for one in found} == {(host, name) for host in GOOD for name in two}
    printed = nsview("events", *via(*GOOD), "--filter", "container=of-hosts-*").stdout.splitlines()
    assert printed[0].split() == ["HOST", "TIME", "KIND", "CONTAINER", "SUBJECT", "EVENT"]
    assert sorted(line[: len(GOOD[1])].strip() for line in printed[1:]) == sorted([*GOOD, *GOOD])


def test_a_host_is_asked_for_by_its_name(two: tuple[str, str]) -> None:
    words = ("events", *via(*GOOD), "--json", "--filter")
    assert {one["host"] for one in told(nsview(*words, 'host="env A=*" container=of-hosts-a').stdout)} == {GOOD[1]}
    assert (nsview(*words, "host=nobody").returncode, nsview(*words, "host=nobody").stderr) == (
        1, "nsview: nothing matched\n",
    )  # fmt: skip


def test_a_host_that_fails_is_a_line_and_the_exit_code_and_the_others_are_told(two: tuple[str, str]) -> None:
    done = nsview("events", *via(*GOOD, "sh -c 'exit 3'"), "--json")
    assert done.returncode == 4
    assert {one["host"] for one in told(done.stdout)} == set(GOOD)
    assert done.stderr.splitlines()[-1].endswith("via ended with exit code 3")


def test_a_host_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], two: tuple[str, str]
) -> None:
    monkeypatch.setattr("nsview.cli.fleet_events.DEADLINE", 5.0)
    assert main(["events", *via("sh -c 'sleep 997; true'", *GOOD), "--json"]) == 4
    out, err = capsys.readouterr()
    assert {one["host"] for one in told(out)} == set(GOOD)
    assert "no answer within 5 s" in err


def test_servers_are_followed_under_their_names(far: list[Sshd]) -> None:
    done = far[0].nsview("events", *(word for name in NAMES for word in ("-H", name)))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr  # no container runs there
    assert "no container runs on these hosts" in done.stderr


def test_what_happens_on_all_hosts_is_told_as_it_happens(docker: Docker) -> None:
    name = "of-hosts-new"
    words = ("--json", "--filter", f"container={name}")
    with following(*via(*GOOD, "sh -c 'exit 3'"), *words) as (running, out, err):
        wait_until(
            lambda: any("via ended with exit code 3; it is tried again" in line for line in err), 30, "the error"
        )

        def seen() -> bool:
            if docker.run("ps", "-aqf", f"name={name}"):
                docker.remove(name)
            docker.container(name)
            starts = [
                one for one in told("".join(out)) if one["kind"] in ("started", "restarted")
            ]  # soon again: the latter
            return {one["host"] for one in starts} == set(GOOD)

        try:
            wait_until(seen, 60, "the start, told of both")
        finally:
            docker.remove(name)
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 4  # one of the hosts can't be followed
        assert sum("via ended" in line for line in err) == 1, err  # once, though it is tried again


def test_a_host_is_followed_again_once_it_answers(tmp_path: Path) -> None:
    late = f"sh -c 'test -e {tmp_path}/up || exit 7; exec sh'"
    with following(*via(late, "env")) as (running, _, err):
        wait_until(lambda: any("exit code 7; it is tried again" in line for line in err), 30, "the error")
        (tmp_path / "up").touch()
        wait_until(lambda: any("it is followed again" in line for line in err), 30, "its return")
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0, err


def test_where_no_host_can_be_followed_it_ends(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a b\n")
    done = nsview("events", "--follow", "--hosts", str(tmp_path / "hosts"))
    assert done.returncode == 4 and "is no name of a host" in done.stderr

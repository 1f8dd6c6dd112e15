"""A recording as of a moment: what was known then, and no more."""

import contextlib
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts import HostError
from nsview.hosts.members import Writer
from nsview.hosts.recording import RecordedHost, demo
from nsview.hosts.recording import opened as opened_by
from nsview.model.snapshot import Snapshot

from .test_members import NET, frames_of, same, take
from .test_stream import written

BEGAN = 1_764_000_000.0
HOST = {"processors": 2, "load": [], "memory": None, "memory_available": None, "booted": None, "pressure": {}}


def opened(place: str) -> RecordedHost:
    return opened_by(place, RecordedHost)


def usage(taken_at: float) -> bytes:
    return written(
        {"frame": "usage", "id": 1, "taken_at": taken_at, "clock": taken_at, "cost": 0.0, "host": HOST,
         "processes": [], "containers": []}
    )  # fmt: skip


def lines(seed: int, apart: float = 10.0) -> Iterator[bytes]:
    """An agent's, with a reading of use and of nets after each change."""
    for number, line in enumerate(frames_of(seed, 60, BEGAN, apart)):
        yield line
        if number > 3:
            taken_at = json.loads(line)["taken_at"]
            yield usage(taken_at + 1)
            yield written({**NET, "taken_at": taken_at + 2, "notes": [f"{taken_at}"]})


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, list[Snapshot]]:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        told = take(writer, lines(1))
    return path, [snapshot for _, snapshot in told]


def test_the_host_at_a_moment_is_what_was_live_then(recorded: tuple[Path, list[Snapshot]]) -> None:
    path, live = recorded
    assert len(RecordedHost(path)._members) > 3
    for snapshot, after in itertools.pairwise(live[1:]):  # the first is without the search
        for moment in (snapshot.taken_at, after.taken_at - 0.001):
            host = opened(f"{path}@{moment}")
            assert same(host.first(), snapshot) and host.first().taken_at == snapshot.taken_at
            assert host.holders() == host.first()
    assert same(opened(f"{path}@-0s").first(), live[-1])


def test_nets_and_use_at_a_moment_are_those_that_were_read_by_then(recorded: tuple[Path, list[Snapshot]]) -> None:
    path, live = recorded
    for snapshot in live[3:]:
        nets = opened(f"{path}@{snapshot.taken_at + 5}").nets()
        assert nets is not None and nets.notes == (f"{snapshot.taken_at}",)
        host = opened(f"{path}@{snapshot.taken_at + 0.5}")
        read = [reading.taken_at for reading in host.usages()]
        assert read == sorted(set(read)) and all(at <= host.moment for at in read)
        first = max(BEGAN + 11, host.moment - 600)
        assert [at for at in read if at >= first] == [one.taken_at + 1 for one in live[2:] if first <= one.taken_at + 1
                                                      <= host.moment]  # fmt: skip


def test_a_moment_at_which_nobody_recorded_is_said(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        told = take(writer, itertools.chain(frames_of(1, 5, BEGAN), frames_of(2, 5, BEGAN + 3600)))
    host = opened(f"{path}@{BEGAN + 1800}")
    assert "nothing was recorded from" in host.note
    assert host.first().taken_at < BEGAN + 6
    assert opened(f"{path}@{BEGAN + 30}").note == "" == opened(f"{path}@{told[-1][1].taken_at}").note


def test_a_name_with_the_sign_is_a_name_if_there_is_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "user@03:12").write_bytes(demo().read_bytes())
    assert opened(str(tmp_path / "user@03:12")).moment == float("inf")
    with pytest.raises(HostError, match="nobody@03:12: No such file"):
        opened(str(tmp_path / "nobody@03:12"))
    with pytest.raises(HostError, match="is no moment"):
        opened(f"{demo()}@noon")
    with pytest.raises(HostError, match="it tells of"):
        opened(f"{demo()}@+3h")


def nsview(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-P", "-m", "nsview", *words], check=False, capture_output=True, text=True)


COMMANDS = [
    "list", "list processes", "list containers", "list nets", "list use", "list --holders", "audit", "inspect web",
    "compare web web-logs",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_can_be_asked_of_a_moment(command: str) -> None:
    done = nsview("--from", f"{demo()}@+6s", *command.split())
    assert done.returncode in (0, 1) if "use" not in command else "has no use in it" in done.stderr
    assert "Traceback" not in done.stderr
    refused = nsview(*command.split(), "--from", f"{demo()}@noon")
    assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)


def test_a_container_that_came_and_went_is_there_in_between_and_told_by_diff() -> None:
    def names(moment: str) -> set[str]:
        listed = nsview("list", "containers", "--json", "--from", f"{demo()}{moment}").stdout
        return {container["name"] for container in json.loads(listed)["containers"]}

    assert "job-4711" in names("@+6s")
    assert not {"job-4711"} & (names("") | names("@+0s"))
    told = json.loads(nsview("diff", f"{demo()}@+0s", f"{demo()}@+6s", "--json").stdout)
    assert [container["name"] for container in told["containers"]["new"]] == ["job-4711"]
    told = json.loads(nsview("diff", f"{demo()}@+6s", str(demo()), "--json").stdout)
    assert [container["name"] for container in told["containers"]["gone"]] == ["job-4711"]

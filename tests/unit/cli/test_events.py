"""`nsview events` of a recording: its whole, or up to a moment."""

import gzip
import json
import math
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from nsview.cli import main
from nsview.hosts.frames import DeltaFrame
from nsview.hosts.recording import RecordedHost, demo


def told(capsys: pytest.CaptureFixture[str], place: str, *more: str) -> list[dict[str, object]]:
    assert main(["events", "--from", place, "--json", *more]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_any_container_is_asked_for_by_a_star(capsys: pytest.CaptureFixture[str]) -> None:
    whole = told(capsys, str(demo()))
    assert told(capsys, str(demo()), "--filter", "container=*") == whole != []
    assert main(["events", "--from", str(demo()), "--filter", "container!=*"]) == 1, "all are of containers there"


def test_as_of_a_moment_there_is_what_had_happened_by_then(capsys: pytest.CaptureFixture[str]) -> None:
    whole = told(capsys, str(demo()))
    times = sorted({float(str(event["time"])) for event in whole})
    began = RecordedHost(demo()).span[0]
    moment = next(math.ceil(one - began) for one, other in pairwise(times) if math.ceil(one - began) < other - began)
    early = told(capsys, f"{demo()}@+{moment}s")
    assert early == [event for event in whole if float(str(event["time"])) <= began + moment] != []


def test_namespaces_without_a_name_are_counted_but_told_to_programs_and_filters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = RecordedHost(demo()).first()
    init = next(one for one in first.processes.values() if one.container is None and one.namespaces.net)
    found = first.namespaces["net", init.namespaces.net or 0]
    net = msgspec.structs.replace(found, inode=77, id=None, initial=False, names=())
    own = msgspec.structs.replace(init.namespaces, net=net.inode)
    maker = msgspec.structs.replace(init, pid=99_999, ppid=init.pid, start=9_999_999, namespaces=own)
    later = DeltaFrame(
        taken_at=first.taken_at + 3600, processes=[maker], gone=[], namespaces=[net], namespaces_gone=[], containers=[],
        containers_gone=[],
    )  # fmt: skip
    file = tmp_path / "born.jsonl"
    file.write_bytes(gzip.decompress(demo().read_bytes()) + msgspec.json.encode(later) + b"\n")

    def printed(*more: str) -> tuple[bool, str]:
        assert main(["events", "--from", str(file), *more]) == 0
        out, err = capsys.readouterr()
        return "net:[77]" in out or '"inode": 77' in out, err

    assert printed() == (False, "nsview: 1 event of namespaces without a name left out; --all prints all\n")
    assert printed("--all") == printed("--json") == printed("--filter", "kind=born") == (True, "")

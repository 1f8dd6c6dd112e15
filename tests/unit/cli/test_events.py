"""`nsview events` of a recording: its whole, or up to a moment."""

import json
import math
from itertools import pairwise

import pytest

from nsview.cli import main
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

"""The snippets of docs/fleet.md: run as they stand there, as far as this machine has the programs; else read."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import get_args

import yaml

from nsview.arguments import parse
from nsview.hosts.recording import demo
from nsview.model.events.record import EventKind
from nsview.model.metrics import families

from ..unit.make import host, process
from .command import ENVIRONMENT, NSVIEW
from .conftest import require

_TEXT = (Path(__file__).parent.parent.parent / "docs" / "fleet.md").read_text()
_LINES = [line for block in re.findall(r"^```\n(.*?)^```", _TEXT, re.M | re.S) for line in block.splitlines()]
_EVENTS = [*NSVIEW, "events", "--json", "--from", str(demo())]
"""A recording's, which end, in place of the host's with --follow."""


def test_each_command_is_one_of_nsviews() -> None:
    found = [re.split(r" (?:\||>>) ", line)[0] for line in _LINES if line.startswith("nsview ")]
    assert len(found) == 5
    for line in found:
        parse(shlex.split(line)[1:])


def test_each_question_is_about_a_metric_and_a_label_that_there_is() -> None:
    known = {family.name: family for family in families(host(process(1, 0)), (), ())}
    asked = [re.findall(r"(nsview_\w+)(?:\{(\w+)=\"(\w+)\"\})?", line) for line in _LINES if line[0:1] not in ("#", "")]
    named = [match for matches in asked for match in matches if match[0] in known or match[0].startswith("nsview_")]
    assert {name for name, _, _ in named} > {"nsview_audit_findings", "nsview_complete"}
    for name, label, _ in named:
        assert not label or label in known[name].labels, name


def test_syslog_has_each_event_as_its_line() -> None:
    """By the very options of logger(1), to a server of this test."""
    require("logger")
    (line,) = (line for line in _LINES if "--server" in line)
    events = subprocess.run(_EVENTS, check=True, capture_output=True, env=ENVIRONMENT).stdout
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = shlex.split(line.partition(" | ")[2])
        words[words.index("--server") + 1], words[words.index("--port") + 1] = "127.0.0.1", str(server.getsockname()[1])
        heard: list[bytes] = []

        def hear() -> None:
            with server.accept()[0] as connection:
                while more := connection.recv(1 << 16):
                    heard.append(more)

        listener = threading.Thread(target=hear)
        listener.start()
        subprocess.run(words, input=events, check=True, timeout=60)
        listener.join(60)
    said = b"".join(heard).decode()
    bodies = [json.loads(line[line.index("{") :]) for line in said.splitlines() if "{" in line]
    assert bodies and bodies == [json.loads(line) for line in events.splitlines()]


def test_jq_reads_a_line() -> None:
    assert shutil.which("jq"), "installed by tests/run"
    (words,) = (shlex.split(found) for found in re.findall(r"\| (jq -r '[^']+')", _TEXT))
    events = subprocess.run(_EVENTS, check=True, capture_output=True, env=ENVIRONMENT).stdout
    rows = subprocess.run(words, input=events, check=True, capture_output=True).stdout.decode().splitlines()
    assert len(rows) == len(events.splitlines()) > 0 and all(row.count("\t") == 2 for row in rows)


def test_the_collectors_configuration_is_yaml_and_names_fields_and_kinds_that_there_are() -> None:
    text = re.findall(r"^```\n(receivers:.*?)^```", _TEXT, re.M | re.S)[0]
    (parser,) = yaml.safe_load(text)["receivers"]["filelog/nsview"]["operators"]
    one = json.loads(subprocess.run(_EVENTS, check=True, capture_output=True, env=ENVIRONMENT).stdout.splitlines()[0])
    for part in ("timestamp", "severity"):
        assert parser[part]["parse_from"].removeprefix("attributes.") in one
    mapping = parser["severity"]["mapping"]
    assert {mapping["error"], *mapping["warn"]} <= set(get_args(EventKind))

"""The JSON schemas that are documented are those of the types, and the program prints what they say."""

import gzip
import json
import subprocess
import sys
from typing import Any

import pytest

from nsview.arguments import OUTPUTS
from nsview.hosts.recording import demo
from nsview.model.printed import SCHEMAS

from ..schemas import DOCUMENTED, differences

SHOP = DOCUMENTED.parents[1] / "screenshots" / "shop.jsonl.gz"


def printed(*words: str) -> Any:
    argv = [sys.executable, "-P", "-m", "nsview", *words]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return json.loads(done.stdout)


def test_each_output_has_a_schema() -> None:
    assert set(OUTPUTS) == {*SCHEMAS, "recording"}
    assert {file.stem for file in DOCUMENTED.glob("*.json")} == set(OUTPUTS)


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_documented_schema_is_that_of_the_types(name: str) -> None:
    """`nsview schema NAME > docs/schema/NAME.json` makes it so, but for the names of properties: msgspec tells those of
    a dict since 0.23."""
    documented = json.loads((DOCUMENTED / f"{name}.json").read_text())
    assert without("propertyNames", documented) == without("propertyNames", printed("schema", name))


def without(name: str, value: Any) -> Any:
    """A JSON value without the members of this name."""
    if isinstance(value, dict):
        return {key: without(name, each) for key, each in value.items() if key != name}
    return [without(name, each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("list", "list"), ("list", "list processes"), ("list", "list --type net"), ("list", "list containers"),
        ("list", "list --holders"), ("nets", "list nets"), ("inspect", "inspect web"), ("inspect", "inspect blue0"),
        ("inspect", "inspect blue"), ("audit", "audit"), ("compare", "compare web ledger"),
    ],
)  # fmt: skip
def test_what_is_printed_of_the_demo_is_as_its_schema_says(name: str, command: str) -> None:
    found = printed(*command.split(), "--json", "--from", str(demo()))
    assert list(differences(name, found)) == []
    assert list(differences(name, {**found, "more": 1})), "or the schema would allow anything"


def test_use_and_difference_are_as_their_schemas_say() -> None:
    use = printed("list", "use", "--json", "--from", str(SHOP))
    assert use["containers"] and list(differences("use", use)) == []
    told = printed("diff", str(demo()), str(SHOP), "--json")
    assert told["processes"]["new"] and list(differences("diff", told)) == []


def test_events_are_as_their_schema_says() -> None:
    argv = [sys.executable, "-P", "-m", "nsview", "events", "--json", "--from", str(demo())]
    lines = [*map(json.loads, subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines())]
    assert any(line["container"] and line["namespaces"] for line in lines)
    assert list(differences("events", *lines)) == []
    assert list(differences("events", {**lines[0], "kind": "other"}))


def test_recordings_are_as_their_schema_says() -> None:
    told = map(json.loads, gzip.decompress(SHOP.read_bytes()).splitlines())
    assert list(differences("recording", *told)) == []

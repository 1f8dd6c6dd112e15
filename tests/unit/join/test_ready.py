"""Ready commands: each can be planned as it says, and the user's are taken or refused with a reason."""

import shutil
import subprocess
from pathlib import Path

import pytest

from nsview.join.plan import choice_for, plan
from nsview.join.ready import BUILT_IN, Ready, ReadyError, choice, commands, of_config
from tests.unit.make import HOST, process

from .test_plan import CONTAINER, details, pins


@pytest.mark.parametrize("ready", BUILT_IN, ids=lambda ready: ready.name)
def test_each_is_planned_with_the_tools_and_the_power_that_it_says(ready: Ready) -> None:
    found = process(7, **CONTAINER)
    made = plan(found, details(), HOST, choice(ready, choice_for(found, HOST)), pins(found))
    assert made.refusal is None
    assert made.command == ready.command
    assert made.inside != ready.host_tools
    assert made.host_privileges == ready.host_privileges
    assert made.kinds == (ready.kinds or choice_for(found, HOST)) or set(made.kinds) == set(ready.kinds)


def test_names_are_unique() -> None:
    assert len({ready.name for ready in BUILT_IN}) == len(BUILT_IN) == len(commands())


def test_the_users_come_last_and_take_the_place_of_their_namesake() -> None:
    own = (Ready("top", "", ("top",)), Ready("env", "", ("printenv",)))
    listed = commands(own)
    assert listed[-1].name == "top" and len(listed) == len(BUILT_IN) + 1
    assert [ready.command for ready in listed if ready.name == "env"] == [("printenv",)]


def test_a_table_of_the_configuration_is_a_command() -> None:
    found = of_config("dig", {"command": "dig '+short' a.b", "kinds": ["net", "uts"], "host_tools": True, "text": "x"})
    assert found == Ready("dig", "x", ("dig", "+short", "a.b"), ("uts", "net"), True)
    assert of_config("a", {"command": ["a b", "c"]}) == Ready("a", "", ("a b", "c"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "command: a list of strings, not None"),
        ({"command": ""}, "command: is empty"),
        ({"command": "a 'b"}, "command: No closing quotation"),
        ({"command": ["a", 1]}, "command: a list of strings"),
        ({"command": "a", "kind": ["net"]}, "no such key: kind"),
        ({"command": "a", "kinds": ["nett"]}, "'nett' is none of"),
        ({"command": "a", "kinds": "net"}, "kinds: a list of strings"),
        ({"command": "a", "host_tools": "yes"}, "host_tools: true or false"),
        ({"command": "a", "host_tools": True, "kinds": ["mnt"]}, "not in the container's mnt"),
        ({"command": "a", "host_tools": True}, "say which to join"),
    ],
)
def test_what_cannot_be_one_is_refused_with_the_key(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ReadyError) as refused:
        of_config("mine", fields)
    assert str(refused.value).startswith("mine: ") and words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_tcpdump_no_file_is_begun(tmp_path: Path) -> None:
    (tmp_path / "mktemp").symlink_to(shutil.which("mktemp") or "")
    (command,) = (ready.command for ready in BUILT_IN if ready.name == "tcpdump to a file")
    done = subprocess.run(
        ["/bin/sh", *command[1:]], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "^C" in done.stdout) == (127, False) and "tcpdump: not found" in done.stdout + done.stderr

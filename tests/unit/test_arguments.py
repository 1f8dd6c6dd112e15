"""The options for a host: each command that looks at one takes them, behind its name as well as before it."""

import pytest

from nsview.arguments import parse, parser

_OF_NO_HOST = {"demo", "schema"}
_MORE = {
    "inspect": ["1"], "enter": ["1"], "exec": ["1"], "logs": ["web"], "diff": ["x", "now"], "compare": ["1", "2"],
    "record": ["x"], "export": ["--prometheus"],
}  # fmt: skip
(_COMMANDS,) = [action for action in parser()._actions if action.dest == "command"]
NAMES = [name for name in _COMMANDS.choices or () if name not in _OF_NO_HOST]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["-H", "--host"])
def test_a_command_takes_the_host_on_both_sides_of_its_name(name: str, option: str) -> None:
    for words in ([option, "web1", name], [name, option, "web1"]):
        options = parse([*words, *_MORE.get(name, [])])
        assert (options.where, options.via) == ("web1", None)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_takes_a_pipe_and_sudo_on_both_sides_of_its_name(name: str) -> None:
    for words in (["--via", "ssh a", "--sudo", name], [name, "--via", "ssh a", "--sudo"]):
        options = parse([*words, *_MORE.get(name, [])])
        assert (options.where, options.via, options.sudo) == (None, "ssh a", True)

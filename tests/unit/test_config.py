"""The user's configuration file: what it gives, and one line for each thing that can be wrong in it."""

from pathlib import Path

import pytest

from nsview.config import ConfigError, ready_commands


def test_no_file_is_no_commands(tmp_path: Path) -> None:
    assert ready_commands(tmp_path / "config.toml") == ()


def test_a_command_of_the_users(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[ready.dns]\ncommand = "dig example.org"\nkinds = ["net"]\nhost_tools = true\n')
    (ready,) = ready_commands(file)
    assert (ready.name, ready.command, ready.kinds, ready.host_tools) == ("dns", ("dig", "example.org"), ("net",), True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ready = 1", "ready: must be tables"),
        ("[ready]\ndns = 1", "ready.dns: must be a table"),
        ("[redy.dns]\ncommand = 'x'", "no such key: redy"),
        ("[ready.dns]\nkinds = ['net']", "ready.dns: command"),
        ("[ready.dns]\ncommand = 'x'\nkinds = ['nat']", "ready.dns: kinds: 'nat'"),
        ("[ready.dns\n", "line 1"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.toml") as raised:
        ready_commands(file)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)

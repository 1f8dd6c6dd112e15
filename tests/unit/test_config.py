"""The user's configuration file: what it gives, and one line for each thing that can be wrong in it."""

from pathlib import Path

import pytest

from nsview.config import Config, ConfigError
from nsview.model.columns import EXTRAS


def config(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return Config(file)


def test_no_file_says_nothing(tmp_path: Path) -> None:
    nothing = Config(tmp_path / "config.toml")
    assert nothing.ready == ()
    assert nothing.settings.looks == {}
    assert nothing.settings.keys == {}


def test_a_command_of_the_users(tmp_path: Path) -> None:
    (ready,) = config(tmp_path, '[ready.dns]\ncommand = "dig example.org"\nkinds = ["net"]\nhost_tools = true\n').ready
    assert (ready.name, ready.command, ready.kinds, ready.host_tools) == ("dns", ("dig", "example.org"), ("net",), True)


def test_looks_and_keys(tmp_path: Path) -> None:
    settings = config(tmp_path, 'theme = "nord"\ndetails = false\n[keys]\nfilter = "f5"\ndown = ["j", "n"]').settings
    assert settings.looks == {"theme": "nord", "details": False}
    assert settings.keys == {"filter": "f5", "down": ["j", "n"]}


def test_rules_that_are_ignored(tmp_path: Path) -> None:
    settings = config(tmp_path, '[audit]\nignore = ["root-is-root", "host-net:web"]').settings
    assert settings.audit.ignore == ("root-is-root", "host-net:web")
    assert config(tmp_path, "[audit]").settings.audit.ignore == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ready = 1", "line 1: ready: must be tables"),
        ("[ready]\ndns = 1", "line 2: ready.dns: must be a table"),
        ("[redy.dns]\ncommand = 'x'", "line 1: redy: no such key; there are theme,"),
        ("[ready.dns]\nkinds = ['net']", "line 1: ready.dns: command"),
        ("[ready.dns]\ncommand = 'x'\nkinds = ['nat']", "line 3: ready.dns.kinds: 'nat'"),
        ("[ready.dns]\ncommand = 'x'\n\nkind = 'net'", "line 1: ready.dns: no such key: kind"),
        ("[ready.dns\n", "line 1"),
        ("theme = 1", "line 1: theme: must be the name of a theme"),
        ("theme = 'a'\ntheme = 'b'", "line 2"),
        ("# hello\n\ngrouping = 'nat'", "line 3: grouping: must be one of tree, mnt"),
        ("details = 'no'", "line 1: details: must be true or false"),
        ("groups = 'pid'", "line 1: groups: must be one of age, size, name, inode"),
        ("processes = ''", "line 1: processes: must be one of tree, pid"),
        ("columns = ['start']", "line 1: columns: must be a list"),
        ("columns = 'ppid'", "line 1: columns: must be a list"),
        ("keys = 'x'", "line 1: keys: must be a table"),
        ("[keys]\nfilter = 1", "line 2: keys.filter: must be a key"),
        ("[keys]\ndown = [\n  'j',\n  1,\n]", "line 5: keys.down: must be a key"),
        ("audit = 1", "line 1: audit: must be a table"),
        ("[audit]\nignored = []", "line 2: audit.ignored: no such key; there is ignore"),
        ("[audit]\nignore = 'host-net'", "line 2: audit.ignore: must be a list of rules"),
        ("[audit]\n\nignore = ['host-net:web', 'host-nett']", "line 3: audit.ignore: no such rule as host-nett"),
        ("'\\u001b[31m' = 1", "no such key"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: ") as raised:
        config(tmp_path, text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_example_of_the_page_is_read_and_names_all_columns(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "config.md").read_text()
    example = page.split("```")[1]
    assert config(tmp_path, example).settings.looks["columns"] == ("ppid", "image")
    assert f"besides the usual ones: {', '.join(EXTRAS)}\n" in example

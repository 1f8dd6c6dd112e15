"""The completions and the man page that a wheel installs are those of the grammar as it is."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nsview.arguments import parser
from nsview.examples import EXAMPLES
from scripts.share import FILES, SHARE, commands

MANUAL = SHARE / "man/man1/nsview.1"


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_current(path: str) -> None:
    """`python -m scripts.share` writes it anew."""
    assert (SHARE / path).read_text() == FILES[path]()


def test_the_wheel_installs_them(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), "."]
    done = subprocess.run(words, cwd=SHARE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [path for path in FILES if not any(name.endswith(f".data/data/share/{path}") for name in names)] == []


def test_the_manual_tells_of_each_command_option_and_example() -> None:
    text = MANUAL.read_text().replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "")
    for name, (one, _) in commands(parser()).items():
        assert f"\n.SS nsview {name}\n" in text
        options = [word for action in one._actions for word in action.option_strings if action.help and word != "-h"]
        assert [word for word in options if f"\\fB{word}\\fR" not in text and word != "--help"] == []
    assert [line for examples in EXAMPLES.values() for line, _ in examples if line not in text] == []


@pytest.mark.skipif(not shutil.which("man"), reason="no man(1) here")
def test_man_has_nothing_to_say_of_it() -> None:
    words = ["man", "--warnings", "-E", "UTF-8", "-l", str(MANUAL)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
    assert done.stderr == ""
    assert "nsview exec" in done.stdout and "\\" not in done.stdout

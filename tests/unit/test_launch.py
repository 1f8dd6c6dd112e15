"""The arguments of `enter` that are understood without argparse mean what they mean with it."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from nsview.arguments import parse
from nsview.launch import quick
from nsview.linux import CLONE_NEW

FLAGS = ("--all", "--host-privileges", "--toolbox", "--dry-run", *(f"--{kind}" for kind in CLONE_NEW))
TAILS = (["--", "true"], ["--", "ls", "--all", "--", "-l"], ["--"])


@pytest.mark.parametrize("tail", TAILS, ids=str)
@pytest.mark.parametrize("flags", [(), *itertools.combinations(FLAGS, 1), *itertools.combinations(FLAGS, 2)], ids=str)
def test_quick_arguments_are_those_of_the_grammar(flags: tuple[str, ...], tail: list[str]) -> None:
    for given in (["enter", "web", *flags, *tail], ["enter", *flags, "web", *tail]):
        quickly, fully = quick(given), parse(given)
        assert quickly is not None
        # The general options are those of every command.
        assert {name: getattr(fully, name) for name in vars(quickly)} == vars(quickly)


@pytest.mark.parametrize(
    "given",
    [
        [], ["list"], ["enter"], ["enter", "web"], ["enter", "--", "true"], ["enter", "web", "--help", "--", "true"],
        ["enter", "web", "-u", "app", "--", "true"], ["enter", "a", "b", "--", "true"],
        ["--from", "x", "enter", "w", "--"],
        ["enter", "web", "--host", "--", "true"], ["enter", "web", "--pin=net:1", "--", "true"],
    ],
    ids=str,
)  # fmt: skip
def test_all_others_are_left_to_the_grammar(given: list[str]) -> None:
    assert quick(given) is None


def test_what_takes_long_to_import_is_not_imported_on_the_way_in() -> None:
    """Every module that a container's pid or name leads through; docs/design.md says what each of these takes."""
    root = Path(__file__).resolve().parents[2]
    modules = "launch", "enter", "agent.details", "agent.scan", "join.supervisor", "join.profile"
    code = f"""
import sys
sys.path.insert(0, {str(root)!r})
{"; ".join(f"import nsview.{module}" for module in modules)}
from nsview.agent.scan import Scanner
Scanner().look()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    slow = {"re", "json", "enum", "collections", "functools", "contextlib", "typing", "dataclasses", "argparse"}
    assert slow & set(done.stdout.split()) == set()

"""The arguments of `enter` that are understood without argparse mean what they mean with it; ^C ends what begins."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nsview.arguments import UsageError, parse
from nsview.launch import quick
from nsview.linux import CLONE_NEW

FLAGS = ("-it", "--all", "--host-privileges", "--toolbox", "--dry-run", *(f"--{kind}" for kind in CLONE_NEW))
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
    ("given", "command"),
    [
        ("exec -it web sh", ["sh"]), ("exec web sh -c a -- -b", ["sh", "-c", "a", "--", "-b"]), ("exec web", []),
        ("exec -i -t web -- sh", ["sh"]), ("exec web -it -- sh", ["sh"]), ("exec --tty --interactive web --", []),
        ("exec --toolbox web ls --all", ["ls", "--all"]), ("exec --dry-run web sh -it", ["sh", "-it"]),
        ("exec web enter -- x", ["enter", "--", "x"]), ("exec exec exec", ["exec"]),
    ],
)  # fmt: skip
def test_exec_is_entering_all_with_the_words_after_the_target(given: str, command: list[str]) -> None:
    quickly, fully = quick(given.split()), parse(given.split())
    assert quickly is not None and quickly.cmd == command
    assert (quickly.command, quickly.all, quickly.kinds) == ("enter", True, None)
    assert {name: getattr(fully, name) for name in vars(quickly)} == vars(quickly)


@pytest.mark.parametrize(
    ("given", "account", "directory", "variables", "command"),
    [
        ("exec -u app web ls -l", "app", None, [], ["ls", "-l"]),
        ("exec -itu app:extra -w /srv web sh", "app:extra", "/srv", [], ["sh"]),
        ("exec --user app --workdir /srv web -it -- sh -u x", "app", "/srv", [], ["sh", "-u", "x"]),
        ("exec --user=app web id", "app", None, [], ["id"]),
        ("exec -uapp web id", "app", None, [], ["id"]),
        ("exec -e A=1 -eB=2 --env C=3 web env", None, None, ["A=1", "B=2", "C=3"], ["env"]),
        ("exec web -u app -- id", "app", None, [], ["id"]),
    ],
)
def test_options_of_exec_are_those_of_docker(
    given: str, account: str | None, directory: str | None, variables: list[str], command: list[str]
) -> None:
    found = parse(given.split())
    assert quick(given.split()) is None
    assert (found.target, found.account, found.cwd, found.env) == ("web", account, directory, variables)
    assert (found.cmd, found.all, found.command) == (command, True, "enter")


@pytest.mark.parametrize(
    "given", ["exec", "exec -it", "exec -d web x", "exec --net web x", "exec --all web x", "exec --us app web id"]
)
def test_what_exec_does_not_know_is_an_error(given: str) -> None:
    assert quick(given.split()) is None
    with pytest.raises(UsageError):
        parse(given.split())


@pytest.mark.parametrize(
    ("given", "seconds", "table"),
    [
        ("list", None, None), ("list --watch", 2, None), ("list --watch nets", 2, "nets"),
        ("ps --watch", 2, "containers"),
        ("list --watch 0.5 nets", 0.5, "nets"), ("list nets --watch=7", 7, "nets"), ("list --watch -q", 2, None),
    ],
)  # fmt: skip
def test_the_seconds_of_watch_may_be_left_out(given: str, seconds: float | None, table: str | None) -> None:
    found = parse(given.split())
    assert (found.watch, found.table) == (seconds, table)


def test_other_names_of_commands() -> None:
    assert {**vars(parse(["ls", "nets"])), "given": 0} == {**vars(parse(["list", "nets"])), "given": 0}
    for words in ([], ["-q", "--filter", "web"]):
        short, long = vars(parse(["ps", *words])), vars(parse(["list", "containers", *words]))
        assert {**short, "given": 0} == {**long, "given": 0}


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


_DROPPED = """
import os, signal, sys, time
from nsview import launch

class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)  # where the exception is raised, and dropped

def main():
    Dropped()
    print("goes on", flush=True)
    time.sleep(60)

sys.modules["nsview.cli"] = type(sys)("nsview.cli")
sys.modules["nsview.cli"].main = main
launch.main()
"""


def test_an_interrupt_that_python_drops_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", _DROPPED], capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "goes on\n")
    assert "KeyboardInterrupt" in done.stderr and "ignored" not in done.stderr

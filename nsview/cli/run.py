"""The command line from its arguments to an exit code. An error is one line."""

# ruff: noqa: E402 - the imports of this file wait for the guard
from nsview import imports

imports.guard()

import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import SimpleNamespace

from nsview.join.failure import NOT_PERMITTED, USAGE, Failure
from nsview.lookup import say

DONE, UNREADABLE = 0, 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        return _main(argv)
    finally:
        gc.freeze()  # skip the final garbage collection, which would delay the exit


def _main(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    _standard_streams()
    if os.geteuid() == 0 and sys.stderr.isatty() and (note := imports.note()):
        say((note,))
    try:
        try:
            code = _run(arguments)
        except Failure as failure:
            code = _fail(failure.code, str(failure))
        except SystemExit as end:  # of --help and --version
            code = int(end.code or DONE)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # The buffered output must not be written again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # The reader of our output may have had enough (head): that is no failure.
        return DONE if isinstance(error, BrokenPipeError) else _fail(UNREADABLE, error.strerror or str(error))


def _standard_streams() -> None:
    """Open a standard stream that the caller has closed, and have all take any text: a locale may lack our arrows."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(code: int, message: str) -> int:
    say((message,))
    return code


def _options(arguments: list[str]) -> SimpleNamespace:
    """The parsed command line. Without arguments argparse is skipped: importing it takes longer than all before."""
    if not arguments:
        return SimpleNamespace(
            command=None, recording=None, where=None, via=None, places=(), names=(), sudo=False, given=arguments
        )
    from nsview.arguments import UsageError, parse

    try:
        return parse(arguments)
    except UsageError as error:
        raise Failure(USAGE, str(error)) from None


def _run(arguments: list[str]) -> int:
    options = _options(arguments)
    from nsview.hosts import HostError, NotPermitted

    name = "explore" if options.command in (None, "demo") else options.command
    try:
        code: int = import_module(f".{name}", __package__).run(options)
        return code
    except HostError as error:
        raise Failure(NOT_PERMITTED if isinstance(error, NotPermitted) else UNREADABLE, str(error)) from None

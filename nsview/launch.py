"""The start of every `nsview`: decide which command it is before importing the command's modules.

The usual arguments of `nsview enter` and `nsview exec` are parsed here, without importing argparse, so that these start
sooner than `docker exec` (docs/design.md). `nsview.arguments` parses all others, and reports all errors.
"""

# ruff: noqa: E402 - the imports of this file wait for the guard
from __future__ import annotations

from . import imports

imports.guard()

import gc
import os
import sys

_KINDS = ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time")
_FLAGS = {"--all": "all", "--host-privileges": "host_privileges", "--toolbox": "toolbox", "--dry-run": "dry_run"}
_ACCEPTED = ("-it", "-i", "-t", "-ti", "--interactive", "--tty")
"""Flags of `docker exec` that change nothing here."""


def main() -> int:
    """Run one command and return its exit code."""
    sys.unraisablehook = interrupt_again
    options = quick(sys.argv[1:])
    if options is None or None in (sys.stdin, sys.stdout, sys.stderr):
        from .cli import main

        return main()
    gc.disable()  # a process this short has nothing worth collecting
    if os.geteuid() == 0 and sys.stderr.isatty() and (note := imports.note()):
        print(f"nsview: {note}", file=sys.stderr)
    from . import enter

    code = enter.run(options)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # skip the interpreter's own clean-up: it delays the exit


def interrupt_again(error: sys.UnraisableHookArgs) -> None:
    """Interrupt soon once more if ^C arrived where Python drops an exception: in a finalizer, or amid an import."""
    if error.exc_type is KeyboardInterrupt:
        import signal
        import threading

        threading.Timer(0.01, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(error)


class Options:
    """The arguments of `nsview enter` or `exec`, as `nsview.arguments` names them."""

    def __init__(self, given: list[str]) -> None:
        self.command, self.given, self.recording, self.target = "enter", given, None, ""
        self.where = self.via = None
        self.places: tuple[tuple[str, str], ...] = ()
        self.sudo = False
        self.all = self.host_privileges = self.toolbox = self.dry_run = False
        self.kinds: list[str] | None = None
        self.cmd: list[str] = []
        self.env: list[str] = []
        self.pin: list[str] = []
        self.account = self.cwd = self.start = self.inode = self.thread = None


def quick(given: list[str]) -> Options | None:
    """The options of an `enter` with a target, flags and a command after `--`, or of an `exec`, whose command needs no
    `--`. None if there is any other argument."""
    by_exec = given[:1] == ["exec"]
    if not by_exec and (given[:1] != ["enter"] or "--" not in given):
        return None
    options = Options(given)
    options.all = by_exec
    for place, word in enumerate(given[1:], 1):
        if word == "--":
            options.cmd = given[place + 1 :]
            break
        if word[:1] != "-" and options.target and by_exec:
            options.cmd = given[place:]
            break
        if word in _FLAGS and not (by_exec and word == "--all"):
            setattr(options, _FLAGS[word], True)
        elif word[:2] == "--" and word[2:] in _KINDS and not by_exec:
            options.kinds = [*(options.kinds or ()), word[2:]]
        elif word[:1] != "-" and not options.target:
            options.target = word
        elif word not in _ACCEPTED:
            return None
    return options if options.target else None

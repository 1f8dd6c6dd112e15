"""The beginning of every `nsview`: which command it is, before what that takes is imported.

`nsview enter` is to begin sooner than `docker exec`: its usual arguments are understood here, without argparse, which
takes a tenth of that time to import. All others, and everything that is wrong, are `nsview.arguments`' to understand.
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


def main() -> int:
    """Run one command: the exit code."""
    options = quick(sys.argv[1:])
    if options is None or None in (sys.stdin, sys.stdout, sys.stderr):
        from .cli import main

        return main()
    gc.disable()  # nothing that ends so soon has anything to collect
    if os.geteuid() == 0 and sys.stderr.isatty() and (note := imports.note()):
        print(f"nsview: {note}", file=sys.stderr)
    from . import enter

    code = enter.run(options)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # the interpreter's own end would take longer than some commands


class Options:
    """The arguments of `nsview enter`, as `nsview.arguments` names them."""

    def __init__(self, given: list[str]) -> None:
        self.command, self.given, self.recording, self.target = "enter", given, None, ""
        self.all = self.host_privileges = self.toolbox = self.dry_run = False
        self.kinds: list[str] | None = None
        self.cmd: list[str] = []
        self.env: list[str] = []
        self.pin: list[str] = []
        self.account = self.cwd = self.start = self.inode = self.thread = None


def quick(given: list[str]) -> Options | None:
    """The options of an `enter` with a target, flags and a command behind `--`; None where there is more to it."""
    if given[:1] != ["enter"] or "--" not in given:
        return None
    cut = given.index("--")
    options = Options(given)
    options.cmd = given[cut + 1 :]
    for word in given[1:cut]:
        if word in _FLAGS:
            setattr(options, _FLAGS[word], True)
        elif word[:2] == "--" and word[2:] in _KINDS:
            options.kinds = [*(options.kinds or ()), word[2:]]
        elif word[:1] != "-" and not options.target:
            options.target = word
        else:
            return None
    return options if options.target else None

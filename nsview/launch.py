"""The start of every `nsview`: decide which command it is before importing the command's modules.

The usual arguments of `nsview enter` are parsed here, without importing argparse, so that it starts sooner than
`docker exec` (docs/design.md). `nsview.arguments` parses all others, and reports all errors.
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
    """Run one command and return its exit code."""
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


class Options:
    """The arguments of `nsview enter`, as `nsview.arguments` names them."""

    def __init__(self, given: list[str]) -> None:
        self.command, self.given, self.recording, self.target = "enter", given, None, ""
        self.where = self.via = None
        self.sudo = False
        self.all = self.host_privileges = self.toolbox = self.dry_run = False
        self.kinds: list[str] | None = None
        self.cmd: list[str] = []
        self.env: list[str] = []
        self.pin: list[str] = []
        self.account = self.cwd = self.start = self.inode = self.thread = None


def quick(given: list[str]) -> Options | None:
    """The options of an `enter` with a target, flags and a command after `--`. None if there is any other argument."""
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

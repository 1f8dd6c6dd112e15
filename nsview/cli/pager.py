"""A pager for a text that is taller than the terminal, as git has it: PAGER, else less, with LESS=FRX if that is not
set."""

import os
import shutil
import signal
import subprocess
import sys

from .console import is_screen

_UNUSABLE = (126, 127)
"""The exit codes by which a shell says that it could not run the pager."""


def print_paged(text: str) -> None:
    """Print a text, through the pager if stdout is a terminal that it is too tall for."""
    too_tall = is_screen() and text.count("\n") + 1 >= shutil.get_terminal_size().lines
    if not (too_tall and _paged(text)):
        print(text)


def _paged(text: str) -> bool:
    """Show a text in the pager and wait for its end. False if there is none."""
    command = os.environ.get("PAGER", "less")
    if command in ("", "cat") or (command == "less" and not shutil.which(command)):
        return False
    sys.stdout.flush()
    pager = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env={"LESS": "FRX", "LV": "-c", **os.environ})
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is the pager's
    try:
        pager.communicate(f"{text}\n".encode(sys.stdout.encoding, "backslashreplace"))
    finally:
        signal.signal(signal.SIGINT, before)
    return pager.returncode not in _UNUSABLE

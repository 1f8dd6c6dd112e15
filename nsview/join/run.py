"""Start the helper with a plan, and give the terminal back whatever becomes of it."""

import contextlib
import fcntl
import marshal
import os
import shlex
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

import nsview
from nsview.model.text import safe

from .plan import Plan, shell_command

# No locale and no warning is to make it read a file once it is inside.
_START = "import sys; sys.path.append({!r}); from nsview.join.helper import main; main()"


def carry_out(plan: Plan, *, python: str = sys.executable) -> int:
    """Run the plan's command on this process's stdin, stdout and stderr: its exit code, 128+n for a signal.

    A refused plan, and what fails on the way in, is one line on stderr and the command line's exit code. Waits until
    the command ends; in the main thread SIGINT is the command's meanwhile.
    """
    if plan.refusal:
        print(f"nsview: {safe(plan.refusal.text)}", file=sys.stderr)
        return plan.refusal.code
    root = str(Path(nsview.__file__).parent.parent)
    # Marshal and not JSON: same interpreter, and json alone takes a third of the helper's start (it imports re).
    as_root = f"as root: {shlex.join(('sudo', *shell_command(plan)))}" if os.geteuid() else None
    message = marshal.dumps({"steps": msgspec.to_builtins(plan.steps), "as_root": as_root})
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
    read, write = map(_clear_of_streams, os.pipe())
    with _terminal_kept(), _signals_kept() as helpers:
        try:
            helper = subprocess.Popen(
                [python, "-I", "-S", "-X", "utf8", "-W", "ignore", "-c", _START.format(root), str(read)],
                pass_fds=[read],
                restore_signals=False,
            )
        finally:
            os.close(read)
        helpers.append(helper)
        with contextlib.suppress(BrokenPipeError), open(write, "wb") as pipe:
            pipe.write(message)
        code = helper.wait()
    return code if code >= 0 else 128 - code


def _clear_of_streams(fd: int) -> int:
    """The same file as another descriptor than 0, 1 or 2, one of which it is where the caller has closed them."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """The terminal's attributes are afterwards as they were, even if the helper was killed."""
    saved = []
    for fd in (0, 1, 2):
        with contextlib.suppress(termios.error, OSError):
            saved.append((fd, termios.tcgetattr(fd)))
    try:
        yield
    finally:
        for fd, attributes in saved[:1]:
            with contextlib.suppress(termios.error, OSError):
                if termios.tcgetattr(fd) != attributes:
                    termios.tcsetattr(fd, termios.TCSADRAIN, attributes)


@contextlib.contextmanager
def _signals_kept() -> Iterator[list[subprocess.Popen[bytes]]]:
    """SIGINT is left to the helper, which the terminal sends it to as well; SIGTERM and SIGHUP are passed on to it."""
    helpers: list[subprocess.Popen[bytes]] = []
    if threading.current_thread() is not threading.main_thread():
        yield helpers
        return

    def pass_on(number: int, _: object) -> None:
        for helper in helpers:
            helper.send_signal(number)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for number in (signal.SIGTERM, signal.SIGHUP):
        before[number] = signal.signal(number, pass_on)
    try:
        yield helpers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

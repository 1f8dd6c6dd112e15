"""Start the helper, give it a plan, and give the terminal back whatever becomes of it.

What makes plans is not imported before it is needed: the helper starts meanwhile.
"""

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
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import nsview
from nsview import linux
from nsview.model.text import safe

from .failure import FAILED

if TYPE_CHECKING:
    from .plan import Plan

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# No locale and no warning is to make it read a file once it is inside.
_START = "import sys; sys.path.append({!r}); from nsview.join.helper import main; main()"


def carry_out(plan: "Plan", *, python: str = sys.executable) -> int:
    """Start a helper for the plan; see `Helper.carry_out`."""
    with Helper(python=python) as helper:
        return helper.carry_out(plan)


def guarded(supervise: Callable[[], int]) -> int:
    """The exit code of a child that supervises; the terminal is as before afterwards, even if that was killed."""
    with _interrupt_ignored():
        child = os.fork()
    if child == 0:
        code = FAILED
        try:
            linux.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            code = supervise()
        finally:
            os._exit(code)
    with _terminal_kept(), _signals_kept(lambda number: os.kill(child, number)):
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


class Helper:
    """A helper that waits for its plan. Started before that is made, so that nobody waits for an interpreter then.

    Leaving the `with` block without a plan dismisses it.
    """

    def __init__(self, *, python: str = sys.executable) -> None:
        root = os.path.dirname(os.path.dirname(os.path.abspath(nsview.__file__)))
        read, self._write = map(_clear_of_streams, os.pipe())
        try:
            with _interrupt_ignored():  # by it from its birth on: ^C is then for the command
                self._process = subprocess.Popen(
                    [python, "-I", "-S", "-X", "utf8", "-W", "ignore", "-c", _START.format(root), str(read)],
                    pass_fds=[read],
                    restore_signals=False,
                )
        except BaseException:
            self._close()
            raise
        finally:
            os.close(read)

    @property
    def waits(self) -> bool:
        """It is there, to be given a plan."""
        return self._process.poll() is None

    def __enter__(self) -> "Helper":
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        """Let it go, with or without a plan carried out."""
        if self._write >= 0:  # it has no plan, so it has nothing to put in order; stopped, it would not read the end
            self._process.kill()
        self._close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def carry_out(self, plan: "Plan") -> int:
        """Run the plan's command on this process's stdin, stdout and stderr: its exit code, 128+n for a signal.

        A refused plan, and what fails on the way in, is one line on stderr and the command line's exit code. Waits
        until the command ends; in the main thread SIGINT is the command's meanwhile.
        """
        from nsview.record import builtins

        from .plan import shell_command

        if plan.refusal:
            print(f"nsview: {safe(plan.refusal.text)}", file=sys.stderr)
            return plan.refusal.code
        # Marshal and not JSON: same interpreter, and json alone takes a third of the helper's start (it imports re).
        as_root = f"as root: {shlex.join(('sudo', *shell_command(plan)))}" if os.geteuid() else None
        message = marshal.dumps({"steps": builtins(plan.steps), "as_root": as_root})
        for stream in (sys.stdout, sys.stderr):
            if stream:
                stream.flush()
        untold = False
        with _terminal_kept(), _signals_kept(self._process.send_signal):
            try:
                view = memoryview(message)
                while view:
                    view = view[os.write(self._write, view) :]
            except BrokenPipeError:
                untold = True
            self._close()
            code = self._process.wait()
        if untold:
            print("nsview: the helper ended before it had the plan: try again", file=sys.stderr)
            return FAILED
        return code if code >= 0 else 128 - code

    def _close(self) -> None:
        if self._write >= 0:
            os.close(self._write)
            self._write = -1


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
def _interrupt_ignored() -> Iterator[None]:
    """SIGINT is ignored, by what is started meanwhile too. In the main thread, which alone may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _signals_kept(send: Callable[[int], None]) -> Iterator[None]:
    """SIGINT is left to the helper, which the terminal sends it to as well; SIGTERM and SIGHUP are passed on to it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda number, _: send(number))
        for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        with _interrupt_ignored():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

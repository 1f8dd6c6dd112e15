"""Start the helper, give it a plan, and restore the terminal however the helper exits.

The modules that make plans are imported while the helper starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import marshal
import os
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

from . import failure
from .failure import FAILED, attempt

if TYPE_CHECKING:
    from .plan import Plan

# No locale and no warning may make it read a file once it is inside.
_START = "import sys; sys.path.append({!r}); from nsview.join.helper import main; main()"


def guarded(supervise: Callable[[], int]) -> int:
    """Supervise in a child and return its exit code; the terminal is restored even if the child was killed."""
    with _interrupt_ignored():
        child = os.fork()
    if child == 0:
        code = FAILED
        try:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)
            code = supervise()
        finally:
            os._exit(code)
    with _terminal_kept(), _signals_kept(lambda number: attempt(os.kill, child, number)):
        code = linux.exit_code(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


class Helper:
    """A helper process that waits for its plan; it is started before the plan is made, to hide its start-up time.

    Leaving the `with` block without a plan dismisses it.
    """

    def __init__(self, *, python: str = sys.executable) -> None:
        root = os.path.dirname(os.path.dirname(os.path.abspath(nsview.__file__)))
        read, self._write = map(_clear_of_streams, os.pipe())
        try:
            with _interrupt_ignored():  # the helper inherits it: ^C is then for the command
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
        """True if the process is alive and can be given a plan."""
        return self._process.poll() is None

    def __enter__(self) -> "Helper":
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        """End the process, or wait for its exit if it has carried out a plan."""
        if self._write >= 0:  # without a plan it has nothing to restore; if stopped, it would not read the pipe's end
            self._process.kill()
        self._close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def carry_out(self, plan: "Plan") -> int:
        """Run the plan's command on this process's stdin, stdout and stderr; return its exit code, 128+n for a signal.

        A refusal, or a failure on the way in, is one line on stderr and the command line's exit code. Waits until the
        command exits; in the main thread SIGINT is the command's meanwhile.
        """
        from nsview.record import builtins

        from .plan import shell_command

        if plan.refusal:
            print(f"nsview: {safe(plan.refusal.text)}", file=sys.stderr)
            return plan.refusal.code
        # Marshal and not JSON: both sides are the same interpreter, and json imports re (docs/design.md).
        as_root = f"as root: {failure.sudo(shell_command(plan)[1:])}" if os.geteuid() else None
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
            print("nsview: the helper exited before it had the plan: try again", file=sys.stderr)
            return FAILED
        return code if code >= 0 else 128 - code

    def _close(self) -> None:
        if self._write >= 0:
            os.close(self._write)
            self._write = -1


def _clear_of_streams(fd: int) -> int:
    """Move a file to a descriptor above 2; a new file gets 0, 1 or 2 if the caller has closed these."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Restore the terminal's attributes afterwards, even if the helper was killed."""
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
    """Ignore SIGINT, also in processes started meanwhile. Only in the main thread, which alone may set handlers."""
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
    """Leave SIGINT to the helper, to which the terminal sends it too; pass what else ends us on to the helper."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda number, _: send(number))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    }
    try:
        with _interrupt_ignored():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

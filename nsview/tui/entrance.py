"""The way out of the screen and back: for a command in namespaces, and for the question of sudo."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from textual.app import App, SuspendNotSupported
from textual.notifications import SeverityLevel

from nsview.hosts import HostError
from nsview.hosts.live import LiveHost
from nsview.hosts.local import LocalHost
from nsview.join.plan import Plan, banner, path_of, pinned_command, shell_command
from nsview.join.run import Helper
from nsview.join.steps import JoinNamespaces
from nsview.model.text import safe

from .first_picture import quiet
from .session import AnyHost, Session

SOON = 10.0
"""Seconds within which a command that ends with an exit code of refusals may have been refused, on a busy host too."""

_ENTERED = (b"\r", b"\n", b"\x04", b"")  # Enter, ^D, and the end of the terminal


class Entrance:
    """Carries out plans in the terminal, which the screen leaves meanwhile."""

    def __init__(self, app: App[Any], session: Session) -> None:
        self._app = app
        self._session = session
        self._helper: Helper | None = None  # waits for a plan

    def expect(self) -> None:
        """Start a helper while the user reads the dialog, so that nobody waits for it afterwards."""
        if self._session.host.here and not self._elevated and self._helper is None:
            with contextlib.suppress(OSError):  # reported when a plan is carried out
                self._helper = Helper()

    def enter(self, plan: Plan | None, name: str) -> bool:
        """Leave the screen, carry out a plan, come back. False if the screen was not left. None, no plan: only dismiss
        the helper. name: of the thing that is entered."""
        helper, self._helper = self._helper, None
        if helper and (plan is None or self._elevated or not helper.waits):
            helper.dismiss()
            helper = None
        if plan is None:
            return False
        command, host = shell_command(plan), self._session.host
        words = (shlex.join(command), *(() if plan.asked.command else (banner(plan, name),)))
        if isinstance(host, LiveHost) and not host.here:
            return self._leave_for(name, command, words, lambda: _there(host, plan))
        if self._elevated:
            # Root's part is a command, which starts anew.
            return self._leave_for(name, command, words, lambda: _as_root(pinned_command(plan)[1:]))
        try:
            with helper or Helper() as ready:
                return self._leave_for(name, command, words, lambda: ready.carry_out(plan))
        except OSError as error:
            self._app.notify(f"A shell could not be started: {error.strerror}.", severity="error")
            return False

    @property
    def _elevated(self) -> bool:
        """True if the agent became root through sudo, and this process did not."""
        host = self._session.host
        return os.geteuid() != 0 and isinstance(host, LocalHost) and host.elevated

    def _leave_for(self, name: str, command: tuple[str, ...], words: Sequence[str], run: Callable[[], int]) -> bool:
        """Leave the screen for a command; False if the terminal can't be left. name: of the thing that is entered.
        words: printed before, a line each. run: carries it out, returns its exit code."""
        try:
            with _outside(self._app):
                code = _in_terminal(command, words, run)
        except SuspendNotSupported:
            self._app.notify("This terminal cannot be left for a shell. Run: " + shlex.join(command))
            return False
        severity: SeverityLevel = "information" if code == 0 else "warning"
        self._app.notify(f"Back from {safe(name)}: exit code {code}", severity=severity)
        return True

    def become_root(self) -> LiveHost | None:
        """Start an agent as root through sudo, which asks in the terminal. None, and a notice, if that fails."""
        failure = "Not root; nothing has changed."
        try:
            with _outside(self._app):
                host, now = None, self._session.host
                try:
                    assert isinstance(now, LiveHost)
                    host = now.as_root()
                    host.wait_hello()
                    return host
                except HostError as error:
                    # The words of sudo stand above, and would be gone with the screen's return.
                    _wait_for_enter("not root" if host and host.here else str(error))
                    if host:
                        host.stop()
        except SuspendNotSupported:
            failure = "this terminal cannot be left for sudo's question; start nsview as root instead"
        self._app.notify(failure, severity="error")
        return None


def _as_root(arguments: Sequence[str]) -> int:
    """Run nsview with these arguments as root, as the agent was. Return the exit code."""
    argv = ["sudo", "--", sys.executable, "-P", "-m", "nsview", *arguments]
    return subprocess.run(argv, check=False).returncode


def _there(host: AnyHost, plan: Plan) -> int:
    """Carry a plan out on a host elsewhere, which plans anew. Return the exit code."""
    from nsview.arguments import parse
    from nsview.hosts.entering import enter
    from nsview.hosts.remote import RemoteHost

    assert isinstance(host, RemoteHost)

    given = {**vars(parse(pinned_command(plan)[1:])), "called": None}  # the banner was shown here
    if not plan.pid:  # a namespace without processes
        ways = (pin.ways for step in plan.steps if isinstance(step, JoinNamespaces) for pin in step.namespaces)
        given["target"] = next(filter(None, map(path_of, ways)), plan.path)
    return enter(host, given, terminal=True)


def _in_terminal(command: tuple[str, ...], words: Sequence[str], run: Callable[[], int]) -> int:
    """Run a command in the terminal that the screen has left; return its exit code. Its last words stay in sight."""
    began = time.monotonic()
    print(*(f"nsview: {line}" for line in words), sep="\n", flush=True)
    try:
        code = run()
    except (OSError, HostError) as error:
        print(f"nsview: {error}")
        code = 126
    # A refusal says why in one line, which would be gone with the screen's return.
    refused = code in (1, 2, 3, 4, 126, 127) and time.monotonic() - began < SOON
    if refused or "--" in command:
        _wait_for_enter(f"exit code {code}")
    return code


def _wait_for_enter(said: str) -> None:
    _keep_keys()
    print(f"\nnsview: {said}. Enter goes back to the explorer.", flush=True)
    with contextlib.suppress(OSError, KeyboardInterrupt), _interrupt(signal.default_int_handler):
        while os.read(0, 1) not in _ENTERED:
            pass


@contextlib.contextmanager
def _outside(app: App[Any]) -> Iterator[None]:
    """Leave the screen and come back. ^C is the program's in the terminal: asyncio would take it too, and end the
    explorer; it is not ignored, which the program would inherit."""
    with app.suspend(), _interrupt(lambda *_: None):
        yield
        _keep_keys()


def _keep_keys() -> None:
    """Have the keys that are typed from now on wait for the explorer as they are: the terminal would take Backspace for
    itself, and Enter for ^J. The driver knows the settings of before."""
    with contextlib.suppress(termios.error):
        quiet()


@contextlib.contextmanager
def _interrupt(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""A host that is reached through another program: the agent is sent to it, and nothing is left there.

That program is the user's own ssh, with the user's configuration, keys and known hosts, or docker, kubectl, any other.
It asks in the terminal itself; the password of sudo alone is asked for here, as sudo has no terminal there.
"""

import base64
import contextlib
import fcntl
import os
import queue
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import msgspec

from nsview.model.elsewhere import Elsewhere
from nsview.model.text import cut, safe

from . import HostError, bundle, frames, secret
from .link import LOOKED, PATIENCE
from .live import LiveHost
from .place import Destination

LEASE = 3 * PATIENCE
"""Seconds without a word from here, after which the agent ends by itself."""
NOISE = 64 << 10
"""Bytes that a shell's startup files may say before the agent does."""
SAID = 4096
"""Bytes of stderr that are kept."""
ASTRAY = 30.0
"""Seconds by which a host's clock may differ from ours before that is said."""
PROMPT = "nsview-asks-for-the-password"
_PIPE = 1 << 20
_PATIENCE = 0.2  # seconds, after which the program on the way is ended, at which the agent ends
_KEPT = b'{"frame":"kept",'
_PATH = re.compile(r"/proc/\d+/fd/\d+", re.ASCII)
_NO_PYTHON = ("python3: not found", "python3: command not found", "python3: no such file", '"python3": executable')


class RemoteHost(LiveHost):
    """The running agent of a host elsewhere."""

    def __init__(self, place: Destination, *arguments: str, elevated: bool = False, asking: bool = True) -> None:
        """Start an agent. arguments: its own. elevated: as root, by sudo. asking: the terminal may be asked in.

        Raises HostError if the program on the way can't be started.
        """
        self.place, self.name = place, safe(place.name)
        self.source = f"live, {cut(safe(shlex.join(place.options)), 30)}"  # not the name that the host claims
        self._arguments = (*arguments, f"--lease={LEASE:.0f}")
        self._may_ask = asking and _has_terminal()
        self.magic = b""
        """The magic number of the Python there."""
        self._kept: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._said = b""  # on stderr, the end of it
        self._noise = b""  # the last line of stdout that was no frame
        self._prompts = 0  # of sudo, that were answered
        # A shell, or sudo, would read the modules that are sent before Python runs there.
        self._waits = elevated or place.kind == "via"
        self.elevated = elevated
        super().__init__(self._started(), elevated=elevated, fed=False)

    def _started(self) -> "subprocess.Popen[bytes]":
        program = (*bundle.PYTHON, bundle.FIRST_LINE_WHEN_READY if self._waits else bundle.FIRST_LINE)
        if self.elevated:
            how = ("-S", "-p", PROMPT) if self._may_ask else ("-n",)
            program = ("sudo", *how, "--", *program)
        argv = self.place.command(program, asking=self._may_ask)
        try:
            started = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                # To ask in the terminal it must be in the foreground; without one it asks nobody.
                start_new_session=not self._may_ask,
            )  # fmt: skip
        except OSError as error:
            raise HostError(f"{self.name}: {argv[0]} could not be started: {error.strerror}") from None
        assert started.stdin is not None and started.stdout is not None
        for pipe in (started.stdin, started.stdout):
            with contextlib.suppress(OSError):  # the user may be at the limit of such pipes
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        via = f"exec {shlex.join(program)}\n".encode() if self.place.kind == "via" else b""
        with contextlib.suppress(OSError):  # the agent has exited: `read` tells
            started.stdin.write(via if self._waits else bundle.beginning(*self._arguments))
            started.stdin.flush()
        return started

    def start(self) -> "subprocess.Popen[bytes]":
        self._may_ask, self._fed, self._said = False, False, b""
        return self._started()

    @property
    def elsewhere(self) -> Elsewhere:
        options = (*self.place.options, *(("--sudo",) if self.elevated else ()))
        return Elsewhere(options, *self.place.by_hand, self.elevated)

    def again(self) -> "RemoteHost":
        return RemoteHost(self.place, asking=False)

    def as_root(self) -> "RemoteHost":
        return RemoteHost(self.place, elevated=True)

    @property
    def asks(self) -> bool:
        return self._may_ask and (self.elevated or self.place.kind in ("ssh", "via"))

    def lines_of(self, agent: "subprocess.Popen[bytes]") -> Iterator[bytes]:
        """The frames of one agent, without all that is said on the way to it."""
        self.watched = False
        magic, noise, waits = b"", 0, self._waits
        for line in super().lines_of(agent):
            if self.watched and line.startswith(_KEPT):
                self._kept.put(line)
            elif self.watched:
                yield line
                if not self._fed and line.startswith(LOOKED):
                    self.feed(agent, bundle.rest(magic))  # not before, as it takes a while
            elif waits and line.endswith(bundle.READY):
                waits = False
                self.feed(agent, bundle.beginning(*self._arguments), last=False)
            elif bundle.GREETING in line:
                seconds, _, magic = line.partition(bundle.GREETING)[2].strip().partition(b" ")
                self.magic = magic
                if magic != bundle.MAGIC:
                    self.feed(agent, bundle.rest(magic))
                self._stream.notes = self._astray(seconds)
                self.watched, self._asking = True, False
            elif line.startswith(b'{"frame":"error",'):
                yield line
            else:
                self._noise = line[-SAID:]
                noise += len(line)
            if noise > NOISE:
                raise HostError(f"{self.name}: {safe(line[:40].decode(errors='replace').strip())} … is no agent's word")

    def _astray(self, seconds: bytes) -> tuple[str, ...]:
        """A note if the host's clock, at these seconds, differs from ours."""
        try:
            ahead = int(seconds[:20]) - time.time()
        except ValueError:
            return ()
        if abs(ahead) < ASTRAY:
            return ()
        hours, minutes = divmod(round(abs(ahead) / 60), 60)
        how = "ahead of" if ahead > 0 else "behind"
        return (f"the clock of {self.name} is {hours} h {minutes:02} min {how} this one: times are by its clock",)

    def heard_beside(self, agent: "subprocess.Popen[bytes]") -> bool:
        assert agent.stderr is not None and agent.stdin is not None
        data = os.read(agent.stderr.fileno(), SAID)
        self._said = (self._said + data)[-SAID:]
        if self.elevated and not self.watched and self._said.endswith(PROMPT.encode()):
            self._said = self._said[: -len(PROMPT)]
            password = self._password()
            with contextlib.suppress(OSError):
                agent.stdin.write(password.encode(errors="surrogateescape") + b"\n")
                agent.stdin.flush()
        return bool(data)

    def _password(self) -> str:
        """Ask for the password of sudo, in the terminal. Raises HostError if none is given."""
        again = "; that was not it" if self._prompts else ""
        self._prompts += 1
        main = threading.current_thread() is threading.main_thread()  # no other thread can be interrupted
        before = signal.signal(signal.SIGINT, signal.default_int_handler) if main else None
        try:
            return secret.ask(f"password for sudo on {self.name}{again}: ")
        except (KeyboardInterrupt, EOFError, OSError):
            raise HostError(f"{self.name}: no password was given") from None
        finally:
            if main:
                signal.signal(signal.SIGINT, before)

    def keep(self, data: bytes) -> str:
        """The path of bytes that the agent keeps in its memory from now on. Not for the thread that reads frames.
        Raises HostError if the agent cannot keep them."""
        self._next_id += 1
        wanted = self._next_id
        self.write({"request": "keep", "id": wanted, "packed": base64.b64encode(data).decode()})
        with contextlib.suppress(queue.Empty, msgspec.DecodeError):
            while True:
                answer = frames.decode(self._kept.get(timeout=PATIENCE))
                if isinstance(answer, frames.Kept) and answer.id == wanted and _PATH.fullmatch(answer.path or ""):
                    return str(answer.path)
        raise HostError(f"{self.name}: the agent there could not keep what enters a namespace")

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(OSError):
            self._agent.stdin.close()  # type: ignore[union-attr]
        try:
            self._agent.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._agent.terminate()  # and the terminal, in which it may be asking, is as it was
            if not self._may_ask:  # ssh leads a session, and programs that it has started may hold the pipes
                with contextlib.suppress(OSError):
                    os.killpg(self._agent.pid, signal.SIGTERM)
        super().stop()

    def ended(self, code: int) -> str:
        said = b"" if self.watched else self._noise  # a shell that is no shell says so on stdout
        lines = [line for line in (self._said + said).decode(errors="replace").splitlines() if line.strip()]
        own = [line for line in lines if not line.startswith("Connection closed by UNKNOWN")]
        lines = own or lines  # a jump host has said why, and ssh does after it
        last = safe(lines[-1].strip()).rstrip(".") if lines else f"{self.place.kind} ended with exit code {code}"
        words = self._said.decode(errors="replace").lower()
        if self.watched:
            return f"{self.name}: the link broke ({last})"
        if code == 127 or any(lack in words for lack in _NO_PYTHON):
            return f"{self.name}: no python3 is there; nsview needs 3.8 or later on a host that it looks at"
        if "identification has changed" in words:
            return f"{self.name}: its host key is not the known one: if that is right, `ssh-keygen -R` forgets the old"
        if "host key verification failed" in words:
            return f"{self.name}: its host key is not known: `ssh` to it once, and compare the key that it shows"
        if "a password is required" in words:
            return f"{self.name}: sudo there wants a password, and no terminal is here to ask for it"
        return f"{self.name}: {last}"


def _has_terminal() -> bool:
    """True if there is a terminal to ask in."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY))
        return True
    except OSError:
        return False

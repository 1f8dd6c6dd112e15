"""The supervisor stays on the host: holds the caller's terminal, copies bytes, passes signals on, proves and waits.

Its child goes inside and becomes the command. The supervisor is the process of `nsview enter` itself, or the helper
that the explorer starts: single-threaded, as joining and tracing require. Standard library only, and little of that, as
the user waits for the imports.
"""

from __future__ import annotations

import os
import select
import sys
import time

from nsview import linux

from . import cgroups, proof, target
from .failure import FAILED, GONE, NOT_EXECUTABLE, NOT_PERMITTED, Failure, attempt, of_errno, printable
from .given import given_for, held, owner
from .inside import Inside, exec_failure
from .streams import Streams, high
from .trace import PR_SET_PDEATHSIG, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn
else:
    import _signal as signal  # the module signal would also make enums of it: see docs/design.md

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SILENCE = 0.1  # seconds without output after which the output of an exited command is complete
_PATIENCE = 1.0  # seconds after which a background process that goes on writing is left to itself
_INSISTENCE = 5.0  # seconds within which a second ^C leaves a command that can't receive the first
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Signalled(BaseException):
    """A signal that ends the supervisor."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def carry_out(
    steps: Sequence[Mapping[str, Any]],
    followed: target.Followed | None = None,
    namespaces: Mapping[str, int] | None = None,
    config: Mapping[str, Any] | None = None,
) -> int:
    """Carry out a plan's steps (each the dict of one). Return the command's exit code, 128+n for a signal, or the
    contract's for a failure, which is one line on stderr.

    followed, namespaces ({kind: fd}), config (of PutOnFilters): given if open or read already, else None.
    """
    try:
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        return Supervisor(steps, followed, namespaces, config).run()
    except Failure as failure:
        _complain(failure.text)
        return failure.code
    except Signalled as signalled:
        return 128 + signalled.number
    except OSError as error:
        _complain(of_errno(error.errno or 0, error.filename or "joining").text)
        return FAILED
    except BaseException as error:
        _complain(f"joining failed: {type(error).__name__}: {error}: please report this")
        return FAILED


class Supervisor:
    """One plan being carried out, with the command as its child."""

    def __init__(
        self,
        steps: Sequence[Mapping[str, Any]],
        followed: target.Followed | None,
        namespaces: Mapping[str, int] | None,
        config: Mapping[str, Any] | None,
    ) -> None:
        self._steps = steps
        self._by_name = by_name = {step["type"]: step for step in steps}
        check = by_name.get("CheckIdentity")
        self._followed = followed or (target.Followed(check["pid"], check["start"], check["thread"]) if check else None)
        pins = by_name.get("JoinNamespaces", {}).get("namespaces", ())
        self._namespaces = target.opened(pins, self._followed) if namespaces is None else namespaces
        self._cgroups = by_name.get("JoinCgroups", {}).get("cgroups", ())
        self._name = by_name["Execute"]["candidates"][0][0]
        self._given = given_for(by_name, self._followed, self._namespaces, config)
        self._streams = Streams(self._given.root, owner(by_name.get("SetIds"), self._followed, self._namespaces))
        self._ends = [_file(end) for end in self._streams.ends]
        self._trace: Trace
        self._ended: dict[int, int] = {}  # wait status by pid
        self._said = b""  # received from the child, not a whole line yet
        self._running = False
        self._forwarded = 0
        self._asked_to_leave = -_INSISTENCE  # the time of the last ^C that the command could not receive

    def run(self) -> int:
        """Run the command and return its exit code. Raises Failure, Signalled or OSError."""
        linux.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        wake_read, wake_write = map(high, os.pipe())
        for fd in (wake_read, wake_write):
            os.set_blocking(fd, False)
        status_read, status_write = map(high, os.pipe())
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        supervisor = os.getpid()
        child = self._fork()
        if child == 0:
            linux.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # until tracing begins, which also ends the child with us
            if os.getppid() != supervisor:
                os._exit(FAILED)
            self._go_inside(status_write)
        os.close(status_write)
        os.set_blocking(status_read, False)
        self._streams.close_ends()
        self._trace = Trace(child, "Fork" in self._by_name)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGWINCH, lambda *_: self._streams.resize())
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in _FORWARDED:
            signal.signal(number, self._signalled)
        over = False
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._relay(child, status_read, wake_read)
            over = True
        except EOFError:
            raise Signalled(signal.SIGHUP) from None  # the terminal is gone; so will the pty be when we exit
        finally:
            if not over:
                self._end_all(child)
            self._streams.restore()
        return self._code()

    def _end_all(self, child: int) -> None:
        """Kill all processes that were started: no supervisor remains, and the container may have stopped them."""
        for pid in {child, self._trace.command or child} - self._ended.keys():
            if self._running:
                attempt(os.killpg, pid, signal.SIGHUP)
            attempt(os.kill, pid, signal.SIGKILL)

    def _fork(self) -> int:
        """os.fork(), into the v2 cgroup if possible; else the child's step moves into it, or says why not."""
        birthplace = cgroups.birthplace(self._cgroups, self._followed.pid) if self._followed else None
        if birthplace is None:
            return os.fork()
        try:
            return linux.fork_into(birthplace, signal.SIGCHLD)
        except OSError:
            return os.fork()
        finally:
            os.close(birthplace)

    def _go_inside(self, status: int) -> NoReturn:
        sys.path.clear()
        sys.meta_path.clear()
        try:
            inside = Inside(self._given, self._streams.ends, self._streams.master is not None, status)
            try:
                inside.carry_out(self._steps)
            except Failure as failure:
                inside.fail(failure)
            except OSError as error:
                inside.fail(of_errno(error.errno or 0, error.filename or "joining"))
            except BaseException as error:
                inside.fail(Failure(FAILED, f"joining failed: {type(error).__name__}: {error}: please report this"))
        finally:
            os._exit(FAILED)

    def _relay(self, child: int, status: int, wake: int) -> None:
        """Copy bytes until the command has exited and its output has ended. Raises Failure if it never began."""
        open_status = True
        deadline = owed = 0.0
        over = False
        while True:
            readers = [wake, *self._streams.readers(self._running and not over)]
            if open_status:
                readers.append(status)
            ready, writable, _ = select.select(readers, self._streams.writers(), [], _SILENCE if over else None)
            if wake in ready:
                _drain(wake)
            if status in ready:
                open_status = self._listen(status)
            self._reap()
            moved = self._streams.move(ready, writable)
            if self._streams.interrupted and self._running and not over:
                self._leave_if_deaf()
            command = self._trace.command
            if over:
                owed -= moved
                if not self._streams.open or not ready or (time.monotonic() > deadline and owed <= 0):
                    return
            elif command is not None and command in self._ended:
                while self._listen(status):
                    pass
                if not self._running:
                    raise self._early_end(self._ended[command])
                self._streams.release()
                over, deadline, owed = True, time.monotonic() + _PATIENCE, self._streams.waiting()
                if not self._streams.open:
                    return
            elif command is None and child in self._ended and not open_status:
                raise self._early_end(self._ended[child])

    def _listen(self, status: int) -> bool:
        """Receive messages from the child; False if no more can come. Raises Failure if the message is an error."""
        try:
            heard = os.read(status, 4096)
        except BlockingIOError:
            return self._trace.command not in self._ended
        self._said += heard
        while b"\n" in self._said:
            line, _, self._said = self._said.partition(b"\n")
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "note":
                _complain(f"note: {rest}")
            elif word == "error":
                code, _, text = rest.partition(" ")
                raise Failure(int(code), text)
        return bool(heard)

    def _reap(self) -> None:
        """Note the processes that have exited, and answer those that have stopped."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if not os.WIFSTOPPED(status):
                self._ended[pid] = status
            elif self._trace.stopped(pid, status):
                self._executed(pid)

    def _executed(self, pid: int) -> None:
        """Handle the command's stop at an exec. The first exec is that of the sealed program: the command's power is
        proved there, or it is killed. The last is the command's own."""
        try:
            seen = proof.of(pid)
            if self._trace.execs == 1:
                self._prove(seen)
        except (FileNotFoundError, ProcessLookupError):
            return  # killed meanwhile: waitpid(2) will tell
        if self._trace.execs == 1 and not self._by_name["Execute"]["toolbox"]:
            self._trace.go_on()
            return
        if self._trace.execs > 1 and seen.file("exe") == _file(self._given.program):
            raise Failure(NOT_EXECUTABLE, f"{self._name} can't be executed: it leads back to /proc/self/exe")
        self._running = True
        self._streams.make_raw()
        self._trace.let_go()

    def _prove(self, seen: proof.Seen) -> None:
        """Compare the kernel's facts of the command with the plan. Raises Failure if they differ."""
        own, followed, by_name = proof.of(os.getpid()), self._followed, self._by_name
        expected = proof.expected(by_name, self._given, own, seen, held(self._namespaces))
        expected["fds"] = dict(enumerate(self._ends))
        if "ChangeRoot" in by_name and self._given.root is not None:
            expected["root"] = _file(self._given.root)
        others: list[tuple[str, object]] = []
        if "MountProc" in by_name and followed is not None:
            expected["ns/mnt"] = None
            theirs = proof.Seen(followed.directory, followed.pid)
            others = [("ns/mnt", process.file("ns/mnt")) for process in (own, theirs)]
        proof.check(expected, seen.facts(), others)

    def _signalled(self, number: int, frame: object) -> None:
        """Pass a signal on to the command. With a pty, if it comes again, or if the command can't receive it, it also
        ends the supervisor."""
        self._forwarded += 1
        if number == signal.SIGINT and self._running:
            self._leave_if_deaf()
        command = self._trace.command
        deaf = self._running and command is not None and command not in self._ended and _deaf(command) is not None
        last = (self._forwarded > 1 or deaf) and number != signal.SIGINT
        if command is not None and command not in self._ended:
            attempt(os.killpg, command, signal.SIGKILL if last else number)
        if last or self._streams.master is not None or not self._running:
            # Nothing is to come between us and the terminal's restoration. Python tells of one that has come already,
            # in a traceback, where it is to be ignored.
            signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
            for other in _FORWARDED:
                signal.signal(other, lambda *_: None)
            raise Signalled(number)

    def _leave_if_deaf(self) -> None:
        """Handle ^C for a frozen or stopped command, which can't receive it: say so, and leave at the second ^C."""
        command = self._trace.command
        if command is None or command in self._ended:
            return
        why = _deaf(command)
        if why is None:
            return
        now = time.monotonic()
        if now - self._asked_to_leave <= _INSISTENCE:
            attempt(os.killpg, command, signal.SIGKILL)  # a frozen command exits when it is thawed
            raise Signalled(signal.SIGINT)
        self._asked_to_leave = now
        _complain(f"the command is {why} and can't hear ^C: once more leaves it", self._streams.raw)

    def _early_end(self, status: int) -> Failure:
        """The Failure for a child that has exited without a message."""
        filtered = self._given.filters and not self._trace.execs
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) and not filtered:
            return exec_failure(os.WEXITSTATUS(status), self._name)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            if self._followed is not None and self._followed.ended(0.5):
                return Failure(GONE, "the container has stopped on the way in: choose another")
            if cgroups.out_of_memory(self._cgroups):
                return Failure(
                    FAILED,
                    "killed on the way in: its cgroup has no memory left (memory.max); --host-privileges stays outside",
                )
        if self._given.filters:
            return Failure(
                NOT_PERMITTED,
                f"the seccomp filter let nothing be executed ({_shown(status)}): --host-privileges goes without",
            )
        return Failure(FAILED, f"the command's process exited ({_shown(status)}) before the command began")

    def _code(self) -> int:
        assert self._trace.command is not None
        code = linux.exit_code(self._ended[self._trace.command])
        if code == -signal.SIGKILL and "pid" in self._namespaces and self._followed and self._followed.ended(0.5):
            _complain("killed with the container, whose init has exited: choose another")
        return code if code >= 0 else 128 - code


def _file(fd: int) -> tuple[int, int]:
    """(device, inode) of an open file."""
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def _deaf(pid: int) -> str | None:
    """The state in which a process can't receive signals now, in a word. None if it can."""
    if cgroups.process_frozen(pid):
        return "frozen (paused)"
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return "stopped" if linux.stat_fields(stat.read())[0] in (b"T", b"t") else None
    except OSError:
        return None


def _drain(fd: int) -> None:
    attempt(os.read, fd, 4096)


def _shown(status: int) -> str:
    code = linux.exit_code(status)
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _complain(text: str, raw: bool = False) -> None:
    """Write one line on stderr, unless it is closed. raw: stderr is a terminal in raw mode, which needs a \\r."""
    end = "\r\n" if raw else "\n"
    attempt(os.write, 2, f"{end if raw else ''}nsview: {printable(text)}{end}".encode(errors="replace"))

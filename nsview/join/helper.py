"""A fresh, single-threaded process that carries a plan out. Its child goes inside; itself it stays on the host.

It holds the caller's terminal, copies bytes, passes signals on, waits, and says in one line what went wrong. Started
by `nsview.join.run`; argv[1] is the number of the pipe on which the plan comes. Standard library only, and little of
that: what is imported here is waited for by whoever wants a shell.
"""

from __future__ import annotations

import marshal
import os
import select
import sys
import time

from nsview import linux

from . import cgroups, trampoline
from .failure import FAILED, GONE, Failure, as_root, attempt, of_errno, printable
from .inside import Inside, exec_failure
from .streams import Streams, high
from .target import Held, NamedNamespace, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any, NoReturn
else:
    import _signal as signal  # without the enum that the module signal makes of it, which takes 3 ms

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36  # linux/prctl.h
_SILENCE = 0.1  # seconds without output after which a command that has ended has said all
_PATIENCE = 1.0  # seconds after which a background process that goes on writing is left to itself
_INSISTENCE = 5.0  # seconds within which a second ^C leaves a command that can't hear the first
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Signalled(BaseException):
    """A signal that ends the helper."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> NoReturn:
    """Never returns: exits with the command's code, 128+n for a signal, or the contract's for a failure."""
    try:
        linux.prctl(_PR_SET_DUMPABLE, 0)
        code = _main()
    except Failure as failure:
        _complain(failure.text)
        code = failure.code
    except Signalled as signalled:
        code = 128 + signalled.number
    except OSError as error:
        _complain(of_errno(error.errno or 0, error.filename or "joining").text)
        code = FAILED
    except BaseException as error:
        _complain(f"joining failed: {type(error).__name__}: {error}: please report this")
        code = FAILED
    os._exit(code)


def _main() -> int:
    linux.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    sealed = trampoline.is_sealed()
    if trampoline.image() is None and not sealed:
        trampoline.reexec()
    plan = _read_plan(int(sys.argv[1]))
    if not sealed and _has_context(plan):
        _give_again(plan, int(sys.argv[1]))
        trampoline.reexec()
    linux.close_all_but({0, 1, 2})
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open("/dev/null", os.O_RDWR)  # the lowest that is closed, which is this one
    return _Supervisor(plan).run()


def _read_plan(fd: int) -> dict[str, Any]:
    chunks = []
    while chunk := os.read(fd, 1 << 16):
        chunks.append(chunk)
    if not chunks:
        os._exit(0)  # there is nothing to carry out
    plan: dict[str, Any] = marshal.loads(b"".join(chunks))
    return plan


def _has_context(plan: dict[str, Any]) -> bool:
    """The command is to have a context of SELinux's. That is taken at the next exec, which must be of a file below a
    mount of the container's: memory is no place from which a policy lets one change."""
    return any(step["type"] == "SetLabel" and step["module"] == "selinux" for step in plan["steps"])


def _give_again(plan: dict[str, Any], fd: int) -> None:
    """Make the plan what is read from this fd, once more."""
    memory = os.memfd_create("nsview-plan")
    with open(memory, "wb", closefd=False) as file:
        marshal.dump(plan, file)
    os.lseek(memory, 0, os.SEEK_SET)
    os.dup2(memory, fd)


class _Supervisor:
    """The part that stays on the host, with the command as its child or grandchild."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._steps = plan["steps"]
        by_name = {step["type"]: step for step in self._steps}
        as_root(plan.get("as_root"))
        self._held = _held(by_name)
        self._cgroups = by_name.get("JoinCgroups", {}).get("cgroups", ())
        self._kinds = by_name.get("JoinNamespaces", {}).get("kinds", ())
        self._name = by_name["Execute"]["candidates"][0][0]
        self._forks = "Fork" in by_name
        root = self._held.root() if "ChangeRoot" in by_name and isinstance(self._held, Target) else None
        self._filter = _filter_of(by_name.get("CopySeccomp"))
        self._streams = Streams(root, self._owner(by_name.get("SetIds")))
        if root is not None:
            os.close(root)
        self._command: int | None = None  # the command's pid, once it is known
        self._ended: dict[int, int] = {}  # wait status by pid
        self._said = b""  # by the child, not yet understood
        self._running = False
        self._forwarded = 0
        self._asked_to_leave = -_INSISTENCE  # when ^C last came that the command could not hear

    def _owner(self, ids: dict[str, Any] | None) -> tuple[int, int]:
        """(uid, gid) on the host of whom the command runs as."""
        if ids is None:
            return os.geteuid(), os.getegid()
        held = self._held
        if ids["host_numbers"] or "user" not in self._kinds or not isinstance(held, Target):
            return ids["uid"], ids["gid"]
        return held.id_outside("uid", ids["uid"]), held.id_outside("gid", ids["gid"])

    def run(self) -> int:
        """The exit code."""
        linux.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        wake_read, wake_write = map(high, os.pipe())
        for fd in (wake_read, wake_write):
            os.set_blocking(fd, False)
        status_read, status_write = map(high, os.pipe())
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        child = self._fork()
        if child == 0:
            self._go_inside(status_write)
        os.close(status_write)
        os.set_blocking(status_read, False)
        self._streams.close_ends()
        if not self._forks:
            self._command = child
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGWINCH, lambda *_: self._streams.resize())
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in _FORWARDED:
            signal.signal(number, self._signalled)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._relay(child, status_read, wake_read)
        except EOFError:
            raise Signalled(signal.SIGHUP) from None  # the terminal is gone; so will the pty be when we exit
        finally:
            if not self._running:
                # Whoever can see it inside may have stopped it: it is not to be left there.
                for pid in {child, self._command or child} - self._ended.keys():
                    attempt(os.kill, pid, signal.SIGKILL)
            self._streams.restore()
        return self._code()

    def _fork(self) -> int:
        """os.fork(), into the cgroup of v2 where that can be; where not, the child's step moves or says why not."""
        held = self._held
        birthplace = cgroups.birthplace(self._cgroups, held.pid) if isinstance(held, Target) else None
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
            terminal = self._streams.master is not None
            inside = Inside(self._held, self._streams.ends, terminal, status, "user" in self._kinds, self._filter)
            try:
                inside.carry_out(self._steps)
            except Failure as failure:
                inside.fail(failure)
            except OSError as error:
                inside.fail(of_errno(error.errno or 0, "joining"))
            except BaseException as error:
                inside.fail(Failure(FAILED, f"joining failed: {type(error).__name__}: {error}: please report this"))
        finally:
            os._exit(FAILED)

    def _relay(self, child: int, status: int, wake: int) -> None:
        """Copy bytes until the command has ended and has no more to say. Failure if it never began."""
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
            if over:
                owed -= moved
                if not self._streams.open or not ready or (time.monotonic() > deadline and owed <= 0):
                    return
            elif self._command is not None and self._command in self._ended:
                while self._listen(status):
                    pass
                if not self._running:
                    raise self._early_end(self._ended[self._command])
                self._streams.release()
                over, deadline, owed = True, time.monotonic() + _PATIENCE, self._streams.waiting()
                if not self._streams.open:
                    return
            elif self._command is None and child in self._ended and not open_status:
                raise self._early_end(self._ended[child])

    def _listen(self, status: int) -> bool:
        """Take in what the child says; False where it will say no more. Failure where it says that it failed."""
        try:
            heard = os.read(status, 4096)
        except BlockingIOError:
            return self._command not in self._ended
        self._said += heard
        while not self._running and b"\n" in self._said:
            line, _, self._said = self._said.partition(b"\n")
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "pid":
                self._command = int(rest)
            elif word == "note":
                _complain(f"note: {rest}")
            elif word == "error":
                code, _, text = rest.partition(" ")
                raise Failure(int(code), text)
            elif word == "exec":
                self._running = True
                self._streams.make_raw()
        if self._running and len(self._said) >= 4:
            self._streams.restore()
            raise exec_failure(int.from_bytes(self._said[:4], "little"), self._name)
        return bool(heard)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended[pid] = status

    def _signalled(self, number: int, frame: object) -> None:
        """A signal for us is one for the command. With a pty, or when it comes again, it is also the end for us."""
        self._forwarded += 1
        if number == signal.SIGINT and self._running:
            self._leave_if_deaf()
        last = self._forwarded > 1 and number != signal.SIGINT
        if self._command is not None and self._command not in self._ended:
            attempt(os.killpg, self._command, signal.SIGKILL if last else number)
        if last or self._streams.master is not None or not self._running:
            for other in _FORWARDED:
                signal.signal(other, signal.SIG_IGN)  # nothing is to come between us and the terminal's restoration
            raise Signalled(number)

    def _leave_if_deaf(self) -> None:
        """^C was pressed. Where the command is frozen or stopped it can't hear it: say so, and leave at the second."""
        command = self._command
        if command is None or command in self._ended:
            return
        why = _deaf(command)
        if why is None:
            return
        now = time.monotonic()
        if now - self._asked_to_leave <= _INSISTENCE:
            attempt(os.killpg, command, signal.SIGKILL)  # a frozen one ends when it is thawed
            raise Signalled(signal.SIGINT)
        self._asked_to_leave = now
        _complain(f"the command is {why} and can't hear ^C: once more leaves it", self._streams.raw)

    def _early_end(self, status: int) -> Failure:
        """Why the child has ended without a word."""
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            if self._held.ended(0.5):
                return Failure(GONE, "the container has ended on the way in: choose another")
            if cgroups.out_of_memory(self._cgroups):
                return Failure(
                    FAILED,
                    "killed on the way in: its cgroup has no memory left (memory.max); --host-privileges stays outside",
                )
        return Failure(FAILED, f"the helper's child ended ({_shown(status)}) before the command began")

    def _code(self) -> int:
        assert self._command is not None
        code = os.waitstatus_to_exitcode(self._ended[self._command])
        if code == -signal.SIGKILL and "pid" in self._kinds and self._held.ended(0.5):
            _complain("killed with the container, whose init has ended: choose another")
        return code if code >= 0 else 128 - code


def _held(steps: dict[str, Any]) -> Held:
    """What the plan begins with."""
    if "HoldNamespace" in steps:
        step = steps["HoldNamespace"]
        return NamedNamespace(step["path"], step["kind"], step["flag"], step["inode"], step["device"])
    return Target(steps["CheckIdentity"]["pid"], steps["CheckIdentity"]["start"])


def _filter_of(step: dict[str, Any] | None) -> bytes | None:
    """The seccomp filter by the configuration that a step names; None where the process's own is to be read."""
    if step is None or step["config"] is None:
        return None
    from . import profile  # which few need, and json takes long

    try:
        return profile.compiled(step["config"])
    except (OSError, ValueError) as error:
        _complain(f"note: no seccomp filter by {step['config']}: {error}")
        return None


def _deaf(pid: int) -> str | None:
    """In a word, why a process can't answer signals now; None where it can."""
    if cgroups.process_frozen(pid):
        return "frozen (paused)"
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return "stopped" if stat.read().rpartition(b")")[2].split()[0] in (b"T", b"t") else None
    except OSError:
        return None


def _drain(fd: int) -> None:
    attempt(os.read, fd, 4096)


def _shown(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _complain(text: str, raw: bool = False) -> None:
    """One line on stderr; nothing if that is closed. raw: stderr is a terminal that makes no new lines by itself."""
    end = "\r\n" if raw else "\n"
    attempt(os.write, 2, f"{end if raw else ''}nsview: {printable(text)}{end}".encode(errors="replace"))

"""Plans made for real processes and carried out by a process of their own, as the explorer does it.

The command line is left out. `patch` is Python to run in the helper before it begins: it makes a race wide enough to be
hit, or takes a safeguard away to show that it is one.
"""

import fcntl
import os
import pickle
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

import nsview
from nsview.agent.details import details
from nsview.join.accounts import of_process
from nsview.join.plan import Choice, Plan, choice_for, plan
from nsview.join.steps import Pin
from nsview.join.target import identity
from nsview.model.kinds import KIND, KIND_NAMES, KindName
from nsview.model.records import Details, Host, Namespaces, Process

from .daemons import Docker
from .workspace import PATIENCE

ROOT = Path(nsview.__file__).parent.parent

# argv: the plan, pickled in hex, and Python to run in the helper before it begins.
_DRIVER = """
import pickle, sys
from nsview.join import run
patch = "exec(bytes.fromhex('%s').decode()); main()" % sys.argv[2].encode().hex()
run._START = run._START.replace("main()", patch)
python = sys.argv[3] if len(sys.argv) > 3 else sys.executable
with run.Helper(python=python) as helper:
    sys.exit(helper.carry_out(pickle.loads(bytes.fromhex(sys.argv[1]))))
"""


def namespaces(pid: int | str) -> Namespaces:
    links = {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in KIND_NAMES}
    return Namespaces(**{kind: int(link.partition("[")[2][:-1]) for kind, link in links.items()})


def process(pid: int) -> Process:
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return Process(
        pid=pid,
        ppid=int(fields[1]),
        start=int(fields[19]),
        uid=os.stat(f"/proc/{pid}").st_uid,
        user="?",
        state=fields[0],
        comm="?",
        cmdline=(),
        nspid=(pid,),
        namespaces=namespaces(pid),
    )


def plan_for(
    pid: int, *kinds: str, command: Sequence[str] = (), host_privileges: bool = False, uid: int = 0,
    toolbox: bool = False, account: str | None = None, cwd: str | None = None, env: Sequence[str] = (),
    pins: dict[KindName, Pin] | None = None,
) -> Plan:  # fmt: skip
    """The plan for a living process, by what the agent says of it; all kinds that differ where none are given. pins:
    the namespaces that it was in when it was chosen, where that was before."""
    host = Host("h", "k", "b", uid, uid == 0, nsview.__version__, namespaces("self"), namespaces("self"))
    found = process(pid)
    known = msgspec.convert(details(pid, found.start), Details)
    chosen = tuple(kind for kind in KIND_NAMES if kind in kinds) or choice_for(found, host)
    who = of_process(pid, found.start, account) if account else None
    choice = Choice(chosen, tuple(command), host_privileges, toolbox, who, cwd, tuple(env))
    return plan(found, known, host, choice, pins or pins_of(pid, known.thread), thread=known.thread)


def pins_of(pid: int, thread: int = 0) -> dict[KindName, Pin]:
    """The identities of the namespaces that a process, or a thread of it, is in now."""
    pins: dict[KindName, Pin] = {}
    for kind in KIND_NAMES:
        fd = os.open(f"/proc/{pid}/task/{thread or pid}/ns/{kind}", os.O_RDONLY)
        _, device, inode, id = identity(fd)
        pins[kind] = Pin(kind, KIND[kind].value, device, inode, id)
        os.close(fd)
    return pins


def driver(made: Plan, patch: str = "", python: str = sys.executable) -> list[str]:
    return [sys.executable, "-c", _DRIVER, pickle.dumps(made).hex(), patch, python]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def enter(made: Plan, stdin: bytes | None = b"", patch: str = "", python: str = sys.executable) -> tuple[int, str, str]:
    """Carry a plan out with pipes for its streams: (exit code, stdout, stderr)."""
    done = subprocess.run(
        driver(made, patch, python), input=stdin, capture_output=True, env=environment(), timeout=60, check=False
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def inside(pid: int, script: str, *kinds: str) -> str:
    """What a shell script says inside; it must succeed and nsview must be silent."""
    code, out, err = enter(plan_for(pid, *kinds, command=["/bin/sh", "-c", script]))
    assert (code, err) == (0, ""), (code, out, err)
    return out


_TIOCGPTN = 0x80045430  # the number of a pty, by its master


class Terminal:
    """A terminal with a plan being carried out on it, or another command."""

    def __init__(
        self, made: Plan | list[str], rows: int = 33, columns: int = 77, env: dict[str, str] | None = None
    ) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            # Something stays on the terminal when nsview has ended, as a user's shell does.
            script = 'trap : INT; before=$(stty -g); "$@"; code=$?; '
            script += '[ "$before" = "$(stty -g)" ] && echo same-$code || echo changed'
            command = driver(made) if isinstance(made, Plan) else made
            os.execvpe("sh", ["sh", "-c", script, "sh", *command], {**environment(), **(env or {})})
        self.name = f"/dev/pts/{int.from_bytes(fcntl.ioctl(self.fd, _TIOCGPTN, bytes(4)), sys.byteorder)}"
        self.output = b""
        self._read = 0

    def expect(self, text: str, seconds: float = 20) -> str:
        """Everything until `text` appears, from where the last expectation ended."""
        deadline = time.monotonic() + PATIENCE * seconds
        while (found := self.output.find(text.encode(), self._read)) < 0:
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not come, but {self.output[self._read :]!r}")
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:
                data = b""
            assert data, f"{text!r} did not come before the end, but {self.output[self._read :]!r}"
            self.output += data
        before = self.output[self._read : found]
        self._read = found + len(text)
        return before.decode(errors="replace").replace("\r\n", "\n")

    def send(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def children(self) -> list[int]:
        """pids below the terminal's first process, outermost first: the driver, the helper, .."""
        found, last = [], self.pid
        while below := Path(f"/proc/{last}/task/{last}/children").read_text().split():
            last = int(below[0])
            found.append(last)
        return found

    def close(self) -> None:
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def docker_exec(docker: Docker, name: str, script: str) -> str:
    return docker.run("exec", name, "sh", "-c", script)


def complaints_of_ip(pid: int) -> str:
    """The errors that ip(8) writes in a process's net namespace although it succeeds: a file in /run/netns is no
    namespace, as a killed `ip netns` leaves one."""
    words = ["nsenter", "-t", str(pid), "-n", "ip", "addr"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stderr


def is_like_docker_exec(ours: str, docker: Docker, name: str, script: str) -> None:
    """Compare the lines with docker exec's, of up to five: Go raises the limit of files as it starts, and runc exec
    lowers it too late now and then."""
    lines, theirs = ours.splitlines(), []
    for _ in range(5):
        theirs = theirs if theirs == lines else docker_exec(docker, name, script).splitlines()
    assert lines == theirs

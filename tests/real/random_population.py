"""Random populations whose namespaces are known, because they were made by a plan.

`Plan(seed)` decides without any system call who is in which namespace, who owns it and what else holds it; namespaces
are tokens in it, for their inodes are the kernel's to choose. `Running` has the plan carried out by forked processes,
each of which obeys what it reads from a pipe, and tells their pids and fds.
"""

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .workspace import Workspace

# Those that this kernel has: time came with Linux 5.6, and may be left out of one.
KINDS = tuple(
    kind
    for kind in ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time")
    if Path(f"/proc/self/ns/{kind}").exists()
)
FLAG = {
    "mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000, "net": 0x40000000, "user": 0x10000000,
    "cgroup": 0x2000000, "time": 0x80,
}  # fmt: skip
OF_THREADS = ("uts", "ipc", "net", "cgroup", "mnt")
BINDABLE = ("uts", "ipc", "net", "cgroup", "user")
HOST = "host"


@dataclass
class Member:
    """One process. namespaces: token by kind, of what it is in (a zombie is in few). name: what commands call it."""

    name: int
    namespaces: dict[str, str]
    alive: bool = True  # it obeys commands
    rooted: bool = True  # in the host's user namespace, so that it may open those of others
    threads: int = 0
    reserved: dict[str, str] = field(default_factory=dict)  # for its children


class Plan:
    """Commands for members, and the truth that they make."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._tokens = 0
        self.commands: list[tuple[int, list[object]]] = []
        self.members = {0: Member(0, dict.fromkeys(KINDS, HOST))}
        self.owner: dict[str, str] = {}  # token: token of the user namespace that owns it
        self.parent: dict[str, str] = {}
        self.kind: dict[str, str] = {}
        self.holders: dict[str, set[tuple[object, ...]]] = {}  # token: (kind, member's name, what tells it apart)
        for _ in range(self._random.randint(4, 16)):
            once = [self.thread, self.fd, self.orphan, self.socket, self.zombie, self.leaderless, self.stray]
            self._random.choice([self.fork] * 4 + once)()
        # Last, for a new mount namespace is a copy with all that is mounted.
        for _ in range(self._random.randint(0, 3)):
            self.bind()

    # of a plan

    def _pick(self, **wanted: object) -> Member | None:
        wanted = {"alive": True, **wanted}
        found = [m for m in self.members.values() if all(getattr(m, k) == v for k, v in wanted.items())]
        return self._random.choice(found) if found else None

    def _some(self, kinds: tuple[str, ...]) -> list[str]:
        return self._random.sample(kinds, self._random.randint(1, len(kinds)))

    def _token(self, kind: str, owner: str, parent: str | None = None) -> str:
        self._tokens += 1
        token = f"{kind}-{self._tokens}"
        self.kind[token] = kind
        self.owner[token] = owner
        if parent is not None:
            self.parent[token] = parent
        return token

    def _new(self, namespaces: dict[str, str], kinds: list[str]) -> None:
        """What unshare(2) of these kinds makes of the namespaces: a new user namespace owns the others."""
        if "user" in kinds:
            old = namespaces["user"]
            namespaces["user"] = self._token("user", old, old)
        for kind in kinds:
            if kind != "user":
                namespaces[kind] = self._token(kind, namespaces["user"])

    def _hold(self, token: str, *holder: object) -> None:
        if token != HOST:
            self.holders.setdefault(token, set()).add(holder)

    def _child(self, parent: Member, **more: object) -> Member:
        namespaces = {**parent.namespaces, **parent.reserved}
        child = Member(len(self.members), namespaces, rooted=parent.rooted, **more)  # type: ignore[arg-type]
        self.members[child.name] = child
        return child

    def _pick_threading(self) -> Member:
        """One that can start threads: none can be of a process whose children go elsewhere (clone(2): EINVAL)."""
        return self._pick(reserved={}) or self.members[0]  # which may have some too

    # what may happen

    def fork(self) -> None:
        """A child in new namespaces of some kinds; pid and time are taken for it by its parent, which may keep them
        for its later children too."""
        parent = self._pick()
        assert parent
        kinds = self._some(KINDS) if self._random.random() < 0.8 else []
        before = [] if parent.threads else [k for k in kinds if k in ("pid", "time") and k not in parent.reserved]
        after = [k for k in kinds if k not in ("pid", "time")]
        for kind in before:
            token = self._token(kind, parent.namespaces["user"], parent.namespaces["pid"] if kind == "pid" else None)
            parent.reserved[kind] = token
        child = self._child(parent)
        keep = self._random.random() < 0.5 or not parent.rooted
        self._new(child.namespaces, after)
        child.rooted = child.rooted and "user" not in after
        self.commands.append((parent.name, ["fork", child.name, flags(before), flags(after), keep]))
        if not keep:
            for kind in before:
                del parent.reserved[kind]
        # Also what it has reserved since before, and could have given back only with what it reserved now.
        for kind, token in parent.reserved.items():
            self._hold(token, "for_children", parent.name, kind)

    def thread(self) -> None:
        """A thread alone in new namespaces. It stays in its process's others."""
        member = self._pick_threading()
        if member.reserved:
            return
        kinds = self._some(OF_THREADS)
        made = dict(member.namespaces)
        self._new(made, kinds)
        index = member.threads
        member.threads += 1
        self.commands.append((member.name, ["thread", flags(kinds)]))
        for kind in kinds:
            self._hold(made[kind], "thread", member.name, index)

    def fd(self) -> None:
        """An open file of a namespace that another member is in."""
        member, other = self._pick(rooted=True), self._pick()
        if member and other:
            kind = self._random.choice([k for k in KINDS if k in other.namespaces])
            self.commands.append((member.name, ["fd", other.name, kind]))
            self._hold(other.namespaces[kind], "fd", member.name, self._fds(member))

    def orphan(self) -> None:
        """An open file of a namespace that nobody is in any more."""
        member = self._pick_threading()
        if member.reserved:
            return
        kind = self._random.choice(OF_THREADS)
        self.commands.append((member.name, ["orphan", FLAG[kind], kind]))
        self._hold(self._token(kind, member.namespaces["user"]), "fd", member.name, self._fds(member))

    def socket(self) -> None:
        """A socket of a net namespace that nobody is in any more."""
        member = self._pick_threading()
        if member.reserved:
            return
        self.commands.append((member.name, ["socket", FLAG["net"]]))
        self._hold(self._token("net", member.namespaces["user"]), "socket", member.name, self._fds(member))

    def _fds(self, member: Member) -> int:
        return sum(1 for name, command in self.commands if name == member.name and command[0] in FD_COMMANDS) - 1

    def zombie(self) -> None:
        """A child that has exited. The kernel still tells its user and pid namespaces."""
        parent = self._pick()
        assert parent
        if "pid" in parent.reserved:
            return  # were it the last of them, its pid namespace would be dead
        child = self._child(parent, alive=False)
        child.namespaces = {kind: child.namespaces[kind] for kind in ("user", "pid")}
        self.commands.append((parent.name, ["zombie", child.name]))

    def leaderless(self) -> None:
        """A child whose first thread has exited, with one that goes on."""
        parent = self._pick()
        assert parent
        kinds = self._some(OF_THREADS)
        child = self._child(parent, alive=False)
        self._new(child.namespaces, kinds)
        self.commands.append((parent.name, ["leaderless", child.name, flags(kinds)]))

    def stray(self) -> None:
        """A child that joined some namespaces of another member's."""
        parent, other = self._pick(rooted=True), self._pick(rooted=True)
        if parent and other:
            kinds = self._some(OF_THREADS)
            child = self._child(parent)
            child.namespaces.update({kind: other.namespaces[kind] for kind in kinds})
            self.commands.append((parent.name, ["stray", child.name, other.name, kinds]))

    def bind(self) -> None:
        """A bind mount of a member's namespace, in the mount namespace of another."""
        member, other = self._pick(rooted=True), self._pick()
        if member and other:
            kind = self._random.choice(BINDABLE)
            number = len(self.commands)
            self.commands.append((member.name, ["bind", other.name, kind, number]))
            self._hold(other.namespaces[kind], "mount", member.namespaces["mnt"], number)


FD_COMMANDS = ("fd", "orphan", "socket")


def flags(kinds: list[str]) -> int:
    return sum(FLAG[kind] for kind in kinds)


class Running:
    """A plan carried out. pids: {member's name: pid}. fds, threads: {member's name: its fds or tids, in order}."""

    def __init__(self, plan: Plan, workspace: Workspace) -> None:
        self.directory = workspace.root / "random"
        self.directory.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(self.directory), str(len(plan.members))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=workspace.environment, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        for command in plan.commands:
            self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.close()
        self.pids = {0: self._process.pid}
        self.fds: dict[int, list[int]] = {name: [] for name in plan.members}
        self.threads: dict[int, list[int]] = {name: [] for name in plan.members}
        for name, command in plan.commands:
            said = self._process.stdout.readline()
            if not said.strip().isdigit():
                self.stop()
                raise OSError(f"{command} of {name}: {said.strip() or 'ended'}")
            if command[0] in FD_COMMANDS:
                self.fds[name].append(int(said))
            elif command[0] == "thread":
                self.threads[name].append(int(said))
            elif command[0] != "bind":
                self.pids[int(str(command[1]))] = int(said)
        assert self._process.stdout.readline() == "done\n"

    def path(self, number: object) -> str:
        """Where the bind mount of that number is."""
        return str(self.directory / str(number))

    def stop(self) -> None:
        # The members stop when the first one does: they are its descendants, and it reaps none.
        for pid in self._descendants():
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)
        assert self._process.stdout
        self._process.stdout.close()
        subprocess.run(["umount", "--lazy", *map(str, self.directory.iterdir())], capture_output=True, check=False)
        for file in self.directory.iterdir():
            file.unlink()

    def _descendants(self) -> list[int]:
        found = [self._process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text().split())
        return list(reversed(found))


# The first process reads commands and passes each to the member that it is for; all pipes are made before the first
# fork. Each command is answered by a number, or by words where it failed.
_PROGRAM = """
import ctypes, json, os, platform, signal, socket, sys, threading, time
directory, number = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
KINDS = ("pid", "time")
NEWUSER, NEWPID, NEWTIME, NEWNS = 0x10000000, 0x20000000, 0x80, 0x20000
MS_BIND, MS_PRIVATE, MS_REC = 4096, 1 << 18, 16384
SYS_EXIT = 60 if platform.machine() == "x86_64" else 93
orders = [os.pipe() for _ in range(number)]
answer, answers = os.pipe()
pids = {0: os.getpid()}
held = []
name = 0

def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def unshare(flags):
    if flags:
        check(libc.unshare(flags))
        if flags & NEWUSER:
            # Who has no id in a user namespace can't make one below it.
            for file, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
                with open("/proc/self/" + file, "w") as map:
                    map.write(text)
        if flags & NEWNS:
            check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))

def own_pid():
    return int(os.readlink("/proc/self"))  # not getpid(): that counts in a namespace of ours

def in_thread(flags, do, stay):
    said = []
    ready = threading.Event()
    def run():
        try:
            unshare(flags)
            said.append(do())
        except OSError as error:
            said.append(error)
        ready.set()
        if stay:
            threading.Event().wait()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    if not stay:
        thread.join()
    if isinstance(said[0], OSError):
        raise said[0]
    return said[0]

def reply(words):
    os.write(answers, (str(words) + "\\n").encode())

def born(number, begin=lambda: None, then=None):
    "Fork member number; it begins, answers, and then obeys or does something else."
    global name, held
    child = os.fork()
    if child:
        return
    if name == 0:
        os.close(1)  # that the reader is at its end is for the first process alone to say
    name = number
    for fd in held:
        os.close(fd)
    held = []
    try:
        begin()
        reply(own_pid())
    except OSError as error:
        reply(error)
    (then or obey)()
    os._exit(0)

def leave_thread_alone(flags):
    def then():
        threading.Thread(target=lambda: threading.Event().wait(), daemon=True).start()
        libc.syscall(SYS_EXIT, 0)
    return then

def do(command):
    what, *rest = command
    if what == "fork":
        number, before, after, keep = rest
        unshare(before)
        born(number, lambda: unshare(after))
        if not keep and before:
            for kind, flag in (("pid", NEWPID), ("time", NEWTIME)):
                if before & flag:
                    fd = os.open("/proc/self/ns/" + kind, os.O_RDONLY)
                    until = time.monotonic() + 5
                    # A thread that was joined may not quite have ended, and one with threads can't (EUSERS).
                    while libc.setns(fd, flag) != 0 and time.monotonic() < until:
                        time.sleep(0.001)
                    check(libc.setns(fd, flag))
                    os.close(fd)
    elif what == "thread":
        reply(in_thread(rest[0], lambda: int(os.readlink("/proc/thread-self").split("/")[2]), True))
    elif what in ("fd", "orphan", "socket"):
        if what == "fd":
            fd = os.open("/proc/%d/ns/%s" % (pids[rest[0]], rest[1]), os.O_RDONLY)
        elif what == "orphan":
            fd = in_thread(rest[0], lambda: os.open("/proc/thread-self/ns/" + rest[1], os.O_RDONLY), False)
        else:
            fd = in_thread(rest[0], lambda: socket.socket().detach(), False)
        held.append(fd)
        reply(fd)
    elif what == "zombie":
        born(rest[0], then=lambda: None)
    elif what == "leaderless":
        born(rest[0], lambda: unshare(rest[1]), leave_thread_alone(rest[1]))
    elif what == "stray":
        number, other, kinds = rest
        def join():
            fds = [os.open("/proc/%d/ns/%s" % (pids[other], kind), os.O_RDONLY) for kind in kinds]
            for fd in fds:
                check(libc.setns(fd, 0))
                os.close(fd)
        born(number, join)
    elif what == "bind":
        path = "%s/%d" % (directory, rest[2])
        open(path, "w").close()
        source = "/proc/%d/ns/%s" % (pids[rest[0]], rest[1])
        check(libc.mount(source.encode(), path.encode(), None, MS_BIND, None))
        reply(rest[2])

def obey():
    while True:
        command, known = json.loads(os.read(orders[name][0], 65536))
        pids.update((int(key), value) for key, value in known.items())
        try:
            do(command)
        except Exception as error:
            reply(repr(error))

signal.alarm(20)  # rather than wait for ever for an answer that does not come
replies = os.fdopen(answer)
for line in sys.stdin:
    target, command = json.loads(line)
    if target == 0:
        try:
            do(command)
        except Exception as error:
            reply(repr(error))
    else:
        os.write(orders[target][1], json.dumps([command, pids]).encode())
    said = replies.readline().strip()
    if said.isdigit() and command[0] in ("fork", "zombie", "leaderless", "stray"):
        pids[command[1]] = int(said)
    print(said, flush=True)
signal.alarm(0)
print("done", flush=True)
while True:
    signal.pause()
"""

"""What happens on the host, and how late it is on the screen: the live explorer in a terminal, beside many processes.

A row whose process was just born begins with "+", that of one that is gone with "-", that of one in another namespace
than before with "~", each before its pid: this is waited for.
"""

import os
import random
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pairs import Figure, latencies
from puppet import Puppet
from terminal import Terminal

NAME = "nsvbench"


def sign(character: str, pid: int) -> "re.Pattern[bytes]":
    """How a row begins that is marked so."""
    return re.compile(rb"%b +%d " % (re.escape(character.encode()), pid))


def look_at(screen: Terminal, name: str) -> None:
    """Put the cursor on the one process of that name, in the tree of all."""
    screen.send(b"0")
    screen.rest(0.5, timeout=3)
    only_that(screen, name)
    screen.send(b"G")  # above it are those that it descends from
    screen.rest(0.5, timeout=3)
    screen.send(b"\x1b")
    screen.rest(1, timeout=4)


def only_that(screen: Terminal, name: str) -> None:
    """Filter by a name. Its letters are painted one by one, in the line where they are typed; at last as a whole."""
    screen.send(b"/")
    screen.rest(0.5, timeout=3)
    mark, _ = screen.send(name.encode())
    screen.painted(f"/{name} ", mark)
    screen.send(b"\r")
    screen.rest(0.7, timeout=4)


def births_and_deaths(screen: Terminal, puppet: Puppet, rounds: int) -> dict[str, list[float]]:
    """{what: seconds until it was on the screen}, so many times each."""
    late: dict[str, list[float]] = {"fork": [], "exec": [], "exit": []}
    chance = random.Random(1)
    for _ in range(rounds):
        mark = screen.mark
        pid, begin = puppet.fork()
        late["fork"].append(screen.find(sign("+", pid), mark)[1] - begin)
        _pause(chance)
        mark, begin = screen.mark, time.perf_counter()
        os.kill(pid, signal.SIGUSR1)
        late["exec"].append(screen.painted(f"{puppet.name}-{pid}..", mark) - begin)
        _pause(chance)
        mark, begin = screen.mark, time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        late["exit"].append(screen.find(sign("-", pid), mark)[1] - begin)
        _pause(chance)
    return late


def moves(screen: Terminal, puppet: Puppet, rounds: int) -> list[float]:
    """Seconds until an unshare, and then a setns, was on the screen, so many times each."""
    late = []
    chance = random.Random(2)
    pid, _ = puppet.fork()
    for _ in range(2 * rounds):
        # The mark of the one before is gone by then, and it is any time between two passes of the agent.
        time.sleep(1.6 + chance.uniform(0, 1.5))
        mark, begin = screen.mark, time.perf_counter()
        os.kill(pid, signal.SIGUSR2)
        late.append(screen.find(sign("~", pid), mark)[1] - begin)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return late


def _pause(chance: random.Random) -> None:
    time.sleep(chance.uniform(0.1, 0.35))  # out of step with whatever the agent does at intervals


def follow(nsview: Sequence[str], env: Mapping[str, str], rounds: int = 40) -> Iterator[Figure]:
    """The figures of P3 that need no container."""
    with Puppet(f"{NAME}-{os.getpid()}") as puppet, Terminal(nsview, env) as screen:
        screen.painted("live", timeout=60)
        screen.rest(1)
        look_at(screen, puppet.name)
        for what, seconds in births_and_deaths(screen, puppet, rounds).items():
            yield latencies(f"P3.{what}", f"{what} → on the screen", seconds, 0.1)
        yield latencies("P3.setns", "unshare or setns → on the screen", moves(screen, puppet, 8), 2.0)
        only_that(screen, puppet.name)
        late = births_and_deaths(screen, puppet, rounds // 2)
        everything = [seconds for kind in late.values() for seconds in kind]
        yield latencies("P3.filtered", "fork, exec, exit → on the screen, under a filter", everything, 0.1)


class Door:
    """A FIFO that a container's first command opens: so one knows when it ran."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        os.mkfifo(directory / "door")

    def opened(self) -> float:
        """When; waits for it."""
        with open(self.directory / "door", "rb"):
            return time.perf_counter()


def containers(docker: object, directory: Path, nsview: Sequence[str], env: Mapping[str, str], rounds: int) -> Figure:
    """P3 of a new container: from its first command until its name is on the screen. docker: tests.real's Docker."""
    import threading

    door = Door(directory)
    late = []
    with Terminal(nsview, env) as screen:
        screen.painted("live", timeout=60)
        screen.rest(1)
        screen.send(b"9")  # the head of a group has the whole name, which a column may cut
        screen.rest(0.5, timeout=3)
        only_that(screen, f"{NAME}c")
        for number in range(rounds):
            name = f"{NAME}c{os.getpid()}n{number}"
            mark = screen.mark
            opened: list[float] = []
            waiting = threading.Thread(target=lambda opened=opened: opened.append(door.opened()))
            waiting.start()
            docker.container(  # type: ignore[attr-defined]
                name, "-v", f"{directory}:/door", "--network", "none",
                command=("/bin/sh", "-c", "echo > /door/door; exec sleep 600"),
            )  # fmt: skip
            waiting.join(30)
            late.append(max(0.0, screen.painted(name, mark) - opened[0]))
            docker.remove(name)  # type: ignore[attr-defined]
    return latencies("P3.container", "a container's first command → its name on the screen", late, 0.1)

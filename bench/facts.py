"""What each fact costs: `python bench/facts.py [--processes N]`, as root.

Microseconds a process, a namespace, a thread or an fd, beside a crowd of processes with a tenth as many sets of
namespaces: the fast scan's facts, those that describe a namespace when it is first seen, and those that only a search
for holders looks at. Each is the median of several passes over all of them.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from crowd import Crowd  # noqa: E402
from pairs import machine  # noqa: E402

from nsview.agent import holders, mountinfo, nsfs, procfs, scan  # noqa: E402
from nsview.agent.containers import identify, supervisor  # noqa: E402

PASSES = 5


def cost(do: Callable[[Any], object], over: Iterable[Any], passes: int = PASSES) -> tuple[float, int]:
    """(microseconds a piece, how many): the median of the passes. A piece that has vanished since is passed over."""
    pieces = list(over)
    times = []
    for _ in range(passes):
        begin = perf_counter()
        for piece in pieces:
            with contextlib.suppress(OSError, procfs.Vanished):
                do(piece)
        times.append((perf_counter() - begin) / max(1, len(pieces)) * 1e6)
    return median(times), len(pieces)


def reading(name: str, limit: int = 16384) -> Callable[[int], object]:
    return lambda fd: procfs.read_at(fd, name, limit)


def links(fd: int) -> None:
    for kind in procfs.KINDS:
        os.readlink("ns/" + kind, dir_fd=fd)


def process_facts(scanner: scan.Scanner, look: dict[str, Any]) -> Iterable[tuple[str, str, float, int]]:
    pids = list(look["processes"])
    fds = []
    for pid in pids:
        with contextlib.suppress(OSError):
            fds.append(os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY))
    try:
        for what, do in (
            ("stat: parent, start, state, name", reading("stat", 1024)),
            ("status: user, pids in each namespace", reading("status", 8192)),
            ("cmdline", reading("cmdline", 4096)),
            ("cgroup", reading("cgroup")),
            ("eight namespace links", links),
        ):
            yield "scan", f"{what}, a process", *cost(do, fds)
        yield "scan", "all of a process, as the scan reads it", *cost(scanner.reader.process, pids)
        yield (
            "search",
            "what is kept for children, a process",
            *cost(
                lambda fd: [os.readlink(f"ns/{kind}_for_children", dir_fd=fd) for kind in holders._FOR_CHILDREN], fds
            ),
        )
    finally:
        for fd in fds:
            os.close(fd)
    host = supervisor.Population(identify.Cache())

    def identified(_: object) -> object:
        host.begin(look["processes"], scanner._host.claims)
        return identify.identify(host)

    microseconds, _ = cost(identify, [0], passes=3)
    yield "scan", "whose container it is, a process", microseconds / len(pids), len(pids)


def namespace_facts(scanner: scan.Scanner, look: dict[str, Any]) -> Iterable[tuple[str, str, float, int]]:
    first = {}
    for record in look["processes"].values():
        for key in record["namespaces"].items():
            first.setdefault(key, record["pid"])

    def describe(item: tuple[tuple[str, int], int]) -> object:
        (kind, inode), pid = item
        return nsfs.describe(kind, inode, lambda: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), scanner.device, {})

    yield "first seen", "id, owner, parent, a namespace", *cost(describe, first.items())
    scanner.look()  # so that all are known
    microseconds, _ = cost(lambda _: scanner._namespaces.look(look["processes"], look["processes"]), [0], passes=5)
    yield "scan", "still the same, and what is above and mounted, a namespace", microseconds / len(first), len(first)
    mounts = {pid for (kind, _), pid in first.items() if kind == "mnt"}
    yield (
        "search",
        "bind mounts, a mount namespace",
        *cost(lambda pid: nsfs.mounts(mountinfo.read(pid, scanner.reader.proc_fd)), mounts),
    )


def search_facts(scanner: scan.Scanner, look: dict[str, Any]) -> Iterable[tuple[str, str, float, int]]:
    threads, open_files, sockets = [], [], []
    for pid in look["processes"]:
        with contextlib.suppress(OSError):
            threads += [f"/proc/{pid}/task/{tid}" for tid in os.listdir(f"/proc/{pid}/task")]
            open_files += [(pid, int(fd)) for fd in os.listdir(f"/proc/{pid}/fd")]
    for pid, fd in open_files:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                sockets.append((pid, fd))
    yield (
        "search",
        "six links, a thread",
        *cost(lambda path: [os.readlink(f"{path}/ns/{kind}") for kind in holders._OF_THREADS], threads),
    )
    yield "search", "what it is of, an fd", *cost(lambda f: os.readlink(f"/proc/{f[0]}/fd/{f[1]}"), open_files)
    yield (
        "search",
        "its net namespace by SIOCGSKNS, a socket",
        *cost(lambda f: os.close(holders._namespace_of_socket(*f)), sockets),
    )

    def all_of_it(_: int) -> None:
        search = scanner.search(look)
        while not search.step(1):
            pass

    microseconds, _ = cost(all_of_it, [0], passes=3)
    processes = len(look["processes"])
    yield "search", "all of a search, a process", microseconds / processes, processes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=10_000, metavar="N", help="how many there are (10000)")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root")
    with Crowd(arguments.processes):
        scanner = scan.Scanner()
        look = scanner.look()
        rows = [
            ("when", "what", "µs", "of how many"),
            *(
                (when, what, f"{microseconds:.1f}", f"{number:,}")
                for facts in (process_facts, namespace_facts, search_facts)
                for when, what, microseconds, number in facts(scanner, look)
            ),
        ]
    print(f"{machine()}; {len(look['processes']):,} processes, {len(look['namespaces']):,} namespaces")
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for index, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if not index:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Benchmarks, as ratios to what one would use instead or as numbers: `python bench/run.py [NAME ..]`.

scan: list all processes with their namespaces, against lsns and ps, beside many processes.
cold: the agent's start and first look, against a C program of the same system calls, and against lsns (P1); how long
  it takes, and what processor time both processors together.
idle: processor time of a live explorer on which nothing happens, beside htop and top (P2); beside processes in cgroups
  as services and containers are, and beside as many that are in none of their own; and with the table of 500
  containers open.
soak (only if it is named): how much the memory of explorers with the table and with the events open grows, while
  containers come and go.
follow: from a fork, exec, exit, setns or new container to the screen (P3).
keys: from a key to what it paints, in lists of many rows while processes come and go (P4).
paint: from the command to a first useful picture, which is the host's namespace and another one with its processes
  below it, against an empty Textual app, beside few and many processes (P5); until keys are answered; and to the
  picture of all of them.
memory: of all processes of a live explorer, beside many and very many (--most) processes (P7).
growth: processor time a process of a look and of an update, very many against few (P8); and of their system calls
  alone, for what the kernel does takes longer too where there are more.
record: a recorder's processor time and what an hour of it takes on the disk, beside few and many processes; and how
  long a jump takes in a recording of 24 hours.
filter: what a key typed into a filter costs before anything is drawn, beside many and very many processes (P4).
lens: from a key to the net map, the matrix and the audit, beside many namespaces.
enter: into a container, against nsenter, runc exec, ctr task exec and docker exec: until the command begins (P6), by
  its own clock, and until it has ended; from the explorer's key, by the whole command and by the helper alone; and what
  each step costs.
fleet: the table of 50 hosts, by agents on this machine beside 1,000 processes: until all are on the screen, what the
  screen uses of a core when idle, its memory.
before: the agent's first look, against the agent of an earlier commit (--commit), from a worktree of its own.
All need root. Nothing of the machine's own is used: processes, dockerd and containers are made for the run.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import door  # noqa: E402
import empty_app  # noqa: E402
import filters  # noqa: E402
import fleet as many_hosts  # noqa: E402
import growth as costs  # noqa: E402
import keys as typing_at  # noqa: E402
import lenses  # noqa: E402
import live  # noqa: E402
import quiet  # noqa: E402
import recordings  # noqa: E402
import soak  # noqa: E402
from compiled import compiled  # noqa: E402
from crowd import CONTAINER, Crowd  # noqa: E402
from pairs import Figure, Result, Run, RunFailed, command, compare, duration, machine, table  # noqa: E402
from screen import until  # noqa: E402
from steps import of_steps  # noqa: E402

from tests.real.daemons import CommandError, Docker, make_rootfs  # noqa: E402
from tests.real.workspace import Workspace  # noqa: E402

if TYPE_CHECKING:
    from nsview.join.plan import Plan

PYTHON = sys.executable
NSVIEW = [str(script)] if (script := Path(PYTHON).with_name("nsview")).exists() else [PYTHON, "-m", "nsview"]
FEW = 300
CONTAINERS = 500
HOSTS, EACH = 50, 1000
# The marks of a fold: the details, which name namespaces too, have none.
USEFUL = r"▶ net:\[\d+\]  host", r"▼ net:\[\d+\]", r"\d +root +(?:▼ |├─ |└─ )?crowd \d"
WHOLE = r"containers?  live "
KEYS = r"\? Help"
LENS = 0.1  # seconds from a key to the first picture of a lens
KEY = 0.016, 0.05  # seconds from a key to its picture: 95 of 100, and all


def bare(code: str, *args: str) -> list[str]:
    """The words that run code of nsview's in an interpreter without site-packages."""
    return [PYTHON, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", *args]


class Bench:
    """Collects results; a comparison that cannot be made is said and does not stop the others."""

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs
        self.results: list[Result | Figure] = []
        self.failed = False
        self.steps: list[tuple[str, float]] = []

    def compare(self, id: str, what: str, ours: Run, peer: Run, target: float | None = None) -> None:
        print(f"{id}: {what} ..", file=sys.stderr, flush=True)
        try:
            self.results.append(compare(id, what, ours, peer, pairs=self.pairs, target=target))
        except RunFailed as error:
            self.failed = True
            print(f"{id}: not measured: {error}", file=sys.stderr)

    def figures(self, id: str, measure: Callable[[], Iterable[Figure]]) -> None:
        print(f"{id} ..", file=sys.stderr, flush=True)
        try:
            for figure in measure():
                self.results.append(figure)
        except (RunFailed, subprocess.SubprocessError, TimeoutError) as error:
            self.failed = True
            print(f"{id}: not measured: {error}", file=sys.stderr)


@contextlib.contextmanager
def own_home() -> Iterator[dict[str, str]]:
    """The environment of a program on a screen: a home of its own, as after the first run, and true colours."""
    with tempfile.TemporaryDirectory() as home:
        state = Path(home, ".local/state/nsview/state.json")
        state.parent.mkdir(parents=True)
        state.write_text('{"greeted": true}')  # or a hint for new users would be among what is measured
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        yield {**kept, "HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def scan(bench: Bench, processes: int) -> None:
    columns = "pid,ppid,user,args,netns,mntns,pidns,utsns,ipcns,userns,cgroupns,timens"
    agent = command(bare("from nsview.agent.main import main; main(['--once'])"))
    listing = command([*NSVIEW, "list", "processes", "--json"])
    lsns, ps = command(["lsns", "--json"]), command(["ps", "-eo", columns])
    with Crowd(processes):
        beside = f"beside {processes:,} processes"
        bench.compare("scan.agent/lsns", f"agent alone, lsns --json, {beside}", agent, lsns, 0.3)
        bench.compare("scan.list/lsns", f"nsview list processes --json, lsns --json, {beside}", listing, lsns, 0.3)
        bench.compare("scan.agent/ps", f"agent alone, ps -eo pid,args,netns,.., {beside}", agent, ps)
        bench.compare("scan.list/ps", f"nsview list processes --json, ps -eo .., {beside}", listing, ps)


def before(bench: Bench, processes: int, commit: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        tree = f"{directory}/tree"
        git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", tree, commit], check=True)
        try:
            code = "from nsview.agent.main import main; main(['--once'])"
            agent = command(bare(code))
            earlier = command([PYTHON, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {tree!r}); {code}"])
            with Crowd(processes):
                what = f"agent alone, that of {commit[:7]}, beside {processes:,} processes"
                bench.compare("scan.agent/before", what, agent, earlier, 1.1)
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", tree], check=True)


def cold(bench: Bench, processes: int) -> None:
    once = bare("from nsview.agent.main import main; main(['--once'])")
    with Crowd(processes):
        for id, words, cpu, most in (("P1", "", False, 1.25), ("P1.cpu", ", processor time", True, 1.5)):
            agent, floor = command(once, cpu=cpu), command([compiled("scan")], cpu=cpu)
            lsns = command(["lsns", "--json"], cpu=cpu)
            what = f"beside {processes:,} processes{words}"
            bench.compare(f"{id}/C", f"agent --once, C doing the same system calls alone, {what}", agent, floor, most)
            bench.compare(f"{id}/lsns", f"agent --once, lsns --json, {what}", agent, lsns, None if cpu else 0.15)


def idle(bench: Bench, processes: int) -> None:
    for id, cgroups in (("P2", processes // 20), ("P2.flat", 0)):
        with own_home() as env, Crowd(processes, cgroups):
            words = f"processes in {cgroups:,} cgroups" if cgroups else "processes in the very first cgroup"
            bench.figures(id, lambda id=id, words=words: quiet.idle(NSVIEW, env, id, words))  # type: ignore[misc]
    with own_home() as env, Crowd(processes, CONTAINERS, CONTAINER):
        words = f"the table of {CONTAINERS} containers open, beside {processes:,} processes"
        bench.figures("P2.use", lambda: quiet.idle(NSVIEW, env, "P2.use", words, 2.5, b"u"))


def soaked(bench: Bench, minutes: float) -> None:
    with own_home() as env:
        bench.figures("soak", lambda: soak.grown(NSVIEW, env, minutes))


def follow(bench: Bench, processes: int) -> None:
    with own_home() as env:
        with Crowd(processes):
            bench.figures("P3", lambda: live.follow(NSVIEW, env))
        with Workspace.create() as workspace:
            rootfs = workspace.root / "rootfs"
            make_rootfs(rootfs)
            docker = Docker(workspace, rootfs)
            try:
                with Crowd(processes):
                    door = workspace.root / "door"
                    bench.figures("P3.container", lambda: [live.containers(docker, door, NSVIEW, env, 10)])
            finally:
                docker.stop()


def keys(bench: Bench, processes: int, most: int) -> None:
    with own_home() as env, tempfile.TemporaryDirectory() as directory:
        for number in (processes, most):
            bench.figures(
                f"P4.{number}",
                lambda number=number: typing_at.recorded(NSVIEW, env, Path(directory), number, KEY),  # type: ignore[misc]
            )
        with Crowd(processes):
            for rate in (200, 1000):
                bench.figures(
                    f"P4.live.{rate}",
                    lambda rate=rate: typing_at.live(NSVIEW, env, processes, rate, KEY),  # type: ignore[misc]
                )


def filtering(bench: Bench, processes: int, most: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for number in (processes, most):
            bench.figures(f"filter.{number}", lambda number=number: filters.figures(Path(directory), number))  # type: ignore[misc]


def paint(bench: Bench, processes: int) -> None:
    with own_home() as env:
        explorer, keys, whole = (until(marks, NSVIEW, env=env) for marks in (USEFUL, [KEYS], [WHOLE]))
        empty = until([empty_app.MARKER], [PYTHON, empty_app.__file__], env=env)
        for number, target in ((FEW, 1.15), (processes, 2.0)):
            with Crowd(number):
                what = f"an empty Textual app, beside {number:,} processes"
                bench.compare(f"P5.{number}", f"first rows of nsview, {what}", explorer, empty, target)
                bench.compare(f"P5.keys.{number}", f"until nsview answers keys, {what}", keys, empty)
                bench.compare(f"P5.whole.{number}", f"all rows of nsview, {what}", whole, empty)


def memory(bench: Bench, processes: int, most: int) -> None:
    with own_home() as env:
        for number, target in ((processes, 150.0), (most, 300.0)):
            with Crowd(number):
                bench.figures(
                    f"P7.{number}",
                    lambda number=number, target=target: [quiet.memory(NSVIEW, env, number, target)],  # type: ignore[misc]
                )


def growth(bench: Bench, most: int) -> None:
    changes, few = 50, 1000
    floor = command([compiled("scan")], cpu=True)
    found: dict[str, list[float]] = {"look": [], "C": [], "update": [], "calls": []}
    # Few before and after: a machine is not as fast all the time.
    for number in (few, most, few):
        with Crowd(number):
            print(f"P8: beside {number:,} processes ..", file=sys.stderr, flush=True)
            cost = costs.run(str(ROOT), changes)
            cost["look"] /= cost["processes"]
            cost["C"] = median(floor() for _ in range(bench.pairs)) / cost["processes"]
            for name, each in found.items():
                each.append(cost[name])
    update = f"an update of {2 * changes} processes"
    for id, name, what, target in (
        ("P8.look", "look", "a process of a look", 1.2),
        ("P8.look.C", "C", "the same of a C program doing its system calls alone", None),
        ("P8.update", "update", update, 1.2),
        ("P8.update.calls", "calls", "the same of its system calls alone", None),
    ):
        before, many, after = found[name]
        what = f"{what}, processor time at {most:,} and at {few:,}"
        bench.results.append(Result(id, what, (many, many), (before, after), target))


def recording(bench: Bench, processes: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for number in (FEW, processes):
            with Crowd(number, number // 20):
                bench.figures(
                    f"record.{number}",
                    lambda number=number: recordings.cost(NSVIEW, Path(directory), number),  # type: ignore[misc]
                )
        bench.figures("record.jump", lambda: recordings.jump(Path(directory), FEW))


def lens(bench: Bench, processes: int) -> None:
    with own_home() as env, Crowd(processes):
        bench.figures("lens", lambda: lenses.opened(NSVIEW, env, processes, LENS))


def fleet(bench: Bench) -> None:
    with own_home() as env:
        bench.figures("fleet", lambda: many_hosts.table(NSVIEW, env, HOSTS, EACH))


def enter(bench: Bench) -> None:
    with Workspace.create() as workspace:
        rootfs = workspace.root / "rootfs"
        make_rootfs(rootfs)
        shutil.copy(compiled("now"), rootfs / "bin")
        docker = Docker(workspace, rootfs)
        try:
            pid = docker.container("bench-enter")
            # As pip installs it: what that script costs is waited for too.
            script = str(Path(sys.executable).with_name("nsview"))
            ours = [script, "enter", str(pid), "--all", "--"]
            named = [script, "enter", "bench-enter", "--all", "--", "true"]
            plans = {name: planned(pid, name) for name in ("now", "true")}
            peers = list(enter_peers(docker, str(pid), docker.inspect("bench-enter")["Id"]))
            for tool, words, _ in peers:
                peer, whole, helper = started([*words, "now"]), started([*ours, "now"]), started(plans["now"])
                bench.compare(f"P6/{tool}", f"start to exec, its plan carried out, {tool}", helper, peer)
                bench.compare(f"P6.command/{tool}", f"start to exec, enter PID --all, {tool}", whole, peer)
                floor = command([PYTHON, "-c", "import ctypes"])
                bench.compare(f"P6.floor/{tool}", f"an interpreter with ctypes alone, {tool}", floor, peer)
            with own_home() as env, door.opened(NSVIEW, env, "bench-enter", pid) as key:
                for tool, words, _ in peers:
                    what = f"key in the explorer's dialog to exec, {tool} from start to exec"
                    bench.compare(f"P6.key/{tool}", what, key, started([*words, "now"]))
            for tool, words, target in peers:
                peer, whole = command([*words, "true"]), command([*ours, "true"])
                ended = carried_out(plans["true"])
                bench.compare(f"enter/{tool}", f"start to end, its plan carried out, {tool}", ended, peer)
                what = "start to end, nsview enter"
                bench.compare(f"enter.command/{tool}", f"{what} PID --all, {tool}", whole, peer, target)
                bench.compare(f"enter.name/{tool}", f"{what} NAME --all, {tool}", command(named), peer, target)
            bench.steps = of_steps(plans["true"], max(bench.pairs, 5))
        finally:
            docker.stop()


def planned(pid: int, name: str) -> "Plan":
    """The plan for a command in all namespaces of a process."""
    from nsview.hosts.local import LocalHost
    from nsview.join import plan as join

    host = LocalHost()
    try:
        snapshot = host.first()
        process = snapshot.processes[pid]
        details = host.details(process)
    finally:
        host.stop()
    assert details
    kinds = join.choice_for(process, snapshot.host)
    pins = join.pins_of(snapshot, process)
    return join.plan(process, details, snapshot.host, join.Choice(kinds, (name,)), pins)


def started(what: "list[str] | Plan") -> Run:
    """How long it takes until the command that something runs has begun: `now`, which tells when that was."""

    def run() -> float:
        begin = perf_counter()  # CLOCK_MONOTONIC, as `now` reads it
        said = output(what) if isinstance(what, list) else said_by(what)
        return int(said) / 1e9 - begin

    return run


def carried_out(plan: "Plan") -> Run:
    """What is left of `enter` where the plan is made: from the helper's start to the command's end."""

    def run() -> float:
        begin = perf_counter()
        said_by(plan)
        return perf_counter() - begin

    return run


def output(words: list[str]) -> str:
    """What a command prints; RunFailed where it fails."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(str(error)) from None
    if done.returncode:
        raise RunFailed(f"{words[0]}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def said_by(plan: "Plan") -> str:
    """What the command of a plan prints, carried out from this very process, as the command line does."""
    from nsview.join.run import Helper

    kept = [os.dup(fd) for fd in (0, 1, 2)]
    with open(os.devnull, "rb") as null, tempfile.TemporaryFile() as out:
        try:
            for fd, file in enumerate((null, out, out)):
                os.dup2(file.fileno(), fd)
            with Helper() as helper:
                code = helper.carry_out(plan)
        finally:
            for fd, file in enumerate(kept):
                os.dup2(file, fd)
                os.close(file)
        out.seek(0)
        said = out.read().decode()
    if code:
        raise RunFailed(f"carry_out: {code}: {said}")
    return said


def enter_peers(docker: Docker, pid: str, id: str) -> Iterator[tuple[str, list[str], float | None]]:
    """(its name, words before the command, the ratio that is aimed at) of what one would enter a container by."""
    yield "nsenter", ["nsenter", "-a", "-t", pid], None
    yield "runc", ["runc", "--root", str(docker.runc_root), "exec", id], 1.0
    # An id may be used once its exec has ended, so one is enough.
    ctr = ["ctr", "--address", str(docker.containerd_address), "-n", "moby", "task", "exec", "--exec-id", "bench"]
    yield "ctr", [*ctr, id], 0.6
    yield "docker", [*docker.command, "exec", "bench-enter"], 0.6


def main() -> int:
    names = (
        "scan",
        "cold",
        "idle",
        "follow",
        "keys",
        "paint",
        "memory",
        "growth",
        "record",
        "filter",
        "lens",
        "enter",
        "fleet",
        "before",
        "soak",
    )
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(names)} (all but soak)")
    parser.add_argument("--processes", type=int, default=10_000, metavar="N", help="how many are many (10000)")
    parser.add_argument("--most", type=int, default=50_000, metavar="N", help="how many are very many (50000)")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="paired runs of each (5)")
    parser.add_argument("--commit", default="8f48905", metavar="REV", help="what before compares with (8f48905)")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long a soak takes (10)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if os.geteuid() != 0:
        parser.error("needs root")
    bench = Bench(arguments.pairs)
    many, most = arguments.processes, arguments.most
    runs: dict[str, Callable[[], None]] = {
        "scan": lambda: scan(bench, many),
        "cold": lambda: cold(bench, many),
        "idle": lambda: idle(bench, many),
        "follow": lambda: follow(bench, many),
        "keys": lambda: keys(bench, many, most),
        "paint": lambda: paint(bench, many),
        "memory": lambda: memory(bench, many, most),
        "growth": lambda: growth(bench, most),
        "record": lambda: recording(bench, many),
        "filter": lambda: filtering(bench, many, most),
        "lens": lambda: lens(bench, many),
        "enter": lambda: enter(bench),
        "fleet": lambda: fleet(bench),
        "before": lambda: before(bench, many, arguments.commit),
        "soak": lambda: soaked(bench, arguments.minutes),
    }
    for name in arguments.names or names[:-1]:
        try:
            runs[name]()
        except (OSError, CommandError, ImportError, subprocess.SubprocessError) as error:
            bench.failed = True
            print(f"{name}: {error}", file=sys.stderr)
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; {arguments.pairs} pairs, medians")
    print(table(bench.results))
    if bench.steps:
        print("\nwhat of `enter` costs how much, medians:")
        for name, seconds in bench.steps:
            print(f"{name:<16} {duration(seconds):>9}")
    return int(bench.failed)


if __name__ == "__main__":
    sys.exit(main())

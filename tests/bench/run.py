"""Benchmarks against what one would use instead, as ratios: `python tests/bench/run.py [NAME ..]`.

scan: list all processes with their namespaces, against lsns and ps, beside many processes.
paint: from the command to the first row on the screen, against an empty Textual app, beside few and many processes.
enter: run `true` in a container, against nsenter, runc exec, ctr task exec and docker exec.
before: the agent's first look, against the agent of an earlier commit (--commit), from a worktree of its own.
All need root. Nothing of the machine's own is used: processes, dockerd and containers are made for the run.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import empty_app  # noqa: E402
from crowd import Crowd  # noqa: E402
from pairs import Result, Run, RunFailed, command, compare, machine, table  # noqa: E402
from screen import until  # noqa: E402

from tests.real.daemons import CommandError, Docker, make_rootfs  # noqa: E402
from tests.real.workspace import Workspace  # noqa: E402

PYTHON = sys.executable
NSVIEW = [str(script)] if (script := Path(PYTHON).with_name("nsview")).exists() else [PYTHON, "-m", "nsview"]
FEW = 300


def bare(code: str, *args: str) -> list[str]:
    """The words that run code of nsview's in an interpreter without site-packages."""
    return [PYTHON, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", *args]


class Bench:
    """Collects results; a comparison that cannot be made is said and does not stop the others."""

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs
        self.results: list[Result] = []
        self.failed = False

    def compare(self, id: str, what: str, ours: Run, peer: Run, target: float | None = None) -> None:
        print(f"{id}: {what} ..", file=sys.stderr, flush=True)
        try:
            self.results.append(compare(id, what, ours, peer, pairs=self.pairs, target=target))
        except RunFailed as error:
            self.failed = True
            print(f"{id}: not measured: {error}", file=sys.stderr)


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


def paint(bench: Bench, processes: int, marker: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        env = {**kept, "HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        explorer = until(marker, NSVIEW, env=env)
        empty = until(empty_app.MARKER, [PYTHON, empty_app.__file__], env=env)
        for number, target in ((FEW, 1.15), (processes, 2.0)):
            with Crowd(number):
                what = f"first row of nsview, an empty Textual app, beside {number:,} processes"
                bench.compare(f"paint.{number}", what, explorer, empty, target)


def enter(bench: Bench) -> None:
    with Workspace.create() as workspace:
        rootfs = workspace.root / "rootfs"
        make_rootfs(rootfs)
        docker = Docker(workspace, rootfs)
        try:
            pid = str(docker.container("bench-enter"))
            id = docker.inspect("bench-enter")["Id"]
            ours = command([*NSVIEW, "enter", pid, "--all", "--", "true"])
            helper = carrying_out(int(pid))
            for name, peer, target in enter_peers(docker, pid, id):
                tool = name.split()[0]
                bench.compare(f"enter/{tool}", f"nsview enter --all -- true, {name}", ours, peer, target)
                bench.compare(f"enter.helper/{tool}", f"its plan carried out, {name}", helper, peer, target)
        finally:
            docker.stop()


def carrying_out(pid: int) -> Run:
    """What is left of `enter` where the plan is made and the interpreter runs: its steps up to the command's end."""

    from nsview.hosts.local import LocalHost
    from nsview.join import plan as join
    from nsview.join.run import carry_out

    host = LocalHost()
    try:
        snapshot = host.first()
        process = snapshot.processes[pid]
        details = host.details(process)
    finally:
        host.stop()
    assert details
    kinds = join.choice_for(process, snapshot.host)
    plan = join.plan(process, details, snapshot.host, join.Choice(kinds, ("true",)))

    def run() -> float:
        begin = perf_counter()
        child = os.fork()
        if child == 0:
            code = 127
            with contextlib.suppress(BaseException):
                null = os.open(os.devnull, os.O_RDWR)
                for fd in (0, 1, 2):
                    os.dup2(null, fd)
                code = carry_out(plan)
            os._exit(code)
        if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise RunFailed(f"carry_out: {code}")
        return perf_counter() - begin

    return run


def enter_peers(docker: Docker, pid: str, id: str) -> Iterator[tuple[str, Run, float | None]]:
    """What one would enter a container by, and the ratio that is aimed at."""
    yield "nsenter -a", command(["nsenter", "-a", "-t", pid, "true"]), None
    yield "runc exec", command(["runc", "--root", str(docker.runc_root), "exec", id, "true"]), 1.0
    ctr = ["ctr", "--address", str(docker.containerd_address), "-n", "moby", "task", "exec", "--exec-id"]
    # An id may be used once its exec has ended, so one is enough.
    yield "ctr task exec", command([*ctr, "bench", id, "true"]), 0.4
    yield "docker exec", command([*docker.command, "exec", "bench-enter", "true"]), 0.4


def main() -> int:
    names = ("scan", "paint", "enter", "before")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(names)} (all)")
    parser.add_argument("--processes", type=int, default=10_000, metavar="N", help="how many are many (10000)")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="paired runs of each (5)")
    parser.add_argument("--marker", default="net:[", metavar="TEXT", help="what paint waits for (net:[)")
    parser.add_argument("--commit", default="8f48905", metavar="REV", help="what before compares with (8f48905)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if os.geteuid() != 0:
        parser.error("needs root")
    bench = Bench(arguments.pairs)
    chosen = arguments.names or names
    try:
        if "scan" in chosen:
            scan(bench, arguments.processes)
        if "paint" in chosen:
            paint(bench, arguments.processes, arguments.marker)
        if "enter" in chosen:
            enter(bench)
        if "before" in chosen:
            before(bench, arguments.processes, arguments.commit)
    except (OSError, CommandError, ImportError, subprocess.CalledProcessError) as error:
        bench.failed = True
        print(error, file=sys.stderr)
    print(f"{machine()}; {arguments.pairs} pairs, medians")
    print(table(bench.results))
    return int(bench.failed)


if __name__ == "__main__":
    sys.exit(main())

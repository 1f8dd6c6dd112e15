"""Makes the recordings that the demo and the pictures show: a real host with dockerd, containerd and a pod.

    sudo .venv/bin/python -m scripts.record_demo [busy]

busy: only the recording of containers that have something to do, for the picture of their use.
It starts both daemons where Debian has them (/run/containerd, /var/lib/docker), so on a machine where these are in
use it refuses. What else runs on the machine is left out of the recordings; the host is called "demo" and its
accounts "ops".
"""

import contextlib
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nsview.agent import cgroup
from nsview.hosts.local import LocalHost
from nsview.model.contents import READ
from nsview.model.snapshot import Snapshot
from tests.real.daemons import make_rootfs
from tests.real.workspace import search_path, wait_until

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "nsview" / "demo.jsonl.gz"
USER = ROOT / "screenshots" / "user.jsonl.gz"
BUSY = ROOT / "screenshots" / "busy.jsonl.gz"
SOCKET = Path("/run/containerd/containerd.sock")
BRIDGE = "nsvdemo0"
CONFIG = Path("/etc/docker/daemon.json")
OWN_CGROUP = cgroup.parse(Path("/proc/self/cgroup").read_text())[0]
POD = ("checkout", "shop", "7d1f2c0e-5a36-4b52-9f0e-3c8a4b0f6d21")


def sh(*command: str, check: bool = True) -> str:
    environment = {**os.environ, "PATH": search_path()}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if check and done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


class Stage:
    """The host that is recorded. `tops` are the processes whose descendants belong to it."""

    def __init__(self, rootfs: Path) -> None:
        self.rootfs = rootfs
        self.tops: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        null = subprocess.DEVNULL
        environment = {"PATH": search_path(), "HOME": "/root"}
        top = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, env=environment, start_new_session=True)
        self.tops.append(top)
        return top

    def docker(self, name: str, *words: str, image: str = "shop/web:1.4", command: str) -> None:
        sh(*self.client, "run", "-d", "--name", name, *words, image, *command.split())

    def ctr(self, id: str, *words: str, namespace: str, command: str) -> int:
        sh("ctr", "-n", namespace, "run", "-d", *words, "--rootfs", str(self.rootfs), id, *command.split())
        listed = sh("ctr", "-n", namespace, "task", "ls").splitlines()
        return next(int(line.split()[1]) for line in listed if line.split()[0] == id)

    def set(self) -> None:
        """Start it all."""
        sh("ip", "link", "add", "name", BRIDGE, "type", "bridge")
        sh("ip", "addr", "add", "10.88.0.1/24", "dev", BRIDGE)
        sh("ip", "link", "set", BRIDGE, "up")
        self.start("/usr/bin/containerd")
        wait_until(SOCKET.exists, 30, "containerd")
        time.sleep(1)
        self.start("/usr/sbin/dockerd", "-H", "unix:///run/docker.sock", f"--containerd={SOCKET}")
        wait_until(Path("/run/docker.sock").exists, 30, "dockerd")
        time.sleep(2)
        self.client = ("/usr/bin/docker", "-H", "unix:///run/docker.sock")
        for image in ("shop/web:1.4", "shop/ledger:2.0", "ops/agent:7"):
            with subprocess.Popen(["tar", "-C", str(self.rootfs), "-c", "."], stdout=subprocess.PIPE) as tar:
                subprocess.run([*self.client, "import", "-", image], stdin=tar.stdout, check=True, capture_output=True)
        self.docker("web", command="httpd -f -p 8080 -h /root")
        self.docker("web-logs", "--network=container:web", image="ops/agent:7", command="tail -f /etc/passwd")
        self.docker("ledger", "--user=1000:1000", image="shop/ledger:2.0", command="nc -ll -p 5432 -e /bin/cat")
        self.docker("syslog", image="ops/agent:7", command="syslogd -n")
        agent = ("--network=host", "--pid=host", "--cap-add=SYS_PTRACE", "-v", "/run/docker.sock:/run/docker.sock")
        self.docker("node-agent", *agent, image="ops/agent:7", command="top -b -d 30")
        self._pod()
        self.ctr("registry", namespace="default", command="/bin/httpd -f -p 5000")
        sh("ip", "netns", "add", "blue")
        sh("ip", "link", "add", "blue0", "type", "veth", "peer", "name", "eth0", "netns", "blue")
        sh("ip", "addr", "add", "10.89.0.1/30", "dev", "blue0")
        sh("ip", "link", "set", "blue0", "up")
        for words in (("addr", "add", "10.89.0.2/30", "dev", "eth0"), ("link", "set", "eth0", "up")):
            sh("ip", "-n", "blue", *words)
        sh("ip", "-n", "blue", "route", "add", "default", "via", "10.89.0.1")
        self.start("unshare", "--mount", "--propagation", "private", "sleep", "3600")
        as_user = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
        self.start(*as_user, "unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "sleep", "900")
        time.sleep(1)

    def _pod(self) -> None:
        """A pod as containerd's CRI plugin makes one: a sandbox, two containers in its namespaces, one shim."""
        name, namespace, uid = POD
        pause = "3f7c1a90b2d4e6f8" * 4
        cri = "io.kubernetes.cri."
        common = [f"{cri}sandbox-id={pause}", f"{cri}sandbox-name={name}", f"{cri}sandbox-namespace={namespace}"]
        common.append(f"{cri}sandbox-uid={uid}")

        def annotations(*more: str) -> list[str]:
            return [word for one in (*common, *more) for word in ("--annotation", one)]

        place = f"/kubepods/burstable/pod{uid}"
        pid = self.ctr(
            pause, "--cgroup", f"{place}/{pause}", *annotations(f"{cri}container-type=sandbox"), namespace="k8s.io",
            command="/bin/sleep infinity",
        )  # fmt: skip
        for container, command, id in (
            ("api", "/bin/httpd -f -p 9000", "5b0d9e7c5a3f1826" * 4),
            ("proxy", "/bin/nc -ll -p 80 -e /bin/cat", "c41e7d02b69f8a53" * 4),
        ):
            own = annotations(
                f"{cri}container-type=container", f"{cri}container-name={container}",
                f"{cri}image-name=registry.shop.example/{container}:3.2",
            )  # fmt: skip
            joined = (("network", "net"), ("ipc", "ipc"), ("uts", "uts"))
            shared = [word for name, kind in joined for word in ("--with-ns", f"{name}:/proc/{pid}/ns/{kind}")]
            self.ctr(id, "--cgroup", f"{place}/{id}", *shared, *own, namespace="k8s.io", command=command)

    def happen(self) -> None:
        """What is to be seen while it is recorded: a job comes and goes, a shell is opened in a container."""
        time.sleep(3)
        self.docker("job-4711", "--network", "none", image="shop/ledger:2.0", command="sleep 600")
        time.sleep(3)
        self.start(*self.client, "exec", "web", "sleep", "5")
        time.sleep(4)
        sh(*self.client, "rm", "-f", "job-4711")
        time.sleep(4)

    def work(self) -> None:
        """Containers that compute, keep memory, write, or are held back by a limit."""
        loop = "while :; do i=0; while [ $i -lt {0} ]; do i=$((i+1)); done; sleep {1}; done"
        for name, image, limits, command in (
            ("search", "shop/search:5.1", ("--memory=96m",), "dd if=/dev/zero of=/dev/shm/i bs=1M count=48; " + loop),
            ("thumbnails", "shop/images:1.9", ("--cpus=0.2", "--memory=64m"), loop.format(9_000_000, 0)),
            ("import", "shop/import:0.7", ("--memory=24m",), "while :; do dd if=/dev/zero bs=40M; sleep 9; done"),
            ("mail", "shop/mail:2.2", (), "while :; do dd if=/dev/zero of=/tmp/q bs=1M count=8; sync; sleep 2; done"),
        ):
            sh(*self.client, "tag", "shop/web:1.4", image)
            words = "run", "-d", "--name", name, "--shm-size=64m", *limits, image, "sh", "-c"
            sh(*self.client, *words, command.format(60_000, 1))

    def clear(self) -> None:
        with contextlib.suppress(AttributeError):
            ids = sh(*self.client, "ps", "-aq", check=False).split()
            sh(*self.client, "rm", "-f", *ids, check=False)
        for namespace in ("k8s.io", "default"):
            for line in sh("ctr", "-n", namespace, "task", "ls", "-q", check=False).split():
                sh("ctr", "-n", namespace, "task", "rm", "-f", line, check=False)
                sh("ctr", "-n", namespace, "container", "rm", line, check=False)
        for top in reversed(self.tops):
            top.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                top.wait(15)
        sh("ip", "netns", "del", "blue", check=False)
        sh("ip", "link", "del", BRIDGE, check=False)


def of_root(stage: Stage) -> list[dict[str, Any]]:
    """The frames that root sees while things happen, with the details of each container's first process at the end."""
    host = LocalHost()
    recorded: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: recorded.extend(map(json.loads, host.lines())))
    reader.start()
    stage.happen()
    snapshot = once()
    for container in snapshot.containers.values():
        if container.init_pid:
            host.request_details(snapshot.processes[container.init_pid], READ, sockets=True)
    host.request_nets()
    host.request_security()
    host.request_holders()
    time.sleep(3)
    host.stop()
    reader.join()
    return recorded


def of_busy(stage: Stage) -> list[dict[str, Any]]:
    """The frames that root sees while containers work, with their use for a minute and a half."""
    stage.work()
    host = LocalHost()
    recorded: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: recorded.extend(map(json.loads, host.lines())))
    reader.start()
    for _ in range(60):
        host.request_usage([], None)
        time.sleep(1.5)
    host.request_security()
    time.sleep(2)
    host.stop()
    reader.join()
    return recorded


def once() -> Snapshot:
    host = LocalHost(once=True)
    try:
        return host.first()
    finally:
        host.stop()


def of_user() -> list[dict[str, Any]]:
    """The frames that a user without privileges sees."""
    words = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-I", "-S", "-c")
    boot = "import sys; sys.path.insert(0, sys.argv[1]); from nsview.agent.main import main; main(['--once'])"
    return [json.loads(line) for line in sh(*words, boot, str(ROOT)).splitlines()]


def told(recorded: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records of processes in snapshots and deltas."""
    for frame in recorded:
        if frame["frame"] in ("snapshot", "delta"):
            yield from frame["processes"]


def belonging(recorded: list[dict[str, Any]], tops: set[int]) -> set[tuple[int, int]]:
    """(pid, start) of what belongs to the stage: the tops, their descendants, shims and what they run, the kernel."""
    everyone = {(p["pid"], p["start"]): p for p in told(recorded)}
    of_pid = {key[0]: key for key in everyone}
    shims = {
        pid
        for frame in recorded
        for c in (frame["containers"] if frame["frame"] in ("snapshot", "delta") else ())
        if c["daemon_pid"] in tops
        for pid in [c["shim_pid"], *c["pids"]]
    }

    def belongs(process: dict[str, Any]) -> bool:
        while True:
            if process["kthread"] or process["pid"] in tops or process["pid"] in shims:
                return True
            above = of_pid.get(process["ppid"])
            if above is None or process["ppid"] == process["pid"]:
                return False
            process = everyone[above]

    return {key for key, process in everyone.items() if belongs(process)}


def cut(recorded: list[dict[str, Any]], tops: set[int]) -> Iterator[dict[str, Any]]:
    """The frames with the stage alone."""
    kept = belonging(recorded, tops)
    pids = {pid for pid, _ in kept}
    inodes = {
        (kind, inode)
        for p in told(recorded)
        if (p["pid"], p["start"]) in kept
        for kind, inode in p["namespaces"].items()
    }
    containers: set[str] = set()
    for frame in recorded:
        if frame["frame"] == "hello":
            frame["host"]["name"] = "demo"
            frame["host"]["kernel"] = frame["host"]["kernel"].partition("-")[0]
        elif frame["frame"] in ("snapshot", "delta"):
            frame["processes"] = [
                {**p, "user": "ops" if 1000 <= p["uid"] < 65534 else p["user"], "cgroup": _place(p["cgroup"])}
                for p in frame["processes"]
                if (p["pid"], p["start"]) in kept
            ]
            frame["namespaces"] = [
                n for n in frame["namespaces"] if (n["type"], n["inode"]) in inodes or n["names"] == ["/run/netns/blue"]
            ]
            frame["containers"] = [c for c in frame["containers"] if set(c["pids"]) & pids]
            containers.update(c["key"] for c in frame["containers"])
            if frame["frame"] == "delta":
                frame["gone"] = [pid for pid in frame["gone"] if pid in pids]
                frame["namespaces_gone"] = [key for key in frame["namespaces_gone"] if tuple(key) in inodes]
                frame["containers_gone"] = [key for key in frame["containers_gone"] if key in containers]
                changes = ("processes", "gone", "namespaces", "namespaces_gone", "containers", "containers_gone")
                if not any(frame[name] for name in changes):
                    continue
        elif frame["frame"] == "net":
            frame["nets"] = [net for net in frame["nets"] if ("net", net["inode"]) in inodes or _is_blue(net, recorded)]
            for net in frame["nets"]:
                net["listeners"] = [listener for listener in net["listeners"] if set(listener["pids"]) & pids]
        elif frame["frame"] == "security":
            frame["processes"] = [p for p in frame["processes"] if (p["pid"], p["start"]) in kept]
            # A frame may have come in parts; in the recording each is a whole of its own.
            frame["done"] = frame["total"] = len(frame["processes"])
        elif frame["frame"] == "usage":
            frame["containers"] = [one for one in frame["containers"] if one["key"] in containers]
        elif frame["frame"] in ("progress", "net_progress"):
            continue
        elif frame["frame"] == "details":
            of = frame["details"]
            if (of["pid"], of["start"]) not in kept:
                continue
        yield frame


def _is_blue(net: dict[str, Any], recorded: list[dict[str, Any]]) -> bool:
    """It is the one that `ip netns` made."""
    namespaces = (n for frame in recorded for n in frame.get("namespaces", ()))
    return any(n["inode"] == net["inode"] and n["names"] == ["/run/netns/blue"] for n in namespaces)


def _place(cgroup: str) -> str:
    """The cgroup of a process; of those that were started from here, whose own it is, the root."""
    return "/" if cgroup == OWN_CGROUP else cgroup


def save(path: Path, recorded: list[dict[str, Any]], tops: set[int]) -> None:
    lines = "".join(json.dumps(frame, separators=(",", ":")) + "\n" for frame in cut(recorded, tops))
    path.write_bytes(gzip.compress(lines.encode(), mtime=0))
    print(f"{path.relative_to(ROOT)}: {len(lines)} bytes of frames")


def main() -> None:
    if os.geteuid():
        sys.exit("needs root: it starts dockerd and containerd")
    if SOCKET.exists() or Path("/run/docker.sock").exists() or CONFIG.exists():
        sys.exit("docker or containerd is in use here; run this on a machine where they are not")
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(json.dumps({"bridge": BRIDGE, "iptables": False, "ip-forward": False}))
    base = Path(tempfile.mkdtemp(prefix="nsv-demo-"))
    stage = Stage(base / "rootfs")
    try:
        make_rootfs(stage.rootfs)
        stage.set()
        tops = {top.pid for top in stage.tops}
        if sys.argv[1:] != ["busy"]:
            save(DEMO, of_root(stage), tops)
            save(USER, of_user(), tops)
        save(BUSY, of_busy(stage), tops)
    finally:
        stage.clear()
        CONFIG.unlink()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

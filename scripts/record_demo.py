"""Makes the recordings that the demo and the pictures show: a real host with dockerd, containerd and a pod.

    sudo .venv/bin/python -m scripts.record_demo [shop]

shop: only the recording of a shop at work, for the pictures of the README; its services are played by `service.c`.
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
from typing import Any, NamedTuple

from nsview.agent import cgroup
from nsview.hosts.local import LocalHost
from nsview.model.contents import READ
from nsview.model.snapshot import Snapshot
from tests.real.daemons import make_rootfs
from tests.real.workspace import search_path, wait_until

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "nsview" / "demo.jsonl.gz"
USER = ROOT / "screenshots" / "user.jsonl.gz"
SHOP = ROOT / "screenshots" / "shop.jsonl.gz"
SOCKET = Path("/run/containerd/containerd.sock")
BRIDGE = "docker0"
CONFIG = Path("/etc/docker/daemon.json")
OWN_CGROUP = cgroup.parse(Path("/proc/self/cgroup").read_text())[0]
POD = ("checkout", "shop", "7d1f2c0e-5a36-4b52-9f0e-3c8a4b0f6d21")


class Service(NamedTuple):
    """A container of the shop. path: of its program, whose name it has; title: its first word, as a program sets it.
    does: the settings of `service.c`. words: for `docker run`."""

    name: str
    image: str
    path: str
    title: str
    does: dict[str, object]
    words: tuple[str, ...] = ()
    project: str | None = "shop"


SERVICES = (
    Service(
        "shop-web", "nginx:1.27", "/usr/sbin/nginx", "nginx: master process nginx -g daemon off;",
        {"LISTEN": 80, "CORES": 0.06, "MEMORY": 6, "CHILDREN": "nginx: worker process|nginx: worker process"},
        ("-p", "8080:80"),
    ),
    Service(
        "shop-api", "shop/api:3.2", "/usr/local/bin/node", "node server.js",
        {"LISTEN": 3000, "CORES": 0.22, "MEMORY": 88},
        ("--memory=128m", "-p", "127.0.0.1:3000:3000"),
    ),
    Service(
        "shop-db", "postgres:16", "/usr/lib/postgresql/16/bin/postgres", "postgres",
        {"LISTEN": 5432, "CORES": 0.03, "MEMORY": 14,
         "CHILDREN": "postgres: checkpointer |postgres: walwriter |postgres: shop shop 172.17.0.3(41822) SELECT"},
        ("--memory=256m", "--user=999:999"),
    ),
    Service("shop-cache", "redis:7.4", "/usr/local/bin/redis-server", "redis-server *:6379",
            {"LISTEN": 6379, "CORES": 0.02, "MEMORY": 57}, ("--memory=64m", "--user=999:999")),
    Service("shop-worker", "shop/worker:3.2", "/usr/local/bin/python3", "python3 -m shop.worker",
            {"CORES": 0.9, "MEMORY": 41}, ("--cpus=0.4", "--memory=96m")),
    Service("shop-mailer", "shop/mailer:1.1", "/usr/local/bin/mailer", "mailer --queue orders",
            {"CORES": 0.05, "MEMORY": 4, "EXIT": 6}, ("--restart=always",)),
    Service("report", "shop/report:0.9", "/usr/local/bin/report", "report --month 11", {"CORES": 0.5, "MEMORY": 96},
            ("--memory=48m",)),
    Service("node-exporter", "prom/node-exporter:v1.8", "/bin/node_exporter", "/bin/node_exporter --path.rootfs=/host",
            {"LISTEN": 9100, "CORES": 0.01, "MEMORY": 9},
            ("--network=host", "--pid=host", "--cap-add=SYS_PTRACE", "-v", "/run/docker.sock:/run/docker.sock"), None),
)  # fmt: skip
IMAGES = ("shop/web:1.4", "shop/ledger:2.0", "ops/agent:7", *(one.image for one in SERVICES))


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

    def daemons(self) -> None:
        """Start containerd and dockerd, with images that all are the one rootfs."""
        program = self.rootfs.parent / "service"
        sh("gcc", "-O2", "-static", "-s", "-o", str(program), str(ROOT / "scripts" / "service.c"))
        for one in SERVICES:
            path = self.rootfs / one.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(program, path)
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
        for image in IMAGES:
            with subprocess.Popen(["tar", "-C", str(self.rootfs), "-c", "."], stdout=subprocess.PIPE) as tar:
                subprocess.run([*self.client, "import", "-", image], stdin=tar.stdout, check=True, capture_output=True)

    def set(self) -> None:
        """Start the host of the demo."""
        self.docker("web", command="httpd -f -p 8080 -h /root")
        self.docker("web-logs", "--network=container:web", image="ops/agent:7", command="tail -F /var/log/web.log")
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

    def open(self) -> None:
        """Start the shop: a compose project, an exporter beside it, and a mailer that fails again and again."""
        for one in SERVICES:
            shown = ["--label", f"com.docker.compose.project={one.project}"] if one.project else []
            settings = [word for name, value in one.does.items() for word in ("-e", f"{name}={value}")]
            starts = ["sh", "-c", 'exec -a "$0" "$1"', one.title, one.path]
            sh(*self.client, "run", "-d", "--name", one.name, *shown, *settings, *one.words, one.image, *starts)

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
    request_all(host)
    time.sleep(3)
    host.stop()
    reader.join()
    return recorded


def of_shop(stage: Stage) -> list[dict[str, Any]]:
    """The frames that root sees while the shop works, with its use for a minute and a half."""
    host = LocalHost()
    recorded: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: recorded.extend(map(json.loads, host.lines())))
    reader.start()
    stage.open()
    host.request_nets()
    for look in range(60):
        host.request_usage([], None, engines=look % 10 == 0)
        time.sleep(1.5)
    request_all(host)
    time.sleep(3)
    host.stop()
    reader.join()
    return recorded


def request_all(host: LocalHost) -> None:
    """Ask for all that the explorer may ask for."""
    snapshot = once()
    for container in snapshot.containers.values():
        if container.init_pid:
            host.request_details(snapshot.processes[container.init_pid], READ, sockets=True)
    host.request_nets()
    host.request_security()
    host.request_holders()
    host.request_usage([], None, engines=True)


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
                {**p, "user": _user(p), "cgroup": _place(p["cgroup"])}
                for p in frame["processes"]
                if (p["pid"], p["start"]) in kept
            ]
            frame["namespaces"] = [
                n
                for n in frame["namespaces"]
                if ((n["type"], n["inode"]) in inodes and not any(name.startswith("/tmp/") for name in n["names"]))
                or n["names"] == ["/run/netns/blue"]
            ]
            frame["containers"] = [c for c in frame["containers"] if set(c["pids"]) & pids or c["key"] in containers]
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
                net["forwards"] = [one for one in net["forwards"] if one["container"] in (None, *containers)]
                bridges = {one["index"]: one["name"] for one in net["interfaces"] if one["kind"] == "bridge"}
                net["interfaces"] = [
                    one
                    for one in net["interfaces"]
                    if bridges.get(one["index"], BRIDGE) == bridges.get(one["master"], BRIDGE) == BRIDGE
                    and one["kind"] != "ifb"
                ]
        elif frame["frame"] == "security":
            frame["processes"] = [p for p in frame["processes"] if (p["pid"], p["start"]) in kept]
            # A frame may have come in parts; in the recording each is a whole of its own.
            frame["done"] = frame["total"] = len(frame["processes"])
        elif frame["frame"] == "usage":
            frame["containers"] = [one for one in frame["containers"] if one["key"] in containers]
            if engines := frame.get("engines"):
                engines["places"] = [one for one in engines["places"] if one["key"] in containers]
                engines["stopped"] = [
                    one for one in engines["stopped"] if one["witness"].startswith("/var/lib/docker/")
                ]
                engines["unread"] = []
        elif frame["frame"] == "ended":
            if frame["container"] not in containers:
                continue
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


def _user(process: dict[str, Any]) -> str:
    """The user of a process: of a service's own, which is no account of the host, the number."""
    uid: int = process["uid"]
    return "ops" if 1000 <= uid < 65534 else str(uid) if 100 <= uid < 1000 else process["user"]


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
        stage.daemons()
        if sys.argv[1:] == ["shop"]:
            save(SHOP, of_shop(stage), {top.pid for top in stage.tops})
            return
        stage.set()
        tops = {top.pid for top in stage.tops}
        save(DEMO, of_root(stage), tops)
        save(USER, of_user(), tops)
    finally:
        stage.clear()
        CONFIG.unlink()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

"""The records of engines, beside `docker inspect`: the end of containers, addresses, ports, projects."""

import json
import time
from pathlib import Path

import pytest

from nsview.hosts.local import LocalHost
from nsview.hosts.recording import RecordedHost
from nsview.model import container_table
from nsview.model.snapshot import Snapshot
from nsview.model.usage import ContainerNet, Engines, Meter, Stopped, read

from .command import nsview, printed
from .daemons import IMAGE, Docker
from .runtimes import Podman
from .user import User
from .workspace import PORT, wait_until

USUAL = Path("/var/lib/docker/containers")
ENDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "e-done": ((), ("true",), "exited (0), "),
    "e-failed": ((), ("sh", "-c", "exit 3"), "exited (3), "),
    "e-killed": ((), ("sh", "-c", "kill -9 $$"), "exited ("),
    "e-memory": (
        ("--memory", "16m", "--memory-swap", "16m"), ("dd", "if=/dev/zero", "of=/dev/null", "bs=100M"),
        "exited (137) OOM, ",
    ),
    "e-again": (("--restart", "on-failure:2"), ("false",), "exited (1), 2 restarts, "),
}  # fmt: skip
"""{name: (options, command, the beginning of its end in words)}"""


def engines() -> tuple[Snapshot, Engines, float]:
    host = LocalHost()
    try:
        snapshot = host.first()
        told = host.usage([], [], engines=True)
        assert told.engines is not None
        return snapshot, told.engines, told.taken_at
    finally:
        host.stop()


def stopped(id: str) -> Stopped:
    return next(one for one in engines()[1].stopped if one.id == id)


def place(name: str) -> ContainerNet:
    snapshot, found, _ = engines()
    key = next(key for key, container in snapshot.containers.items() if container.name == name)
    return next(one for one in found.places if one.key == key)


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_container_is_that_of_docker_inspect(docker: Docker, name: str) -> None:
    options, command, words = ENDS[name]
    docker.run("run", "--detach", "--name", name, *options, IMAGE, *command)
    try:
        wait_until(lambda: docker.inspect(name)["State"]["Status"] == "exited", 30, "its end")
        said = docker.inspect(name)
        one = stopped(said["Id"])
        state = said["State"]
        assert (one.key, one.name, one.runtime, one.image) == (f"docker:{said['Id']}", name, "docker", IMAGE)
        assert (one.state, one.exit_code, one.oom_killed) == ("exited", state["ExitCode"], state["OOMKilled"])
        assert one.restarts == said["RestartCount"]
        finished = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(one.finished))
        assert finished == state["FinishedAt"][:19]
        assert container_table.end(one, time.time()).startswith(words) and Path(one.witness).exists()
    finally:
        docker.remove(name)


def test_one_that_was_never_started_and_one_that_lives_are_told_apart(docker: Docker) -> None:
    docker.run("create", "--name", "e-created", IMAGE, "true")
    docker.container("e-lives")
    try:
        created = stopped(docker.inspect("e-created")["Id"])
        assert (created.state, created.exit_code, created.finished) == ("created", None, None)
        assert docker.inspect("e-lives")["Id"] not in {one.id for one in engines()[1].stopped}
        docker.run("stop", "--time", "0", "e-lives")
        assert stopped(docker.inspect("e-lives")["Id"]).exit_code == docker.inspect("e-lives")["State"]["ExitCode"]
        docker.run("start", "e-lives")
        assert docker.inspect("e-lives")["Id"] not in {one.id for one in engines()[1].stopped}
    finally:
        docker.remove("e-created")
        docker.remove("e-lives")


def test_addresses_and_ports_are_those_of_docker_inspect(docker: Docker) -> None:
    docker.container("e-net", "--publish", f"127.0.0.1:{PORT + 1}:80", "--publish", f"{PORT}:53/udp")
    ports = f"{PORT}→53/udp 127.0.0.1:{PORT + 1}→80"
    others = {"e-joined": "container:e-net", "e-none": "none", "e-host": "host"}
    try:
        for name, network in others.items():
            docker.container(name, "--network", network)
        (address,) = (one["IPAddress"] for one in docker.inspect("e-net")["NetworkSettings"]["Networks"].values())
        own = place("e-net")
        assert own.addresses == (address,) and own.ports is not None
        assert container_table.ports_text(own.ports) == ports
        assert place("e-joined").addresses == (address,)
        assert place("e-none").addresses == () and place("e-host").addresses == ()
        header, *lines = nsview("list", "use", "--filter", "e-").stdout.splitlines()
        at = header.index(" IP ") + 1, header.index("PORTS")
        shown = {line.split()[0]: tuple(line[place:].split("  ")[0].strip() for place in at) for line in lines}
        assert shown["e-net"] == (address, ports) and shown["e-joined"] == (address, ports)
        assert shown["e-none"] == ("-", "-") and shown["e-host"] == ("host", "-")
    finally:
        for name in ("e-net", *others):
            docker.remove(name)


def test_podmans_containers_without_a_process_are_told_though_not_how_they_ended(podman: Podman) -> None:
    """Its storage is known by the conmon of one that runs; of an end only podman's database has the code."""
    podman.import_image("p-image")
    podman.container("p-runs")
    podman.container("p-ended", image="p-image")
    podman.run("kill", "p-ended")
    podman.run("create", "--name", "p-created", "--network", "none", "--rootfs", str(podman.rootfs), "true")
    podman.run("wait", "p-ended")
    ids = {name: podman.inspect(name)["Id"] for name in ("p-runs", "p-ended", "p-created")}
    snapshot, told, now = engines()
    found = {one.id: one for one in told.stopped if one.runtime == "podman"}
    assert ids["p-runs"] not in found and f"podman:{ids['p-runs']}" in snapshot.containers
    ended, created = found[ids["p-ended"]], found[ids["p-created"]]
    assert (ended.name, ended.state, ended.exit_code, ended.finished) == ("p-ended", "exited", None, None)
    assert ended.image is not None and ended.image.endswith("p-image:latest")
    assert container_table.end(ended, now).startswith("exited (?)")
    assert (created.name, created.state) == ("p-created", "created")
    podman.run("rm", "--force", "--time", "0", "p-ended", "p-created")
    assert not {ids["p-ended"], ids["p-created"]} & {one.id for one in engines()[1].stopped}


def test_list_all_has_the_stopped_ones_and_the_project(docker: Docker) -> None:
    label = ("--label", "com.docker.compose.project=site")
    docker.container("e-web", *label, "--publish", "18081:80")
    docker.run("run", "--detach", "--name", "e-db", *label, IMAGE, "sh", "-c", "exit 3")
    try:
        wait_until(lambda: docker.inspect("e-db")["State"]["Status"] == "exited", 30, "its end")
        told = {one["name"]: one for one in printed("list", "containers", "--all", "--filter", "e-")["containers"]}
        web, db = told["e-web"], told["e-db"]
        assert (web["state"], web["project"], web["exit_code"]) == ("running", "site", None)
        assert [port["port"] for port in web["ports"]] == [18081, 18081][: len(web["ports"])] and web["addresses"]
        assert (db["state"], db["project"], db["exit_code"], db["pids"]) == ("exited", "site", 3, [])
        assert db["addresses"] is None and abs(db["finished"] - time.time()) < 300
        assert "e-db" not in nsview("list", "containers").stdout
        (line,) = (x for x in nsview("list", "containers", "-a").stdout.splitlines() if x.startswith("e-db"))
        assert "exited (3), " in line and line.split()[2] == "docker"
        assert nsview("list", "containers", "-a", "--filter", "e-nothing").returncode == 1
        assert nsview("list", "processes", "--all").returncode == 2
        (in_use,) = json.loads(nsview("list", "use", "-a", "--filter", "e-db", "--json").stdout)["stopped"]
        assert in_use["exit_code"] == 3
    finally:
        docker.remove("e-web")
        docker.remove("e-db")


def test_a_recording_has_them(docker: Docker, tmp_path: Path) -> None:
    docker.run("run", "--detach", "--name", "e-recorded", IMAGE, "sh", "-c", "exit 4")
    file = tmp_path / "recording.jsonl"
    try:
        wait_until(lambda: docker.inspect("e-recorded")["State"]["Status"] == "exited", 30, "its end")
        assert nsview("record", str(file), "--seconds", "3").returncode == 0
    finally:
        docker.remove("e-recorded")
    meter = Meter()
    for reading in RecordedHost(file).usages():
        meter = read(meter, reading)
    assert meter.engines is not None and "e-recorded" in {one.name for one in meter.engines.stopped}
    done = nsview("list", "containers", "--all", "--filter", "e-recorded", "--from", str(file))
    assert "exited (4)" in done.stdout, done.stderr


def test_to_a_user_the_stopped_ones_are_not_known_and_not_none(docker: Docker, user: User) -> None:
    """The records of a dockerd at the usual place are for root alone."""
    made = [place for place in (USUAL, USUAL.parent) if not place.exists()]  # no dockerd has run there yet
    for place in reversed(made):
        place.mkdir(0o710)  # dockerd's own mode
    try:
        assert str(USUAL) in user.printed("list", "containers", "--all")["unread"]
        assert str(USUAL) in user.nsview("list", "containers", "--all").stderr
        assert printed("list", "containers", "--all")["unread"] == []
    finally:
        for place in made:
            place.rmdir()


def test_another_users_word_makes_no_container(docker: Docker) -> None:
    """A record that others may write is left out, as is one under another's name."""
    docker.run("create", "--name", "e-open", IMAGE, "true")
    try:
        id = docker.inspect("e-open")["Id"]
        record = docker.data_root / "containers" / id / "config.v2.json"
        assert stopped(id).name == "e-open"
        record.chmod(0o666)
        assert id not in {one.id for one in engines()[1].stopped}
        record.chmod(0o600)
        assert stopped(id).name == "e-open"
    finally:
        docker.remove("e-open")

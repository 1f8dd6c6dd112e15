"""The commands that stop a container reach its own engine: its socket, its storage, its namespace, its user."""

import shlex

import pytest
from msgspec.structs import replace

from nsview.model import engine
from nsview.model.records import Container, Pod, Process
from nsview.model.snapshot import Snapshot
from tests.unit import make

AS_USER = "sudo -u '#1000' env XDG_RUNTIME_DIR=/run/user/1000"
OF_SHIM = {"runtime": "containerd", "shim_pid": 5}
SHIM = make.process(5, comm="containerd-shim", cmdline=("containerd-shim", "-namespace", "x", "-address", "/c.sock"))
POD = Pod("cart-0", "shop", "u")


def said(container: Container, *processes: Process, uid: int = 0) -> list[str]:
    host = make.host(make.process(8), SHIM, *processes, containers=[container, make.container("outer")])
    host = Snapshot(**{**_fields(host), "host": replace(host.host, uid=uid, privileged=not uid)})
    return [words for _, words in engine.commands(container, host)]


def _fields(host: Snapshot) -> dict[str, object]:
    return {name: getattr(host, name) for name in host.__struct_fields__}


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({}, "docker stop web"),
        ({"name": "we b;"}, "docker stop 0a1b"),
        ({"uid": 1000}, f"{AS_USER} docker -H unix:///run/user/1000/docker.sock stop web"),
        ({"outer": "docker:outer"}, "nsview enter outer -- docker stop web"),
        ({"runtime": "podman"}, "podman stop web"),
        ({**OF_SHIM, "engine_namespace": "x"}, "ctr -a /c.sock -n x tasks kill --signal SIGTERM 0a1b"),
        ({**OF_SHIM, "pod": POD}, "crictl -r unix:///c.sock stop 0a1b"),
        ({"runtime": "containerd", "pod": POD}, "crictl -r unix:///run/containerd/containerd.sock stop 0a1b"),
        ({"runtime": "cri-o", "pod": POD, "role": "sandbox"}, "crictl -r unix:///run/crio/crio.sock stopp 0a1b"),
        ({"runtime": "runc", "witness": "/run/runc/0a1b/state.json"}, "runc kill 0a1b TERM"),
        ({"runtime": "crun", "witness": "x; /r/0a1b/status"}, "crun --root /r kill 0a1b TERM"),
        ({"runtime": "lxc", "witness": "lxc monitor 7 of /srv/lxc/web"}, "lxc-stop -P /srv/lxc -n web"),
        ({"runtime": "nspawn"}, "machinectl poweroff web"),
    ],
)  # fmt: skip
def test_each_engine_has_its_own(fields: dict[str, object], first: str) -> None:
    container = make.container("0a1b", [8], **{"name": "web", **fields})
    assert said(container)[0] == first


def test_an_ordinary_user_asks_roots_engine_as_root_and_their_own_as_themselves() -> None:
    assert said(make.container("0a1b", [8], name="web"), uid=1000)[1] == "sudo docker kill web"
    own = make.container("0a1b", [8], name="web", runtime="podman", uid=1000)
    assert said(own, uid=1000)[1] == "podman kill web"


def test_of_several_dockerds_it_is_the_one_whose_containerd_the_shim_serves() -> None:
    def dockerd(pid: int, socket: str) -> Process:
        return make.process(pid, comm="dockerd", cmdline=("dockerd", "-H", f"unix://{socket}"))

    both = dockerd(20, "/a.sock"), dockerd(30, "/b.sock"), make.process(31, 30, comm="containerd")
    container = make.container("0a1b", [8], name="web", daemon_pid=31)
    assert said(container, *both)[0] == "docker -H unix:///b.sock stop web"
    told = make.process(40, comm="dockerd", cmdline=("dockerd", "-H=unix:///e.sock", "--containerd", "/c.sock"))
    container = make.container("0a1b", [8], name="web", shim_pid=5)
    assert said(container, *both, told)[0] == "docker -H unix:///e.sock stop web"


def test_podman_is_called_as_its_conmon_will_call_it() -> None:
    told = ("--root", "/g", "--runroot", "/run/containers/storage", "--log-level", "warning", "container", "cleanup")
    words = [word for one in told for word in ("--exit-command-arg", one)]
    monitor = make.process(50, comm="conmon", cmdline=("conmon", "-c", "0a1b", *words))
    container = make.container("0a1b", [51], name="web", runtime="podman")
    assert said(container, monitor, make.process(51, 50))[0] == "podman --root /g stop web"


def test_nothing_is_offered_for_a_runtime_without_such_a_command() -> None:
    assert said(make.container("0a1b", [8], runtime="buildkit")) == []
    assert shlex.split(said(make.container("a'b", [8], name="'"))[0])[-1] == "a'b"

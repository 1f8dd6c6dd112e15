"""The records of containers that have stopped: times, and the files of containerd's CRI plugin and of the kubelet."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import hostfiles
from nsview.agent.containers import cri, identify, stopped, supervisor

HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T01:00:00.5Z", HOUR), ("1970-01-01T01:00:00Z", HOUR), ("1970-01-01T02:00:00.1+01:00", HOUR),
        ("1970-01-01T00:00:00-01:00", HOUR), ("0001-01-01T00:00:00Z", None), ("", None), (None, None), ("never", None),
        (5, None), ("1970-01-01T01:00:00+x", None),
    ],
)  # fmt: skip
def test_moments_are_seconds_since_the_epoch(text: object, seconds: float | None) -> None:
    assert stopped.moment(text) == seconds


class Node:
    """A node's directories of containerd and the kubelet, below a directory of the test's."""

    def __init__(self, root: Path) -> None:
        self.containers = root / "containerd" / "io.containerd.grpc.v1.cri" / "containers"
        self.logs = root / "logs"
        self.containers.mkdir(parents=True)
        self.logs.mkdir()

    def add(self, id: str, attempt: int = 0, **status: Any) -> Path:
        """A container of pod web, called app."""
        directory = self.containers / id
        directory.mkdir()
        (directory / "status").write_text(json.dumps({"Version": "v1", "Pid": 0, **status}))
        target = f"/var/log/pods/shop_web_7d1f/app/{attempt}.log"
        (self.logs / f"web_shop_app-{id}.log").symlink_to(target)
        return directory

    def ended(self, *known: str) -> list[Any]:
        return list(cri.ended(supervisor.Population(identify.Cache()), set(known), []))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    if os.geteuid():
        pytest.skip("root's word alone counts")
    hostfiles.host()
    monkeypatch.setattr(cri, "ROOTS", (str(tmp_path / "containerd"),))
    monkeypatch.setattr(cri, "LOGS", str(tmp_path / "logs"))
    return Node(tmp_path)


def test_a_container_of_a_pod_has_its_name_by_the_kubelets_log(node: Node) -> None:
    node.add("a1", 4, CreatedAt=1, StartedAt=2, FinishedAt=5_000_000_000, ExitCode=137, Reason="OOMKilled")
    node.add("b2", CreatedAt=1, StartedAt=0, FinishedAt=0)
    node.add("c3", CreatedAt=1, StartedAt=2, FinishedAt=0)
    node.add("d4", CreatedAt=1, StartedAt=2, FinishedAt=3)
    first, second = node.ended("d4")
    assert (first["key"], first["name"], first["runtime"]) == ("containerd:k8s.io/a1", "app", "containerd")
    assert first["pod"] == {"namespace": "shop", "name": "web", "uid": "7d1f"}
    assert (first["state"], first["exit_code"], first["oom_killed"]) == ("exited", 137, True)
    assert (first["restarts"], first["finished"]) == (4, 5.0)
    assert (second["id"], second["state"], second["exit_code"], second["restarts"]) == ("b2", "created", None, 0)


def test_a_users_word_and_nonsense_are_left_out(node: Node) -> None:
    end = {"CreatedAt": 1, "StartedAt": 2, "FinishedAt": 3, "ExitCode": 1}
    (node.add("a1", **end) / "status").chmod(0o666)
    (node.add("b2", **end) / "status").write_text("{")
    (node.add("c3") / "status").write_text('{"FinishedAt": "x", "ExitCode": []}')
    (node.containers / "d4").mkdir()
    assert node.ended() == []
    (node.logs / "web_shop_app-e5.log").symlink_to("/somewhere/else")
    (node.containers / "e5").mkdir()
    (node.containers / "e5" / "status").write_text(json.dumps(end))
    (one,) = node.ended()
    assert (one["name"], one["pod"], one["restarts"]) == ("e5", None, None)

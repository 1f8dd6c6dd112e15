"""`nsview compare` against what the kernel and the engine say of both sides."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.model.kinds import KIND_NAMES
from nsview.model.security import CAPABILITIES

from .command import links, nsview, printed
from .daemons import Containerd, Docker


@pytest.fixture(scope="module")
def pair(docker: Docker) -> Iterator[tuple[int, int]]:
    """Two containers of one dockerd; the second has the first one's net, one capability more, no filter, a mount."""
    first = docker.container("cmp-a")
    options = ["--network=container:cmp-a", "--cap-add=SYS_NICE", "--cap-drop=MKNOD", "-v", "/etc:/host-etc:ro"]
    options += ["--memory=64m", "--cpus=0.5", "--pids-limit=77"]
    yield first, docker.container("cmp-b", *options, "--security-opt=seccomp=unconfined", "--user=1000")
    docker.remove("cmp-b")
    docker.remove("cmp-a")


@pytest.fixture(scope="module")
def found(pair: tuple[int, int]) -> dict[str, Any]:
    compared: dict[str, Any] = printed("compare", "cmp-a", "cmp-b")
    return compared


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_namespaces_are_those_of_the_links(pair: tuple[int, int], found: dict[str, Any]) -> None:
    assert (found["a"], found["b"]) == pair
    first, second = map(links, pair)
    assert {kind: (n["a"], n["b"], n["same"]) for kind, n in found["namespaces"].items()} == {
        kind: (first[kind], second[kind], first[kind] == second[kind]) for kind in KIND_NAMES
    }
    assert found["namespaces"]["net"]["same"] is True
    assert found["namespaces"]["pid"]["same"] is False


def test_capabilities_are_those_of_status(pair: tuple[int, int], found: dict[str, Any]) -> None:
    fields = {"effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh", "bounding": "CapBnd",
              "ambient": "CapAmb"}  # fmt: skip
    for name, field in fields.items():
        told = found["capabilities"][name]
        for side, pid in (("a", pair[0]), ("b", pair[1])):
            mask = sum(1 << CAPABILITIES.index(word) for word in (*told[side], *told["both"]))
            assert f"{mask:016x}" == status(pid)[field], (name, side)
    assert found["capabilities"]["bounding"]["b"] == ["SYS_NICE"]
    assert found["capabilities"]["bounding"]["a"] == ["MKNOD"]


def test_the_rest_is_what_docker_was_told(found: dict[str, Any]) -> None:
    values = found["values"]
    assert values["seccomp"] == {"a": "filter", "b": "off", "same": False}
    assert values["container"] == {"a": "cmp-a", "b": "cmp-b", "same": False}
    assert values["runs as"]["b"].endswith("(1000)")
    assert values["uid_map"]["same"] is True
    for limit, words in (("memory", "64M"), ("cpu", "0.5 of a processor"), ("pids", "77")):
        told = values[f"{limit} limit"]
        assert told["b"] == words and told["a"] != words and told["same"] is False
    assert values["image"]["same"] is True and values["image"]["a"]
    assert values["command"]["a"] == Path(f"/proc/{found['a']}/cmdline").read_text().rstrip("\0").replace("\0", " ")
    mounts = {mount["point"]: mount for mount in found["mounts"]["different"]}
    assert mounts["/host-etc"]["a"] is None
    assert (mounts["/host-etc"]["b"]["host"], mounts["/host-etc"]["b"]["options"][0]) == ("/etc", "ro")
    assert "/proc/sys" not in mounts and "/sys/fs/cgroup" not in mounts, "each has its own, which is the same thing"


def test_mounts_alike_and_not_are_all_there_are(pair: tuple[int, int], found: dict[str, Any]) -> None:
    points = {
        line.split()[4] for pid in pair for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    }  # fmt: skip
    assert found["mounts"]["same"] + len(found["mounts"]["different"]) == len(points)


def test_ways_part_at_the_daemon_and_not_at_pid_1(
    pair: tuple[int, int], found: dict[str, Any], docker: Docker, containerd: Containerd
) -> None:
    parted = found["parted"]
    shims = [int(status(pid)["PPid"]) for pid in pair]
    assert [[step["pid"] for step in parted[side]] for side in ("a", "b")] == [
        [shims[0], pair[0]], [shims[1], pair[1]],
    ]  # fmt: skip
    assert [parted[side][0]["link"] for side in ("a", "b")] == ["serves", "serves"]
    assert parted["common"][-1]["pid"] == docker.containerd_pid
    # With a container of another daemon only what started both of them is above.
    id = f"cmp-{os.getpid()}"
    try:
        containerd.container(id)
        apart = printed("compare", "cmp-a", id)["parted"]
        assert docker.containerd_pid in [step["pid"] for step in apart["a"]]
        assert containerd.pid in [step["pid"] for step in apart["b"]]
    finally:
        containerd.remove(id)


def test_the_words_for_people_and_what_is_gone(pair: tuple[int, int]) -> None:
    done = nsview("compare", str(pair[0]), str(os.getpid()))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any(line.startswith("≠  pid ") and line.endswith(" host") for line in lines)
    gone = nsview("compare", "cmp-a", "no-such-container")
    assert (gone.returncode, gone.stdout) == (1, "")

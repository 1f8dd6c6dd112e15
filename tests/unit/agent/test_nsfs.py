"""What the kernel tells of a namespace."""

import os
from pathlib import Path

import pytest

from nsview.agent import nsfs, scan

LINE = "531 22 0:4 {root} {point} rw shared:3 - nsfs nsfs rw\n"


def test_a_bind_mounted_namespace_has_the_path_as_its_name() -> None:
    assert nsfs.mounts(LINE.format(root="net:[4026532173]", point="/run/netns/blue")) == {
        ("net", 4026532173): ["/run/netns/blue"]
    }


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (r"/run/a\040b", "/run/a b"),
        (r"/run/a\011b", "/run/a\tb"),
        (r"/run/a\012b", "/run/a\nb"),
        (r"/run/a\134b", r"/run/a\b"),
        (r"/run/a\134040b", r"/run/a\040b"),
        (r"/run/a\043b", "/run/a#b"),
    ],
)
def test_escapes_of_mountinfo_are_undone_once(written: str, path: str) -> None:
    assert nsfs.mounts(LINE.format(root="net:[7]", point=written)) == {("net", 7): [path]}


def test_all_names_of_a_namespace_are_kept_in_order_and_once() -> None:
    lines = "".join(LINE.format(root="net:[7]", point=point) for point in ("/run/b", "/run/a", "/run/b"))
    assert nsfs.mounts(lines) == {("net", 7): ["/run/b", "/run/a"]}


def test_optional_fields_may_be_none_or_many() -> None:
    lines = (
        "1 2 0:4 uts:[5] /u rw - nsfs nsfs rw\n"
        "1 2 0:4 ipc:[6] /i rw shared:1 master:2 propagate_from:3 - nsfs nsfs rw\n"
    )
    assert nsfs.mounts(lines) == {("uts", 5): ["/u"], ("ipc", 6): ["/i"]}


def test_other_file_systems_and_lookalikes_are_no_namespaces() -> None:
    lines = (
        "1 2 8:1 / / rw - ext4 /dev/vda rw\n"
        r"1 2 8:1 /net:[7] /mnt/x\040-\040nsfs\040 rw - ext4 /dev/vda rw" "\n"
        "1 2 0:4 net:[x] /y rw - nsfs nsfs rw\n"
    )  # fmt: skip
    assert nsfs.mounts(lines) == {}
    assert nsfs.mounts("") == {}


def test_this_machines_own_mountinfo_can_be_read() -> None:
    text = Path("/proc/self/mountinfo").read_text(errors="backslashreplace")
    points = {line.split(" ")[4] for line in text.splitlines() if " - nsfs " in line}
    assert sum(map(len, nsfs.mounts(text).values())) == len(points)


def test_fixed_inodes_are_the_first_namespaces_since_6_18() -> None:
    initial = nsfs.initial((6, 18), 1, {}, {})
    assert initial == nsfs.FIXED_INITIAL | nsfs.FIXED_INITIAL_SINCE_6_18
    assert len(initial) == 8


def test_before_6_18_net_and_mnt_are_those_of_kthreadd_else_of_pid_1() -> None:
    own = nsfs.FIXED_INITIAL["pid"]
    assert nsfs.initial((6, 17), own, {"net": 5, "mnt": 6}, {"net": 7, "mnt": 8})["net"] == 5
    assert nsfs.initial((5, 15), own, {}, {"net": 7, "mnt": 8})["mnt"] == 8


def test_before_6_18_nothing_is_guessed_from_inside_another_pid_namespace() -> None:
    initial = nsfs.initial((5, 10), 4026532200, {"net": 5, "mnt": 6}, {"net": 7, "mnt": 8})
    assert initial["net"] is None and initial["mnt"] is None
    assert initial["user"] == nsfs.FIXED_INITIAL["user"]


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.18.44-fc", (6, 18)), ("5.10.0-28-amd64", (5, 10)), ("6.1", (6, 1)), ("7.0rc1", (7, 0)), ("6.6+", (6, 6))],
)
def test_kernel_versions(release: str, version: tuple[int, int]) -> None:
    assert scan.kernel_version(release) == version


def test_a_namespace_of_ours_is_described_by_the_kernel() -> None:
    inode = os.stat("/proc/self/ns/net").st_ino
    record = nsfs.describe("net", inode, lambda: os.open("/proc/self/ns/net", os.O_RDONLY), 4)
    assert record["type"] == "net" and record["inode"] == inode
    assert record["owner"] in (None, os.stat("/proc/self/ns/user").st_ino) or os.geteuid() != 0
    assert record["parent"] is None


def test_a_namespace_whose_process_moved_on_is_not_described_as_another() -> None:
    record = nsfs.describe("net", 1, lambda: os.open("/proc/self/ns/net", os.O_RDONLY), 4)
    assert (record["inode"], record["id"], record["owner"]) == (1, None, None)


def test_a_namespace_that_cannot_be_opened_is_known_by_its_inode() -> None:
    def gone() -> int:
        raise FileNotFoundError(2, "gone")

    assert nsfs.describe("mnt", 8, gone, 4)["inode"] == 8

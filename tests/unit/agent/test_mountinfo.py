"""The lines of mountinfo, read as proc_pid_mountinfo(5) says, and which mounts no path leads to."""

import subprocess
from pathlib import Path

import pytest

from nsview.agent import mountinfo

# The line of proc_pid_mountinfo(5), and others as real kernels wrote them.
MANUAL = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"


def test_the_line_of_the_manual() -> None:
    (mount,) = mountinfo.parse(MANUAL)
    assert vars(mount) == {
        "id": 36, "parent": 35, "device": "98:0", "root": "/mnt1", "point": "/mnt2", "options": ("rw", "noatime"),
        "shared": None, "master": 1, "unbindable": False, "fstype": "ext3", "source": "/dev/root",
        "super_options": ("rw", "errors=continue"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("optional", "expected"),
    [
        ("", (None, None, False)),
        ("shared:7 ", (7, None, False)),
        ("shared:7 master:3 ", (7, 3, False)),
        ("master:3 propagate_from:2 ", (None, 3, False)),
        ("unbindable ", (None, None, True)),
        ("news:5 shared:7 ", (7, None, False)),
    ],
)
def test_propagation(optional: str, expected: tuple[int | None, int | None, bool]) -> None:
    (mount,) = mountinfo.parse(f"36 35 0:5 / /mnt rw {optional}- tmpfs tmpfs rw")
    assert (mount.shared, mount.master, mount.unbindable) == expected


def test_escapes_are_undone_once_and_an_empty_source_is_none_of_the_options() -> None:
    (mount,) = mountinfo.parse(r"1 0 0:5 /\134040 /a\040b\011c\012d rw - tmpfs  rw,size=\0541k")
    assert (mount.root, mount.point, mount.source) == ("/\\040", "/a b\tc\nd", "")
    assert mount.super_options == ("rw", "size=,1k")


def test_a_dash_is_a_name_like_others() -> None:
    (mount,) = mountinfo.parse("1 0 0:5 - - rw - fuse.- - rw")
    assert (mount.root, mount.point, mount.fstype, mount.source) == ("-", "-", "fuse.-", "-")


def test_what_is_no_mount_is_passed_over() -> None:
    assert mountinfo.parse("\nx y\n36 35 0:5 / /mnt rw\n36 35 0:5 / /mnt rw - tmpfs\n1 x 0:5 / / rw - t t rw\n") == []


def test_of_this_process_findmnt_reads_the_same(tmp_path: Path) -> None:
    text = mountinfo.read()
    saved = tmp_path / "mountinfo"
    saved.write_text(text)
    columns = "TARGET,FSROOT,FSTYPE,SOURCE,MAJ:MIN,PROPAGATION"
    words = ["--kernel", "--tab-file", str(saved), "--raw", "--noheadings", "--nofsroot", "--output", columns]
    done = subprocess.run(["findmnt", *words], capture_output=True, text=True, check=True)
    expected = sorted(line.encode().decode("unicode_escape").split(" ") for line in done.stdout.splitlines())
    found = sorted([m.point, m.root, m.fstype, m.source, m.device, _propagation(m)] for m in mountinfo.parse(text))
    assert found == expected
    assert len(found) == len(text.splitlines())


def _propagation(mount: mountinfo.Mount) -> str:
    words = ["shared"] if mount.shared else [] if mount.master else ["private"]
    return ",".join([*words, *(["slave"] if mount.master else []), *(["unbindable"] if mount.unbindable else [])])


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        # id, parent, point
        ([(1, 0, "/"), (2, 1, "/a"), (3, 2, "/a/b")], set()),
        ([(1, 0, "/"), (2, 1, "/a"), (3, 2, "/a")], {2}),
        ([(1, 0, "/"), (2, 1, "/a"), (3, 2, "/a/b"), (4, 2, "/a")], {2, 3}),  # over a directory above it
        ([(1, 0, "/"), (2, 1, "/a/b"), (3, 1, "/a")], {2}),
        ([(1, 0, "/"), (2, 1, "/a/b"), (5, 2, "/a/b/c"), (3, 1, "/a")], {2, 5}),  # and what is on that
        ([(1, 0, "/"), (3, 1, "/ab"), (2, 1, "/a")], set()),  # not every prefix is a directory above
        ([(1, 0, "/"), (2, 1, "/"), (3, 1, "/old"), (4, 2, "/new")], {1, 3}),  # a new root over the first one
        ([(5, 2, "/a/b"), (2, 1, "/a"), (1, 1, "/")], set()),  # moved, so listed before its parent
        ([(1, 2, "/a"), (2, 1, "/a")], {1, 2}),  # no kernel's, but it ends
    ],
)
def test_hidden(mounts: list[tuple[int, int, str]], expected: set[int]) -> None:
    lines = "\n".join(f"{id} {parent} 0:5 / {point} rw - tmpfs tmpfs rw" for id, parent, point in mounts)
    assert mountinfo.hidden(mountinfo.parse(lines)) == expected

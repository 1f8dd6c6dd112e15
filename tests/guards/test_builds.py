"""The wheel and the sdist of one source are the same to the byte, whenever and wherever they are built."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent.parent


def built(place: Path, umask: int) -> dict[str, bytes]:
    """{name: content} of what hatchling builds of a copy of the source, whose files are as old as this test."""
    source = place / "source"
    shutil.copytree(
        _ROOT,
        source,
        ignore=shutil.ignore_patterns(".*", "dist", "build", "__pycache__"),
        copy_function=shutil.copyfile,
    )
    for path in source.rglob("*"):
        os.utime(path)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(place / "dist")],
        cwd=source, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}, umask=umask, check=True, capture_output=True,
    )  # fmt: skip
    return {path.name: path.read_bytes() for path in (place / "dist").iterdir()}


def test_two_builds_are_equal(tmp_path: Path) -> None:
    one, other = built(tmp_path / "a", 0o022), built(tmp_path / "elsewhere", 0o077)
    assert sorted(name.partition("-")[2].partition("-")[2] or "sdist" for name in one) == ["py3-none-any.whl", "sdist"]
    assert one == other

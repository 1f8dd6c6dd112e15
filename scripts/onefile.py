"""nsview in one file, for hosts without Python: `python -m scripts.onefile` writes dist/nsview-x86_64.

A shell script with an archive behind it: the interpreter that runs this, its standard library, the wheel of nsview and
of all that it needs, and the C library with its loader, so that neither Python nor a glibc need be there. The script
unpacks it once. docs/design.md says why it is no PyInstaller.
"""

import ctypes
import gzip
import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from nsview.join import profile

ROOT = Path(__file__).parent.parent
STDLIB = Path(sysconfig.get_path("stdlib"))
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT = {
    "__pycache__", "config-*", "dist-packages", "site-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data",
    "test", "tests", "tkinter", "turtledemo", "venv", "distutils", "sqlite3", "_sqlite3*", "_sysconfigdata*",
    "_tkinter*", "_test*", "_dbm*", "_curses*", "*.dist-info",
}  # fmt: skip
"""Names in the standard library and the packages that nsview never imports."""
_PYTHON = """\
#!/bin/sh
case $0 in /*) own=$0 ;; *) own=$PWD/$0 ;; esac
home=${own%/bin/*}
exec "$home/lib/ld.so" --library-path "$home/lib" --argv0 "$home/bin/python3" "$home/lib/python" "$@"
"""
_NSVIEW = """\
#!/bin/sh
home=${0%/bin/*}
exec "$home/bin/python3" -I -S "$home/bin/nsview.py" "$@"
"""
_COMMAND = """\
import os
import sys

from nsview.launch import main

sys.argv[0] = os.environ.pop("NSVIEW_FILE", sys.argv[0])  # advice names the file
sys.exit(main())
"""


def epoch() -> int:
    """The time that files in an archive are given: SOURCE_DATE_EPOCH, else of the last commit."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(told or subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def _ignored(place: str, names: list[str]) -> set[str]:
    return set().union(*(shutil.ignore_patterns(*_LEFT_OUT)(place, names),))


def _packages(needed: Iterable[str], extras: Iterable[str], found: dict[str, metadata.Distribution]) -> None:
    """Add the installed packages of these requirements, and what they need, to {name: package}."""
    for text in needed:
        need = Requirement(text)
        marker = need.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            known = need.name in found
            found[need.name] = metadata.distribution(need.name)
            if not known or need.extras:
                _packages(metadata.requires(need.name) or (), need.extras, found)


def dependencies() -> dict[str, metadata.Distribution]:
    """{name: installed package} of all that nsview needs."""
    found: dict[str, metadata.Distribution] = {}
    _packages(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"], (), found)
    return found


def _seccomp() -> Path:
    """The library that nsview opens by itself, to build filters."""
    ctypes.CDLL(profile._LIBRARY)
    maps = Path("/proc/self/maps").read_text()
    return Path(next(line.split()[5] for line in maps.splitlines() if f"/{profile._LIBRARY.partition('.')[0]}" in line))


def _needed(files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """(name, path) of each shared library that these need, by ldd, and of the loader as `ld.so`."""
    for file in files:
        said = subprocess.run(["ldd", str(file)], check=False, capture_output=True, text=True).stdout
        for name, path in re.findall(r"^\s*(\S+)(?: => (/\S+))? \(0x", said, re.MULTILINE):
            if name.startswith("/"):
                yield "ld.so", Path(name)
            elif path:
                yield name, Path(path)


def gather(home: Path) -> None:
    """Lay out all that the archive is to have."""
    for name in ("bin", "lib"):
        (home / name).mkdir(parents=True)
    library = home / "lib" / VERSION
    shutil.copytree(STDLIB, library, ignore=_ignored)
    # Packages beside the standard library, so that no site module need be imported to find them.
    shutil.copytree(ROOT / "nsview", library / "nsview", ignore=_ignored)
    for package in dependencies().values():
        tops = {file.parts[0] for file in package.files or () if file.suffix in (".py", ".so")} - {".."}
        for top in tops - {"__pycache__"}:
            place = Path(str(package.locate_file(top)))
            if place.is_dir():
                shutil.copytree(place, library / top, ignore=_ignored)
            else:
                shutil.copy(place, library / top)
    shutil.copy(os.path.realpath(sys.executable), home / "lib" / "python")
    seccomp = _seccomp()
    shutil.copy(seccomp, home / "lib" / profile._LIBRARY)
    for name, path in sorted(set(_needed([home / "lib" / "python", seccomp, *library.rglob("*.so")]))):
        shutil.copy(path, home / "lib" / name)
    for name, text in (("python3", _PYTHON), ("nsview", _NSVIEW), ("nsview.py", _COMMAND)):
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    compiled = [sys.executable, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compiled, "-s", str(home), "-p", "/nsview", str(library)], check=True)


def packed(home: Path, when: int) -> bytes:
    """The archive, which is the same for the same files: in order, of root, of one time."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mtime = when
        info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
        return info

    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(home.rglob("*")):
            archive.add(path, str(path.relative_to(home)), recursive=False, filter=plain)
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def build(target: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        gather(Path(place, "home"))
        archive = packed(Path(place, "home"), epoch())
    script = (Path(__file__).parent / "onefile.sh").read_text()
    lines = script.count("\n") + 1
    script = script.replace("@HASH@", hashlib.sha256(archive).hexdigest()[:16]).replace("@LINES@", str(lines))
    target.parent.mkdir(exist_ok=True, parents=True)
    target.write_bytes(script.encode() + archive)
    target.chmod(0o755)


if __name__ == "__main__":
    made = ROOT / "dist" / f"nsview-{platform.machine()}"
    build(made)
    print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1e6:.1f} MB")

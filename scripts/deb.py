"""nsview as a package of Debian's: `python -m scripts.deb` writes dist/nsview_VERSION_amd64.deb, without root.

The contents of the one file (`scripts.onefile`) in /usr/lib/nsview, which needs no other package, and the command, the
man page, completions and the licence where Debian has them.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nsview import __version__

from .onefile import ROOT, dependencies, epoch, gather

_CONTROL = """\
Package: nsview
Version: {version}
Architecture: amd64
Maintainer: the nsview developers <nsview@localhost>
Installed-Size: {size}
Section: admin
Priority: optional
Description: terminal explorer of Linux namespaces
 Who shares which namespaces, which container a process is of, which shim and
 daemon run it, and a shell inside, without asking any daemon. It brings its
 interpreter and libraries along.
"""
_COMMAND = """\
#!/bin/sh
NSVIEW_FILE=/usr/bin/nsview exec /usr/lib/nsview/bin/nsview "$@"
"""
_SHARE = {
    "man/man1/nsview.1": "man/man1/nsview.1.gz",
    "bash-completion/completions/nsview": "bash-completion/completions/nsview",
    "zsh/site-functions/_nsview": "zsh/vendor-completions/_nsview",
    "fish/vendor_completions.d/nsview.fish": "fish/vendor_completions.d/nsview.fish",
}
"""{a file below share/: its place below /usr/share}"""


def _copyright() -> str:
    """The licence, and those of all that comes along, by their own words."""
    lines = [(ROOT / "LICENSE").read_text(), "In /usr/lib/nsview/lib come along, under licences of their own:", ""]
    for name, package in sorted(dependencies().items()):
        about = package.metadata
        told = about["License-Expression"] or about["License"] or ""
        classified = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier", []) if "License ::" in one]
        lines.append(f"{name} {package.version}: {' '.join(told.split())[:60] or ', '.join(classified) or 'not told'}")
    lines.append(f"Python {'.'.join(map(str, sys.version_info[:3]))}: Python Software Foundation License")
    lines.append("the C library: LGPL-2.1-or-later; other libraries as in /usr/share/doc of the building system")
    return "\n".join(lines) + "\n"


def _laid_out(root: Path) -> None:
    """The files of the package, all of one time."""
    gather(root / "usr/lib/nsview")
    share = root / "usr/share"
    texts = {"doc/nsview/copyright": _copyright(), "doc/nsview/changelog.gz": (ROOT / "CHANGELOG.md").read_text()}
    texts |= {place: (ROOT / "share" / source).read_text() for source, place in _SHARE.items()}
    for place, text in texts.items():
        data = text.encode()
        (share / place).parent.mkdir(parents=True, exist_ok=True)
        (share / place).write_bytes(gzip.compress(data, 9, mtime=0) if place.endswith(".gz") else data)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/nsview").write_text(_COMMAND)
    programs = {root / "usr/bin/nsview", *(root / "usr/lib/nsview/bin").iterdir(),
                *(root / "usr/lib/nsview/lib" / name for name in ("python", "ld.so"))}  # fmt: skip
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files)
    size = sum(-(-path.stat().st_size // 1024) for path in files)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/md5sums").write_text(sums)
    (root / "DEBIAN/control").write_text(_CONTROL.format(version=__version__, size=size))
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path in programs else 0o644)
        os.utime(path, (epoch(), epoch()))


def build(directory: Path) -> Path:
    """The package, written to a directory. Raises SystemExit where it can't be made."""
    if not shutil.which("dpkg-deb"):
        raise SystemExit("dpkg-deb is not installed: apt install dpkg, or build on a Debian")
    made = directory / f"nsview_{__version__}_amd64.deb"
    made.parent.mkdir(exist_ok=True, parents=True)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "root")
        root.mkdir(mode=0o755)
        _laid_out(root)
        words = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(made)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
        subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)
    return made


if __name__ == "__main__":
    package = build(ROOT / "dist")
    print(f"{package.relative_to(ROOT)}: {package.stat().st_size / 1e6:.1f} MB")

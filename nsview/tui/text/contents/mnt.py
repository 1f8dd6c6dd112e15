"""mnt: the mounts, and the files of the host among them."""

from collections.abc import Callable, Iterable

from nsview.model.contents import Contents, MountEntry, Mounts
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import count, safe

from ..pieces import Piece, Pieces
from . import ContentsText

_GIVEN, _MISSING, _LISTED = 12, 8, 200
_PATH, _HOST_PATH = 28, 34  # cells: of the mount point, and of the path on the host
_KERNELS = ("cgroup", "cgroup2", "sysfs")  # of which every container has some, without a file of the host


def tell(process: Process, contents: Contents, snapshot: Snapshot) -> ContentsText:
    mounts = contents.mnt
    assert mounts is not None
    listed = mounts.mounts
    hidden = sum(mount.hidden for mount in listed)
    lines: list[Pieces] = []
    if snapshot.is_initial("mnt", process.namespaces.mnt):
        brief = f"{count(mounts.total, 'mount')}, the host's"
        lines.append([(count(mounts.total, "mount"), ""), *_hidden(hidden)])
    elif not mounts.host_known:
        brief = f"{count(mounts.total, 'mount')}, from the host: not known"
        why = "the host's mounts are not visible to you, so which of them come from there is not known"
        lines.append([(count(mounts.total, "mount"), ""), *_hidden(hidden), (f": {why}", "dim")])
    else:
        seen = [mount for mount in listed if not mount.hidden]
        given = [mount for mount in seen if mount.host_path not in (None, mount.point)]
        own = [mount for mount in seen if mount.host_path is None]
        same = mounts.total - hidden - len(given) - len(own)
        brief = f"{count(mounts.total, 'mount')}, {len(given)} from the host"
        lines.append([
            (count(mounts.total, "mount"), ""), (": ", "dim"),
            (f"{len(own)} its own, {len(given)} from the host, {same} as there", ""),
            *_hidden(hidden),
        ])  # fmt: skip
        lines += _section("from the host", [m for m in given if m.fstype not in _KERNELS], _GIVEN, _given)
        if own and same > len(given):  # most are the host's: the others are worth a look
            lines += _section("its own", own, _GIVEN, _entry)
        lines += _missing(mounts)
    rest = [_entry(mount) for mount in listed[:_LISTED]]
    if mounts.total > len(rest):
        rest.append([(f"and {mounts.total - len(rest)} more", "dim")])
    return ContentsText("MOUNTS", lines, brief, "ALL MOUNTS", rest)


def _hidden(number: int) -> list[Piece]:
    return [(f", {number} hidden under others", "warning")] if number else []


def _section(title: str, mounts: list[MountEntry], most: int, line: Callable[[MountEntry], Pieces]) -> Iterable[Pieces]:
    if mounts:
        yield [(title, "label")]
        yield from (line(mount) for mount in mounts[:most])
        if len(mounts) > most:
            yield [(f"  and {len(mounts) - most} more, below", "dim")]


def _missing(mounts: Mounts) -> Iterable[Pieces]:
    if mounts.missing_total:
        yield [("the host has, but not this", "label")]
        yield from ([("  " + safe(point), "")] for point in mounts.missing[:_MISSING])
        if mounts.missing_total > _MISSING:
            yield [(f"  and {mounts.missing_total - _MISSING} more", "dim")]


def _given(mount: MountEntry) -> Pieces:
    return [("  ", ""), (_fit(mount.point), ""), (" ◀ ", "dim"), (_middle(mount.host_path), "host"), *_flags(mount)]


def _entry(mount: MountEntry) -> Pieces:
    if mount.hidden:
        return [("  ", ""), (_fit(mount.point), "dim"), (f" {safe(mount.fstype)}  hidden under another", "dim")]
    pieces: list[Piece] = [("  ", ""), (_fit(mount.point), ""), (f" {safe(mount.fstype)}", "label"), *_flags(mount)]
    if mount.host_path not in (None, mount.point):
        pieces += [(" ◀ ", "dim"), (_middle(mount.host_path), "host")]
    elif mount.host_path is None and mount.source not in ("none", mount.fstype):
        pieces.append((f"  {safe(mount.source)}", "dim"))
    return pieces


def _flags(mount: MountEntry) -> list[Piece]:
    pieces: list[Piece] = []
    if mount.read_only:
        pieces.append(("  ro", "warning"))
    if mount.propagation != "private":
        pieces.append((f"  {mount.propagation}{' with the host' if mount.host_peer else ''}", "dim"))
    return pieces


def _fit(path: str) -> str:
    """The path in its column; the end of a path that is too long, as that tells more."""
    path = safe(path)
    return path.ljust(_PATH) if len(path) <= _PATH else "…" + path[1 - _PATH :]


def _middle(path: str | None) -> str:
    """The path, without its middle if it is too long: the beginning tells the owner, the end the thing."""
    path = safe(path or "")
    if len(path) <= _HOST_PATH:
        return path
    end = _HOST_PATH // 2
    return f"{path[: _HOST_PATH - end - 1]}…{path[-end:]}"

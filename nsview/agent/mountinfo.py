"""The mounts that one process sees: all of its mount namespace that is below its root.

Reading it takes no joining, only the permission to look at that process. Source: proc_pid_mountinfo(5),
mount_namespaces(7) for propagation; the kernel's fs/proc_namespace.c for the escapes.
"""

from __future__ import annotations

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIMIT = 64 << 20  # bytes; a mount namespace has at most 100,000 mounts (/proc/sys/fs/mount-max)


class Mount:
    """One line of mountinfo, escapes undone.

    id, parent: of the mount and the one that it is mounted on, which need not be in the list. device: "major:minor".
    root: the directory or file of the file system that is mounted; of a namespace "net:[4026532173]". point: the mount
    point. options: of this mount, ("rw", "nosuid", ..); super_options: of the file system. shared, master: the peer
    group that it is in, and the one whose mounts and unmounts it receives; None if none.
    """

    def __init__(
        self,
        id: int,
        parent: int,
        device: str,
        root: str,
        point: str,
        options: tuple[str, ...],
        shared: int | None,
        master: int | None,
        unbindable: bool,
        fstype: str,
        source: str,
        super_options: tuple[str, ...],
    ) -> None:
        self.id, self.parent, self.device = id, parent, device
        self.root, self.point, self.options = root, point, options
        self.shared, self.master, self.unbindable = shared, master, unbindable
        self.fstype, self.source, self.super_options = fstype, source, super_options

    def at(self, point: str) -> Mount:
        """The same mount with another path as its mount point."""
        return Mount(**{**vars(self), "point": point})

    def path_of(self, cgroup: str) -> str | None:
        """The path of a cgroup's directory by this mount of its hierarchy. None if the mount does not show it."""
        rest = below(cgroup, self.root)
        return None if rest is None else self.point + rest.rstrip("/")


def read(pid: int | str = "self", proc_fd: int | None = None) -> str:
    """The text of /proc/PID/mountinfo. Raises OSError if the process is gone or may not be looked at."""
    path = "%s/mountinfo" % pid if proc_fd is not None else "/proc/%s/mountinfo" % pid
    return files.text(files.read(path, LIMIT, proc_fd))


def read_own() -> str:
    """The text of this process's mountinfo; "" if there is no such file."""
    try:
        return read()
    except OSError:
        return ""


def parse(text: str) -> list[Mount]:
    """The mounts in the kernel's order: each after the one that it is mounted on, and the topmost last."""
    return [mount for mount in map(_mount, text.split("\n")) if mount]


def of_cgroups(text: str) -> list[Mount]:
    """The mounts of cgroups alone: there may be thousands of others."""
    return parse("\n".join(line for line in text.split("\n") if " - cgroup" in line))


def _mount(line: str) -> Mount | None:
    """The mount of a line. None if it is none: some file systems let their mounter put a newline into the options."""
    # At each single space: a source may be empty.
    fields = line.split(" ")
    try:
        end = fields.index("-", 6)
        optional = dict(field.partition(":")[::2] for field in fields[6:end])
        return Mount(
            int(fields[0]),
            int(fields[1]),
            fields[2],
            unescaped(fields[3]),
            unescaped(fields[4]),
            tuple(fields[5].split(",")),
            _group(optional.get("shared")),
            _group(optional.get("master")),
            "unbindable" in optional,
            unescaped(fields[end + 1]),
            unescaped(fields[end + 2]),
            tuple(unescaped(option) for option in fields[end + 3].split(",")),
        )
    except (IndexError, ValueError):
        return None


def _group(number: str | None) -> int | None:
    return int(number) if number else None


def unescaped(field: str) -> str:
    """The field without escapes: space, tab, newline, backslash and # are written as \\040 and the like."""
    if "\\" not in field:
        return field
    first, *rest = field.split("\\")
    return first + "".join(map(_of_octal, rest))


def _of_octal(part: str) -> str:
    """The text behind a backslash, with its first three digits replaced by the character of that number."""
    digits = part[:3]
    if len(digits) == 3 and not digits.strip("01234567"):
        return chr(int(digits, 8)) + part[3:]
    return "\\" + part


def hierarchies(mounts: Iterable[Mount]) -> dict[str, list[Mount]]:
    """{controller: [its cgroup mounts]}, v2's under "". A hierarchy of v1 may have several controllers. cgroups(7)"""
    found: dict[str, list[Mount]] = {}
    for mount in mounts:
        if mount.fstype == "cgroup2":
            found.setdefault("", []).append(mount)
        elif mount.fstype == "cgroup":
            for option in mount.super_options:
                found.setdefault(option, []).append(mount)
    return found


def below(path: str, above: str) -> str | None:
    """The part of `path` below `above`, with its slash; "" if the two are the same. None if the path is not below."""
    if path == above or above == "/":
        return "" if path == above else path
    return path[len(above) :] if path.startswith(above + "/") else None


class Places:
    """The paths by which some mounts show files that other mounts show too: the same files have the same device and
    place on it."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        covered = hidden(mounts)
        self._of: dict[str, list[Mount]] = {}
        for mount in mounts:
            if mount.id not in covered:
                self._of.setdefault(mount.device, []).append(mount)
        for places in self._of.values():
            places.sort(key=lambda place: len(place.root))

    def paths(self, mount: Mount) -> list[str]:
        """The paths to the files of a mount; first the one by the widest mount of their file system."""
        rests = [(place, below(mount.root, place.root)) for place in self._of.get(mount.device, ())]
        return [(place.point.rstrip("/") + rest) or "/" for place, rest in rests if rest is not None]


def hidden(mounts: Iterable[Mount]) -> set[int]:
    """The ids of the mounts that no path leads to: another is mounted over them, or over a directory above them."""
    points: dict[int, set[str]] = {}  # {id: mount points of others on it}
    for mount in mounts:
        if mount.parent != mount.id:  # the very first one is its own parent
            points.setdefault(mount.parent, set()).add(mount.point)
    buried: dict[int, bool] = {}  # {id: another mount lies over its mount point}
    parents = {mount.id: mount.parent for mount in mounts}
    for mount in mounts:
        beside = points.get(mount.parent, ())
        buried[mount.id] = any(above in beside for above in _above(mount.point))
    found = set()
    for mount in mounts:
        id = mount.id
        seen: set[int] = set()
        while id in parents and id not in seen and not buried[id]:
            seen.add(id)
            id = parents[id]
        if buried.get(id) or mount.point in points.get(mount.id, ()):
            found.add(mount.id)
    return found


def _above(path: str) -> Iterator[str]:
    """The directories above a path, the root included."""
    while len(path) > 1:
        path = path[: path.rindex("/")] or "/"
        yield path

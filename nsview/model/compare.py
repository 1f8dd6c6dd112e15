"""Two processes side by side: their common facts, their differences, and the last process that both descend from."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from .chain import ChainLink, chain
from .contents import Cgroup, Resource
from .export import SCHEMA
from .kinds import KIND_NAMES, KindName
from .records import Capabilities, Details, Process
from .security import SECCOMP, Facts, PathMount, Security, names
from .snapshot import Snapshot
from .usage import bytes_text

if TYPE_CHECKING:
    from .printed import ComparedNamespace, ComparisonReport, ListedLink

Same = bool | None
"""True if two things are the same, None if one of them is not known."""

_SETS: tuple[Literal["effective", "permitted", "inheritable", "bounding", "ambient"], ...] = (
    "effective", "permitted", "inheritable", "bounding", "ambient",
)  # fmt: skip


class NamespacePair(Struct, frozen=True):
    """The namespaces of one kind that two processes are in. a, b: inodes, None if not known; owner_a, owner_b: inodes
    of the owning user namespaces; host_a, host_b: the namespace is the host's first."""

    kind: KindName
    a: int | None
    b: int | None
    owner_a: int | None
    owner_b: int | None
    host_a: bool
    host_b: bool

    @property
    def same(self) -> Same:
        return None if self.a is None or self.b is None else self.a == self.b


class Capability(Struct, frozen=True):
    """One set of capabilities(7) of two processes, as names without CAP_."""

    set: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    both: tuple[str, ...]

    @property
    def same(self) -> Same:
        return not self.only_a and not self.only_b


class Value(Struct, frozen=True):
    """Another fact of two processes, in words; None if not known. Not yet `safe`."""

    name: str
    a: str | None
    b: str | None

    @property
    def same(self) -> Same:
        return None if self.a is None or self.b is None else self.a == self.b


class Mounted(Struct, frozen=True):
    """The mounts of two processes at one place; None if nothing is mounted."""

    point: str
    a: PathMount | None
    b: PathMount | None

    @property
    def same(self) -> Same:
        return False


class Comparison(Struct, frozen=True):
    """Two processes compared. common: the links from the top down to the last process that both descend from; way_a,
    way_b: the links of each from there, empty for a process that the other descends from. mounts: the mounts that
    differ, None if those of one process are not known; mounts_alike: the number of mounts that do not differ. name_a,
    name_b: of their containers, "" if they are in none."""

    a: Process
    b: Process
    common: tuple[ChainLink, ...]
    way_a: tuple[ChainLink, ...]
    way_b: tuple[ChainLink, ...]
    namespaces: tuple[NamespacePair, ...]
    values: tuple[Value, ...]
    capabilities: tuple[Capability, ...]
    mounts: tuple[Mounted, ...] | None = None
    mounts_alike: int = 0
    name_a: str = ""
    name_b: str = ""

    @property
    def parted(self) -> Process | None:
        """The last process that both descend from, or are. None if there is none."""
        return self.common[-1].process if self.common else None


def compare(
    snapshot: Snapshot, a: Process, b: Process, facts: Facts, details: Sequence[Details | None] = (None, None)
) -> Comparison:
    """The comparison of two processes of one snapshot. facts: their confinement, as far as it is known. details: of
    both, with the contents of their cgroups."""
    chain_a, chain_b = chain(snapshot, a.pid), chain(snapshot, b.pid)
    shared = _shared(chain_a, chain_b)
    known_a, known_b = facts.of(a), facts.of(b)
    mounts, alike = _mounts(known_a, known_b, a.cgroup, b.cgroup)
    cgroups = [one.contents.cgroup if one and one.contents else None for one in details]
    return Comparison(
        a, b, chain_a[:shared], chain_a[shared:], chain_b[shared:],
        tuple(_namespaces(kind, a, b, snapshot) for kind in KIND_NAMES),
        _values(snapshot, a, b, (known_a, known_b), cgroups),
        _capabilities(known_a.capabilities, known_b.capabilities) if known_a and known_b else (),
        mounts, alike, *(container.name if (container := snapshot.container_of(one)) else "" for one in (a, b)),
    )  # fmt: skip


def _shared(a: Sequence[ChainLink], b: Sequence[ChainLink]) -> int:
    """The number of links that two chains have in common at their beginning."""
    number = 0
    for left, right in zip(a, b, strict=False):
        if left.process.pid != right.process.pid:
            break
        number += 1
    return number


def _namespaces(kind: KindName, a: Process, b: Process, snapshot: Snapshot) -> NamespacePair:
    first, second = getattr(a.namespaces, kind), getattr(b.namespaces, kind)
    owners = [
        namespace.owner if inode and (namespace := snapshot.namespaces.get((kind, inode))) else None
        for inode in (first, second)
    ]
    return NamespacePair(
        kind, first, second, owners[0], owners[1], snapshot.is_initial(kind, first), snapshot.is_initial(kind, second)
    )


def _values(
    snapshot: Snapshot, a: Process, b: Process, known: Sequence[Security | None], cgroups: Sequence[Cgroup | None]
) -> tuple[Value, ...]:
    def told(process: Process, known: Security | None, cgroup: Cgroup | None) -> dict[str, str | None]:
        container = snapshot.container_of(process)
        values: dict[str, str | None] = {
            "container": container.name if container else "none",
            "image": container.image if container else "none",
            "command": process.command,
            "runs as": process.users_told,
            "pid inside": str(process.nspid[-1]),
            "cgroup path": process.cgroup or None,
            **(limits(cgroup) if cgroup else {}),
        }
        if known is None:
            return values
        return values | {
            "groups": " ".join(map(str, known.groups)) or "none",
            "seccomp": None if known.seccomp is None else SECCOMP[min(known.seccomp, 2)],
            "no_new_privs": None if known.no_new_privs is None else "yes" if known.no_new_privs else "no",
            "uid_map": id_map(known.uid_map),
            "gid_map": id_map(known.gid_map),
            "label": f"{known.label.module} {known.label.text}" if known.label else "unconfined",
        }

    first, second = (told(*of) for of in zip((a, b), known, cgroups, strict=True))
    return tuple(Value(name, first.get(name), second.get(name)) for name in {**first, **second})


def limits(of: Cgroup) -> dict[str, str | None]:
    """{limit: its value in words, with the cgroup above that sets it, if one does}; None if nothing of it is known."""
    found = of.memory, of.cpu, of.pids

    def told(resource: Resource | None, value: Callable[[float], str]) -> str | None:
        if resource is None or resource.limit is None:
            return "none" if any(found) else None  # unlimited, unless the cgroups are out of view
        return value(resource.limit) + (
            f", of {resource.limited_by}" if resource.limited_by not in (None, of.path) else ""
        )

    return {
        "memory limit": told(of.memory, bytes_text),
        "cpu limit": told(of.cpu, lambda number: f"{number:g} of a processor"),
        "pids limit": told(of.pids, lambda number: f"{number:.0f}"),
    }


def id_map(lines: Sequence[tuple[int, int, int]]) -> str:
    """A uid_map or gid_map in words: "0-65535 → 100000"."""
    words = [
        f"{inside} → {outside}" if number == 1 else f"{inside}-{inside + number - 1} → {outside}"
        for inside, outside, number in lines
    ]
    return ", ".join(words) or "none"


def _capabilities(a: Capabilities, b: Capabilities) -> tuple[Capability, ...]:
    found = []
    for name in _SETS:
        first, second = getattr(a, name), getattr(b, name)
        sets = (first & ~second, second & ~first, first & second)
        found.append(Capability(name, *(tuple(names(mask)) for mask in sets)))
    return tuple(found)


def _mounts(
    a: Security | None, b: Security | None, cgroup_a: str, cgroup_b: str
) -> tuple[tuple[Mounted, ...] | None, int]:
    """(the mounts that differ in files or options, or None; the number of mounts that do not differ)."""
    if a is None or b is None or a.mounts is None or b.mounts is None:
        return None, 0
    # A path leads to the last mount at a place, which hides those before it.
    first, second = ({mount.point: mount for mount in known.mounts or ()} for known in (a, b))
    differing = []
    for point in sorted({*first, *second}):
        left, right = first.get(point), second.get(point)
        if left is None or right is None or not _alike(left, cgroup_a, right, cgroup_b):
            differing.append(Mounted(point, left, right))
    return tuple(differing), len({*first, *second}) - len(differing)


def _alike(a: PathMount, cgroup_a: str, b: PathMount, cgroup_b: str) -> bool:
    """True if two mounts show the same by the same options: two instances of a file system, such as each container's
    /proc, are the same, and so are two mounts of each process's own cgroup."""
    both_own = a.fstype.startswith("cgroup") and (a.root, b.root) == (cgroup_a, cgroup_b)
    first, second = ((m.fstype, m.options, m.super_options) for m in (a, b))
    shown_a, shown_b = ((m.device if m.host else None, m.root) for m in (a, b))
    return first == second and (both_own or shown_a == shown_b)


def printed(found: Comparison) -> "ComparisonReport":
    """The object of `nsview compare --json`; an unknown value is null."""

    def chain_of(links: Sequence[ChainLink]) -> "list[ListedLink]":
        return [{"pid": link.process.pid, "comm": link.process.comm, "link": link.link} for link in links]

    def side(n: NamespacePair) -> "ComparedNamespace":
        return {"a": n.a, "b": n.b, "owner_a": n.owner_a, "owner_b": n.owner_b, "same": n.same}

    return {
        "schema": SCHEMA,
        "a": found.a.pid,
        "b": found.b.pid,
        "parted": {"common": chain_of(found.common), "a": chain_of(found.way_a), "b": chain_of(found.way_b)},
        "namespaces": {n.kind: side(n) for n in found.namespaces},
        "values": {v.name: {"a": v.a, "b": v.b, "same": v.same} for v in found.values},
        "capabilities": {c.set: {"a": [*c.only_a], "b": [*c.only_b], "both": [*c.both]} for c in found.capabilities},
        "mounts": None if found.mounts is None else {
            "same": found.mounts_alike, "different": msgspec.to_builtins(found.mounts),
        },
    }  # fmt: skip


def held(own: Sequence[str], of: Capability) -> str:
    """The capabilities of one process in words: the number of the common ones, and its `own` by name."""
    if of.same:
        return f"{len(of.both)} the same" if of.both else "none"
    both = f"the {len(of.both)} of both" if of.both else ""
    return ", ".join(filter(None, (both, " ".join(own)))) or "none"


def way(links: Sequence[ChainLink], most: int = 3) -> str:
    """The links of one process below the common ones, in words, the first `most`: not yet `safe`."""
    words = " → ".join(f"{link.process.pid} {link.process.comm}" for link in links[:most])
    return (words + (" …" if len(links) > most else "")) or "is above the other"


def inode(number: int | None, host: bool) -> str:
    """The namespace of one process, in words. host: it is the host's first."""
    return "?" if number is None else f"{number} host" if host else str(number)


def mounted(mount: PathMount | None) -> str:
    """A mount in words: not yet `safe`."""
    if mount is None:
        return "-"
    source = mount.host or (mount.source if mount.root == "/" else f"{mount.source}[{mount.root}]")
    return f"{mount.fstype} {source} {','.join(mount.options)}"

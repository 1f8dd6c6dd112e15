"""The containers of the host: found by cgroups, shims and state on disk. No daemon is asked.

One file per runtime, with the interface that `supervisor` describes.

Order of trust: the cgroup path tells that there is a container and its processes; the shim, conmon or other
supervisor that is really the parent of its first process, and stands outside of it, tells its runtime; the state
directory, found through that supervisor, tells its name. The evidence used is kept as the container's `witness`.
Any process may bear a shim's name, and a user with a delegated part of the cgroup tree may name a cgroup in it like a
container's.
"""

from __future__ import annotations

from .. import cgroup as cgroups
from .. import files, hostfiles, mountinfo
from . import (
    condition,
    containerd,
    crio,
    directories,
    docker,
    kubernetes,
    lxc,
    nspawn,
    podman,
    runc,
    supervisor,
    witness,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any, Tuple, TypeVar, Union

    from ..mountinfo import Mount
    from ..namespaces import Pair
    from ..protocol import Container, Process
    from .containerd import Bundle, Shim
    from .supervisor import Draft, Found, Population

    _T = TypeVar("_T")
    ContainerPlace = Union[str, Tuple[int, int], Tuple[str, str]]
    """A container's own cgroup, or (0, its first process), or ("restarting", its id)"""

_OTHERS = (podman, crio, lxc, nspawn, runc, containerd)
"""The runtimes whose containers no shim runs, in order of trust: an engine may run its containers by runc. The first
that is believed of a first process has it; what the others say of that process does not count."""


def identify(host: Population) -> tuple[list[Container], dict[int, str]]:
    """(containers, {pid: container key}): the frames' records in order of key, and the container of each member.

    host: its cache is kept between calls.
    """
    files.damaged.clear()
    processes = host.processes
    shims = _shims(host)
    text = hostfiles.mounts()
    host.mounts = host.kept.get(("mounts", text), lambda: mountinfo.parse(text))
    host.mounts_seen = witness.mounts_of_host()
    hierarchies = host.kept.get(("hierarchies", text), lambda: hostfiles.hierarchies(host.mounts))
    host.cgroups = witness.Cgroups(hierarchies)
    found = host.places = _by_cgroups(host)

    # A containerd id is free-form, so its cgroup (/default/web) is known only through the shim's first process.
    # Those with one come first: a container without a cgroup of its own must not be a part of another either.
    # The host's own shims come before those in a container, which may not contradict them.
    described: dict[ContainerPlace, Bundle] = {}
    strangers: set[ContainerPlace] = set()  # known by a stranger's word alone, which counts within a container
    for bundle in sorted(_bundles(shims, host), key=lambda bundle: _rank(bundle, host)):
        init = bundle.init or 0
        place: ContainerPlace = bundle.cgroup or _left_behind(bundle, found, host) or (0, init)
        if isinstance(place, tuple) and _is_part(processes[init], processes[bundle.shim.pid or 0], found):
            continue
        record = found.get(place)
        stranger = bundle.shim.pid is not None and host.is_stranger(processes[bundle.shim.pid])
        if record is None:
            cgroup = "cgroup " + bundle.cgroup if bundle.cgroup else None
            record = found[place] = _record(bundle.id, None, cgroup, bundle.shim.uid)
            strangers.update([place] if stranger else [])
        elif place in described or stranger or not _believed(record, bundle.shim.uid):
            continue
        described[place] = bundle
        containerd.describe(record, bundle, host)
    host.supervised = {(bundle.shim.namespace, bundle.id) for bundle in described.values()}
    host.directories = directories.Directories(host)
    for place, bundle in described.items():
        if bundle.shim.namespace == docker.ENGINE_NAMESPACE:
            docker.describe(found[place], host, bundle.config, bundle.shim)
    strangers |= _add_others(found, host)

    _assign_members(found, host)
    for record in found.values():
        _find_shim(record, shims, host)
    found = {place: record for place, record in found.items() if _is_container(record, processes)}
    firsts = {record["init_pid"]: record for record in found.values()}
    for place, record in found.items():
        record["outer"] = _outer(place, record, found, firsts, processes)
    found = _without(strangers, found)
    for place, record in found.items():
        _complete(record, place, host, hierarchies)
    _find_daemons(found.values(), shims, host)
    found.update(_restarting(host, {record["id"] for record in found.values()}))
    containers = _with_keys(sorted(found.values(), key=lambda record: _doubt(record, processes)))
    members = {pid: record["key"] for record in containers for pid in record["pids"]}
    host.kept.forget_unused()
    return containers, members


def _by_cgroups(host: Population) -> dict[ContainerPlace, Draft]:
    """The records of the containers that cgroups are named for."""
    found: dict[ContainerPlace, Draft] = {}
    for path in host.by_path:
        for claim in cgroups.claims(path) if host.claims.get(path) else ():
            if claim.path in found:
                continue
            found[claim.path] = _record(claim.id, claim.runtime, "cgroup " + claim.path, host.cgroups.owner(claim.path))
            if claim.pod_uid:
                found[claim.path]["pod"] = {"name": "", "namespace": "", "uid": claim.pod_uid}
    return found


def follow(host: Population, containers: list[Container], changes: Collection[Pair]) -> list[Container] | None:
    """The containers after these changes of processes. None if `identify` must be asked again.

    containers: the frames' records. changes: (record before or None, record now or None) of each process that changed;
    the new records' `container` is set. A child of a process that watches over nothing, in the cgroup of its parent or
    of another known process, belongs to its container.
    """
    if not changes:
        return containers
    if host.standing is None or host.standing[0] is not containers:
        host.standing = containers, *_standing(host, containers)
    _, pillars, own, inside = host.standing
    joined: dict[str, set[int]] = {}
    left: dict[str, set[int]] = {}
    for old, new in changes:
        if old and (old["pid"] in pillars or supervisor.watches(old)):
            return None
        if new:
            if supervisor.watches(new) or new["pid"] in pillars or new["ppid"] in host.watching:
                return None
            key = next((own[above] for above in cgroups.ancestors(new["cgroup"]) if above in own), None)
            within = inside.get(new["namespaces"].get("pid", 0))
            if (key is None and host.claims.get(new["cgroup"])) or (key and within):
                return None
            key = key or within
            new["container"] = key
            if key and not (old and old["container"] == key):
                joined.setdefault(key, set()).add(new["pid"])
        if old and old["container"] and not (new and new["container"] == old["container"]):
            left.setdefault(old["container"], set()).add(old["pid"])
    if not joined and not left:
        return containers
    followed = [
        _followed(record, joined.get(key, set()), left.get(key, set()), host.processes)
        if (key := record["key"]) in joined or key in left
        else record
        for record in containers
    ]
    host.standing = followed, pillars, own, inside
    return followed


def _followed(record: Container, joined: set[int], left: set[int], processes: Mapping[int, Process]) -> Container:
    """A container's record after these have become its members, or are so no longer."""
    new: Container = {**record, "pids": sorted(set(record["pids"]) - left | joined)}
    stayed = {pid for pid in record["execs"] if pid not in left and pid in processes}
    new["execs"] = sorted(stayed | set(condition.sessions(joined, new, processes)))
    return new


def _standing(host: Population, containers: list[Container]) -> tuple[set[int], dict[str, str], dict[int, str]]:
    """(the pids that containers are known by, {a container's own cgroup path: its key}, {a pid namespace: the key of
    the container without a cgroup of its own that it is of})."""
    pillars: set[int] = set()
    own: dict[str, str] = {}
    inside: dict[int, str] = {}
    for record in containers:
        pillars.update(pid for pid in (record["init_pid"], record["shim_pid"], record["daemon_pid"]) if pid)
        path = cgroups.own(record["witness"])
        if path is not None:
            own[path] = record["key"]
        else:
            init = host.processes.get(record["init_pid"] or 0)  # None if the process has exited just now
            inode = _own_pid_namespace(init) if init else None
            if inode:
                inside[inode] = record["key"]
    return pillars, own, inside


def changes(before: list[Container], after: list[Container]) -> tuple[list[Container], list[str]]:
    """(records that are new or changed, keys that are gone) from some records to the next."""
    if before is after:
        return [], []
    known = {record["key"]: record for record in before}
    changed = [r for r in after if (b := known.pop(r["key"], None)) is not r and b != r]
    return changed, list(known)


class Cache:
    """The values read from disk, for as long as each scan asks for them again."""

    def __init__(self) -> None:
        self._old: dict[Any, Any] = {}
        self._new: dict[Any, Any] = {}

    def get(self, key: Any, read: Callable[[], _T]) -> _T:
        """The value under key, read() if it is not known yet; None is never kept, so it is tried again."""
        value: _T | None = self._new.get(key)
        if value is None:
            value = self._old.get(key)
            if value is None:
                value = read()
            if value is not None:
                self._new[key] = value
        return value

    def has(self, key: Any) -> bool:
        """True if there is a value under key; it is kept then."""
        return self.get(key, lambda: None) is not None

    def forget_unused(self) -> None:
        self._old, self._new = self._new, {}


def _rank(bundle: Bundle, host: Population) -> tuple[bool, bool, int, bool, int]:
    """The sort key of the order in which the words of shims count."""
    shim = host.processes[bundle.shim.pid or 0]
    return bundle.cgroup is None, bundle.shim.uid != 0, len(shim["nspid"]), host.within(shim) is not None, shim["start"]


def _believed(record: Draft, uid: int) -> bool:
    """True if the word of this user counts for a container: a user's for that user's alone; root's makes it root's
    engine's. A cgroup of unknown owner belongs to the owner of its first process."""
    if uid == 0 or record["uid"] == witness.NOBODY:
        record["uid"] = uid
    return record["uid"] == uid


def _is_container(record: Draft, processes: Mapping[int, Process]) -> bool:
    """True if the evidence is enough: root's word; a user's, if the kernel tells that its first process is in a user
    namespace below the host's: no user can confine a process without."""
    if record["uid"] == 0:
        return True
    init = processes.get(record["init_pid"] or 0)
    return record["uid"] != witness.NOBODY and init is not None and witness.confined(init["namespaces"])


def _outer(
    place: ContainerPlace,
    record: Draft,
    found: Mapping[ContainerPlace, Draft],
    firsts: Mapping[int | None, Draft],
    processes: Mapping[int, Process],
) -> Draft | None:
    """The record of the container that a container's engine runs in. None if it is the host's. firsts: {first process:
    record}.

    Its cgroup may be in another's by the host's engine (docker run --cgroup-parent): then its parent is above the pid
    namespace of that.
    """
    process = processes.get(record["init_pid"] or 0)
    parent = processes.get(process["ppid"]) if process else None
    shim = processes.get(record["shim_pid"] or 0)
    path = shim["cgroup"] if shim else place if isinstance(place, str) else ""
    for above in cgroups.ancestors(path):
        if above in found and found[above] is not record:
            first = processes.get(found[above]["init_pid"] or 0)
            if not (first and parent and _own_pid_namespace(first) and len(parent["nspid"]) < len(first["nspid"])):
                return found[above]
    # Without a cgroup of its own, or out of it, a container's process is still below its first one.
    while process := processes.get(process["ppid"]) if process else None:
        other = firsts.get(process["pid"])
        if other is not None and other is not record:
            return other
    return None


def _record(id: str, runtime: str | None, said: str | None, uid: int = 0) -> Draft:
    return {
        "key": "", "id": id, "name": id[:12] if len(id) == 64 else id, "runtime": runtime, "engine_namespace": None,
        "image": None, "pod": None, "role": "container", "init_pid": None, "pids": [], "shim_pid": None,
        "daemon_pid": None, "uid": uid, "outer": None, "witness": [said] if said else [], "state": None, "execs": [],
        "supervisor_gone": False, "restarts": None, "project": None,
    }  # fmt: skip


def _shims(host: Population) -> dict[int, Shim]:
    """The shims of containerd's, by pid."""
    found = {process["pid"]: containerd.shim(process, host.owner) for process in host.watchers()}
    return {pid: shim for pid, shim in found.items() if shim}


def _bundles(shims: Mapping[int, Shim], host: Population) -> list[Bundle]:
    """The bundle of each live container of each shim. A pod's shim runs several, each with a bundle beside the shim's
    own."""
    processes, claims = host.processes, host.claims
    bundles: list[Bundle] = []
    for pid, shim in shims.items():
        own = host.children(pid)
        ids = {shim.id}
        maybe = set()
        for child in own:
            if claims.get(child["cgroup"]):
                ids.update(claim.id for claim in cgroups.claims(child["cgroup"]))
            elif not containerd.own_cgroup(child["cgroup"], shim.id):
                maybe.add(containerd.named_after(child["cgroup"]))
        for id in sorted(ids | maybe):
            key = ("bundle", pid, processes[pid]["start"], shim.uid, id)
            bundle: Bundle | None = host.kept.get(key, supervisor.later(containerd.read_bundle, shim, id))
            if bundle:
                # The kernel's word against the file's: the first process must be a child of that very shim, which may
                # itself be in a pid namespace and count in that.
                level = len(processes[pid]["nspid"]) - 1
                init = next((child for child in own if child["nspid"][level : level + 1] == [bundle.init_pid]), None)
            else:
                bundle = containerd.bundle_unread(shim, id, own) if id in ids else None
                init = processes[bundle.init or 0] if bundle else None
            if bundle and init:
                bundle.init = init["pid"]
                claim = claims.get(init["cgroup"])
                bundle.cgroup = claim.path if claim and claim.id == id else containerd.own_cgroup(init["cgroup"], id)
                if bundle.cgroup is None or containerd.outside(processes[pid]["cgroup"], bundle.cgroup):
                    bundles.append(bundle)
    return bundles


def _without(strangers: set[ContainerPlace], found: dict[ContainerPlace, Draft]) -> dict[ContainerPlace, Draft]:
    """The containers but those that are known by the word of a stranger in no container, and those within them."""
    ids = {id(found[place]) for place in strangers & found.keys()}

    def told(record: Draft) -> bool:
        while record["outer"]:
            record = record["outer"]
        return id(record) not in ids

    return {place: record for place, record in found.items() if told(record)} if ids else found


def _add_others(found: dict[ContainerPlace, Draft], host: Population) -> set[ContainerPlace]:
    """Add the containers that runtimes other than containerd know of. The places known by a stranger's word alone."""
    strangers: set[ContainerPlace] = set()
    known = {record["init_pid"] for record in found.values()}
    for runtime in _OTHERS:
        for container in runtime.find(host):
            uid = host.owner(container.supervisor) if container.supervisor else container.uid
            place = None if container.init_pid in known else _place(container, found, host)
            if place is None or uid == witness.NOBODY:
                continue
            record = found.get(place)
            stranger = container.supervisor is not None and host.is_stranger(container.supervisor)
            if record is None:
                cgroup = "cgroup " + place if isinstance(place, str) else None
                record = found[place] = _record(container.id, None, cgroup, uid)
                strangers.update([place] if stranger else [])
            elif stranger or not _believed(record, uid):
                continue
            known.add(container.init_pid)
            record["runtime"] = record["runtime"] or container.runtime
            if container.supervisor:
                host.supervised.add((None, container.id))
            record["init_pid"] = container.init_pid
            container.describe(record)
    return strangers


def _place(container: Found, found: Mapping[ContainerPlace, Draft], host: Population) -> ContainerPlace | None:
    """The container's own cgroup, or (0, init_pid) if it has none. None if the claim can't be true."""
    path = host.processes[container.init_pid]["cgroup"]
    claim = host.claims.get(path)
    own: str | None
    if claim and claim.id == container.id:
        own = claim.path
    else:
        own = containerd.own_cgroup(path, container.id)
        if own and container.id.endswith((".slice", ".scope", ".service")):
            own = None  # one of systemd's, which has others in it
    if own is None:
        # A container without a cgroup of its own must not be a part of another either.
        init = host.processes[container.init_pid]
        part = _is_part(init, container.supervisor or host.processes.get(init["ppid"]), found)
        return None if part else (0, container.init_pid)
    if container.supervisor and not containerd.outside(container.supervisor["cgroup"], own):
        return None
    return own


def _nearest(path: str, found: Collection[ContainerPlace]) -> str | None:
    """The container's own cgroup that a path is in, the deepest. None if it is in none."""
    return next((above for above in cgroups.ancestors(path) if above in found), None)


def _left_behind(bundle: Bundle, found: Mapping[ContainerPlace, Draft], host: Population) -> str | None:
    """The container's own cgroup, out of which its first process was moved, and its children or others of its own pid
    namespace were not. None if there is none."""
    init = host.processes[bundle.init or 0]
    inode = _own_pid_namespace(init)
    for path, record in found.items():
        if record["id"] == bundle.id and isinstance(path, str):
            others = [host.processes[pid] for pid in host.by_path.get(path, ())]
            if any(p["ppid"] == init["pid"] or (inode and p["namespaces"].get("pid") == inode) for p in others):
                return path
    return None


def _is_part(init: Process, supervisor: Process | None, found: Collection[ContainerPlace]) -> bool:
    """True if a first process without a cgroup of its own is a part of the container in whose cgroup it is. One whose
    supervisor, or else its parent, stands outside of that was moved there."""
    above = _nearest(init["cgroup"], found)
    return above is not None and not (supervisor and containerd.outside(supervisor["cgroup"], above))


def _assign_members(found: Mapping[ContainerPlace, Draft], host: Population) -> None:
    """Assign each process to the container whose cgroup is the nearest above its own.

    A container without a cgroup of its own has the processes in its first process's pid namespace, if that is its own,
    but for those that are in the cgroup of another container than that one is.
    """
    processes = host.processes
    for path, pids in host.by_path.items():
        above = _nearest(path, found)
        if above is not None:
            found[above]["pids"].extend(pids)
    without = [record for place, record in found.items() if isinstance(place, tuple)]
    if without:
        inside: dict[int | None, list[int]] = {}
        for process in processes.values():
            inside.setdefault(process["namespaces"].get("pid"), []).append(process["pid"])
        for record in without:
            init_pid = record["init_pid"] or 0
            inode = _own_pid_namespace(processes[init_pid])
            above = _nearest(processes[init_pid]["cgroup"], found)
            beside = inside[inode] if inode else [init_pid]
            record["pids"] = [pid for pid in beside if _nearest(processes[pid]["cgroup"], found) == above]
            if above is not None:
                found[above]["pids"] = sorted({*found[above]["pids"]}.difference(record["pids"]))
    _assign_first(found)
    for record in found.values():
        record["pids"].sort()


def _assign_first(found: Mapping[ContainerPlace, Draft]) -> None:
    """Assign each first process to its own container, whatever cgroup below the container's it has gone to: a container
    could else hide, or pass for another by the name of a cgroup that it made."""
    firsts = {record["init_pid"]: record for record in found.values() if record["init_pid"] is not None}
    for record in found.values():
        record["pids"] = [pid for pid in record["pids"] if firsts.get(pid, record) is record]
    for pid, record in firsts.items():
        if pid not in record["pids"]:
            record["pids"].append(pid)


def _complete(record: Draft, place: ContainerPlace, host: Population, hierarchies: Mapping[str, list[Mount]]) -> None:
    """Put into a record the facts for which its user and place must be known."""
    outer = record["outer"]
    pid = outer["init_pid"] if outer else None
    named = record["runtime"] == "docker" and record["engine_namespace"] is None and not record["uid"]
    if named and (pid in host.processes or not outer):
        # Known by its cgroup alone, which only root could have named: the host's, or that of the container around it.
        docker.describe(record, host, {}, docker.gone_shim(record["id"], pid))
    if record["pod"] and record["pod"]["uid"] and record["runtime"] != "podman":
        kubernetes.describe(record, record["pod"], host.kept)
    path = place if isinstance(place, str) else host.processes[record["init_pid"] or 0]["cgroup"]
    condition.describe(record, path, hierarchies, host.processes)


def _restarting(host: Population, known: set[str]) -> dict[ContainerPlace, Draft]:
    """{a place that is no process's: record} of the containers that have no process now, and will."""
    found: dict[ContainerPlace, Draft] = {}
    for id in docker.restarting(host, known):
        record = found["restarting", id] = _record(id, "docker", None)
        docker.describe(record, host, {}, docker.gone_shim(id))
        record["state"] = "restarting"
    return found


def _own_pid_namespace(init: Process) -> int | None:
    """The inode of the pid namespace of which a process is the first. None if it is the first of none."""
    return init["namespaces"].get("pid") if init["nspid"][-1] == 1 else None


def _find_shim(record: Draft, shims: Mapping[int, Shim], host: Population) -> None:
    """Find the shim that is the parent of one of the members; also if its bundle could not be read."""
    processes = host.processes
    if record["shim_pid"] is not None:
        return
    members = set(record["pids"])
    tops = [pid for pid in record["pids"] if processes[pid]["ppid"] not in members]
    for pid in tops:
        parent = processes[pid]["ppid"]
        shim = shims.get(parent)
        if shim and parent not in members and _believed(record, shim.uid):
            record["shim_pid"] = parent
            record["engine_namespace"] = shim.namespace
            record["runtime"] = record["runtime"] or (
                "docker" if shim.namespace == docker.ENGINE_NAMESPACE else "containerd"
            )
            record["witness"].append("shim %d" % parent)
            break
    if record["init_pid"] is None and tops:
        # pid 1 of its pid namespace, else the oldest of those that came from outside and are not at their end
        firsts = [pid for pid in tops if len(processes[pid]["nspid"]) > 1 and processes[pid]["nspid"][-1] == 1]
        firsts = firsts or [pid for pid in tops if not _is_orphaned(processes[pid], processes)]
        record["init_pid"] = min(firsts, key=lambda pid: (processes[pid]["start"], pid), default=None)


def _is_orphaned(process: Process, processes: Mapping[int, Process]) -> bool:
    """True if pid 1 of a process's pid namespace has exited, with which the kernel ends all that are in there
    (pid_namespaces(7)): seen for a moment, between the two."""
    inode = process["namespaces"].get("pid")
    if len(process["nspid"]) < 2 or inode is None:
        return False
    return all(_own_pid_namespace(other) != inode for other in processes.values())


def _find_daemons(records: Iterable[Draft], shims: Mapping[int, Shim], host: Population) -> None:
    processes = host.processes
    # A daemon in a container listens by the same path as the host's does, in a mount namespace of its own.
    wanted: dict[tuple[Any, ...], list[Draft]] = {}
    for record in records:
        pid = record["shim_pid"]
        if pid is not None and pid in shims:
            shim, process = shims[pid], processes[pid]
            key = shim.address, _pid_namespace(process), host.within(process), shim.uid
            wanted.setdefault(key, []).append(record)
    if not wanted:
        return
    daemons = [process for process in host.watchers() if containerd.is_daemon(process)]
    for (address, inside, within, uid), own in wanted.items():
        beside = [
            p for p in daemons
            if _pid_namespace(p) == inside and host.within(p) == within and host.owner(p) == uid
        ]  # fmt: skip
        daemon = containerd.daemon_of(address, beside, host.kept)
        for record in own:
            record["daemon_pid"] = daemon


def _pid_namespace(process: Process) -> tuple[int, int | None]:
    """A key that tells pid namespaces apart, also if their inodes can't be read."""
    return len(process["nspid"]), process["namespaces"].get("pid")


def _doubt(record: Draft, processes: Mapping[int, Process]) -> tuple[bool, bool, bool, bool, int, int]:
    """The sort key by which the true owner of a container's key comes before those that merely claim it."""
    shim = processes.get(record["shim_pid"] or 0)
    cgroup = next((word for word in record["witness"] if word.startswith("cgroup ")), None)
    claimed = record["outer"] is not None, record["uid"] != 0
    if shim is None:
        return *claimed, cgroup is None, True, 0, len(cgroup or "")
    return *claimed, cgroup is None, False, len(shim["nspid"]), len(cgroup or "")


def _with_keys(records: Iterable[Draft]) -> list[Container]:
    """The finished records. Ids are unique within one daemon only; a second of the same key names its first process."""
    seen: dict[str, Draft] = {}
    for record in records:
        if not record["pids"] and record["state"] != "restarting":
            continue
        runtime = record["runtime"] or "unknown"
        record["runtime"] = runtime
        id = record["id"]
        if runtime == "containerd" and record["engine_namespace"]:
            id = record["engine_namespace"] + "/" + id
        key = runtime + ":" + id
        if key in seen:
            key = "%s#%d" % (key, record["init_pid"] or record["pids"][0])
        record["key"] = key
        seen[key] = record
    return [_finished(seen[key]) for key in sorted(seen)]


def _finished(record: Draft) -> Container:
    outer = record["outer"]
    # A container whose only members are in its own containers has no key.
    key = outer and (outer["key"] or "%s:%s" % (outer["runtime"] or "unknown", outer["id"]))
    return {
        **record,
        "runtime": record["runtime"] or "unknown",
        "witness": "; ".join(record["witness"]),
        "outer": key,
    }

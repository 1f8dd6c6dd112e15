"""Who runs what: containers from cgroups, shims and state on disk. No daemon is asked.

One file per runtime, with the interface that `supervisor` describes.

Order of trust: the cgroup path says that there is a container and which processes it has; the shim, conmon or other
supervisor that is really the parent of its first process, and stands outside of it, says who runs it; the state
directory, found through that supervisor, says what it is called. What was used is kept as the container's `witness`.
Any process may bear a shim's name, and whoever was given a part of the cgroup tree may name a cgroup in it like a
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
from .supervisor import Host as Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OTHERS = (podman, crio, lxc, nspawn, runc, containerd)
"""What tells of containers that no shim runs, in order of trust: runc may be what an engine runs its containers by."""


def identify(host):
    """(containers, {pid: container key}): the frames' records in order of key, and whose each member is.

    host: a supervisor.Host, whose cache is kept between calls.
    """
    files.damaged.clear()
    processes = host.processes
    shims = {shim.pid: shim for shim in (containerd.shim(process, host.owner) for process in host.watchers()) if shim}
    text = hostfiles.mounts()
    host.mounts = host.kept.get(("mounts", text), lambda: mountinfo.parse(text))
    host.mounts_seen = witness.mounts_of_host()
    hierarchies = host.kept.get(("hierarchies", text), lambda: hostfiles.hierarchies(host.mounts))
    named_by = host.cgroups = witness.Cgroups(hierarchies)
    found = host.places = {}  # the container's own cgroup path: record in the making
    for path in host.by_path:
        for claim in cgroups.claims(path) if host.claims.get(path) else ():
            if claim.path in found:
                continue
            found[claim.path] = _record(claim.id, claim.runtime, "cgroup " + claim.path, named_by.owner(claim.path))
            if claim.pod_uid:
                found[claim.path]["pod"] = {"name": "", "namespace": "", "uid": claim.pod_uid}

    # A containerd id is free-form, so its cgroup (/default/web) is known only through the shim's first process.
    # Those with one come first: what stands in none of its own must not stand in another's either.
    # The host's own shims come before those in a container, which may not say it otherwise.
    described = {}
    strangers = set()  # places that are known by a stranger's word alone, which counts within a container
    for bundle in sorted(_bundles(shims, host), key=lambda bundle: _rank(bundle, host)):
        place = bundle.cgroup or (0, bundle.init)
        if not bundle.cgroup and any(above in found for above in cgroups.ancestors(processes[place[1]]["cgroup"])):
            continue
        record = found.get(place)
        stranger = host.is_stranger(processes[bundle.shim.pid])
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
    found = {place: record for place, record in found.items() if not _is_strangers(place, record, found, strangers)}
    for place, record in found.items():
        _complete(record, place, host, hierarchies)
    _find_daemons(found.values(), shims, host)
    found.update(_restarting(host, {record["id"] for record in found.values()}))
    containers = _with_keys(sorted(found.values(), key=lambda record: _doubt(record, processes)))
    members = {pid: record["key"] for record in containers for pid in record["pids"]}
    host.kept.forget_unused()
    return containers, members


def follow(host, containers, changes):
    """The containers after these changes of processes, or None where `identify` must be asked again.

    containers: the frames' records. changes: (record before or None, record now or None) of each process that changed;
    the new records' `container` is set. A child of a process that watches over nothing, in the cgroup of its parent or
    of another known process, belongs where that belongs.
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
            within = inside.get(new["namespaces"].get("pid"))
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


def _followed(record, joined, left, processes):
    """A container's record when these have become its members, or are so no longer."""
    new = dict(record, pids=sorted(set(record["pids"]) - left | joined))
    stayed = {pid for pid in record["execs"] if pid not in left and pid in processes}
    new["execs"] = sorted(stayed | set(condition.sessions(joined, new, processes)))
    return new


def _standing(host, containers):
    """(the pids that containers are known by, {a container's own cgroup path: its key}, {a pid namespace: the key of
    the container without a cgroup of its own that it is of})."""
    pillars: set[int] = set()
    own: dict[str, str] = {}
    inside: dict[int, str] = {}
    for record in containers:
        pillars.update(pid for pid in (record["init_pid"], record["shim_pid"], record["daemon_pid"]) if pid)
        witness = record["witness"].split("; ", 1)[0]
        if witness.startswith("cgroup "):
            own[witness[len("cgroup ") :]] = record["key"]
        else:
            init = host.processes.get(record["init_pid"])  # it may have ended just now
            inode = _own_pid_namespace(init) if init else None
            if inode:
                inside[inode] = record["key"]
    return pillars, own, inside


def changes(before, after):
    """{"containers": [record that is new or another], "containers_gone": [key]} from some records to the next."""
    if before is after:
        return {"containers": [], "containers_gone": []}
    known = {record["key"]: record for record in before}
    changed = [r for r in after if (b := known.pop(r["key"], None)) is not r and b != r]
    return {"containers": changed, "containers_gone": list(known)}


class Cache:
    """What was read from disk, for as long as each scan asks for it again."""

    def __init__(self):
        self._old = {}
        self._new = {}

    def get(self, key, read):
        """The value under key, read() where it is not known yet; None is never kept, so it is tried again."""
        value = self._new.get(key)
        if value is None:
            value = self._old.get(key)
            if value is None:
                value = read()
            if value is not None:
                self._new[key] = value
        return value

    def has(self, key):
        """Whether there is a value under key; it is kept then."""
        return self.get(key, lambda: None) is not None

    def forget_unused(self):
        self._old, self._new = self._new, {}


def _rank(bundle, host):
    """In order of this, what a shim says is listened to."""
    shim = host.processes[bundle.shim.pid]
    return bundle.cgroup is None, bundle.shim.uid != 0, len(shim["nspid"]), host.within(shim) is not None, shim["start"]


def _believed(record, uid):
    """A user's word counts for that user's container alone; root's makes it root's engine's. A cgroup of which it can't
    be told who named it is whoever's has its first process."""
    if uid == 0 or record["uid"] == witness.NOBODY:
        record["uid"] = uid
    return record["uid"] == uid


def _is_container(record, processes):
    """Root's word is enough. A user's is, where the kernel says that its first process is in a user namespace below the
    host's: no user can confine a process without."""
    if record["uid"] == 0:
        return True
    init = processes.get(record["init_pid"])
    return record["uid"] != witness.NOBODY and init is not None and witness.confined(init["namespaces"])


def _outer(place, record, found, firsts, processes):
    """The record of the container that a container's engine runs in, None where it is the host's. firsts: {first
    process: record}."""
    shim = processes.get(record["shim_pid"])
    inside = [place] if isinstance(place, str) else []
    for path in [*inside, *([shim["cgroup"]] if shim else [])]:
        for above in cgroups.ancestors(path):
            if above in found and found[above] is not record:
                return found[above]
    # Without a cgroup of its own, or out of it, a container's process is still below its first one.
    process = processes.get(record["init_pid"])
    while process := processes.get(process["ppid"]) if process else None:
        other = firsts.get(process["pid"])
        if other is not None and other is not record:
            return other
    return None


def _record(id, runtime, said, uid=0):
    return {
        "key": "", "id": id, "name": id[:12] if len(id) == 64 else id, "runtime": runtime, "engine_namespace": None,
        "image": None, "pod": None, "role": "container", "init_pid": None, "pids": [], "shim_pid": None,
        "daemon_pid": None, "uid": uid, "outer": None, "witness": [said] if said else [], "state": None, "execs": [],
        "supervisor_gone": False, "restarts": None,
    }  # fmt: skip


def _bundles(shims, host):
    """Each live container of each shim. A pod's shim runs several, each with a bundle beside the shim's own."""
    processes, claims = host.processes, host.claims
    bundles = []
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
            bundle = host.kept.get(key, lambda shim=shim, id=id: containerd.read_bundle(shim, id))
            if bundle:
                # The kernel's word against the file's: the first process must be a child of that very shim, which may
                # itself be in a pid namespace and count in that.
                level = len(processes[pid]["nspid"]) - 1
                init = next((child for child in own if child["nspid"][level : level + 1] == [bundle.init_pid]), None)
            else:
                bundle = containerd.bundle_unread(shim, id, own) if id in ids else None
                init = processes[bundle.init] if bundle else None
            if init:
                bundle.init = init["pid"]
                claim = claims.get(init["cgroup"])
                bundle.cgroup = claim.path if claim and claim.id == id else containerd.own_cgroup(init["cgroup"], id)
                if bundle.cgroup is None or containerd.outside(processes[pid]["cgroup"], bundle.cgroup):
                    bundles.append(bundle)
    return bundles


def _is_strangers(place, record, found, strangers):
    """A container, or one that it is in, is known by the word of a stranger that is in no container itself."""
    places = {id(record): place for place, record in found.items()}
    while record["outer"]:
        record = record["outer"]
        place = places[id(record)]
    return place in strangers


def _add_others(found, host):
    """The containers that runtimes other than containerd know of; {place: record} is added to. The places that are
    known by a stranger's word alone."""
    strangers = set()
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
                cgroup = None if place[0] == 0 else "cgroup " + place
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


def _place(container, found, host):
    """The container's own cgroup, or (0, init_pid) where it has none; None where it can't be what it is said to be."""
    path = host.processes[container.init_pid]["cgroup"]
    claim = host.claims.get(path)
    if claim and claim.id == container.id:
        own = claim.path
    else:
        own = containerd.own_cgroup(path, container.id)
        if own and container.id.endswith((".slice", ".scope", ".service")):
            own = None  # one of systemd's, which has others in it
    if own is None:
        # What stands in no cgroup of its own must not stand in another container's either.
        inside = any(above in found for above in cgroups.ancestors(path))
        return None if inside else (0, container.init_pid)
    if container.supervisor and not containerd.outside(container.supervisor["cgroup"], own):
        return None
    return own


def _assign_members(found, host):
    """A process belongs to the container whose cgroup is the nearest above its own.

    A container without a cgroup of its own has what shares its first process's pid namespace, if that is its own.
    """
    processes = host.processes
    for path, pids in host.by_path.items():
        for above in cgroups.ancestors(path):
            if above in found:
                found[above]["pids"].extend(pids)
                break
    without = [record for place, record in found.items() if isinstance(place, tuple)]
    if without:
        inside: dict[int, list[int]] = {}
        for process in processes.values():
            inside.setdefault(process["namespaces"].get("pid"), []).append(process["pid"])
        for record in without:
            inode = _own_pid_namespace(processes[record["init_pid"]])
            record["pids"] = inside[inode][:] if inode else [record["init_pid"]]
    _assign_first(found)
    for record in found.values():
        record["pids"].sort()


def _assign_first(found):
    """A container's first process is its own, into whatever cgroup below its own it has gone: else it would hide its
    container, and be another of the name that it gave that cgroup."""
    firsts = {record["init_pid"]: record for record in found.values() if record["init_pid"] is not None}
    for record in found.values():
        record["pids"] = [pid for pid in record["pids"] if firsts.get(pid, record) is record]
    for pid, record in firsts.items():
        if pid not in record["pids"]:
            record["pids"].append(pid)


def _complete(record, place, host, hierarchies):
    """Put into a record what needs to know whose it is and where it runs."""
    if record["runtime"] == "docker" and record["engine_namespace"] is None and not (record["uid"] or record["outer"]):
        # The cgroup alone tells of it, and only the host's root could have named that.
        docker.describe(record, host, {}, docker.gone_shim(record["id"]))
    if record["pod"] and record["pod"]["uid"] and record["runtime"] != "podman":
        kubernetes.describe(record, host.kept)
    path = place if isinstance(place, str) else host.processes[place[1]]["cgroup"]
    condition.describe(record, path, hierarchies, host.processes)


def _restarting(host, known):
    """{a place that is no process's: record} of the containers that have no process now, and will."""
    found = {}
    for id in docker.restarting(host, known):
        record = found["restarting", id] = _record(id, "docker", None)
        docker.describe(record, host, {}, docker.gone_shim(id))
        record["state"] = "restarting"
    return found


def _own_pid_namespace(init):
    """The inode of the pid namespace of which a process is the first, or None."""
    return init["namespaces"].get("pid") if init["nspid"][-1] == 1 else None


def _find_shim(record, shims, host):
    """The shim that is the parent of one of the members; also where its bundle could not be read."""
    processes = host.processes
    if record["shim_pid"] is not None:
        return
    members = set(record["pids"])
    tops = [pid for pid in record["pids"] if processes[pid]["ppid"] not in members]
    for pid in tops:
        shim = shims.get(processes[pid]["ppid"])
        if shim and shim.pid not in members and _believed(record, shim.uid):
            record["shim_pid"] = shim.pid
            record["engine_namespace"] = shim.namespace
            record["runtime"] = record["runtime"] or (
                "docker" if shim.namespace == docker.ENGINE_NAMESPACE else "containerd"
            )
            record["witness"].append("shim %d" % shim.pid)
            break
    if record["init_pid"] is None and tops:
        # pid 1 of its pid namespace, else the oldest of those that came from outside
        firsts = [pid for pid in tops if len(processes[pid]["nspid"]) > 1 and processes[pid]["nspid"][-1] == 1]
        record["init_pid"] = min(firsts or tops, key=lambda pid: (processes[pid]["start"], pid))


def _find_daemons(records, shims, host):
    processes = host.processes
    # A daemon in a container listens by the same path as the host's does, in a mount namespace of its own.
    wanted: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in records:
        if record["shim_pid"] in shims:
            shim = shims[record["shim_pid"]]
            process = processes[shim.pid]
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
        pid = containerd.daemon_of(address, beside, host.kept)
        for record in own:
            record["daemon_pid"] = pid


def _pid_namespace(process):
    """What tells pid namespaces apart, also where their inodes can't be read."""
    return len(process["nspid"]), process["namespaces"].get("pid")


def _doubt(record, processes):
    """In order of this, the container that a key stands for comes before those that merely claim it."""
    shim = processes.get(record["shim_pid"])
    cgroup = next((word for word in record["witness"] if word.startswith("cgroup ")), None)
    claimed = record["outer"] is not None, record["uid"] != 0
    if shim is None:
        return *claimed, cgroup is None, True, 0, len(cgroup or "")
    return *claimed, cgroup is None, False, len(shim["nspid"]), len(cgroup or "")


def _with_keys(records):
    """The finished records. Ids are unique within one daemon only; a second of the same key names its first process."""
    seen = {}
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
        record["witness"] = "; ".join(record["witness"])
        seen[key] = record
    for record in seen.values():
        outer = record["outer"]
        # One in which nobody is but those within its own containers has no key.
        record["outer"] = outer and (outer["key"] or "%s:%s" % (outer["runtime"] or "unknown", outer["id"]))
    return [seen[key] for key in sorted(seen)]

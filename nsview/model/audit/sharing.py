"""Rules on shared namespaces."""

from collections.abc import Iterator
from typing import Any

from ..holder_text import summary, words
from ..kinds import KIND_NAMES, KindName
from ..records import Process
from ..security import mask, names
from ..snapshot import of_kind
from ..text import count
from .rule import Case, Hit, Rule, Whole, of_container, of_host

LISTED = 20
"""So many of a kind are evidence enough."""

_SEPARATING: tuple[KindName, ...] = ("mnt", "pid", "net", "ipc", "uts")
"""The kinds that every engine gives a container its own of, unless told otherwise."""
_NET_HELPERS = ("rootlessport", "slirp4netns", "pasta", "passt", "netavark", "aardvark-dns")
"""Programs of podman and rootless docker that stand in a container's net namespace for it."""


def _host_evidence(case: Case, kind: KindName) -> dict[str, Any]:
    assert case.init is not None
    return {"pid": case.init.pid, "kind": kind, "inode": getattr(case.init.namespaces, kind)}


@of_container(
    Rule(
        "host-mnt", "high", "No file system of its own",
        "A container in the host's mount namespace sees and changes the host's files as they are.",
        "Find out who started it: no engine does this by itself.",
        covers=("host-path", "runtime-socket", "proc-writable", "proc-unmasked", "sys-writable", "cgroup-writable"),
    )
)  # fmt: skip
def host_mnt(case: Case) -> Iterator[Hit]:
    if case.is_host("mnt"):
        yield Hit("is in the host's mnt namespace", _host_evidence(case, "mnt"), case.weighed("high"))


@of_container(
    Rule(
        "host-pid", "high", "Sees the host's processes",
        "Command lines of the whole host are readable and its processes may be signalled; with SYS_PTRACE a process of "
        "the host can be made to run anything.",
        "Leave out --pid=host (hostPID in Kubernetes), or give it a user of its own.",
    )
)  # fmt: skip
def host_pid(case: Case) -> Iterator[Hit]:
    if not case.is_host("pid"):
        return
    evidence = _host_evidence(case, "pid")
    if case.security and case.security.in_reach & mask("SYS_PTRACE"):
        evidence["capabilities"] = ["SYS_PTRACE"]
        yield Hit("is in the host's pid namespace, and may trace", evidence, case.weighed("high"))
    else:
        yield Hit("is in the host's pid namespace", evidence, case.weighed("medium"))


@of_container(
    Rule(
        "host-net", "high", "On the host's network",
        "It listens on the host's addresses and reaches what trusts localhost and abstract sockets; with NET_ADMIN it "
        "rewrites the host's routes and firewall.",
        "Publish ports instead of --network=host (hostNetwork in Kubernetes).",
        covers=("host-uts",),  # Kubernetes shares both or neither
    )
)  # fmt: skip
def host_net(case: Case) -> Iterator[Hit]:
    if not case.is_host("net"):
        return
    evidence = _host_evidence(case, "net")
    if case.security and case.security.in_reach & mask("NET_ADMIN"):
        evidence["capabilities"] = ["NET_ADMIN"]
        yield Hit("is in the host's net namespace, and may configure it", evidence, case.weighed("high"))
    else:
        yield Hit("is in the host's net namespace", evidence, "medium")


@of_container(
    Rule(
        "host-ipc", "medium", "Shares memory with the host",
        "System V shared memory and message queues of the host's programs can be read and written, as far as their "
        "permissions let its user.",
        "Leave out --ipc=host (hostIPC in Kubernetes); share between containers with --ipc=container:NAME.",
    )
)  # fmt: skip
def host_ipc(case: Case) -> Iterator[Hit]:
    if case.is_host("ipc"):
        yield Hit("is in the host's ipc namespace", _host_evidence(case, "ipc"), case.weighed("medium"))


@of_container(
    Rule(
        "host-uts", "low", "Has the host's name",
        "With SYS_ADMIN it changes the host's name.",
        "Leave out --uts=host.",
    )
)  # fmt: skip
def host_uts(case: Case) -> Iterator[Hit]:
    if case.is_host("uts"):
        yield Hit("is in the host's uts namespace", _host_evidence(case, "uts"))


@of_container(
    Rule(
        "outside-namespaces", "medium", "In a container's cgroup, in the host's namespaces",
        "It counts as part of the container, but sees the host: somebody's way in or out.",
        "Look at its chain for who started it; a shell opened for one kind of namespace looks like this too.",
        within=_SEPARATING,
    )
)  # fmt: skip
def outside_namespaces(case: Case) -> Iterator[Hit]:
    if case.init is None:
        return
    apart = {}
    for process in case.strays:
        kinds = [k for k in _SEPARATING if case.whole.is_host(k, process) and _own(case.init, k, case)]
        if kinds:
            apart[process.pid] = kinds
    for process in case.whole.leaders(apart):
        kinds = apart[process.pid]
        yield Hit(
            f"is in the cgroup of {case.container.name}, but in the host's {', '.join(kinds)}",
            {"pid": process.pid, "container": case.container.key, "cgroup": process.cgroup, "kinds": kinds},
            "medium" if "mnt" in kinds or "pid" in kinds else "low",
            process.pid,
        )


def _own(process: Process, kind: KindName, case: Case) -> bool:
    """True if a process is known to be in another namespace than the host's first."""
    return getattr(process.namespaces, kind) is not None and not case.whole.is_host(kind, process)


@of_container(
    Rule(
        "other-container", "medium", "In one container's cgroup, in another's namespaces",
        "It is limited as part of one container and sees another, which neither of their owners may know.",
        "Look at its chain for who started it; containers that are to share belong into one pod.",
        within=_SEPARATING,
    )
)  # fmt: skip
def other_container(case: Case) -> Iterator[Hit]:
    if case.init is None:
        return
    whole = case.whole
    apart: dict[int, dict[str, str]] = {}
    for process in case.strays:
        for kind in _SEPARATING:
            inode = getattr(process.namespaces, kind)
            if inode is None or inode == getattr(case.init.namespaces, kind):
                continue
            other = whole.owners(kind).get(inode)
            if other and other != case.container.key:
                apart.setdefault(process.pid, {})[kind] = other
    for process in whole.leaders(apart):
        kinds = apart[process.pid]
        others = sorted({whole.snapshot.containers[key].name for key in kinds.values()})
        yield Hit(
            f"is in the cgroup of {case.container.name}, but in the {', '.join(kinds)} of {', '.join(others)}",
            {"pid": process.pid, "container": case.container.key, "kinds": kinds},
            subject=process.pid,
        )


@of_container(
    Rule(
        "own-namespaces", "low", "Further namespaces inside",
        "Some of its processes are in namespaces that are neither its own first ones nor anyone else's: sandboxes of "
        "browsers and services do that, and so does who hides something.",
        "Compare such a process with the container's first one (v on both, then c).",
        within=KIND_NAMES,
    )
)  # fmt: skip
def own_namespaces(case: Case) -> Iterator[Hit]:
    if case.init is None:
        return
    whole = case.whole
    apart = {}
    for process in case.strays:
        kinds = []
        for kind in KIND_NAMES:
            inode, first = getattr(process.namespaces, kind), getattr(case.init.namespaces, kind)
            if None in (inode, first) or inode == first or whole.snapshot.is_initial(kind, inode):
                continue
            if inode not in whole.owners(kind) and kind not in whole.unknown:
                kinds.append(kind)
        if kinds:
            apart[process.pid] = kinds
    leaders = list(whole.leaders(apart))
    if leaders:
        kinds = [kind for kind in KIND_NAMES if any(kind in apart[process.pid] for process in leaders)]
        number = len(leaders)
        yield Hit(
            f"has {count(number, 'process')} in further namespaces of its own: {', '.join(kinds)}",
            {
                "processes": [{"pid": p.pid, "comm": p.comm, "kinds": apart[p.pid]} for p in leaders[:LISTED]],
                "more": max(0, number - LISTED),
            },
        )


@of_host(
    Rule(
        "visitor", "medium", "In a container's namespaces, outside its cgroup",
        "No limit of the container holds it, it does not end with it, and it may have more privileges than anything "
        "inside: what nsenter leaves, or a way around the engine.",
        "Look at its chain for who started it; `nsview enter` joins the cgroup too.",
        within=_SEPARATING,
    )
)  # fmt: skip
def visitor(whole: Whole) -> Iterator[Hit]:
    apart: dict[int, dict[str, str]] = {}
    for kind in _SEPARATING:
        for inode, key in whole.owners(kind).items():
            for pid in whole.snapshot.members(kind).get(inode, ()):
                process = whole.snapshot.processes[pid]
                if process.container is None and not process.kthread and whole.settled(process):
                    apart.setdefault(pid, {})[kind] = key
    for process in whole.leaders(apart):
        kinds = apart[process.pid]
        deep = "mnt" in kinds or "pid" in kinds
        if not deep and process.comm.startswith(_NET_HELPERS):
            continue
        security = whole.facts.of(process)
        evidence: dict[str, Any] = {"pid": process.pid, "cgroup": process.cgroup, "kinds": kinds}
        if security:
            evidence["capabilities"] = names(security.capabilities.effective)
        of = sorted({whole.snapshot.containers[key].name for key in kinds.values()})
        yield Hit(
            f"is in the {', '.join(kinds)} of {', '.join(of)}, but not in its cgroup", evidence,
            "medium" if deep else "low", process.pid,
        )  # fmt: skip


@of_host(
    Rule(
        "pod-apart", "medium", "A pod whose containers do not share",
        "The containers of a pod share net, ipc and uts; one that does not is not where its pod's addresses and "
        "policies are.",
        "Restart the pod; if it stays so, look at who moved it.",
        within=("net", "ipc", "uts"),
    )
)  # fmt: skip
def pod_apart(whole: Whole) -> Iterator[Hit]:
    pods: dict[str, list[Case]] = {}
    for case in whole.cases.values():
        if case.container.pod and case.init:
            pod = case.container.pod
            pods.setdefault(pod.uid or pod.label, []).append(case)
    for cases in pods.values():
        # The sharing in podman's pods is for their maker to choose; a kind that no two of them share is not shared.
        chosen = any(case.container.runtime == "podman" for case in cases)
        apart: dict[str, dict[str, dict[str, int]]] = {}
        for kind in ("net", "ipc", "uts"):
            inodes = {c.container.key: i for c in cases if c.init and (i := getattr(c.init.namespaces, kind))}
            usual = max(set(inodes.values()), key=list(inodes.values()).count, default=None)
            if len(set(inodes.values())) < 2 or (chosen and list(inodes.values()).count(usual) < 2):
                continue
            # If none is usual, the others should share with the sandbox, else with the first.
            sandboxes = [c.container.key for c in cases if c.container.role == "sandbox"]
            if list(inodes.values()).count(usual) < 2:
                usual = inodes.get(sandboxes[0] if sandboxes else next(iter(inodes)))
            for key, inode in inodes.items():
                if inode != usual:
                    apart.setdefault(key, {})[kind] = {"inode": inode, "pod": usual or 0}
        for key, kinds in apart.items():
            own = whole.snapshot.containers[key].pod
            label = own.label if own else ""
            yield Hit(
                f"does not share {', '.join(kinds)} with the rest of its pod {label}",
                {"pod": label, "kinds": kinds},
                subject=key,
            )


@of_host(
    Rule(
        "orphaned-net", "low", "A net namespace without a process",
        "It keeps its devices, addresses and memory. `ip netns add` makes such on purpose; what an engine leaves "
        "behind looks the same.",
        "See what is in it first (`nsview list nets`): one that routes, or that a running process holds, is in use. "
        "Where nobody wants it: `ip netns delete NAME`, or unmount its path.",
        needs=("net",),
    )
)  # fmt: skip
def orphaned_net(whole: Whole) -> Iterator[Hit]:
    for namespace in of_kind(whole.snapshot, "net"):
        if namespace.initial or whole.snapshot.members("net").get(namespace.inode):
            continue
        yield Hit(
            f"has no process, {summary(namespace, whole.snapshot)}",
            {
                "inode": namespace.inode,
                "names": list(namespace.names),
                "held_by": [words(holder, whole.snapshot) for holder in namespace.held_by[:LISTED]],
                "searched": whole.snapshot.search is not None,
            },
            subject=f"net:{namespace.inode}",
            name=namespace.names[0].rpartition("/")[2] if namespace.names else "",
            many=f"{'named ' if namespace.names else ''}net namespaces without processes",
        )

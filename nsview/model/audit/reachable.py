"""Rules on the files of the host that a container can reach by a path."""

from collections.abc import Iterator
from functools import lru_cache

from ..security import DaemonSocket, PathMount, Security, mask, names
from .rule import SEVERITIES, Case, Hit, Rule, Severity, of_container

PATHS: dict[str, tuple[Severity, Severity | None]] = {
    "/": ("high", "medium"),
    "/etc": ("high", "medium"),
    "/etc/cron.d": ("high", None),
    "/etc/kubernetes": ("high", "medium"),
    "/etc/ssh": ("high", "medium"),
    "/etc/systemd": ("high", None),
    "/root": ("high", "medium"),
    "/root/.ssh": ("high", "medium"),
    "/home": ("high", "medium"),
    "/boot": ("high", None),
    "/usr": ("high", None),
    "/usr/bin": ("high", None),
    "/usr/lib": ("high", None),
    "/usr/local/bin": ("high", None),
    "/usr/sbin": ("high", None),
    "/proc": ("high", "low"),
    "/run": ("high", "low"),
    "/run/systemd": ("high", "low"),
    "/sys": ("medium", None),
    "/var/lib/containerd": ("high", "medium"),
    "/var/lib/containers": ("high", "medium"),
    "/var/lib/docker": ("high", "medium"),
    "/var/lib/kubelet": ("high", "medium"),
    "/var/spool/cron": ("high", None),
}
"""{directory of the host: (severity if it can be written, if it can be read, None for none)}. A mount of a directory
above gives it; a mount of a file below does not."""


@of_container(
    Rule(
        "runtime-socket", "high", "Reaches the socket of a container daemon",
        "Whoever talks to that daemon has it start a privileged container, and so is root on the host. A read-only "
        "mount does not prevent it.",
        "Give it a proxy that passes on the few requests it needs, or a rootless daemon's socket.",
    )
)  # fmt: skip
def runtime_socket(case: Case) -> Iterator[Hit]:
    place, security = case.place, case.security
    if place is None or place.inside is None or security is None:
        return
    # Within the host's whole root that can be written a socket is the least of it.
    roots = [mount.point.rstrip("/") + "/" for mount in place.mounts or () if mount.host == "/" and mount.writable]
    for socket in place.inside.sockets:
        if any(socket.path.startswith(root) for root in roots):
            continue
        severity, but = _usable(socket, security, case)
        yield Hit(
            f"reaches {socket.daemon}'s socket at {socket.path}{but}",
            {
                "path": socket.path,
                "host": socket.host,
                "daemon": socket.daemon,
                "known_by": "the daemon's own socket" if socket.known else "its name",
                "mode": f"{socket.mode:04o}",
                "uid": socket.uid,
                "gid": socket.gid,
            },
            severity,
        )


def _usable(socket: DaemonSocket, security: Security, case: Case) -> tuple[Severity, str]:
    """(the severity of a daemon's socket for a process by its permissions, a remark on them)."""
    groups = (security.gid, *security.groups)
    if (
        (security.uid == socket.uid and socket.mode & 0o200)
        or (socket.gid in groups and socket.mode & 0o020)
        or socket.mode & 0o002
        or (not case.apart and security.capabilities.permitted & mask("DAC_OVERRIDE"))
    ):
        # The power of a daemon that a user namespace of its own lets it use is not known.
        return ("medium" if case.apart else "high"), ""
    if not case.apart and security.in_reach & mask("DAC_OVERRIDE"):
        return "medium", ", which it may use once it is root"
    return "low", ", which its user may not use"


@of_container(
    Rule(
        "host-path", "high", "A directory of the host is mounted",
        "To write it is to run something as the host's root sooner or later; to read it is to have the host's keys and "
        "passwords.",
        "Mount the one file or directory that it needs, read-only (:ro).",
    )
)  # fmt: skip
def host_path(case: Case) -> Iterator[Hit]:
    for mount in case.mounts:
        found = _worth(mount)
        if found is None:
            continue
        path, severity = found
        how = "to write" if mount.writable else "to read"
        yield Hit(
            f"has the host's {mount.host} at {mount.point}, {how}",
            {
                "host": mount.host, "point": mount.point, "options": list(mount.options), "fstype": mount.fstype,
                "gives": path, "writable": mount.writable,
            },
            case.weighed(severity),
        )  # fmt: skip


def _worth(mount: PathMount) -> tuple[str, Severity] | None:
    """(the path of PATHS that a mount gives, its severity): the worst one. None if it gives none."""
    if mount.host is None or mount.fstype.startswith("cgroup") or (mount.point == "/sys" and mount.host == "/sys"):
        return None  # the latter two have rules of their own
    return _given(mount.host, mount.writable)


@lru_cache(1024)
def _given(host: str, writable: bool) -> tuple[str, Severity] | None:
    best: tuple[str, Severity] | None = None
    for path, (to_write, to_read) in PATHS.items():
        severity = to_write if writable else to_read
        if severity is None or not (path == host or path.startswith(host.rstrip("/") + "/")):
            continue
        if best is None or SEVERITIES.index(severity) < SEVERITIES.index(best[1]):
            best = path, severity
    return best


def _uncovered(case: Case, fstype: str, below: str) -> Iterator[PathMount]:
    """The mounts of a kernel's file system through which a path below its root can be written."""
    points = {mount.point for mount in case.mounts}
    for mount in case.mounts:
        if mount.fstype != fstype or not mount.writable:
            continue
        bare = mount.root == "/" and not (below and mount.point.rstrip("/") + below in points)
        if bare or (below and mount.root == below):
            yield mount


@of_container(
    Rule(
        "proc-writable", "high", "The kernel's settings can be written",
        "Root needs no capability to write /proc/sys: kernel.core_pattern alone has the host run a program of its "
        "choice.",
        "Leave out --security-opt systempaths=unconfined (procMount: Unmasked in Kubernetes).",
    )
)  # fmt: skip
def proc_writable(case: Case) -> Iterator[Hit]:
    if case.apart:
        return  # the files that matter there belong to the host's root
    for mount in _uncovered(case, "proc", "/sys"):
        if mount.host:
            continue  # the host's own /proc: host-path tells of it
        yield Hit(
            f"can write {mount.point if mount.root == '/sys' else mount.point.rstrip('/') + '/sys'}",
            {"point": mount.point, "root": mount.root, "options": list(mount.options)},
            case.weighed("high"),
        )


@of_container(
    Rule(
        "proc-unmasked", "medium", "Parts of /proc and /sys that runtimes mask",
        "They show the kernel's memory, keys and timers, or drive hardware; they belong to the whole machine.",
        "Leave out --security-opt systempaths=unconfined (procMount: Unmasked in Kubernetes).",
    )
)  # fmt: skip
def proc_unmasked(case: Case) -> Iterator[Hit]:
    inside = case.place.inside if case.place else None
    if inside and inside.unmasked:
        yield Hit(f"sees {', '.join(inside.unmasked)}", {"unmasked": list(inside.unmasked)}, case.weighed("medium"))


@of_container(
    Rule(
        "sys-writable", "medium", "/sys can be written",
        "Devices, power and kernel objects of the whole machine are set there, uevent_helper among them.",
        "Mount it read-only, as runtimes do by themselves.",
    )
)  # fmt: skip
def sys_writable(case: Case) -> Iterator[Hit]:
    if case.apart:
        return
    for mount in _uncovered(case, "sysfs", ""):
        if mount.host and mount.point != "/sys":
            continue
        evidence = {"point": mount.point, "options": list(mount.options)}
        yield Hit(f"can write {mount.point}", evidence, case.weighed("medium"))


@of_container(
    Rule(
        "cgroup-writable", "medium", "The limits of others can be written",
        "It may stop other containers, take their share, or lift its own limits.",
        "Give it a cgroup namespace of its own (--cgroupns=private), or mount the tree read-only.",
    )
)  # fmt: skip
def cgroup_writable(case: Case) -> Iterator[Hit]:
    own = case.init.cgroup if case.init else ""
    if len(own) < 2 or case.apart:
        return
    wide = [
        mount
        for mount in case.mounts
        if mount.fstype in ("cgroup", "cgroup2") and mount.writable and own.startswith(mount.root.rstrip("/") + "/")
    ]
    if wide:
        yield Hit(
            f"can write the cgroups above its own, at {wide[0].point}",
            {"points": [mount.point for mount in wide], "roots": sorted({m.root for m in wide}), "cgroup": own},
            case.weighed("medium"),
        )


@of_container(
    Rule(
        "devices", "high", "Disks or memory of the machine",
        "To read or write a disk or /dev/mem is to go past every permission there is.",
        "Mount the file system instead of giving the device (leave out --device, --device-cgroup-rule).",
    )
)  # fmt: skip
def devices(case: Case) -> Iterator[Hit]:
    place, security = case.place, case.security
    if place is None or security is None or case.apart:
        return
    rules = place.devices
    nodes = [
        node
        for node in (place.inside.nodes if place.inside else ())
        if not _nodev(place.mounts or (), node.path)
        and (rules is None or any(_allows(rule, node.type, node.major, node.minor) for rule in rules))
    ]
    # Without a node it can make one, if the cgroup allows that device.
    made = []
    if rules is not None and security.in_reach & mask("MKNOD"):
        made = [
            rule
            for rule in rules
            if _dangerous(rule) and not any(_allows(rule, n.type, n.major, n.minor) for n in nodes)
        ]
    if not nodes and not made:
        return
    told = [node.path for node in nodes[:5]] + (["…"] if len(nodes) > 5 else []) + [f"[{rule}]" for rule in made]
    yield Hit(
        f"has {', '.join(told)}" + ("" if rules is not None else ", unless its cgroup forbids it"),
        {
            "nodes": [f"{node.path} {node.type} {node.major}:{node.minor}" for node in nodes],
            "rules": [rule for rule in rules if _dangerous(rule)] if rules is not None else None,
            "capabilities": names(security.in_reach & mask("MKNOD")),
        },
        case.weighed("high" if rules is not None else "medium"),
    )


def _nodev(mounts: tuple[PathMount, ...], path: str) -> bool:
    """True if no device can be opened where a path is: nodev of mount(8), by the mount nearest above it."""
    above = [mount for mount in mounts if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    return bool(above) and "nodev" in max(above, key=lambda mount: len(mount.point)).options


def _allows(rule: str, type_: str, major: int, minor: int) -> bool:
    """True if a line of devices.list, as "b 254:* rwm", lets a device be read or written."""
    fields = rule.split()
    if len(fields) != 3 or not set("rw") & set(fields[2]) or fields[0] not in ("a", type_):
        return False
    numbers = fields[1].split(":")
    return numbers[0] in ("*", str(major)) and numbers[-1] in ("*", str(minor))


@lru_cache(1024)
def _dangerous(rule: str) -> bool:
    """True if a line of devices.list lets any disk, or memory, be read or written."""
    fields = rule.split()
    if len(fields) != 3 or not set("rw") & set(fields[2]):
        return False
    return fields[0] in ("a", "b") or any(_allows(rule, "c", 1, minor) for minor in (1, 2, 4))

"""Rules on the permissions of a container's processes."""

from collections.abc import Iterator

from ..security import mask, names
from .rule import SEVERITIES, Case, Hit, Rule, Severity, lower, of_container

DEFAULT = mask(
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
    "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip
"""The capabilities that docker, containerd and podman give at most by default (moby oci/caps/defaults.go)."""

TAKING_OVER = mask("SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_BOOT")
"""The capabilities that give --privileged away: none is given by accident, and all of them amount to everything."""

_WEIGHT: dict[Severity, int] = {
    # mounts; modules; memory and ports; files of the host by handle; another kernel by kexec
    "high": mask("SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "SYS_BOOT"),
    "medium": mask(
        "SYS_PTRACE", "NET_ADMIN", "BPF", "PERFMON", "SYS_TIME", "MAC_ADMIN", "MAC_OVERRIDE", "AUDIT_CONTROL",
        "CHECKPOINT_RESTORE",
    ),
}  # fmt: skip


def weight(capabilities: int) -> Severity:
    """The severity of capabilities in the host's user namespace."""
    return next((severity for severity in SEVERITIES if capabilities & _WEIGHT.get(severity, 0)), "low")


@of_container(
    Rule(
        "privileged", "high", "Privileged, or as good as",
        "Nothing that confines a container is left: it loads modules, mounts disks, writes the kernel's memory.",
        "Give the one capability or device that it needs (--cap-add, --device) instead of --privileged.",
        covers=(
            "capabilities", "seccomp-off", "lsm-unconfined", "root-is-root", "proc-writable", "proc-unmasked",
            "sys-writable", "cgroup-writable", "devices",
        ),
    )
)  # fmt: skip
def privileged(case: Case) -> Iterator[Hit]:
    security = case.security
    if security is None or security.seccomp != 0 or security.in_reach & TAKING_OVER != TAKING_OVER:
        return
    yield Hit(
        "has all capabilities that matter, and no system call filter",
        {
            "pid": security.pid,
            "capabilities": names(security.in_reach & ~DEFAULT),
            "seccomp": security.seccomp,
            "user_namespace": "its own" if case.apart else "the host's",
        },
        case.weighed("high"),
    )


@of_container(
    Rule(
        "capabilities", "high", "Capabilities beyond the default set",
        "Each undoes a part of what makes it a container. SYS_ADMIN, SYS_MODULE, SYS_RAWIO, DAC_READ_SEARCH and "
        "SYS_BOOT alone are enough to take the host.",
        "Drop what it does not need (--cap-drop), or give it a user namespace of its own.",
    )
)  # fmt: skip
def capabilities(case: Case) -> Iterator[Hit]:
    security = case.security
    if security is None:
        return
    held = security.capabilities.permitted & ~DEFAULT
    beyond = security.in_reach & ~DEFAULT
    if not beyond:
        return
    if case.apart:
        severity: Severity = "low"
        where = ", in its own user namespace only"
    else:
        gained = weight(beyond)
        severity = gained if held & _WEIGHT.get(gained, beyond) else lower(gained)
        where = "" if held == beyond else " to those of its programs that are set-uid or run as root"
    yield Hit(
        f"has {', '.join(names(beyond))}{where}",
        {"pid": security.pid, "permitted": names(held), "bounding": names(security.capabilities.bounding & ~DEFAULT)},
        severity,
    )


@of_container(
    Rule(
        "more-than-init", "high", "More privileges than its container",
        "One process of the container has what its first one was not given: `docker exec --privileged`, or somebody "
        "from outside.",
        "Look at its chain for who started it, and whether it is still needed.",
    )
)  # fmt: skip
def more_than_init(case: Case) -> Iterator[Hit]:
    first = case.security
    if first is None or case.init is None:
        return
    more: dict[int, list[str]] = {}
    for process in case.members:
        security = case.whole.facts.of(process)
        # A process in a user namespace below has all capabilities, but over that namespace alone.
        if security and process.namespaces.user == case.init.namespaces.user and case.whole.settled(process):
            beyond = security.capabilities.permitted & ~first.in_reach
            unfiltered = security.seccomp == 0 and first.seccomp not in (0, None)
            what = names(beyond) + (["no system call filter"] if unfiltered else [])
            if what:
                more[process.pid] = what
    for process in case.whole.leaders(more):
        security = case.whole.facts.of(process)
        assert security is not None
        beyond = security.capabilities.permitted & ~first.in_reach
        severity: Severity = weight(beyond) if beyond else "medium"
        yield Hit(
            f"in {case.container.name} has {', '.join(more[process.pid])}, unlike the container's first process",
            {
                "pid": process.pid,
                "container": case.container.key,
                "capabilities": names(beyond),
                "seccomp": security.seccomp,
                "init_pid": case.init.pid,
            },
            "low" if case.apart else severity,
            process.pid,
        )


@of_container(
    Rule(
        "seccomp-off", "medium", "No system call filter",
        "Every system call of the kernel is open to it, among them those that most escapes began with (keyctl, "
        "userfaultfd, unshare of user namespaces).",
        "Use the runtime's default profile: leave out --security-opt seccomp=unconfined; ctr run --seccomp; "
        "seccompProfile RuntimeDefault in Kubernetes.",
    )
)  # fmt: skip
def seccomp_off(case: Case) -> Iterator[Hit]:
    if case.security and case.security.seccomp == 0:
        yield Hit("runs without a system call filter", {"pid": case.security.pid, "seccomp": 0})


@of_container(
    Rule(
        "lsm-unconfined", "medium", "Not confined by the host's security module",
        "AppArmor or SELinux would still hold it where the rest gives way, and it is not used.",
        "Use the runtime's profile or label: leave out apparmor=unconfined, label=disable, spc_t.",
    )
)  # fmt: skip
def lsm_unconfined(case: Case) -> Iterator[Hit]:
    security = case.security
    if security is None or not case.whole.facts.lsm:
        return
    label = security.label
    type_ = label.text.split(":")[2] if label and label.module == "selinux" and label.text.count(":") >= 2 else ""
    if label is None or type_ in ("spc_t", "unconfined_t", "unconfined_service_t"):
        yield Hit(
            f"is not confined by {', '.join(case.whole.facts.lsm)}",
            {"pid": security.pid, "label": label.text if label else None, "lsm": list(case.whole.facts.lsm)},
            "low" if case.apart else "medium",
        )


@of_container(
    Rule(
        "root-is-root", "low", "Root inside is root outside",
        "As engines set it up by themselves: whatever else lets it out, it comes out as the host's root.",
        "Run it as another user (--user), or with user namespaces (userns-remap, --userns=auto, rootless).",
    )
)  # fmt: skip
def root_is_root(case: Case) -> Iterator[Hit]:
    security = case.security
    if security is None or not case.rooted:
        return
    line = next((line for line in security.uid_map if line[0] == 0 and line[1] == 0), None)
    if line:
        yield Hit(
            "runs as root, which its user namespace maps to the host's root" if case.apart else
            "runs as root in the host's user namespace",
            {"uid_map": [list(line) for line in security.uid_map], "pid": security.pid},
        )  # fmt: skip


@of_container(
    Rule(
        "may-become-root", "low", "May become root",
        "It runs as an ordinary user, but a set-uid program in its image makes it root there, with the capabilities "
        "that are listed.",
        "Set no_new_privs: --security-opt no-new-privileges; allowPrivilegeEscalation: false in Kubernetes.",
    )
)  # fmt: skip
def may_become_root(case: Case) -> Iterator[Hit]:
    security, place = case.security, case.place
    if security is None or case.rooted or case.apart or security.no_new_privs is not False:
        return
    root = next((mount for mount in (place.mounts if place else None) or () if mount.point == "/"), None)
    if security.capabilities.bounding and not (root and "nosuid" in root.options):
        yield Hit(
            "runs as an ordinary user, without no_new_privs",
            {"pid": security.pid, "uid": security.uid, "bounding": names(security.capabilities.bounding)},
        )

"""What keeps this agent from seeing all of the host, a line each, and what would help.

It is said once, at the start: none of it changes while the agent runs. Reasons that are of one process each (EACCES)
are with the processes.

Sources: proc(5) (hidepid, subset), pid_namespaces(7) (/proc of another one), cgroup_namespaces(7),
capabilities(7) and ptrace(2) for what reading the links of others takes.
"""

from __future__ import annotations

import os
import re

from . import hostfiles, mountinfo

_CAPABILITIES = {19: "SYS_PTRACE", 21: "SYS_ADMIN"}
_HIDEPID = {"1": "noaccess", "2": "invisible", "4": "ptraceable"}


def notes(own, initial, pid):
    """The lines. own: the record of this process as /proc shows it; pid: its pid as it sees itself, by getpid.
    initial: the host's first namespaces, {kind: inode}."""
    return [*_of_proc(own, pid), *_of_namespaces(own, initial), *_of_privileges(own, initial)]


def _of_proc(own, pid):
    options = proc_options(mountinfo.parse(mountinfo.read_own()))
    hidden = options.get("hidepid", "0")
    # Root sees all of it regardless, and so does the group of gid=.
    if hidden not in ("0", "off") and os.geteuid() != 0 and int(options.get("gid", -1)) not in os.getgroups():
        yield (
            "/proc hides the processes of other users (hidepid=%s): run nsview as root to see them"
            % _HIDEPID.get(hidden, hidden)
        )
    if "pid" in options.get("subset", "").split(":"):
        yield "/proc was mounted with subset=pid, so some of what nsview reads is missing; as root: mount another"
    if own["pid"] != pid or own["nspid"][-1] != pid:
        yield (
            "/proc is that of another pid namespace, so processes are shown with its pids; "
            "to see those of this one: mount -t proc proc /proc"
        )


def proc_options(mounts):
    """{option: value} of what is mounted at /proc last; flags have the value ""."""
    options: dict[str, str] = {}
    for mount in mounts:
        if mount.point == "/proc":
            options = dict(option.partition("=")[::2] for option in mount.super_options if mount.fstype == "proc")
    return options


def _of_namespaces(own, initial):
    namespaces = own["namespaces"]
    apart = {kind for kind, inode in namespaces.items() if initial.get(kind) not in (None, inode)}
    if "pid" in apart:
        yield (
            "nsview runs in a pid namespace below the host's (in a container?): processes above it are not to be seen; "
            "run it on the host, or in a container with --pid=host (in a manifest: hostPID: true)"
        )
    if "user" in apart:
        yield (
            "nsview runs in a user namespace below the host's: root in there is not the host's, and what is above is "
            "out of view; run it as the host's root"
        )
    if "cgroup" in apart:
        yield (
            "nsview runs in a cgroup namespace below the host's: paths are relative to it, so containers may be "
            "missed; run it on the host, or in a container with --cgroupns=host, or --pid=host and --cap-add=SYS_ADMIN"
        )


def _of_privileges(own, initial):
    if os.geteuid() != 0:
        return
    held = _effective()
    missing = [name for bit, name in _CAPABILITIES.items() if not held >> bit & 1]
    lost = hostfiles.host().lost and own["namespaces"].get("user") == initial.get("user")
    if missing:
        yield (
            "nsview runs as root without %s, which the namespaces of others take to %s%s; in a container: %s "
            "(in a manifest: securityContext.capabilities.add: [SYS_PTRACE, SYS_ADMIN])"
            % (
                " and ".join("CAP_" + name for name in missing),
                "read" if "SYS_PTRACE" in missing else "join",
                ", and the host's files" if lost else "",
                " ".join("--cap-add=" + name for name in missing),
            )
        )
    elif lost:
        yield (
            "nsview may not look into the host's mount namespace, so names of users, mounts and what runtimes keep are "
            "those of its own; in a container: --security-opt apparmor=unconfined (in a manifest: "
            "securityContext.appArmorProfile.type: Unconfined)"
        )


def _effective():
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            match = re.search(r"^CapEff:\t([0-9a-f]+)$", file.read(), re.MULTILINE)
    except OSError:
        match = None
    return int(match.group(1), 16) if match else -1

"""The eight kinds of namespace, in the order in which nsview always shows them.

Source: namespaces(7), clone(2) and include/uapi/linux/sched.h.
"""

from typing import Literal, NamedTuple

from nsview.kernel import CLONE_NEW

KindName = Literal["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"]


class Kind(NamedTuple):
    """One kind of namespace.

    name: as in /proc/PID/ns and in the field's `type`, e.g. "net".
    flag: the CLONE_NEW* constant's name; value: its bits, as setns(2) takes them.
    since: the first kernel that had it.
    isolates: the resources of its own that each namespace has.
    option: nsenter's long option for it.
    by_hand: a command that shows it without nsview; PID stands for the process.
    """

    name: KindName
    flag: str
    value: int
    since: str
    isolates: str
    option: str
    by_hand: str


# fmt: off
KINDS: tuple[Kind, ...] = (
    Kind("mnt", "CLONE_NEWNS", CLONE_NEW["mnt"], "2.4.19", "mount points", "--mount", "cat /proc/PID/mountinfo"),
    Kind(
        "uts", "CLONE_NEWUTS", CLONE_NEW["uts"], "2.6.19", "host name, domain name", "--uts",
        "nsenter -t PID -u hostname",
    ),
    Kind(
        "ipc", "CLONE_NEWIPC", CLONE_NEW["ipc"], "2.6.19", "System V IPC, POSIX message queues", "--ipc",
        "nsenter -t PID -i ipcs",
    ),
    Kind("pid", "CLONE_NEWPID", CLONE_NEW["pid"], "2.6.24", "process ids", "--pid", "grep NSpid /proc/PID/status"),
    Kind(
        "net", "CLONE_NEWNET", CLONE_NEW["net"], "2.6.29", "devices, addresses, routes, ports", "--net",
        "nsenter -t PID -n ip addr",
    ),
    Kind(
        "user", "CLONE_NEWUSER", CLONE_NEW["user"], "3.8", "user and group ids, capabilities", "--user",
        "cat /proc/PID/uid_map",
    ),
    Kind(
        "cgroup", "CLONE_NEWCGROUP", CLONE_NEW["cgroup"], "4.6", "the root of the cgroup tree as seen", "--cgroup",
        "cat /proc/PID/cgroup",
    ),
    Kind(
        "time", "CLONE_NEWTIME", CLONE_NEW["time"], "5.6", "boot and monotonic clocks", "--time",
        "cat /proc/PID/timens_offsets",
    ),
)
# fmt: on

KIND_NAMES: tuple[KindName, ...] = tuple(kind.name for kind in KINDS)
KIND: dict[KindName, Kind] = {kind.name: kind for kind in KINDS}

"""Each kind of namespace explained: the isolated and the still shared resources, and the most surprising pitfall.

Sources: namespaces(7) and the manual page of each kind; shm_overview(7), unix(7), sysfs(5), proc(5).
"""

from msgspec import Struct

from .kinds import KindName


class Explained(Struct, frozen=True):
    """One kind explained. isolates: the resources of its own that each namespace has, in a sentence. shared: resources
    that seem isolated but are not. pitfall: the most frequent mistake. manual: the page with all details.
    """

    isolates: str
    shared: str
    pitfall: str
    manual: str


EXPLAINED: dict[KindName, Explained] = {
    "mnt": Explained(
        "The list of mounts: which file system is seen at which directory.",
        "The files themselves: a file system mounted in two namespaces is one, and a change shows in both.",
        "A new one begins as a copy of its maker's, shared mounts included: a mount made in it then appears outside "
        "too, until `mount --make-rprivate /`.",
        "mount_namespaces(7)",
    ),
    "uts": Explained(
        "The host name and the NIS domain name, as uname(2) tells them.",
        "The kernel and its version. /etc/hostname is a file, and so of the mnt namespace.",
        "To change the name renames nothing in DNS or /etc/hosts, nor in a prompt that was made before.",
        "uts_namespaces(7)",
    ),
    "ipc": Explained(
        "System V queues, shared memory and semaphores, and POSIX message queues.",
        "Shared memory by files: shm_open(3) is /dev/shm, of the mnt namespace. Pipes, sockets and mmap(2) too.",
        "Two containers that are to share POSIX shared memory need the same /dev/shm, not just the same ipc namespace.",
        "ipc_namespaces(7)",
    ),
    "pid": Explained(
        "Process ids: the first process in it is pid 1, and those outside are not to be seen.",
        "Each process is seen from all namespaces above, under another pid there, and may be killed from there.",
        "/proc shows the namespace that it was mounted in: after `unshare --pid` mount it anew. When pid 1 exits, "
        "all others are killed and no process can be started in there any more.",
        "pid_namespaces(7)",
    ),
    "net": Explained(
        "Interfaces, addresses, routes, firewall rules, ports, and abstract UNIX sockets.",
        "UNIX sockets with a path are reached through the file system; /etc/resolv.conf is a file: both of mnt.",
        "/sys shows the devices of the namespace that it was mounted in, so joining net alone leaves the host's there.",
        "network_namespaces(7)",
    ),
    "user": Explained(
        "User and group ids, by a map of ids inside to ids outside, and the capabilities that go with them.",
        "Files keep the ids outside: an id that is not mapped is seen as 65534, nobody.",
        "Root in there has every capability, yet only over the namespaces that its user namespace owns. If 0 is mapped "
        "to 0 it is the host's root to every file that it can reach.",
        "user_namespaces(7)",
    ),
    "cgroup": Explained(
        "The cgroup that is seen as the root of the tree, in /proc/PID/cgroup and in mounts.",
        "Limits and use: these are the cgroup's, whichever namespace its processes are in.",
        "A process that is moved out of the root it was born with sees paths that begin with /.. .",
        "cgroup_namespaces(7)",
    ),
    "time": Explained(
        "The offsets of the boot-time and monotonic clocks, and so the uptime.",
        "The wall clock, which date(1) tells, and the time zone.",
        "unshare(2) makes one for the children only, and the offsets can be set only before the first is in it.",
        "time_namespaces(7)",
    ),
}

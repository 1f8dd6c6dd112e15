"""The agent: reads one Linux and writes its facts, a JSON object a line.

The agent runs beside the processes, as a program of its own: `python3 -I -S`, standard library alone, Python 3.8 or
later, so that it can be root while the screen is not, be sent to a host without nsview, and fail
without taking the screen along.

protocol     the types of all frames, requests and records
sent         the agent's start on a host where nothing is installed: its modules from stdin
main         the frames out, the requests in, and the times to look again
output       the frames as lines of JSON, written to the reader
scan         one look at all of /proc: every process, namespace and container; and its changes
forked_scan  a first look at many processes, half of them read by a child
schedule     the times of the next looks, and the processes to look at
watch        the processes that may have changed since the last look
cpustat      the cgroups in which a process may have run since the last look
events       births, deaths and changes of processes, from the kernel's process connector
ends         the exit codes of containers, and the processes that were killed for want of memory
notices      moves to other cgroups and new names of containers, told by the kernel
inotify      changes of directories, by inotify(7)
links        changes of interfaces, by rtnetlink's groups
procfs       one process, through a directory fd of its own
pid_levels   the pid of a process in each pid namespace, without reading its status
namespaces   the namespaces and the reasons why each exists, kept right as processes and mounts come and go
descriptions  the descriptions of namespaces that are newer than their records
nsfs         the kernel's facts of a namespace: owner, parent, id, where it is bind-mounted
listns       the kernel's own list of namespaces, since Linux 6.19
freezer      the freezers of cgroups
holders      the holders of namespaces besides their member processes
cgroup       the place of a process in the cgroup tree, and the container that its path names
containers   the engines that run containers: one file per runtime
details      the facts of one process that are read only on request
contents     the contents of its namespaces: one file per kind
sockets      the internet sockets of one process
passwd       the lines of a passwd or group file
users        the uid of a process here and inside, and the name of each
outside      the proven facts of a process that is protected
hostfiles    the host's files, also from within a container
usage        the use of processor, memory, I/O and pids, by processes, containers and the host
status       the confinement of one process, as /proc writes it
security     the parts of the host that processes can reach, of many processes in slices
net_queue    the requests for net namespaces, and the change of links that each may ask to be told of
net          every net namespace from within, by a process that joins them
rtnetlink    interfaces, addresses and routes of the joined net namespace, by pyroute2
engines      the ports that engines have published, by their records
forwards     the ports that the firewall sends on, by nf_tables' netlink
xtables      the ports that iptables-legacy's rules send on
sockdiag     the listeners in the joined net namespace, by sock_diag(7)
netlink      the messages of netlink(7) in a datagram
procnet      the listeners and interfaces in /proc/PID/net, if netlink can't be used
mountinfo    the mounts, as one process sees them
limitations  the limits of this agent's view, and the remedies
jsontext     JSON without what its module imports
files        files of unknown origin, opened so that they can neither hang nor mislead
"""

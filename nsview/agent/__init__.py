"""The agent: reads one Linux and says what it saw, a JSON object a line.

It runs where the processes are, as a program of its own: `python3 -I -S`, standard library alone, Python 3.8 or
later, so that it can be root while the screen is not, be sent to a host where nothing is installed, and fail
without taking the screen along.

main        the frames out, the requests in, and when to look again
scan        one look at all of /proc: every process, namespace and container; and what changes of it
namespaces  which namespaces there are and why, kept right as processes and mounts come and go
procfs      one process, through a directory fd of its own
nsfs        what the kernel tells of a namespace: owner, parent, id, where it is bind-mounted
cgroup      where in the cgroup tree a process is, and which container that path names
containers  who runs it: one file per runtime
details     what is read of one process only when asked for
contents    .. and of what its namespaces hold: one file per kind
status      what confines one process, as /proc writes it
security    .. and what of the host it can reach, of many processes in slices
net         every net namespace from within, by a process that joins them
rtnetlink   interfaces, addresses and routes of the one it is in, by pyroute2
sockdiag    who listens there
procnet     what there is of both where these two can't be had
mountinfo   what is mounted, as one process sees it
jsontext    JSON without what its module imports
files       files of unknown origin, opened so that they can neither hang nor mislead
"""

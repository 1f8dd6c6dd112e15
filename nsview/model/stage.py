"""The processes of a runtime that stand in a container's cgroup while it is made, in the host's namespaces at first."""

from .records import Process

RUNTIMES = ("runc", "crun", "youki", "buildkit-runc")
"""The names of runtimes, with which those of their processes begin."""


def is_stage(first: Process | None) -> bool:
    """True if the first process of a container is its runtime's still, at work or waiting to be told to start the
    container. Sources: runc's libcontainer/nsenter/nsexec.c ("runc:[2:INIT]"), and its copy of itself in memory, which
    is called by the number of a file ("6") and has the arguments "runc init"."""
    if first is None:
        return False
    program, *rest = first.cmdline or ("",)
    return first.comm.partition(":")[0] in RUNTIMES or (rest[:1] == ["init"] and program.rpartition("/")[2] in RUNTIMES)

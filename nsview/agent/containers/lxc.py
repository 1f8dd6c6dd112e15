"""LXC, LXD and Incus: each container has a monitor whose command line names the container that it watches over.

Sources: lxc src/lxc/lxccontainer.c (set_process_title "[lxc monitor] LXCPATH NAME"), src/lxc/cgroups/cgfsng.c (the
cgroups lxc.payload.NAME and lxc.monitor.NAME).
"""

from __future__ import annotations

from . import supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..protocol import Process
    from .supervisor import Draft, Found, Population

_TITLE = supervisor.LXC_MONITOR


def find(host: Population) -> Iterator[Found]:
    """The containers that an LXC monitor watches over."""
    for process in host.watchers():
        title = process["cmdline"][0] if process["cmdline"] else ""
        if not title.startswith(_TITLE):
            continue
        path, _, name = title[len(_TITLE) :].rstrip().rpartition(" ")
        if not path.startswith("/") or not name or "/" in name:
            continue
        init = host.first_process(process, name)
        if init:
            yield supervisor.Found("lxc", name, init["pid"], process, _describer(process, path, name))


def _describer(process: Process, path: str, name: str) -> Callable[[Draft], None]:
    def describe(record: Draft) -> None:
        record["name"] = name
        record["witness"].append("lxc monitor %d of %s/%s" % (process["pid"], path, name))

    return describe

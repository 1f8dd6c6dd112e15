"""The filter language of `/`, `:` and `--filter`: an expression leaves the processes, namespaces, containers and lines
of a lens that match.

    nginx web                     both words, each anywhere: name, command, container, image, user, pid, inode, ..
    container=web user!=root      a field: = exact or with * and ?, != not that, ~ or : contains; numbers < <= > >= too
    net:4026532173                the members of that namespace
    host=net not (api or "web 2") in the host's net namespace; not, and, or, parentheses, quotes for text

fields    the fields of the language, and their values in a record
grammar   an expression read into a tree, or an error with its position
reach     the processes and net namespaces of a port, an address or an interface
texts     the text of a record that words are searched in
match     a tree made into functions that tell whether a record matches
sought    the texts of a tree, to be marked where they stand
complete  completions of an expression that is being typed
"""

from collections.abc import Collection

from ..kinds import KIND_NAMES
from ..snapshot import Snapshot
from .fields import FIELDS, OF_CONTAINERS, OF_THINGS, Field, Fields, of_columns
from .grammar import FilterError
from .match import Filter, parse
from .reach import Reach, reach_of
from .sought import Sought
from .texts import Texts

__all__ = [
    "FIELDS", "OF_CONTAINERS", "OF_THINGS", "Field", "Fields", "Filter", "FilterError", "Reach", "Sought", "Texts",
    "narrow", "of_columns", "parse", "reach_of",
]  # fmt: skip


def narrow(snapshot: Snapshot, wanted: Filter, kind: str | None = None, asking: Collection[int] = ()) -> Snapshot:
    """The snapshot of the processes that match, and of the containers and namespaces that match or have such a process.

    kind: only namespaces of that kind. asking: pids that never match, as their command lines contain the expression.
    """
    others = {pid: p for pid, p in snapshot.processes.items() if not (wanted and pid in asking)}
    processes = {pid: p for pid, p in others.items() if wanted.process(p, snapshot)}
    inhabited = set()
    for name in KIND_NAMES:
        here = wanted.under(name)
        members = processes.values()
        if here is not wanted:
            members = {pid: p for pid, p in others.items() if here.process(p, snapshot)}.values()
        inhabited |= {(name, getattr(p.namespaces, name)) for p in members}
    keys = {p.container for p in processes.values()}
    return Snapshot(
        snapshot.host,
        snapshot.taken_at,
        processes,
        {
            key: namespace
            for key, namespace in snapshot.namespaces.items()
            if (kind is None or namespace.type == kind)
            and (not wanted or key in inhabited or wanted.namespace(namespace, snapshot))
        },
        {
            key: container
            for key, container in snapshot.containers.items()
            if not wanted or key in keys or wanted.container(container, snapshot)
        },
        snapshot.search,
    )

"""The fields of the filter language, and their values in a process, a container or a lens's line."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from .. import label
from ..condition import STATE_WORDS, is_paused, warnings
from ..kinds import KIND_NAMES
from ..records import Container, Process
from ..snapshot import Snapshot
from ..table import Column, Line


class Field(Struct, frozen=True):
    """One field. sort: the way it is compared; the value of a "kind" is one of the eight, of a "namespace" an inode.
    units: of an "amount", {unit: factor}; "" is the number alone.

    about: the meaning, in a few words. process, container: the function that gives the texts or numbers of such a
    record, of which one must match; None if it has none, or if `match` itself computes them. line: the function for a
    lens's line, None if only the record behind the line has the field. names: of `host`, the names of the host, where
    several are asked: then it is compared with these too.
    """

    name: str
    sort: Literal["text", "number", "amount", "kind", "namespace"]
    about: str
    process: Callable[[Process, Snapshot], Sequence[str] | Sequence[int]] | None = None
    container: Callable[[Container], Sequence[str] | Sequence[int]] | None = None
    line: Callable[[Line], Sequence[str] | Sequence[float]] | None = None
    units: Mapping[str, float] = {}
    names: tuple[str, ...] = ()


def _state(process: Process, snapshot: Snapshot) -> Sequence[str]:
    container = snapshot.container_of(process)
    words = "paused" if is_paused(process, container) else STATE_WORDS.get(process.state, "")
    return process.state, words


def _condition(container: Container) -> Sequence[str]:
    return container.state or "", *warnings(container)


def _container(container: Container) -> Sequence[str]:
    return container.name, container.id, container.key


def _image(container: Container) -> Sequence[str]:
    """The image's name with and without registry and tag: `nginx` is `docker.io/library/nginx:1.27` too."""
    image = container.image or ""
    short = image.rpartition("/")[2]
    return image, short, image.removesuffix(":" + short.rpartition(":")[2]), short.partition(":")[0]


def _runtime(container: Container) -> Sequence[str]:
    return container.runtime, container.engine_namespace or ""


def _pod(container: Container) -> Sequence[str]:
    pod = container.pod
    return (pod.name, pod.label, pod.namespace, pod.uid) if pod else ("",)


def _of_container(find: Callable[[Container], Sequence[str]]) -> Callable[[Process, Snapshot], Sequence[str]]:
    def found(process: Process, snapshot: Snapshot) -> Sequence[str]:
        container = snapshot.container_of(process)
        return find(container) if container else ("",)

    return found


def _uids(process: Process) -> Sequence[int]:
    return (process.uid,) if process.uid_inside is None else (process.uid, process.uid_inside)


def _users(process: Process) -> Sequence[str]:
    return process.user, *map(str, _uids(process)), *(() if process.user_inside is None else (process.user_inside,))


def _label(process: Process, snapshot: Snapshot) -> Sequence[str]:
    return (label.of_process(process, snapshot) or "",)


def _inodes(process: Process) -> Sequence[int]:
    return [inode for kind in KIND_NAMES if (inode := getattr(process.namespaces, kind)) is not None]


def _init(container: Container) -> Sequence[int]:
    return () if container.init_pid is None else (container.init_pid,)


ALIASES = {"comm": "name", "cmd": "command", "cmdline": "command", "ns": "inode", "cpu%": "cpu", "of": "mem%"}
BY_KIND = ("shared", "nprocs")
"""Fields that may name their kind of namespace: `shared.net>1`."""
ALSO_KINDS = ("pid", "user", "cgroup")
"""Fields that are kinds too: a number larger than any pid or uid is the inode of a namespace."""

# fmt: off
FIELDS: dict[str, Field] = {field.name: field for field in (
    Field("container", "text", 'the container; container="" is in none', _of_container(_container), _container),
    Field("image", "text", "the image of its container", _of_container(_image), _image),
    Field("name", "text", "the program's name", lambda p, s: (p.comm,)),
    Field("command", "text", "the command line", lambda p, s: (p.command,)),
    Field("user", "text", "the user, by name or number, here or inside", lambda p, s: _users(p)),
    Field("pid", "number", "the pid, here or inside", lambda p, s: p.nspid, _init),
    Field("ppid", "number", "the parent's pid", lambda p, s: (p.ppid,)),
    Field("uid", "number", "the user's number, here or inside", lambda p, s: _uids(p)),
    Field("state", "text", "S, R, Z .. or sleeping, zombie, paused ..", _state, _condition),
    Field("runtime", "text", "docker, podman ..; or moby, k8s.io ..", _of_container(_runtime), _runtime),
    Field("pod", "text", "the Kubernetes pod", _of_container(_pod), _pod),
    Field("cgroup", "text", "the cgroup's path", lambda p, s: (p.cgroup,)),
    Field("label", "text", "service x, snap x, chrome sandbox ..", _label),
    Field("type", "kind", "the kind of the namespace listed"),
    Field("host", "kind", "in the host's namespace of that kind"),
    Field("inode", "number", "a namespace of any kind", lambda p, s: _inodes(p)),
    Field("shared", "number", "how many containers are in the namespace"),
    Field("nprocs", "number", "how many processes are in the namespace"),
    Field("port", "number", "a port that it listens on"),
    Field("address", "text", "an address of the net namespace"),
    Field("interface", "text", "an interface of the net namespace, or one leading to it: vethab12"),
    *(Field(kind, "namespace", f"the {kind} namespace") for kind in KIND_NAMES if kind not in ALSO_KINDS),
)}
# fmt: on
OF_CONTAINERS: dict[str, Field] = {
    **FIELDS,
    "state": replace(
        FIELDS["state"], about="running, paused, crash-looping, exited ..", process=_of_container(_condition)
    ),
}  # fmt: skip
"""Those of a table of containers, in which a state is a container's."""
Fields = Mapping[str, Field]
"""{name: field} of the fields in one place, such as a lens."""


OF_THINGS: Fields = {name: field for name, field in FIELDS.items() if name != "type"}
"""The fields of the thing behind the line of a lens: type is a field of listed namespaces only."""


def of_columns(columns: Sequence[Column], others: Fields = OF_THINGS) -> dict[str, Field]:
    """The columns of a table whose title is one word, as fields named by that word in lower case, then the others.

    A text field with the name of a column has the values of the line and of the thing behind it; numbers and the
    inodes of kinds stay those of the thing.
    """
    found = {}
    for place, column in enumerate(columns):
        name = column.title.lower()
        field = others.get(name, Field(name, "text", f"the text below {column.title}"))
        if re.fullmatch("[a-z]+", name) and name not in KIND_NAMES and field.sort == "text":
            found[name] = replace(field, line=_standing_in(place))
    return found | {name: field for name, field in others.items() if name not in found}


def _standing_in(place: int) -> Callable[[Line], Sequence[str]]:
    return lambda line: tuple(cell.text for cell in line.cells[place : place + 1])

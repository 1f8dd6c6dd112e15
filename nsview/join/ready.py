"""Ready commands to run in a container, as data: the command, the kinds to join, whose tools and power it needs.

Nothing is tried here: whether a tool is installed is known only when it is run.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from nsview.model.kinds import KIND_NAMES, KindName

from .plan import Choice


class Ready(Struct, frozen=True):
    """One command. name: unique, shown in lists; text: the command's purpose in a few words.

    kinds: to join, empty for all in which the target differs from the host. host_tools: the command and the files it
    sees are the host's, as mnt is not joined. host_privileges: it needs more than a container is given.
    """

    name: str
    text: str
    command: tuple[str, ...]
    kinds: tuple[KindName, ...] = ()
    host_tools: bool = False
    host_privileges: bool = False


# Written by the shell: tcpdump would give up root before it opens a file. A directory of its own is no one else's link.
_CAPTURE = (
    "sh", "-c",
    'type tcpdump && file=$(mktemp -d /tmp/nsview-XXXXXX)/packets.pcap && echo "^C ends it; then: tcpdump -r $file" '
    '&& exec tcpdump -ni any -U -w - >"$file"',
)  # fmt: skip

BUILT_IN: tuple[Ready, ...] = (
    Ready("ip addr", "interfaces and addresses", ("ip", "addr"), ("net",), True),
    Ready("ip route", "routes, of all tables", ("ip", "route", "show", "table", "all"), ("net",), True),
    Ready("ss -tnlp", "listening sockets and whose they are", ("ss", "-tnlp"), ("net", "pid"), True, True),
    Ready("tcpdump", "packets on all interfaces", ("tcpdump", "-ni", "any"), ("net",), True, True),
    Ready("tcpdump to a file", "packets into a new file in the host's /tmp", _CAPTURE, ("net",), True, True),
    Ready("nft", "the firewall's rules", ("nft", "list", "ruleset"), ("net",), True, True),
    Ready("conntrack", "connections that the firewall follows", ("conntrack", "-L"), ("net",), True, True),
    Ready("lsof", "open files and sockets", ("lsof", "-nP"), ("net", "pid"), True, True),
    Ready("ps", "processes, by the host's ps", ("ps", "-ef"), ("pid",), True),
    Ready("env", "the environment that a command gets", ("env",)),
    Ready("df", "space on its file systems", ("df", "-h")),
    Ready("mount", "the mounts", ("cat", "/proc/self/mountinfo"), ("mnt", "pid")),
)


class ReadyError(ValueError):
    """A faulty command of the user's; the message is one line."""


def commands(own: Iterable[Ready] = ()) -> tuple[Ready, ...]:
    """The built-in commands, then the user's; a user's command replaces the built-in one of the same name."""
    by_name = {ready.name: ready for ready in BUILT_IN}
    by_name.update((ready.name, ready) for ready in own)
    return tuple(by_name.values())


def of_config(name: str, fields: Mapping[str, object]) -> Ready:
    """A user's command from a table of a configuration file: `command` (a string, split as by a shell, or a list), and
    optionally `text`, `kinds`, `host_tools`, `host_privileges`. Raises ReadyError if a value is wrong."""
    unknown = set(fields) - {"command", "text", "kinds", "host_tools", "host_privileges"}
    if unknown:
        raise ReadyError(f"{name}: no such key: {', '.join(sorted(unknown))}")
    kinds = _strings(name, "kinds", fields.get("kinds", []))
    if strange := [kind for kind in kinds if kind not in KIND_NAMES]:
        raise ReadyError(f"{name}: kinds: {strange[0]!r} is none of {', '.join(KIND_NAMES)}")
    command = fields.get("command")
    try:
        argv = shlex.split(command) if isinstance(command, str) else _strings(name, "command", command)
    except ValueError as error:
        raise ReadyError(str(error) if isinstance(error, ReadyError) else f"{name}: command: {error}") from None
    if not argv:
        raise ReadyError(f"{name}: command: is empty")
    flags = []
    for key in ("host_tools", "host_privileges"):
        flag = fields.get(key, False)
        if not isinstance(flag, bool):
            raise ReadyError(f"{name}: {key}: true or false, not {flag!r}")
        flags.append(flag)
    if flags[0] and "mnt" in kinds:
        raise ReadyError(f"{name}: host_tools: the host's tools are not in the container's mnt")
    if flags[0] and not kinds:
        raise ReadyError(f"{name}: kinds: say which to join with the host's tools")
    chosen = tuple(kind for kind in KIND_NAMES if kind in kinds)
    return Ready(name, str(fields.get("text", "")), tuple(argv), chosen, *flags)


def choice(ready: Ready, differing: Sequence[KindName]) -> Choice:
    """The choice to plan for it. differing: the kinds in which the target differs from the host (`choice_for`)."""
    return Choice(ready.kinds or tuple(differing), ready.command, ready.host_privileges)


def _strings(name: str, key: str, value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ReadyError(f"{name}: {key}: a list of strings, not {value!r}")
    return list(value)

"""The place of a host, and the command that runs a program there with its standard streams."""

import functools
import os
import re
import shlex
import subprocess
from typing import NamedTuple
from urllib.parse import unquote

from . import HostError

IMAGE = "busybox"
"""The image of kubectl's debug pod; only its chroot is used."""
CONNECT = 15
"""Seconds for a connection of ssh's, unless the user's own configuration has others."""
_NAME = re.compile(r"[A-Za-z0-9_.\[][A-Za-z0-9_.@:%/\[\]-]*")
_ENGINES = ("docker", "podman")


class Destination(NamedTuple):
    """name: for messages. kind: ssh, docker, podman, kubectl or via. words: of the command, or the target of ssh."""

    name: str
    kind: str
    words: tuple[str, ...]

    @property
    def options(self) -> tuple[str, str]:
        """The options of nsview that name this place."""
        return ("--via", shlex.join(self.words)) if self.kind == "via" else ("-H", self.name)

    @property
    def by_hand(self) -> tuple[tuple[str, ...], bool]:
        """(the words by which a person runs a command there, in a terminal, True if it is one word, for a shell there);
        no words for a pipe, through which there is no terminal."""
        if self.kind == "ssh":
            return ("ssh", "-t", *self.words), True
        return () if self.kind == "via" else tuple(self.command((), asking=True, terminal=True)), False

    def command(self, program: tuple[str, ...], *, asking: bool, terminal: bool = False) -> list[str]:
        """The argv that runs a program there. asking: ssh may ask the user. terminal: the program has one."""
        if self.kind == "ssh":
            options = () if asking else ("-o", "BatchMode=yes")
            quiet = ("-o", "LogLevel=ERROR") if terminal else ()  # else it says in the end that it closes
            connect = () if _has_timeout(self.words) else ("-o", f"ConnectTimeout={CONNECT}")
            return [
                "ssh",
                "-t" if terminal else "-T",
                *options,
                *quiet,
                *connect,
                "--",
                *self.words,
                shlex.join(program),
            ]
        if self.kind in _ENGINES:
            return [self.kind, "exec", "-it" if terminal else "-i", *self.words, *program]
        if self.kind == "kubectl":
            pod = (f"--image={IMAGE}", "--profile=sysadmin", "-it" if terminal else "-i", "-q")
            return ["kubectl", "debug", *self.words, *pod, "--", "chroot", "/host", *program]
        return [*self.words, "sh"]


def of(where: str) -> Destination:
    """The place that a -H names: HOST or USER@HOST as ssh takes them, ssh://, docker://, podman://, kubectl://.

    Raises HostError if it names none.
    """
    scheme, separator, rest = where.partition("://")
    if not separator:
        scheme, rest = "ssh", where
    name = unquote(rest) if separator and scheme != "ssh" else rest
    if not _NAME.fullmatch(name):
        raise HostError(f"-H {where!r}: no name of a host")
    if scheme == "ssh":
        return Destination(where, "ssh", (where,))
    if scheme in _ENGINES:
        return Destination(where, scheme, (name,))
    if scheme == "kubectl":
        return Destination(where, scheme, (f"node/{name}",))
    raise HostError(f"-H {where!r}: give HOST, ssh://, docker://, podman:// or kubectl://, or --via a command")


def via(command: str) -> Destination:
    """The place that a command leads to: it must run the program whose name follows it, here `sh`.

    Raises HostError if it is no command.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise HostError(f"--via {command!r}: {error}") from None
    if not words:
        raise HostError("--via: give a command that runs the words after it, as 'ssh web1'")
    return Destination(os.path.basename(words[0]) if len(words) == 1 else command, "via", tuple(words))


@functools.cache
def _has_timeout(target: tuple[str, ...]) -> bool:
    """True if the user's configuration of ssh has a ConnectTimeout for the target."""
    try:
        told = subprocess.run(
            ["ssh", "-G", "--", *target], stdin=subprocess.DEVNULL, capture_output=True, timeout=CONNECT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(rb"^connecttimeout (\S+)", told.stdout, re.MULTILINE)
    return found is not None and found[1] != b"none"

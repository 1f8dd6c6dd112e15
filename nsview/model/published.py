"""Ports of one net namespace that are there for a container in another, as docker-proxy publishes them.

Its arguments name both ends (moby, cmd/docker-proxy/main_linux.go). They are believed of a process that holds that very
port open and is of the user who runs the container: whoever likes may call himself docker-proxy.
"""

from itertools import pairwise

from msgspec import Struct

from .net import Listener
from .records import Process

HOLDERS = ("dockerd", "rootlesskit", "slirp4netns", "rootlessport")
"""Who holds a published port where no docker-proxy does; nothing about them tells for whom."""


class Target(Struct, frozen=True):
    """Where what arrives is sent on to."""

    address: str
    port: int


def target(process: Process, listener: Listener) -> Target | None:
    """What a process says that it publishes at a port that it listens on; None where it says nothing of it."""
    if process.comm != "docker-proxy":
        return None
    options = {name: value for name, value in pairwise(process.cmdline) if name.startswith("-")}
    if (options.get("-proto"), options.get("-host-port")) != (listener.protocol, str(listener.port)):
        return None
    port = options.get("-container-port", "")
    plain = port.isascii() and port.isdecimal() and len(port) < 6
    return Target(options.get("-container-ip", ""), int(port)) if plain else None

"""Ports of one net namespace that are published for a container in another, as by docker-proxy.

The arguments of docker-proxy name both ends (moby, cmd/docker-proxy/main_linux.go). They are believed only of a process
that holds that port open and runs as the user who runs the container: any process may be called docker-proxy.
"""

from itertools import pairwise

from msgspec import Struct

from .net import Listener
from .records import Process

HOLDERS = ("dockerd", "rootlesskit", "slirp4netns", "rootlessport")
"""The programs that hold a published port without docker-proxy; their arguments do not name the container."""


class ProxyTarget(Struct, frozen=True):
    """The address and port to which connections are forwarded."""

    address: str
    port: int


def target(process: Process, listener: Listener) -> ProxyTarget | None:
    """The target that a process claims to publish at a port that it listens on. None if it claims none."""
    if process.comm != "docker-proxy":
        return None
    options = {name: value for name, value in pairwise(process.cmdline) if name.startswith("-")}
    if (options.get("-proto"), options.get("-host-port")) != (listener.protocol, str(listener.port)):
        return None
    port = options.get("-container-port", "")
    plain = port.isascii() and port.isdecimal() and len(port) < 6
    return ProxyTarget(options.get("-container-ip", ""), int(port)) if plain else None

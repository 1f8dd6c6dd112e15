"""Net namespaces as an agent tells them."""

import os

from nsview.hosts.local import LocalHost
from nsview.model.net import Net, Nets
from nsview.model.netfields import fields
from nsview.model.netmap import Map
from nsview.model.snapshot import Snapshot
from tests.unit.make import left


def inode(path: str) -> int:
    return os.stat(path).st_ino


class Seen:
    """A snapshot and the net namespaces as an agent tells them; asked again by `look`."""

    def __init__(self) -> None:
        self.host = LocalHost()
        self.host.first()
        self.look()

    def look(self) -> None:
        self.host.rescan()  # a container's name may be written after its first process is seen
        self.snapshot: Snapshot = self.host.holders()
        self.nets: Nets = self.host.nets()

    def net(self, path: str) -> Net:
        return next(net for net in self.nets.nets if net.inode == inode(path))

    def answer(self, words: str) -> list[str]:
        """The lines that are left after typing this, each with a space between its cells."""
        found = Map(self.nets, self.snapshot)
        lines = left(found.lines(), words, self.snapshot, fields(found), "net")
        return [" ".join(cell.text for cell in line.cells if cell.text).strip() for line in lines]

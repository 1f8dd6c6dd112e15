"""The descriptions of namespaces: facts of the kernel's that were read since the records were last set right."""

from __future__ import annotations

import os

from . import listns, nsfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import Dict, Optional, Tuple

    from .procfs import Reader
    from .protocol import KindName, Namespace, NamespaceKey

    Records = Dict[NamespaceKey, Namespace]


class Descriptions:
    """The namespaces described anew, by key, and the owners and parents found on the way.

    `reader` tells of a namespace at the first sight of a process in it. device: of nsfs.
    """

    def __init__(self, reader: Reader) -> None:
        self.device = os.stat("/proc/self/ns/mnt").st_dev
        self._reader = reader
        self._fresh: Records = {}
        self._above: Records = {}
        reader.on_namespace = self._first_sight

    def _first_sight(self, kind: KindName, inode: int, open_namespace: Callable[[], int]) -> bool:
        record = self._fresh[kind, inode] = nsfs.describe(kind, inode, open_namespace, self.device, self._above)
        return nsfs.was_opened(record)

    def __contains__(self, key: NamespaceKey) -> bool:
        return key in self._fresh

    def add(self, found: Mapping[NamespaceKey, Namespace], above: Records, known: Records) -> None:
        """Take those that a search has made of namespaces not known, or not opened yet."""
        for key, record in found.items():
            if key not in known or (nsfs.was_opened(record) and not nsfs.was_opened(known[key])):
                self._fresh[key] = record
        self._above.update(above)

    def again(self, key: NamespaceKey, open_namespace: Callable[[], int], known: Container[NamespaceKey]) -> None:
        """Describe a namespace that may be another than before, unless that was done; if it can't be opened the old
        description stands."""
        if key in self._fresh:
            return
        above: Records = {}
        record = nsfs.describe(key[0], key[1], open_namespace, self.device, above)
        if record["id"] is not None or key not in known:
            self._fresh[key] = record
            self._above.update(above)

    def by_id(self, id: int) -> Optional[Tuple[NamespaceKey, Namespace]]:
        """(key, description) of the namespace of this id in the kernel's list. None if it is gone."""
        return listns.describe(id, self.device, self._above)

    def put(self, key: NamespaceKey, record: Namespace) -> None:
        self._fresh[key] = record

    def of(self, key: NamespaceKey, known: Mapping[NamespaceKey, Namespace], *, has_member: bool) -> Namespace:
        """The description of a namespace. One that was known and is above others is the same as long as one below it
        is."""
        return (
            self._fresh.get(key)
            or (None if has_member else self._above.get(key))
            or known.get(key)
            or self._above.get(key)
            or nsfs.describe(key[0], key[1], _unopened, self.device)
        )

    def forget(self) -> None:
        """Forget all: the records are set right."""
        self._fresh, self._above = {}, {}


def _unopened() -> int:
    raise OSError("not at hand")

"""The lenses by name, each imported when it is opened."""

from importlib import import_module
from typing import Any, NamedTuple


class LensEntry(NamedTuple):
    """The module and the class of a lens; the key that opens it, in the explorer and in every lens; the word in the
    line of keys, and a line for the help."""

    module: str
    made: str
    key: str
    word: str
    tooltip: str


LENSES = {
    "use": LensEntry(
        ".screens.usage", "UsageLens", "u", "Use", "Processor, memory and I/O of containers and processes, live"
    ),
    "matrix": LensEntry(
        ".screens.matrix", "Matrix", "m", "Matrix", "Namespaces of containers: a line each, a column a kind"
    ),
    "net": LensEntry(".screens.netmap", "NetMap", "w", "Net map", "Interfaces, addresses, bridges and listeners"),
    "events": LensEntry(
        ".screens.events", "Events", "i", "Events", "Containers started, stopped, OOM .. namespaces born and gone"
    ),
    "audit": LensEntry(".screens.audit", "Audit", "a", "Audit", "Findings about containers, with evidence"),
}
"""{name: the lens}, in the order of the keys."""


def lens_class(name: str) -> Any:
    """The class of the lens of this name."""
    lens = LENSES[name]
    return getattr(import_module(lens.module, __package__), lens.made)

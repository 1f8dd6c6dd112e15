"""The lenses by name, each imported when it is opened."""

from importlib import import_module
from typing import Any

LENSES: dict[str, tuple[str, str]] = {
    "matrix": (".screens.matrix", "Matrix"),
    "net": (".screens.netmap", "NetMap"),
    "use": (".screens.usage", "UsageLens"),
    "events": (".screens.events", "Events"),
    "audit": (".screens.audit", "Audit"),
}
"""{name: (module, class)}"""


def lens_class(name: str) -> Any:
    """The class of the lens of this name."""
    module, made = LENSES[name]
    return getattr(import_module(module, __package__), made)

"""Bindings with a name, by which a configuration file can give what they do another key.

The name is that of the action's method, with its argument where it has one: `fold-all`, `group-net`. Where that says
too little, the binding is given another (`id`).
"""

import re
from dataclasses import dataclass

from textual import binding

_ARGUMENT = re.compile(r"\(['\"]?(.*?)['\"]?\)$")


@dataclass(frozen=True)
class Binding(binding.Binding):
    """Textual's, with a name."""

    def __post_init__(self) -> None:
        if self.id is None:
            method = self.action.removeprefix("app.").removeprefix("screen.")
            object.__setattr__(self, "id", _ARGUMENT.sub(r"-\1", method).replace("_", "-"))

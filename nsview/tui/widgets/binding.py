"""Bindings with a name, by which a configuration file can give what they do another key.

The name is that of the action's method, with its argument where it has one: `fold-all`, `group-net`. Where that says
too little, the binding is given another (`id`).
"""

import re
from typing import Any

from textual import binding

_ARGUMENT = re.compile(r"\(['\"]?(.*?)['\"]?\)$")


class Binding(binding.Binding):
    """Textual's, with a name."""

    def __init__(self, key: str, action: str, description: str = "", *, id: str | None = None, **more: Any) -> None:
        method = action.removeprefix("app.").removeprefix("screen.")
        name = id or _ARGUMENT.sub(r"-\1", method).replace("_", "-")
        super().__init__(key, action, description, id=name, **more)

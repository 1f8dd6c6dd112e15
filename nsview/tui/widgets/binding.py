"""Bindings with a name, by which a configuration file can give an action another key.

The name is that of the action's method, with its argument if it has one: `fold-all`, `group-net`. If that says too
little, the binding is given another name (`id`).
"""

import re
from typing import Any

from textual import binding

_ARGUMENT = re.compile(r"\(['\"]?(.*?)['\"]?\)$")


class Binding(binding.Binding):
    """A binding of Textual's with a name."""

    def __init__(self, key: str, action: str, description: str = "", *, id: str | None = None, **more: Any) -> None:
        method = action.removeprefix("app.").removeprefix("screen.")
        name = id or _ARGUMENT.sub(r"-\1", method).replace("_", "-")
        super().__init__(key, action, description, id=name, **more)

"""The private names of Textual are used in one file, as a minor version may move them."""

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path

import nsview.tui

TUI = Path(nsview.tui.__file__).parent
FILE = TUI / "textual_private.py"


def classes() -> list[type]:
    """The classes of the explorer that have a class of Textual among their bases."""
    found = []
    for file in sorted(TUI.rglob("*.py")):
        name = ".".join(file.relative_to(TUI.parent.parent).with_suffix("").parts).removesuffix(".__init__")
        module = importlib.import_module(name)
        mine = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if cls.__module__ == name]
        found += [cls for cls in mine if any(base.__module__.startswith("textual.") for base in cls.__mro__)]
    return found


@functools.cache
def private(cls: type) -> set[str]:
    """The private names of the class itself: its functions, and what its functions use of `self`."""
    return set(re.findall(r"\b(?:self\.|super\(\)\.|def )(_[a-z]\w*)\b", inspect.getsource(cls)))


def of_textual(cls: type) -> set[str]:
    return {name for base in cls.__mro__ if base.__module__.startswith("textual.") for name in private(base)}


def test_no_class_uses_a_private_name_of_textual_or_has_the_same_by_chance() -> None:
    found = classes()
    assert len(found) > 30
    clashes = {
        f"{cls.__name__}.{name}": Path(inspect.getfile(cls)).name
        for cls in found
        for name in (private(cls) & of_textual(cls))
        if not name.startswith("_on_") and Path(inspect.getfile(cls)) != FILE
    }
    assert clashes == {}


def test_no_private_name_of_textual_is_imported_or_used_on_another_object() -> None:
    names = {name for cls in classes() for name in of_textual(cls)}
    found = set()
    for file in TUI.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())) if file != FILE else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual"):
                parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                found |= {(file.name, part) for part in parts if part.startswith("_")}
            if isinstance(node, ast.Attribute) and node.attr in names:
                of = node.value.id if isinstance(node.value, ast.Name) else "?"
                if of not in ("self", "cls", "os"):
                    found.add((file.name, node.attr))
    assert found == set()

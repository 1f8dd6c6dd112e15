"""The keys that a configuration file gives to actions, checked. Imported only if the file has any.

An action is called as in `binding`; one name may stand on several screens, and gets the same keys on all of them.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from .lenses import LENSES, lens_class

_MODIFIERS = {"ctrl", "alt", "shift", "super", "hyper", "meta"}
_NAMED = {key.value for key in Keys}
_RESERVED = {"ctrl+q": "always quits", "ctrl+c": "is the terminal's"}

Scope = Sequence[type[DOMNode]]
"""Widgets and screens whose bindings are in force at the same time."""


class KeymapError(ValueError):
    """The keys given to an action are wrong. name: the action."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def scopes(app: type[DOMNode]) -> Iterator[Scope]:
    """All scopes of the app. Takes as long as opening each of the screens once."""
    from .screens.enter_dialog import EnterDialog
    from .screens.explorer import Explorer
    from .screens.export import ExportDialog
    from .screens.goto_dialog import GoTo
    from .screens.help import HelpScreen
    from .screens.hosts import Hosts
    from .screens.menu import Menu
    from .widgets.details import DetailsPane
    from .widgets.filter_line import FilterInput
    from .widgets.row_list import RowList
    from .widgets.table import Table

    for focused in (RowList, DetailsPane, FilterInput):
        yield app, Explorer, focused
    for name in LENSES:
        yield app, lens_class(name), Table
        yield app, lens_class(name), FilterInput
    yield app, Hosts, Table
    yield app, Hosts, FilterInput
    for dialog in (EnterDialog, GoTo, HelpScreen, Menu, ExportDialog):
        yield (dialog,)


def named(scope: Scope) -> dict[str, list[str]]:
    """{name of an action: its keys} in this scope."""
    found: dict[str, list[str]] = {}
    for node in scope:
        for part in node.__mro__:
            for bound in Binding.make_bindings(part.__dict__.get("BINDINGS", ())):
                if bound.id and bound.key not in (keys := found.setdefault(bound.id, [])):
                    keys.append(bound.key)
    return found


def checked(wanted: Mapping[str, str | list[str]], app: type[DOMNode]) -> dict[str, str]:
    """Textual's keymap, name to keys, for these wishes. app: whose bindings are always in force. Raises KeymapError."""
    given = {name: _keys(name, keys) for name, keys in wanted.items()}
    actions = [named(scope) for scope in scopes(app)]
    every = {name for scope in actions for name in scope}
    for name in given:
        if name not in every:
            near = " or ".join(get_close_matches(name, every, 3, 0.5))
            raise KeymapError(name, "no such action" + (f"; is it {near}?" if near else ""))
    for scope in actions:
        owners: dict[str, str] = {}
        for name, own in sorted(scope.items(), key=lambda item: item[0] in given):
            for key in given.get(name, own):
                other = owners.setdefault(key, name)
                # Actions that share a key by default are in force one after the other, as Esc in a filter and a lens.
                if other != name and name in given and not (key in own and key in scope[other]):
                    raise KeymapError(name, f"{key} is the key of {other} already; give that another one too")
    return {name: ",".join(keys) for name, keys in given.items()}


def with_alt(keymap: Mapping[str, str]) -> frozenset[str]:
    """The characters that are keys of such a keymap together with Alt."""
    keys = [key for keys in keymap.values() for key in keys.split(",") if key.startswith("alt+")]
    return frozenset(key[-1].upper() if "shift+" in key else key[-1] for key in keys if key[-2] == "+")


def _name(character: str) -> str:
    """The name of a character's key, as Textual has it."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


def _keys(name: str, wanted: str | list[str]) -> list[str]:
    keys = [key.strip() for key in (wanted.split(",") if isinstance(wanted, str) else wanted)]
    if not keys:
        raise KeymapError(name, "no key")
    return [_key(name, key) for key in keys]


def _key(name: str, key: str) -> str:
    *modifiers, last = key.split("+")
    if len(last) == 1:
        last = _name(last)
    whole = "+".join([*modifiers, last])
    known = last in _NAMED or key_to_character(last) is not None
    if not known or not set(modifiers) <= _MODIFIERS or not key.isprintable():
        raise KeymapError(name, f"no such key: {key!r}; keys are called as in a, slash, ctrl+f, f5, pagedown")
    if whole in _RESERVED:
        raise KeymapError(name, f"{key} {_RESERVED[whole]}")
    return whole

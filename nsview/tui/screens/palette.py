"""Textual's command palette: the actions of all keys by name, and the ready commands for the chosen row."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from nsview.join.ready import Ready
from nsview.model.text import safe

from ..text.bar_text import NAMES

_MOVES = {"move", "page", "to_end", "aside", "scroll_up", "scroll_down", "page_up", "page_down", "focus_next"}
_TEXTUALS = {"help_quit", "copy_text", "command_palette", "quit", "scroll_home", "scroll_end"}


class Palette(CommandPalette):
    """Textual's palette, without an error of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page('page_down')", show=False),
        Binding("pageup", "page('page_up')", show=False),
    ]

    def action_page(self, action: str) -> None:
        """Move a page up or down, unless the list has not been laid out yet."""
        with suppress(KeyError):
            getattr(self.query_one("CommandList"), f"action_{action}")()


def actions(screen: Screen[object]) -> Iterator[SystemCommand]:
    """The actions of the keys of a screen, each once, with its key."""
    seen = set()
    for _, binding, enabled, tooltip in screen.active_bindings.values():
        name = binding.action.rpartition(".")[2]
        bare = name.partition("(")[0]
        if not (enabled and binding.description) or bare in _MOVES | _TEXTUALS or name in seen:
            continue
        seen.add(name)
        title, words = binding.description, [f"Key {screen.app.get_key_display(binding)}"]
        if bare == "group":
            by = name[len("group('") : -len("')")]
            title, words = f"Group by {NAMES.get(by, by)}", [f"Key {binding.key}"]  # type: ignore[call-overload]
        elif tooltip:
            words.append(tooltip)
        yield SystemCommand(title, ". ".join(words), partial(screen.app.simulate_key, binding.key))


def ready_commands(commands: Sequence[Ready], run: Callable[[Ready], None]) -> type[Provider]:
    """A provider of the ready commands, the built-in ones and the user's. run: called with the one that is chosen."""

    class ReadyCommands(Provider):
        async def discover(self) -> Hits:
            for ready in commands:
                yield DiscoveryHit(safe(ready.name), partial(run, ready), help=safe(ready.text))

        async def search(self, query: str) -> Hits:
            matcher = self.matcher(query)
            for ready in commands:
                score = matcher.match(f"{ready.name} {ready.text}")
                if score:
                    yield Hit(score, matcher.highlight(safe(ready.name)), partial(run, ready), help=safe(ready.text))

    return ReadyCommands

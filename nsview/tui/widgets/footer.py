"""The keys of the screen, in the line at the bottom; a click on one presses it.

Textual's Footer has a widget a key, which delays the first paint; this widget draws the same bindings.
"""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

from ..contrast import readable

_LAST = {"app.help": 1, "back": 2, "app.quit": 3}
_SOUGHT = {"app.jump", "filter"}  # the ways to a thing
_ROOM = 4  # keys that are left out only after these


class Keys(Widget):
    """The bindings of the screen and of the focused widget, if they are meant to be shown."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key"}

    def __init__(self) -> None:
        super().__init__(id="keys")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def _shown(self) -> list[tuple[Binding, str]]:
        """(binding, its key as displayed), each action once: the focused widget's, those that this screen alone has,
        those of all screens; the way to help and out stand last."""
        own = {binding.action for binding in Binding.make_bindings(type(self.screen).__dict__.get("BINDINGS", ()))}
        found: dict[str, tuple[tuple[int, int], Binding, str]] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled:
                whose = 0 if node not in (self.screen, self.app) else 1 if binding.action in own else 2
                rank = _LAST.get(binding.action, 0), whose
                found.setdefault(binding.action, (rank, binding, self.app.get_key_display(binding)))
        return [(binding, key) for _, binding, key in sorted(found.values(), key=lambda shown: shown[0])]

    def _fitting(self) -> list[tuple[Binding, str]]:
        """The bindings for which there is room: the last ones before help and the way out are left out first; those of
        _SOUGHT as if they stood near the beginning."""
        shown = self._shown()
        over = sum(_width(*one) for one in shown) - self.size.width
        order = sorted(
            enumerate(shown), key=lambda one: min(one[0], _ROOM) if one[1][0].action in _SOUGHT else one[0] + 0.5
        )
        for _, one in reversed(order):
            if over > 0 and one[0].action not in _LAST:
                over -= _width(*one)
                shown.remove(one)
        return shown

    def render(self) -> Text:
        style = readable(self.get_component_rich_style("keys--key"))
        text = Text(no_wrap=True, overflow="ellipsis")
        for binding, key in self._fitting():
            text.append(f" {key} ", style)
            text.append(f"{binding.description} ")
        return text

    async def on_click(self, event: events.Click) -> None:
        x = 0
        for binding, key in self._fitting():
            x += _width(binding, key)
            if event.x < x:
                self.app.simulate_key(binding.key)
                return


def _width(binding: Binding, key: str) -> int:
    return len(key) + len(binding.description) + 3

"""The keys that do something here, in the line at the bottom; a click on one presses it.

Textual's Footer is a widget a key, which costs a sixth of the time to the first paint; this draws the same bindings.
"""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

<<<<<<< HEAD
_LAST = {"app.help": 1, "back": 2, "app.quit": 3}
=======
LAST = ("help", "quit", "close")
_STAYS = {"nest": 0, "toggle-details": 1, "follow": 2, "sort": 3} | dict.fromkeys(LAST, 9)


def _width(shown: tuple[Binding, str]) -> int:
    binding, key = shown
    return len(key) + len(binding.description) + 3
>>>>>>> cdf7248 (Among the keys shown help and the way out are the last, and always there)


class Keys(Widget):
    """The bindings of the screen and of what has the focus, as far as they are meant to be shown."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key"}

    def __init__(self) -> None:
        super().__init__(id="keys")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def _shown(self) -> list[tuple[Binding, str]]:
<<<<<<< HEAD
        """(binding, its key as displayed), each action once; the way to help and out stand last."""
=======
        """(binding, its key as displayed), each action once; help and the way out come last. Where there is no room
        for all, some give way that help tells of, too."""
>>>>>>> cdf7248 (Among the keys shown help and the way out are the last, and always there)
        found: dict[str, tuple[Binding, str]] = {}
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled:
                found.setdefault(binding.action, (binding, self.app.get_key_display(binding)))
<<<<<<< HEAD
        return sorted(found.values(), key=lambda shown: _LAST.get(shown[0].action, 0))

    def _fitting(self) -> list[tuple[Binding, str]]:
        """Those for which there is room: where there is none for all, the last before help and the way out go first."""
        shown = self._shown()
        over = sum(_width(*one) for one in shown) - self.size.width
        for place in range(len(shown) - 1, -1, -1):
            if over <= 0:
                break
            if shown[place][0].action not in _LAST:
                over -= _width(*shown.pop(place))
=======
        shown = sorted(found.values(), key=lambda each: each[0].id in LAST)
        going = sorted(shown, key=lambda each: _STAYS.get(each[0].id or "", 5), reverse=True)
        while sum(map(_width, shown)) > self.size.width and len(shown) > 1:
            shown.remove(going.pop())
>>>>>>> cdf7248 (Among the keys shown help and the way out are the last, and always there)
        return shown

    def render(self) -> Text:
        style = self.get_component_rich_style("keys--key")
        text = Text(no_wrap=True, overflow="ellipsis")
        for binding, key in self._fitting():
            text.append(f" {key} ", style)
            text.append(f"{binding.description} ")
        return text

    async def on_click(self, event: events.Click) -> None:
        x = 0
<<<<<<< HEAD
        for binding, key in self._fitting():
            x += _width(binding, key)
=======
        for binding, key in self._shown():
            x += _width((binding, key))
>>>>>>> cdf7248 (Among the keys shown help and the way out are the last, and always there)
            if event.x < x:
                self.app.simulate_key(binding.key)
                return


def _width(binding: Binding, key: str) -> int:
    return len(key) + len(binding.description) + 3

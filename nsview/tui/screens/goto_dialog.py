"""Things to go to, and a line that narrows them: the leads of a row (`o`); `find_dialog` has the meanings of a text."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from nsview.hosts.moment import FORMS, clock, moment
from nsview.model.leads import MOST, Lead
from nsview.model.text import safe

from ..widgets.binding import Binding
from ..widgets.entry_line import EntryLine


class GoTo(ModalScreen[Lead | None]):
    """Returns the chosen lead, or None.

    leads: the things that a text leaves; raises ValueError with a line on its error.
    empty: the words if it leaves none. begin: the words before a text is typed, `empty` by default.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back"),
        Binding("down", "move('down')", "Down", show=False),
        Binding("up", "move('up')", "Up", show=False),
        Binding("pagedown", "move('page_down')", "Page down", show=False),
        Binding("pageup", "move('page_up')", "Page up", show=False),
    ]

    def __init__(
        self, title: str, leads: Callable[[str], Sequence[Lead]], *, placeholder: str, empty: str, begin: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._leads = leads
        self._placeholder = placeholder
        self._empty = empty
        self._begin = begin or empty
        self._found: Sequence[Lead] = ()
        self._sought = ""  # the text whose things are shown

    def compose(self) -> ComposeResult:
        with Vertical(id="goto"):
            yield Static(Text(self._title, no_wrap=True, overflow="ellipsis"), id="goto-title")
            yield EntryLine(self._choose, placeholder=self._placeholder, id="goto-line")
            things = OptionList(id="goto-things", compact=True)
            things.can_focus = False  # keys are the line's; a click chooses
            yield things
            yield Static(id="goto-note")

    def on_mount(self) -> None:
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def seek(self) -> None:
        """Find the typed text again, as more is known now."""
        self._show(self.query_one(Input).value)

    def _show(self, text: str) -> None:
        wrong, things = None, self.query_one(OptionList)
        chosen = None if things.highlighted is None or text != self._sought else self._found[things.highlighted]
        self._sought = text
        try:
            self._found = self._leads(text)
        except ValueError as error:
            self._found, wrong = (), str(error)
        things.clear_options()
        width = max((cell_len(lead.role) for lead in self._found), default=0)
        things.add_options([Option(_drawn(lead, width)) for lead in self._found])
        if self._found:
            things.highlighted = self._found.index(chosen) if chosen in self._found else 0
        goes = "Enter goes there; backspace comes back."
        if len(self._found) == MOST:
            goes += f" These are the first {MOST}; type on for others."
        note = wrong or (goes if self._found else self._empty if text.strip() else self._begin)
        self.query_one("#goto-note", Static).update(Text(safe(note), no_wrap=True, overflow="ellipsis"))

    def _choose(self) -> None:
        if self.query_one(Input).value != self._sought:
            self.seek()  # the message of the last letter is on its way
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._go(place)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._go(event.option_index)

    def _go(self, place: int) -> None:
        self.chosen(self._sought.strip(), place, self._found[place])
        self.dismiss(self._found[place])

    def chosen(self, text: str, place: int, lead: Lead) -> None:
        """The lead at a place of those of a text is gone to."""

    def action_move(self, where: str) -> None:
        getattr(self.query_one(OptionList), f"action_{where if 'page' in where else 'cursor_' + where}")()

    def action_cancel(self) -> None:
        self.dismiss(None)


def among(title: str, leads: Sequence[Lead]) -> GoTo:
    """The dialog for a choice among these things, which words narrow."""

    def having(text: str) -> list[Lead]:
        words = text.lower().split()
        return [lead for lead in leads if all(word in f"{lead.role} {lead.text}".lower() for word in words)]

    return GoTo(title, having, placeholder="words narrow the list", empty="Nothing here.")


def at_moment(begin: float, end: float) -> GoTo:
    """The dialog for a moment of a recording between these times: the thing of the lead is the time, as text."""

    def leads(text: str) -> list[Lead]:
        found = moment(text, begin, end) if text.strip() else None
        return [] if found is None else [Lead(str(found), "moment", clock(found))]

    return GoTo("Go to a moment", leads, placeholder=FORMS, empty=f"{clock(begin)} to {clock(end)}")


def _drawn(lead: Lead, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(lead.role.ljust(width) + "  ", "dim")
    text.append(safe(lead.text))
    return text

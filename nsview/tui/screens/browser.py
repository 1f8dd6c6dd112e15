"""The base of the explorer and of every lens: rows or lines that are filtered, marked, compared and taken along."""

from collections.abc import Callable
from typing import ClassVar

from textual.screen import Screen
from textual.widgets import Input

from nsview.model.changes import Changes
from nsview.model.clipboard import Copy
from nsview.model.filter import Filter, FilterError
from nsview.model.net import Nets
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot

from ..context import Context
from ..messages import CompareWanted
from ..widgets.filter_line import FilterInput, FilterNote
from ..widgets.status import Status


class Browser(Screen[None]):
    """A screen that shows the host of the session, and watches it while it is there."""

    NOUN: ClassVar[str]
    """A row, or a line."""
    snapshot: Snapshot | None

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.session = context.session

    def follow_session(self) -> None:
        """Watch the session from now on, until the screen is gone."""
        self.session.watchers.append(self)

    def on_unmount(self) -> None:
        self.session.watchers.remove(self)

    # The session; see `Watcher`

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None: ...

    def show_progress(self, done: int, total: int) -> None: ...

    def show_source(self, words: str) -> None:
        for status in self.query(Status):
            status.source = words

    def show_nets(self, nets: Nets | None) -> None: ...

    def show_nets_progress(self, what: str, done: int, total: int) -> None: ...

    def show_links_changed(self) -> None: ...

    def show_restart(self, how: str) -> None: ...

    def show_end(self, failure: str | None) -> None: ...

    # The filter line

    @property
    def filter(self) -> Filter:
        """The filter in effect."""
        raise NotImplementedError

    @property
    def hint(self) -> str:
        """The words in the empty filter line."""
        raise NotImplementedError

    def parse(self, text: str) -> Filter:
        """The filter that a text is. Raises FilterError."""
        raise NotImplementedError

    def use(self, wanted: Filter) -> None:
        """Have this filter in effect."""
        raise NotImplementedError

    def keep_filter(self) -> None:
        """Leave the filter line; the filter stays."""
        raise NotImplementedError

    def completions(self, text: str) -> list[str]:
        """Texts that a filter may become, the likeliest first."""
        raise NotImplementedError

    async def action_filter(self) -> None:
        if not self.is_attached:
            return  # typed ahead after q
        if not self.query(FilterInput):
            line = FilterInput(self.hint, self.completions, lambda: self.context.memory.state.history, self.parse)
            await self.mount(line, FilterNote(), before="#keys")
        self.add_class("filtering")
        line = self.query_one(FilterInput)
        line.begin(self.filter.text)
        self.note(None)
        self.set_focus(line)  # at once: the text that is typed ahead is for it

    def note(self, error: FilterError | None) -> None:
        """Show below the line its error and the place of it, else a note, else completions."""
        self.query_one(FilterNote).tell(self.query_one(FilterInput), error, self._of_nets())

    def _of_nets(self) -> str:
        """The note that ports and their like are not known, if the filter asks for them."""
        if not self.filter.needs_nets or self.session.reach:
            return ""
        known = "are not known of this host" if self.session.reach is not None else "are being read …"
        return f"ports, addresses and interfaces {known}"

    def on_input_changed(self, event: Input.Changed) -> None:
        try:
            wanted = self.parse(event.value)
        except FilterError as error:
            self.note(error)  # the last valid filter stays in effect
            return
        if self.asks_for_nets(wanted):
            self.session.want_nets()
        if wanted.text != self.filter.text:
            self.query_one(Status).filter = wanted.text
            self.use(wanted)
        self.note(None)

    def asks_for_nets(self, wanted: Filter) -> bool:
        """The ports and addresses of the host are to be read for this filter."""
        return wanted.about_nets

    def on_input_submitted(self) -> None:
        if not self.query_one(FilterInput).has_class("wrong"):
            self.keep_filter()

    def action_keep_filter(self) -> None:
        self.keep_filter()

    # Two rows or lines compared

    def to_compare(self) -> tuple[Process, Process] | None:
        """The two marked processes, or the one marked and the chosen one. None if these are not two."""
        raise NotImplementedError

    def action_compare(self) -> None:
        """Compare the two marked rows, or the one marked and the chosen one."""
        pair = self.to_compare()
        if pair is None:
            self.notify(f"Mark a {self.NOUN} with v, go to another, and press c to compare the two.")
        else:
            self.post_message(CompareWanted(*pair))

    # Taking along; see `export`

    @property
    def title_of_file(self) -> str:
        """The word for this screen in the name of a file."""
        raise NotImplementedError

    def copies(self) -> list[Copy]:
        """The texts of the chosen row or line that can be copied."""
        raise NotImplementedError

    def writing(self, ending: str) -> Callable[[], str]:
        """A function that makes the text of a file with this ending (.json, .csv) from the rows or lines shown now."""
        raise NotImplementedError

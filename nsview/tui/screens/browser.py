"""The base of the explorer and of every lens: rows or lines that are filtered, marked, compared and taken along."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.css.query import NoMatches
from textual.widgets import Input
from textual.worker import Worker

from nsview.model.clipboard import Copy
from nsview.model.ended import container_of
from nsview.model.filter import FIELDS, Fields, Filter, FilterError, Texts, parse
from nsview.model.kinds import KindName
from nsview.model.records import Container, Process
from nsview.model.table import Line, Thing
from nsview.model.text import safe

from ..context import Context
from ..marks import Marks
from ..messages import CompareWanted, LogsWanted
from ..session import Watcher
from ..widgets.filter_line import FilterInput, FilterNote
from ..widgets.status import Status
from .time_travel import TimeTravel


class Browser(TimeTravel, Watcher):
    """A screen that shows the host of the session, and watches it while it is there."""

    NOUN: ClassVar[str]
    """A row, or a line."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.session = context.session
        self.marks = Marks()
        self.texts = Texts()
        self._sought = Filter()  # the last one that was not empty

    @property
    def process(self) -> Process | None:
        """The process that the chosen row or line is about, None if it is about none."""
        raise NotImplementedError

    def follow_session(self) -> None:
        """Watch the session from now on, until the screen is gone."""
        self.session.watchers.append(self)

    def on_unmount(self) -> None:
        self.session.watchers.remove(self)

    def run_worker(self, work: Any, *args: Any, **options: Any) -> Worker[Any]:
        """Run work as Textual does. Work that awaits ends quietly on a screen that is ending, for the parts of that
        are removed one by one while the work goes on."""
        return super().run_worker(work if options.get("thread") else partial(self._while_there, work), *args, **options)

    async def _while_there(self, work: Callable[[], Awaitable[object]] | Awaitable[object]) -> object:
        try:
            return await (work() if callable(work) else work)
        except NoMatches:
            if self.app.is_running and self in self.app.screen_stack:
                raise
            return None

    def show_source(self, words: str) -> None:
        for status in self.query(Status):
            status.source = words
        for line in self.query("#timeline"):
            line.refresh()

    # The filter line

    @property
    def filter(self) -> Filter:
        """The filter in effect."""
        raise NotImplementedError

    @property
    def hint(self) -> str:
        """The words in the empty filter line."""
        raise NotImplementedError

    @property
    def fields(self) -> Fields:
        """The fields of a filter on this screen."""
        return FIELDS

    @property
    def grouping(self) -> str | None:
        """The sort of thing that is chosen: "container", "tree" for a process, the kind of a namespace, else None."""
        raise NotImplementedError

    @property
    def kind(self) -> KindName | None:
        """The kind of namespace that is chosen, to be explained by the help; None if none is."""
        return None

    def parse(self, text: str) -> Filter:
        """The filter that a text is. Raises FilterError."""
        return parse(text, self.grouping, self.texts, self.session.reach, self.fields)

    def use(self, wanted: Filter) -> None:
        """Have this filter in effect."""
        raise NotImplementedError

    def keep_filter(self) -> None:
        """Leave the filter line; the filter stays."""
        self.remember_filter()
        self.remove_class("filtering")
        self.focus_rows()

    def action_clear_filter(self) -> None:
        """Leave the filter line and show everything again."""
        self.remember_filter()
        self.clear_filter()
        self.texts = Texts()
        self.remove_class("filtering")
        self.focus_rows()

    def remember_filter(self) -> None:
        """Keep the filter in effect for the next match, also after it is cleared, and for the history."""
        if self.filter:
            self._sought = self.filter
            self.context.memory.add_to_history(self.filter.text)

    def clear_filter(self) -> None:
        """Show everything again."""
        self.use(Filter())

    def focus_rows(self) -> None:
        raise NotImplementedError

    def completions(self, text: str) -> list[str]:
        """Texts that a filter may become, the likeliest first."""
        from nsview.model.filter.complete import complete

        return complete(text, self.snapshot, self.fields, self.lines_to_complete) if self.snapshot else []

    lines_to_complete: Sequence[Line] = ()
    """The lines of a lens, for the values of their fields."""

    async def action_filter(self) -> None:
        if not self.is_attached:
            return  # typed ahead after q
        if not self.query(FilterInput):
            line = FilterInput(
                self.hint, self.completions, lambda: self.context.memory.state.history, self.parse, self._entered
            )
            await self.mount(line, FilterNote(), before="#keys")
        self.add_class("filtering")
        line = self.query_one(FilterInput)
        line.begin(self.filter.text)
        self.note(None)
        self.set_focus(line)  # at once: the text that is typed ahead is for it

    def show_filter(self) -> None:
        """Show the text of the filter in effect, in the status and in the filter line."""
        text = self.query_one(Status).filter = self.filter.text
        for line in self.query(FilterInput):
            line.begin(text)
            self.note(None)

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
        self._typed(event.value)

    def _typed(self, text: str) -> None:
        try:
            wanted = self.parse(text)
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
        """True if the ports and addresses of the host are to be read for this filter."""
        return wanted.about_nets

    def _entered(self) -> None:
        line = self.query_one(FilterInput)
        self._typed(line.value)
        if not line.has_class("wrong"):
            self.keep_filter()

    def action_keep_filter(self) -> None:
        self.keep_filter()

    def action_next_match(self, by: int = 1) -> None:
        """Go to the next row or line that matches the filter, or the one that was cleared last; round the end."""
        wanted = self.filter or self._sought
        if not wanted:
            self.notify("Nothing has been sought yet; / does.")
        elif not self.go_to_match(by, self.parse(wanted.text)):
            self.notify(f"No {self.NOUN} here matches {safe(wanted.text)}", severity="warning", markup=False)

    def go_to_match(self, by: int, wanted: Filter) -> bool:
        """Go to the next row or line that a filter matches. False if there is none."""
        raise NotImplementedError

    # Two rows or lines compared

    def to_mark(self) -> tuple[Hashable, Process] | None:
        """(the key of the chosen row or line, the process that stands for it). None if there is none."""
        raise NotImplementedError

    def show_marks(self) -> None:
        raise NotImplementedError

    def action_mark(self) -> None:
        """Mark the chosen row or line, or unmark it; a third mark removes the first."""
        chosen = self.to_mark()
        if chosen is None:
            self.notify(f"No process is behind this {self.NOUN}, so there is nothing to compare.", severity="warning")
        else:
            self.marks.turn(*chosen)
            self.show_marks()

    def to_compare(self) -> tuple[Process, Process] | None:
        """The two marked processes, or the one marked and the chosen one. None if these are not two."""
        return self.marks.pair(self.snapshot, self.process) if self.snapshot else None

    def action_compare(self) -> None:
        """Compare the two marked rows, or the one marked and the chosen one."""
        pair = self.to_compare()
        if pair is None:
            self.notify(f"Mark a {self.NOUN} with v, go to another, and press c to compare the two.")
        else:
            self.post_message(CompareWanted(*pair))

    # Acting on the thing of the row or line

    @property
    def thing(self) -> Thing | None:
        """The thing that the chosen row or line is about, None if there is none."""
        raise NotImplementedError

    @property
    def record(self) -> Process | Container | None:
        """The record of that thing, None if it is no process and no container."""
        thing, snapshot = self.thing, self.snapshot
        if snapshot is None:
            return None
        if isinstance(thing, int):
            return snapshot.processes.get(thing)
        if not isinstance(thing, str):
            return None
        if thing not in snapshot.containers and (one := self.session.ended(thing)):
            return container_of(one)
        return snapshot.containers.get(thing)

    def action_signal(self) -> None:
        """Offer the signals for the chosen process, or the commands that stop the chosen container."""
        from .signal_menu import ask

        ask(self, self.record)

    def action_logs(self) -> None:
        """Show the log of the container of the chosen row or line."""
        record = self.record or self.process
        container = record if isinstance(record, Container) else None
        if isinstance(record, Process) and self.snapshot is not None:
            container = self.snapshot.container_of(record)
        if container is None:
            self.notify(f"No container is behind this {self.NOUN}; logs are those of containers.", severity="warning")
        else:
            self.post_message(LogsWanted(container))

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

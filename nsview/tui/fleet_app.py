"""The application for several hosts: a table of them, and over it the explorer of one at a time."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Event
from textual.message_pump import CallbackError
from textual.screen import Screen
from textual.worker import WorkerFailed

from nsview.hosts import HostError
from nsview.hosts.inventory import NamedHost
from nsview.hosts.nowhere import Nowhere
from nsview.join.ready import BUILT_IN, Ready
from nsview.model.host_leads import LeadAt
from nsview.model.leads import Lead
from nsview.model.text import safe
from nsview.state import Memory

from . import gc_pace
from .app import NsviewApp, kept
from .fleet import Fleet, HostLink, HostSession
from .messages import CloseWanted, HostWanted
from .screens.browser import Browser
from .screens.explorer import Explorer
from .screens.find_among import FindAmong
from .screens.hosts import Hosts
from .widgets.binding import Binding

_OF_ONE_HOST = ("lens",)


class OneOfMany(Explorer):
    """The explorer of a host above the table of all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Hosts", tooltip="Clear the filter; back to the table of hosts"),
    ]

    def action_clear_filter(self) -> None:
        if self.filter.text or self.has_class("filtering"):
            super().action_clear_filter()
        else:
            self.post_message(CloseWanted())

    def action_back(self) -> None:
        if self.has_before:
            super().action_back()
        else:
            self.post_message(CloseWanted())


class FleetApp(NsviewApp):
    """The explorers of several hosts, one at a time, above a table of all."""

    EXPLORER = OneOfMany

    def __init__(
        self, entries: Iterable[NamedHost], ready: tuple[Ready, ...] = BUILT_IN, memory: Memory | None = None, *,
        elevated: bool = False,
    ) -> None:  # fmt: skip
        """elevated: as root there, by a sudo that asks for no password."""
        super().__init__(Nowhere(), ready, memory)
        self._nowhere = self.session
        self.fleet = Fleet(entries, self.call_later, elevated=elevated)
        self.fleet.heard, self.fleet.refused = self._heard, self._refused
        self._leaving = False  # the screens of one host are ending
        self.hosts = Hosts(self.context, self.fleet)

    def get_default_screen(self) -> Screen[None]:
        return self.hosts

    def on_mount(self) -> None:
        self._settled = True
        self.call_after_refresh(gc_pace.settle)

    def stop(self) -> None:
        self.fleet.stop()

    async def on_host_wanted(self, message: HostWanted) -> None:
        """Open the explorer of a host, and go to a container there."""
        self.look_at(message.session)
        await self.push_screen(self.explorer)
        if self.session is not message.session:
            return  # refused by now
        if message.line is not None:
            self.action_lens("net")
            self.lenses.begin_at(message.line)
        elif message.thing is not None and self.go_to(message.thing):
            match message.then:
                case "enter":
                    self.explorer.action_enter()
                case "ready":
                    self.explorer.action_ready()

    def action_jump(self) -> None:
        """Find on the host that is open, else on all."""
        if self.session is not self._nowhere:
            super().action_jump()
        else:
            self.push_screen(FindAmong(self.fleet, self.memory), self._found)

    def _found(self, lead: Lead | None) -> None:
        if isinstance(lead, LeadAt):
            self.hosts.want(lead.of, lead.thing, lead.line)

    def _heard(self) -> None:
        if self.session is self._nowhere:
            self.show_leader()

    def _take_out(self, how: Callable[[Browser], None]) -> None:
        if self.session is not self._nowhere:
            super()._take_out(how)
        elif self.screen is self.hosts:
            how(self.hosts)

    def on_close_wanted(self, message: CloseWanted) -> None:
        """Go back to the table."""
        if self.screen is self.explorer:
            self.pop_screen()
            self.look_at(self._nowhere)

    # A host that lies

    async def on_event(self, event: Event) -> None:
        """Handle an event; a defect that the word of the open host leads to is not the end of the others."""
        try:
            await super().on_event(event)
        except Exception as error:
            self.handle_defect(error)

    def handle_defect(self, error: Exception) -> None:
        """Refuse the host whose explorer is open; with none, end as for one host."""
        link = next((link for link in self.fleet.links if link.session is self.session), None)
        if link is not None:
            link.refuse(_cause(error))
        elif not self._leaving:
            super().handle_defect(error)

    def _refused(self, link: HostLink, session: HostSession, error: Exception) -> None:
        """Close the explorer of a host whose link was ended for an error here."""
        if session is self.session:
            self._leaving = True  # until then, further errors are of the same host
            self.look_at(self._nowhere)
            report = "" if self.is_headless or isinstance(error, HostError) else kept(error)
            said = f"{safe(link.entry.name)} is closed: {safe(link.failure)}{report}"
            self.notify(said, severity="error", timeout=20, markup=False)
            self.call_later(self._come_back)

    async def _come_back(self) -> None:
        while self.screen is not self.hosts:
            await self.pop_screen()
        self._leaving = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys of one host while none is open. None: the key is shown, but dim."""
        return not (self.session is self._nowhere and action in _OF_ONE_HOST) and super().check_action(
            action, parameters
        )


def _cause(error: Exception) -> Exception:
    """The error itself, where Textual tells that a worker or a timer has failed."""
    match error:
        case WorkerFailed(error=Exception() as cause) | CallbackError(__context__=Exception() as cause):
            return cause
    return error

"""The application: screens over one another, themes, signals, and leaving for root's question."""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from nsview.config import Config
from nsview.join.ready import BUILT_IN, Ready
from nsview.model.changes import Changes
from nsview.model.filter import FIELDS
from nsview.model.leads import Lead, around, meant
from nsview.model.net import Nets
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.text import safe
from nsview.state import Memory, write

from . import ending, gc_pace
from .context import Context
from .drawn_app import DrawnApp
from .entrance import Entrance
from .first_picture import Picture
from .lenses import lens_class
from .messages import CompareWanted, GoWanted, LeadsWanted, LogsWanted, PlaceWanted, RescanWanted
from .open_lenses import OpenLenses
from .screens.browser import Browser
from .screens.explorer import Explorer
from .screens.keys import APP
from .screens.lens import Lens
from .session import AnyHost, Session, Watcher
from .widgets.hint import Greeting


class NsviewApp(DrawnApp, Watcher):
    """The explorer of one host."""

    TITLE = "nsview"
    BINDINGS: ClassVar[list[BindingType]] = APP
    EXPLORER: ClassVar[type[Explorer]] = Explorer

    def __init__(
        self,
        host: AnyHost,
        ready: tuple[Ready, ...] = BUILT_IN,
        memory: Memory | None = None,
        picture: Picture | None = None,
    ) -> None:
        """picture: shown by the terminal until there is a screen."""
        self.memory = memory or Memory()
        super().__init__(self.memory.state.theme)
        self.picture = picture
        self.with_alt: frozenset[str] = frozenset()
        """The characters that are keys together with Alt, for the driver."""
        self.failure: str | None = None
        self._greeting = Greeting(self.memory)
        self._settled = False
        self._ready_commands = ready
        self._audit_ignore: tuple[str, ...] = ()
        self.session = Session(host, self.call_later)
        self.look_at(self.session)

    def look_at(self, session: Session) -> None:
        """Have an explorer of this session, in the place of the one before."""
        if self in self.session.watchers:
            self.session.watchers.remove(self)
        self.session = session
        self.context = Context(session, Entrance(self, session), self.memory, self._ready_commands)
        self.context.audit_ignore = self._audit_ignore
        self.explorer = self.EXPLORER(self.context)
        self.lenses = OpenLenses(self, self.explorer)
        session.watchers.append(self)

    def configure(self, config: Config) -> None:
        """Apply the settings of the user's file that need Textual to be checked. Raises ConfigError."""
        self._audit_ignore = self.context.audit_ignore = config.settings.audit.ignore
        theme = config.settings.theme
        if theme is not None and theme not in self.available_themes:
            raise config.error(("theme",), f"no such theme; there are {', '.join(sorted(self.available_themes))}")
        if config.settings.keys:
            from .keymap import KeymapError, checked, with_alt

            try:
                keymap = checked(config.settings.keys, type(self))
                self.set_keymap(keymap)
                self.with_alt = with_alt(keymap)
            except KeymapError as error:
                raise config.error(("keys", error.name), str(error)) from None

    def get_default_screen(self) -> Screen[None]:
        """The explorer: one above an empty one would be laid out and painted twice."""
        return self.explorer

    # Signals

    def on_load(self) -> None:
        ending.on_signals(self._end, interrupt=not self.is_headless)  # before the terminal is ours

    def _end(self, code: int) -> None:
        """Exit as soon as there is a screen, which would not bear to be ended amid its making."""
        if self.get_default_screen().is_mounted:
            self.call_later(self.exit, None, code)
        else:
            asyncio.get_running_loop().call_later(0.01, self._end, code)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self.memory.remember(theme=theme.name))
        if not self.is_headless:
            ending.with_terminal(self.stop)

    def on_unmount(self) -> None:
        self.stop()

    def stop(self) -> None:
        """End the agent."""
        self.session.host.stop()

    # The session

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        if self.explorer.snapshot is None:
            self._greeting.begin(self.explorer)
        if not self._settled and not snapshot.partial:
            self._settled = True
            self.call_after_refresh(gc_pace.settle)
            if self.memory.state.lens:
                self.lenses.open(lens_class(self.memory.state.lens)(self.context, snapshot))

    def show_nets(self, nets: Nets | None) -> None:
        self.show_leader()

    def show_engines(self) -> None:
        self.show_leader()

    def show_leader(self) -> None:
        if seek := getattr(self.screen, "seek", None):
            seek()  # the text that is being typed there may be a port, or a thread

    def show_restart(self, how: str) -> None:
        self.notify(f"{how}. Everything is read again.", severity="warning", timeout=10)

    def show_end(self, failure: str | None) -> None:
        if failure is None:
            return
        if self.explorer.snapshot is None:
            self.failure = failure
            self.exit(4)
            return
        self.notify(f"{failure}\nThe screen shows the last state.", severity="error", timeout=20)

    async def on_event(self, event: events.Event) -> None:
        """Remove the hint at any key or click, and handle the event as usual."""
        if isinstance(event, events.Key | events.MouseDown):
            self._greeting.end()
        await super().on_event(event)

    def whole(self) -> Snapshot | None:
        """The snapshot that is shown; None, and a notice, while that is only a part."""
        snapshot = self.explorer.snapshot
        if snapshot is not None and snapshot.partial:
            self.notify("Not everything is read yet; try again in a moment.", severity="warning")
            return None
        return snapshot

    # Lenses

    @property
    def lens(self) -> Lens | None:
        """The lens that is open above all others, None if none is."""
        return self.lenses.top

    def action_lens(self, name: str) -> None:
        """Open a lens over the screen, or come back to the one of this name that is open below."""
        if not self.lenses.come_back(name):
            self._open(name)

    def on_compare_wanted(self, message: CompareWanted) -> None:
        self._open("compare", (message.a, message.b))

    def on_logs_wanted(self, message: LogsWanted) -> None:
        self._open("log", message.container)

    def _open(self, name: str, subject: Container | tuple[Process, Process] | None = None) -> bool:
        """Open a lens; the log of a container or the comparison of two. False, and a notice, if it is too early."""
        if (snapshot := self.whole()) is None:
            return False
        match subject:
            case Container():
                from .screens.logs import Logs

                self.lenses.open(Logs(self.context, snapshot, subject))
            case (a, b):
                from .screens.compare import Compare

                self.lenses.open(Compare(self.context, snapshot, a, b))
            case _:
                self.lenses.open(lens_class(name)(self.context, snapshot, self.explorer.process))
        return True

    def on_key(self, event: Key) -> None:
        """Give a line that has just got the focus the text that was typed ahead of it: it is no command."""
        line = self.focused
        if isinstance(line, Input) and event.is_printable and event.character:
            line.select_on_focus = False  # comes late: the next letter would replace this one
            line.replace(event.character, *sorted(line.selection))
            event.prevent_default()

    # Going to the row of a thing

    def go_to(self, wanted: Thing) -> bool:
        """Go to the row of a process (its pid), a namespace (its type and inode), or of the thing that a text means: a
        container's key or name, `net:4026532173`, a number. From a lens too; the way back leads there again.
        False if there is no such row, or not yet."""
        if (snapshot := self.whole()) is None:
            return False
        if one := self.session.ended(wanted):
            from .screens.ended import EndedScreen  # the container has no row, or one without anything in it

            container = snapshot.containers.get(one.key)
            self.push_screen(EndedScreen(one, self.session.engines, container.state if container else None))
            return False
        if isinstance(wanted, str) and wanted not in snapshot.containers:
            leads = meant(snapshot, wanted)
            if not leads:
                self.notify(f"Nothing here is {safe(wanted)}.", severity="warning", markup=False)
                return False
            if len(leads) > 1:
                self._choose(f"{safe(wanted)} may mean", leads)
                return False
            wanted = leads[0].thing
        place = self.explorer.place_of(wanted)
        if place is None:
            return False
        self.explorer.leave(self.lenses.places)
        self.lenses.close_all()
        self.explorer.look_again(place)
        return True

    def on_go_wanted(self, message: GoWanted) -> None:
        self.go_to(message.thing)

    def on_rescan_wanted(self, message: RescanWanted) -> None:
        self.explorer.action_rescan()

    def on_leads_wanted(self, message: LeadsWanted) -> None:
        if (snapshot := self.whole()) is not None:
            self._choose(f"From {safe(message.name)} to", around(snapshot, message.thing, self.session.nets))

    def _choose(self, title: str, leads: Sequence[Lead]) -> None:
        """Ask the user for one of these things, and go to its row."""
        from .screens.goto_dialog import among

        self.push_screen(among(title, leads), self._chosen)

    def action_jump(self) -> None:
        """Ask for a number, a name or a filter, and go to the thing that it means."""
        if self.whole() is not None:
            from .screens.find_dialog import Find

            self.push_screen(Find(self.session, lambda: self.explorer.snapshot, self.memory), self._chosen)
            self.session.want_engines()

    def _chosen(self, lead: Lead | None) -> None:
        if lead is not None and lead.line is not None:
            self.action_lens("net")
            self.lenses.begin_at(lead.line)
        elif lead is not None:
            self.go_to(lead.thing)

    def on_place_wanted(self, message: PlaceWanted) -> None:
        self.lenses.close_all()
        self.explorer.look_again(message.place)
        for place in message.place.lenses:
            if self._open(place.name, place.subject):
                self.lenses.restore(place)

    # Root, defects, dialogs

    def action_elevate(self) -> None:
        """Ask for root with sudo, in the terminal, and read everything again as root."""
        if self.session.live and (host := self.context.entrance.become_root()) is not None:
            self.session.replace(host)
            self.explorer.receive()

    def handle_defect(self, error: Exception) -> None:
        """Report a defect of nsview's in one line, and write the traceback to a file."""
        if self.is_headless:
            super().handle_defect(error)  # a test is to see it
            return
        if self.failure is None:
            self.failure = f"a defect ended the explorer ({type(error).__name__}){kept(error)}"
            self.exit(4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to become root only to other users; False hides the key, None would show it dimmed (Textual)."""
        if action == "elevate":
            snapshot = self.explorer.snapshot
            return self.session.live and snapshot is not None and not snapshot.host.privileged
        return True

    def action_command_palette(self) -> None:
        """Show everything that can be done here, by name."""
        from .screens.palette import Palette

        if not Palette.is_open(self):  # type: ignore[arg-type]
            self.push_screen(Palette(id="--command-palette"))

    def action_copy(self) -> None:
        """Copy something of the chosen row."""
        from .screens.export import copy

        self._take_out(copy)

    def action_export(self) -> None:
        """Write the rows or lines of the screen to a file."""
        from .screens.export import ask_to_export

        self._take_out(ask_to_export)

    def _take_out(self, how: Callable[[Browser], None]) -> None:
        if self.whole() is not None and isinstance(self.screen, Browser):
            how(self.screen)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy it, in tmux too."""
        from .screens.export import to_tmux

        super().copy_to_clipboard(text)
        to_tmux(text)

    def action_help(self) -> None:
        """Show the keys, and the kind of namespace that is chosen."""
        from .screens.help import HelpScreen

        screen = self.screen
        fields, kind = (screen.fields, screen.kind) if isinstance(screen, Browser) else (FIELDS, None)
        name, about = (self.lens.NAME, self.lens.ABOUT) if self.lens else ("explorer", "")
        groups = self.lens is None
        self.push_screen(HelpScreen(screen.active_bindings, kind, fields, name=name, groups=groups, about=about))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own, and everything that the keys do here."""
        from .screens.palette import actions

        yield from super().get_system_commands(screen)
        yield from actions(screen)


def kept(error: Exception) -> str:
    """Write the traceback to a file of the user's, or of the directory for temporary ones; a clause that names it."""
    import tempfile

    from platformdirs import user_state_path

    file = user_state_path("nsview") / "defect.txt"
    text = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
    with contextlib.suppress(OSError):
        if write(file, text):
            return f"; please report what is in {file}"
    with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(prefix="nsview-defect-", delete=False) as other:
        other.write(text)
        return f"; please report what is in {other.name}"
    return ""

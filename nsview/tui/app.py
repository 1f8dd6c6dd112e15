"""The application: screens over one another, themes, signals, and leaving for root's question."""

import asyncio
import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Key
from textual.filter import DimFilter, LineFilter
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from nsview.config import Config
from nsview.join.ready import BUILT_IN, Ready
from nsview.model.changes import Changes
from nsview.model.filter import FIELDS
from nsview.model.leads import Lead, around, meant
from nsview.model.net import Nets
from nsview.model.records import Container
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.text import safe
from nsview.model.usage import Stopped
from nsview.state import Memory, write

from . import driver, ending, gc_pace, themes
from .context import Context
from .entrance import Entrance
from .first_picture import Picture
from .legible import Legible
from .lenses import LENSES, lens_class
from .messages import CloseWanted, CompareWanted, GoWanted, LeadsWanted, LogsWanted, PlaceWanted
from .screens.browser import Browser
from .screens.explorer import Explorer
from .screens.keys import APP
from .screens.lens import Lens
from .session import AnyHost, Session, Watcher
from .text.bar_text import NAMES
from .textual_private import DefectsApp


class NsviewApp(DefectsApp, Watcher):
    """The explorer of one host."""

    TITLE = "nsview"
    CSS_PATH = Path(__file__).with_name("nsview.tcss")
    BINDINGS: ClassVar[list[BindingType]] = APP

    def __init__(
        self,
        host: AnyHost,
        ready: tuple[Ready, ...] = BUILT_IN,
        memory: Memory | None = None,
        picture: Picture | None = None,
    ) -> None:
        """picture: shown by the terminal until there is a screen."""
        # Textual would turn colours to greys; if there are to be none, it must not take them for its own at all.
        plain = "NO_COLOR" in os.environ
        super().__init__(
            css_path=[self.CSS_PATH, self.CSS_PATH.with_name("nocolor.tcss")] if plain else None,
            ansi_color=True if plain else None,
        )
        self._legible = Legible()
        self.session = Session(host, self.call_later)
        self.memory = memory or Memory()
        self.picture = picture
        themes.begin_with(self, self.memory.state.theme)
        self.failure: str | None = None
        self._hint: Widget | None = None  # until a new user has pressed a key
        self._settled = False
        self.context = Context(self.session, Entrance(self, self.session), self.memory, ready)
        self.explorer = Explorer(self.context)
        self._lenses: list[Lens] = []  # those that are open, each over the one from which it was opened
        self.session.watchers.append(self)

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice; for a terminal of Linux our own."""
        found = super().get_driver_class()
        return driver.Driver if issubclass(driver.Driver, found) else found

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own, but for dim text, and ours."""
        found = super().get_line_filters()
        return found if self.no_color else [*(one for one in found if not isinstance(one, DimFilter)), self._legible]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours of meanings for which themes have none."""
        return themes.MEANINGS

    def configure(self, config: Config) -> None:
        """Apply the settings of the user's file that need Textual to be checked. Raises ConfigError."""
        self.context.audit_ignore = config.settings.audit.ignore
        theme = config.settings.theme
        if theme is not None and theme not in self.available_themes:
            raise config.error(("theme",), f"no such theme; there are {', '.join(sorted(self.available_themes))}")
        if config.settings.keys:
            from .keymap import KeymapError, checked

            try:
                self.set_keymap(checked(config.settings.keys, type(self)))
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
        if self.explorer.is_mounted:
            self.call_later(self.exit, None, code)
        else:
            asyncio.get_running_loop().call_later(0.01, self._end, code)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self.memory.remember(theme=theme.name))
        if not self.is_headless:
            ending.with_terminal(lambda: self.session.host.stop())

    def on_unmount(self) -> None:
        self.session.host.stop()

    # The session

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        if self.explorer.snapshot is None and self._hint is None and self.memory.file and not self.memory.state.greeted:
            self._greet()  # once, though a first part may have nothing to show yet
        if not self._settled and not snapshot.partial:
            self._settled = True
            self.call_after_refresh(gc_pace.settle)
            if self.memory.state.lens:
                self._open_lens(lens_class(self.memory.state.lens)(self.context, snapshot))

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

    def _greet(self) -> None:
        """Show a new user a few keys; once."""
        from .widgets.hint import Hint

        self._hint = Hint()
        self.explorer.mount(self._hint, before="#keys")

    async def on_event(self, event: events.Event) -> None:
        """Remove the hint at any key or click, and handle the event as usual."""
        if self._hint is not None and isinstance(event, events.Key | events.MouseDown):
            hint, self._hint = self._hint, None
            self.memory.remember(greeted=True)
            hint.remove()
        await super().on_event(event)

    def whole(self) -> Snapshot | None:
        """The snapshot that is shown; None, and a notice, while that is only a part."""
        snapshot = self.explorer.snapshot
        if snapshot is not None and snapshot.partial:
            self.notify("Not everything is read yet; try again in a moment.", severity="warning")
            return None
        return snapshot

    # Lenses

    def action_lens(self, name: str) -> None:
        """Open a lens over the screen, or come back to the one of this name that is open below."""
        if name in (names := [_name_of(lens) for lens in self._lenses]):
            while names.pop() != name:
                self._close()
        elif (snapshot := self.whole()) is not None:
            self._open_lens(lens_class(name)(self.context, snapshot, self.explorer.process))

    def on_compare_wanted(self, message: CompareWanted) -> None:
        if (snapshot := self.whole()) is not None:
            from .screens.compare import Compare

            self._open_lens(Compare(self.context, snapshot, message.a, message.b))

    def on_logs_wanted(self, message: LogsWanted) -> None:
        if (snapshot := self.whole()) is not None:
            from .screens.logs import Logs

            self._open_lens(Logs(self.context, snapshot, message.container))

    def _open_lens(self, lens: Lens) -> None:
        if type(lens) is type(self.lens):
            self._close()  # another log, another comparison: instead of the one before
        lens.below = self.lens.NAME if self.lens else NAMES.get(self.explorer.grouping, self.explorer.grouping)
        self._lenses.append(lens)
        self.push_screen(lens)

    @property
    def lens(self) -> Lens | None:
        """The lens that is open above all others."""
        return self._lenses[-1] if self._lenses else None

    def _close(self) -> None:
        """Go back to the screen from which the lens was opened, which is as it was left."""
        self._lenses.pop()
        self.pop_screen()

    def close_lenses(self) -> None:
        """Go back to the explorer."""
        while self._lenses:
            self._close()

    def on_close_wanted(self, message: CloseWanted) -> None:
        if self._lenses:
            self._close()

    def on_key(self, event: Key) -> None:
        """Give a line that has just got the focus the text that was typed ahead of it: it is no command."""
        line = self.focused
        if isinstance(line, Input) and event.is_printable and event.character:
            line.select_on_focus = False  # that comes late, and the next letter would replace this one
            line.replace(event.character, *sorted(line.selection))
            event.prevent_default()

    # Going to the row of a thing

    def go_to(self, wanted: Thing) -> bool:
        """Go to the row of a process (its pid), a namespace (its type and inode), or of the thing that a text means: a
        container's key or name, `net:4026532173`, a number. From a lens too; the way back leads there again.
        False if there is no such row, or not yet."""
        snapshot = self.whole()
        if snapshot is None:
            return False
        if one := self.session.ended(wanted):
            self._open_ended(one, snapshot.containers.get(one.key))
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
        self.explorer.leave(self.lens_name)
        self.close_lenses()
        self.explorer.look_again(place)
        return True

    def _open_ended(self, one: Stopped, container: Container | None) -> None:
        """Show the facts of a container that has no row, or one without anything in it."""
        from .screens.ended import EndedScreen

        self.push_screen(EndedScreen(one, self.session.engines, container.state if container else None))

    def on_go_wanted(self, message: GoWanted) -> None:
        if self.go_to(message.thing):
            match message.then:
                case "enter":
                    self.explorer.action_enter()
                case "ready":
                    self.explorer.action_ready()

    def on_leads_wanted(self, message: LeadsWanted) -> None:
        snapshot = self.whole()
        if snapshot is not None:
            self._choose(f"From {safe(message.name)} to", around(snapshot, message.thing, self.session.nets))

    def _choose(self, title: str, leads: Sequence[Lead]) -> None:
        """Let the user choose one of these things, and go there."""
        from .screens.goto_dialog import among

        self.push_screen(among(title, leads), self._chosen)

    def action_jump(self) -> None:
        """Ask for a number, a name or a filter, and go to the thing that it means."""
        if self.whole() is not None:
            from .screens.goto_dialog import anywhere

            self.push_screen(anywhere(self.session, lambda: self.explorer.snapshot), self._chosen)
            self.session.want_engines()

    def _chosen(self, thing: Thing | None) -> None:
        if thing is not None:
            self.go_to(thing)

    def on_place_wanted(self, message: PlaceWanted) -> None:
        self.close_lenses()
        self.explorer.look_again(message.place)
        if message.place.lens:
            self.action_lens(message.place.lens)

    @property
    def lens_name(self) -> str | None:
        """The name of the lens that is open."""
        return _name_of(self.lens)

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
            self.failure = f"a defect ended the explorer ({type(error).__name__}){_kept(error)}"
            self.exit(4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to become root only to other users."""
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
        self.push_screen(HelpScreen(screen.active_bindings, kind, fields, groups=screen is self.explorer))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own, and everything that the keys do here."""
        from .screens.palette import actions

        yield from super().get_system_commands(screen)
        yield from actions(screen)


def _name_of(lens: Lens | None) -> str | None:
    """The name of a lens. None for a log, a comparison, and no lens."""
    return next((name for name, (_, made) in LENSES.items() if made == type(lens).__name__), None)


def _kept(error: Exception) -> str:
    """Write the traceback to a file; a clause that names the file."""
    from platformdirs import user_state_path

    file = user_state_path("nsview") / "defect.txt"
    text = "".join(traceback.format_exception(error))
    try:
        written = write(file, text.encode("utf-8", "backslashreplace"))
    except OSError:
        written = False
    return f"; please report what is in {file}" if written else ""

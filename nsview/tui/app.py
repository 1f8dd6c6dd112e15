"""The application: the host's feed, the way into a namespace and back, becoming root."""

import asyncio
import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Key
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import get_current_worker

from nsview.config import Config
from nsview.hosts import HostError, frames
from nsview.hosts.local import LocalHost
from nsview.hosts.recording import RecordedHost
from nsview.join.plan import Plan, pinned_command, shell_command
from nsview.join.ready import BUILT_IN, Ready
from nsview.join.run import Helper
from nsview.model.changes import changes
from nsview.model.filter import FIELDS, parse
from nsview.model.kinds import KindName
from nsview.model.leads import Lead, around, found, meant
from nsview.model.net import Nets
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.text import safe
from nsview.state import Memory, write

from . import driver, gc_pace
from .first_picture import Picture
from .messages import (
    DetailsArrived,
    FeedEnded,
    NetsArrived,
    NetsProgressed,
    Progressed,
    SecurityArrived,
    SnapshotArrived,
)
from .screens.explorer import Explorer
from .themes import OKABE_ITO
from .trail import Place
from .widgets.binding import Binding
from .widgets.status import Status

if TYPE_CHECKING:
    from .screens.lens import Lens

PATIENCE = 5.0
"""Seconds that an answer may take before the screen says that there is none."""

NETS_KEEP = 10.0
"""Seconds for which ports and addresses that were read are good enough to find by."""

LENSES: dict[str, tuple[str, str]] = {
    "matrix": (".screens.matrix", "Matrix"),
    "net": (".screens.netmap", "NetMap"),
    "audit": (".screens.audit", "Audit"),
}
"""Name of a lens: (module, class); imported when it is opened."""


class NsviewApp(App[int]):
    """The explorer of one host."""

    TITLE = "nsview"
    CSS_PATH = Path(__file__).with_name("nsview.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit", show=False),
        Binding("ctrl+p", "command_palette", "All commands", show=False),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy something of this row: pid, inode, command, JSON …"),
        Binding("E", "export", "Export", show=False, tooltip="Write what is shown to a file: JSON, CSV or SVG"),
    ]

    def __init__(
        self,
        host: LocalHost | RecordedHost,
        ready: tuple[Ready, ...] = BUILT_IN,
        memory: Memory | None = None,
        picture: Picture | None = None,
    ) -> None:
        """picture: what the terminal shows until there is a screen."""
        # Textual would turn colours to greys; where there are to be none, it must not take them for its own at all.
        plain = "NO_COLOR" in os.environ
        super().__init__(
            css_path=[self.CSS_PATH, self.CSS_PATH.with_name("nocolor.tcss")] if plain else None,
            ansi_color=True if plain else None,
        )
        self.host = host
        self.ready = ready
        self.memory = memory or Memory()
        self.picture = picture
        self.register_theme(OKABE_ITO)
        self._begin_with(self.memory.state.theme)
        self.failure: str | None = None
        self._handing = threading.Lock()
        self._arrived: Snapshot | None = None  # the latest, until it is taken
        self._taken: Snapshot | None = None
        self._recorded_answer = 0
        self._searching: LocalHost | None = None
        self._ended: LocalHost | RecordedHost | None = None  # the host whose agent has ended
        self._asked: float | None = None  # since when the agent has said nothing, though asked
        self._waiting: Timer | None = None  # .. until that is worth saying
        self._hint: Widget | None = None  # while a new user has not yet pressed a key
        self._helper: Helper | None = None  # one that waits for a plan
        self.explorer = Explorer()
        self.lens: Lens | None = None  # the one that is open
        self.audit_ignore: tuple[str, ...] = ()  # rules that the audit is not to tell of
        self._nets_wanted = -NETS_KEEP
        self.nets: Nets | None = None  # net namespaces from within, as they were when last asked for

    def _begin_with(self, theme: str | None) -> None:
        """Have this theme from the start: set later it would mean to read all styles again."""
        if theme in self.available_themes:
            self.set_reactive(App.theme, theme)
            self.stylesheet.set_variables(self.get_css_variables())
            self.set_class(self.current_theme.dark, "-dark-mode")
            self.set_class(not self.current_theme.dark, "-light-mode")
            self._refresh_truecolor_filter(self.ansi_theme)

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice; for a terminal of Linux our own."""
        found = super().get_driver_class()
        return driver.Driver if issubclass(driver.Driver, found) else found

    def configure(self, config: Config) -> None:
        """Do as the user's file says, in what only the screen knows. Raises ConfigError."""
        self.audit_ignore = config.settings.audit.ignore
        theme = config.settings.theme
        if theme is not None and theme not in self.available_themes:
            raise config.error(("theme",), f"no such theme; there are {', '.join(sorted(self.available_themes))}")
        if config.settings.keys:
            from .keymap import KeymapError, checked

            try:
                self.set_keymap(checked(config.settings.keys))
            except KeymapError as error:
                raise config.error(("keys", error.name), str(error)) from None

    def get_default_screen(self) -> Screen[None]:
        """The explorer: one above an empty one would be laid out and painted twice."""
        return self.explorer

    @property
    def host_is_live(self) -> bool:
        """The host can be asked and entered: it is no recording."""
        return self.host.live

    def on_load(self) -> None:
        # Whoever ends us gets the terminal back as it was; during a shell, which is told first, when that has ended.
        loop = asyncio.get_running_loop()  # .. from before the terminal is ours
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, 128 + number)
        if not self.is_headless:
            # Not the loop's, which would hear later of those that were meant for what ran in the terminal meanwhile.
            interrupted = partial(loop.call_soon_threadsafe, self._end, 128 + signal.SIGINT)
            signal.signal(signal.SIGINT, lambda *_: interrupted())

    def _end(self, code: int) -> None:
        """Exit as soon as there is a screen, which would not bear to be ended amid its making."""
        if self.explorer.is_mounted:
            self.call_later(self.exit, None, code)
        else:
            asyncio.get_running_loop().call_later(0.01, self._end, code)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self.memory.remember(theme=theme.name))
        if not self.is_headless:
            threading.Thread(target=self._end_with_terminal, daemon=True).start()

    def _end_with_terminal(self) -> None:
        """End when the terminal is gone. SIGHUP says so only to who has it as controlling terminal; without that the
        driver would read its end again and again."""
        gone = select.poll()
        gone.register(0, 0)  # POLLHUP alone, which is always told
        gone.poll()
        self.host.stop()
        os._exit(128 + signal.SIGHUP)

    def on_unmount(self) -> None:
        self.host.stop()

    # The feed: a thread reads, the screen is told

    @work(thread=True, exclusive=True)
    def _feed(self, host: LocalHost | RecordedHost) -> None:
        worker = get_current_worker()
        failure = None
        try:
            for said in host.read():
                if worker.is_cancelled or host is not self.host:
                    return
                match said:
                    case Snapshot():
                        with self._handing:
                            waiting, self._arrived = self._arrived, said
                        if waiting is None:
                            self.post_message(SnapshotArrived())
                    case frames.Progress():
                        self.post_message(Progressed(said.done, said.total))
                    case frames.DetailsFrame():
                        self.post_message(DetailsArrived(said.id, said.details))
                    case frames.SecurityFrame() if host.live:
                        self.post_message(SecurityArrived(said.id, said.processes, said.lsm, said.done, said.total))
                    case frames.NetFrame() if host.live:
                        self.post_message(NetsArrived(said.id, said))
                    case frames.NetProgress() if host.live:
                        self.post_message(NetsProgressed(said.what, said.done, said.total))
        except (HostError, ValueError, OSError) as error:
            failure = str(error)
        if host is self.host:
            self.post_message(FeedEnded(failure))

    def on_snapshot_arrived(self, message: SnapshotArrived) -> None:
        with self._handing:
            snapshot, self._arrived = self._arrived, None
        if snapshot is not None:
            self._take(snapshot)

    def begin(self) -> None:
        """Show what was read before there was a screen: so the first picture is of it."""
        snapshot = self.host.early()
        if snapshot is not None:
            self._take(snapshot)
        self._feed(self.host)

    def _take(self, snapshot: Snapshot) -> None:
        if self.explorer.snapshot is None and self.memory.file and not self.memory.state.greeted:
            self._greet()
        before, self._taken = self._taken, None if snapshot.partial else snapshot
        if before is None and not snapshot.partial:
            self.call_after_refresh(gc_pace.settle)
        follows = before is not None and before.host is snapshot.host and self.host.timed
        self.explorer.take(snapshot, changes(before, snapshot) if before and follows else None)
        if self.lens is not None:
            self.lens.take(snapshot)
        self._heard()

    def on_progressed(self, message: Progressed) -> None:
        self.explorer.query_one(Status).progress = f"reading {message.done:,} of {message.total:,} processes …"

    def on_details_arrived(self, message: DetailsArrived) -> None:
        if self.host.live:
            self._heard()
        self.explorer.take_details(message.id, message.details)

    def on_feed_ended(self, message: FeedEnded) -> None:
        if self.host.live:
            self._ended = self.host
        if message.failure is None:
            return
        if self.explorer.snapshot is None:
            self.failure = message.failure
            self.exit(4)
            return
        # What was last seen stays on the screen.
        self._tell_source("stopped")
        self.notify(f"{message.failure}\nWhat you see is from before.", severity="error", timeout=20)

    @property
    def agent_runs(self) -> bool:
        """The host can still be asked."""
        return self._ended is not self.host

    def request_details(self, process: Process, contents: Sequence[KindName] = (), *, sockets: bool = False) -> int:
        """Ask the host for a process's details, with what its namespaces of these kinds hold, and with its sockets;
        the id of the answer, which comes as DetailsArrived."""
        if isinstance(self.host, LocalHost):
            if self._asked is None:
                self._asked = time.monotonic()
                self._waiting = self._waiting or self.set_timer(PATIENCE, self._wait)
            return self.host.request_details(process, contents, sockets=sockets)
        self._recorded_answer += 1
        self.post_message(DetailsArrived(self._recorded_answer, self.host.details(process)))
        return self._recorded_answer

    def request_security(self, pids: Sequence[int] | None = None) -> int:
        """Ask what confines processes: those of containers, or these; the id of the answer, of which the open lens
        hears in one or several SecurityArrived."""
        if isinstance(self.host, LocalHost):
            return self.host.request_security(pids)
        self._recorded_answer += 1
        told = self.host.security()
        processes = [known for known in told.processes.values() if pids is None or known.pid in pids]
        number = len(processes)
        self.post_message(SecurityArrived(self._recorded_answer, processes, told.lsm, number, number))
        return self._recorded_answer

    def on_security_arrived(self, message: SecurityArrived) -> None:
        if self.lens is not None:
            self.lens.hear(message)

    def _greet(self) -> None:
        """Tell a new user what a few keys do; once."""
        from .widgets.hint import Hint

        self._hint = Hint()
        self.explorer.mount(self._hint, before="#keys")

    async def on_event(self, event: events.Event) -> None:
        """What a key or a click does, it does; and it ends the hint."""
        if self._hint is not None and isinstance(event, events.Key | events.MouseDown):
            hint, self._hint = self._hint, None
            self.memory.remember(greeted=True)
            hint.remove()
        await super().on_event(event)

    def request_nets(self) -> None:
        """Ask the host for all net namespaces from within; the lens that is open hears of it."""
        if isinstance(self.host, LocalHost):
            self.host.request_nets()
        else:
            self.post_message(NetsArrived(0, self.host.nets()))

    def want_nets(self) -> None:
        """Ask for them where they are not known, or were read a while ago."""
        if time.monotonic() - self._nets_wanted > NETS_KEEP:
            self._nets_wanted = time.monotonic()
            self.request_nets()

    def on_nets_arrived(self, message: NetsArrived) -> None:
        self.nets = message.nets
        self.explorer.take_nets(message.nets)
        if seek := getattr(self.screen, "seek", None):
            seek()  # what is being typed there may be a port
        if self.lens is not None:
            self.lens.hear(message)

    def on_nets_progressed(self, message: NetsProgressed) -> None:
        if self.lens is not None:
            self.lens.hear(message)

    def _heard(self) -> None:
        self._asked = None
        self._tell_source("live" if self.host.live else "recorded")

    def _tell_source(self, words: str) -> None:
        """In the line at the top: of the explorer, and of the lens over it. There is none any more at the end."""
        for screen in filter(None, (self.explorer, self.lens)):
            for status in screen.query(Status):
                status.source = words

    def _wait(self) -> None:
        """An agent that was asked may be stopped, or wait for something itself: say that it says nothing."""
        self._waiting = None
        if self._asked is not None and self.agent_runs:
            silence = time.monotonic() - self._asked
            if silence >= PATIENCE:
                self._tell_source(f"no word for {silence:.0f} s")
            self._waiting = self.set_timer(max(1, PATIENCE - silence), self._wait)

    def search_holders(self, *, slowly: bool) -> None:
        """Search for all that keeps namespaces alive; once, where it is not asked for by the user."""
        if isinstance(self.host, LocalHost) and not (slowly and self._searching is self.host):
            self._searching = self.host
            self.host.request_holders(slowly=slowly)

    def rescan(self) -> None:
        """Look now; start the agent again where it has ended."""
        if not isinstance(self.host, LocalHost):
            return
        if self.explorer.query_one(Status).source == "stopped":
            self._replace_host(LocalHost())
        else:
            self.host.rescan()

    def _replace_host(self, host: LocalHost) -> None:
        old, self.host = self.host, host
        old.stop()
        self._feed(host)

    def whole(self) -> Snapshot | None:
        """What is shown, for what would be wrong of a part of it: where that is all there is yet, it is said so."""
        snapshot = self.explorer.snapshot
        if snapshot is not None and snapshot.partial:
            self.notify("Not everything is read yet; try again in a moment.", severity="warning")
            return None
        return snapshot

    # Lenses

    def action_lens(self, name: str) -> None:
        """Open a lens over the explorer, or instead of the one that is open."""
        if name != self.lens_name and (snapshot := self.whole()) is not None:
            module, made = LENSES[name]
            self._open_lens(getattr(import_module(module, __package__), made)(snapshot))

    def compare(self, a: Process, b: Process) -> None:
        """Open the lens that compares two processes."""
        if (snapshot := self.whole()) is not None:
            from .screens.compare import Compare

            self._open_lens(Compare(snapshot, a, b))

    def _open_lens(self, lens: "Lens") -> None:
        self.close_lens()
        self.lens = lens
        self.push_screen(lens)

    def close_lens(self) -> None:
        """Back to the explorer."""
        if self.lens is not None:
            self.lens = None
            self.pop_screen()

    def on_key(self, event: Key) -> None:
        """What was typed ahead of a line that has the focus only now is for that line, and no command."""
        line = self.focused
        if isinstance(line, Input) and event.is_printable and event.character:
            line.select_on_focus = False  # that comes late, and the next letter would replace this one
            line.replace(event.character, *sorted(line.selection))
            event.prevent_default()

    # Going to where a thing has its row

    def go_to(self, wanted: Thing) -> bool:
        """Go to the row of a process (its pid), a namespace (its type and inode), or of what a text means: a
        container's key or name, `net:4026532173`, a number. From a lens too; the way back leads there again.
        False where one is not there, or not yet."""
        snapshot = self.whole()
        if snapshot is None:
            return False
        if isinstance(wanted, str) and wanted not in snapshot.containers:
            leads = meant(snapshot, wanted)
            if not leads:
                self.notify(f"Nothing here is {safe(wanted)}.", severity="warning", markup=False)
                return False
            if len(leads) > 1:
                self.choose(f"{safe(wanted)} may mean", leads)
                return False
            wanted = leads[0].thing
        return self.explorer.go_to(wanted)

    def follow(self, thing: Thing, name: str) -> None:
        """Choose among all that a thing's numbers lead to, and go there. name: what it is called, not `safe`."""
        snapshot = self.whole()
        if snapshot is not None:
            self.choose(f"From {safe(name)} to", around(snapshot, thing, self.nets))

    def choose(self, title: str, leads: Sequence[Lead]) -> None:
        """Choose one of these things, and go there."""
        from .screens.goto_dialog import GoTo

        def holding(text: str) -> list[Lead]:
            words = text.lower().split()
            return [lead for lead in leads if all(word in f"{lead.role} {lead.text}".lower() for word in words)]

        self.push_screen(GoTo(title, holding, placeholder="words narrow the list", empty="Nothing here."), self._chosen)

    def action_jump(self) -> None:
        """Go to what is typed: a number, a name, or the first of what a filter leaves."""
        if self.whole() is None:
            return
        from .screens.goto_dialog import GoTo

        def leads(text: str) -> list[Lead]:
            snapshot = self.explorer.snapshot
            wanted = parse(text, nets=self.explorer.reach)
            if wanted.about_nets:
                self.want_nets()
            if not (snapshot and wanted):
                return []
            return found(snapshot, text, wanted, self.nets, self.host.thread_group(text.strip()))

        hint = "a pid, an inode, net:4026532173, a container, a port, or any filter"
        self.push_screen(GoTo("Go to", leads, placeholder=hint, empty="Nothing here is that."), self._chosen)

    def _chosen(self, thing: Thing | None) -> None:
        if thing is not None:
            self.explorer.go_to(thing)

    def go_back_to(self, place: Place) -> None:
        """Show a place again, and the lens that was open over it."""
        self.close_lens()
        self.explorer.look_again(place)
        if place.lens:
            self.action_lens(place.lens)

    @property
    def lens_name(self) -> str | None:
        """Which lens is open."""
        names = (name for name, (_, made) in LENSES.items() if made == type(self.lens).__name__)
        return next(names, None)

    # Leaving the screen for a while

    def action_elevate(self) -> None:
        """Ask for root with sudo, in the terminal, and read everything again as root."""
        if not isinstance(self.host, LocalHost):
            return
        host = None
        failure = "Not root; what you see is as before."
        try:
            with self.suspend(), _interrupt_is_not_ours():
                try:
                    host = LocalHost(elevated=True)
                    host.wait_hello()
                except HostError as error:
                    # What sudo said stands above, and would be gone with the screen's return.
                    why = str(error) if host is None else "not root"
                    host = None
                    _wait_for_enter(why)
        except SuspendNotSupported:
            failure = "this terminal cannot be left for sudo's question; start nsview as root instead"
        if host is None:
            self.notify(failure, severity="error")
        else:
            self._replace_host(host)

    def expect_to_enter(self) -> None:
        """Have a helper started while the user reads what it would do, so that nobody waits for it then."""
        if self.host.live and not self._elevated and self._helper is None:
            with contextlib.suppress(OSError):  # which is told where it is needed
                self._helper = Helper()

    def enter(self, plan: Plan | None) -> None:
        """Leave the screen, carry a plan out, come back with the selection as it was. None: it was not to be."""
        helper, self._helper = self._helper, None
        if helper and (plan is None or self._elevated or not helper.waits):
            helper.dismiss()
            helper = None
        if plan is None:
            return
        command = shell_command(plan)
        if self._elevated:
            # Root's part is a command, which is begun anew.
            self._leave_for(command, lambda: self._run(pinned_command(plan)[1:]))
            return
        try:
            with helper or Helper() as ready:
                self._leave_for(command, lambda: ready.carry_out(plan))
        except OSError as error:
            self.notify(f"A shell could not be started: {error.strerror}.", severity="error")

    @property
    def _elevated(self) -> bool:
        """The agent became root through sudo; we did not."""
        return os.geteuid() != 0 and isinstance(self.host, LocalHost) and self.host.elevated

    def _run(self, arguments: Sequence[str]) -> int:
        """Run nsview with these as root, as the agent is: the exit code."""
        argv = ["sudo", "--", sys.executable, "-P", "-m", "nsview", *arguments]
        return subprocess.run(argv, check=False).returncode

    def _leave_for(self, command: tuple[str, ...], run: Callable[[], int]) -> None:
        """Leave the screen for what a command does. run: does it, and gives its exit code."""
        try:
            with self.suspend(), _interrupt_is_not_ours():
                code = _in_terminal(command, run)
        except SuspendNotSupported:
            self.notify("This terminal cannot be left for a shell. Run: " + shlex.join(command))
            return
        self.rescan()
        self.notify(f"Back from {command[2]}: exit code {code}", severity="information" if code == 0 else "warning")

    def _handle_exception(self, error: Exception) -> None:
        """A defect of ours: one line for the user, and all of it in a file for who mends it."""
        if self.is_headless:
            super()._handle_exception(error)  # a test is to see it
            return
        if self.failure is None:
            self.failure = f"a defect ended the explorer ({type(error).__name__}){_kept(error)}"
            self.exit(4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Becoming root is offered only to who is not."""
        if action == "elevate":
            snapshot = self.explorer.snapshot
            return self.host.live and snapshot is not None and not snapshot.host.privileged
        return True

    def action_command_palette(self) -> None:
        """All that can be done here, by name."""
        from .screens.palette import Palette

        if not Palette.is_open(self):  # type: ignore[arg-type]
            self.push_screen(Palette(id="--command-palette"))

    def action_ready(self) -> None:
        """The ready commands, for the chosen row."""
        from .screens.palette import Palette, ReadyCommands

        self.push_screen(Palette([ReadyCommands], placeholder="Run in the namespaces of this row …"))

    def action_copy(self) -> None:
        """Copy something of the chosen row."""
        if self.whole() is not None:
            from .screens.export import copy

            copy(self)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy it, in tmux too."""
        from .screens.export import to_tmux

        super().copy_to_clipboard(text)
        to_tmux(text)

    def action_export(self) -> None:
        """Write what is shown to a file."""
        if self.whole() is not None:
            from .screens.export import ask_to_export

            ask_to_export(self)

    def action_help(self) -> None:
        """What the keys do, and what the kind of namespace is that is chosen."""
        from .screens.help import HelpScreen

        screen = self.screen
        fields = getattr(screen, "fields", FIELDS)
        self.push_screen(HelpScreen(screen.active_bindings, getattr(screen, "kind", None), fields))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own, and all that the keys do here."""
        from .screens.palette import actions

        yield from super().get_system_commands(screen)
        yield from actions(screen)


def _kept(error: Exception) -> str:
    """Where the traceback was kept, in words."""
    from platformdirs import user_state_path

    file = user_state_path("nsview") / "defect.txt"
    text = "".join(traceback.format_exception(error))
    try:
        written = write(file, text.encode("utf-8", "backslashreplace"))
    except OSError:
        written = False
    return f"; please report what is in {file}" if written else ""


def _in_terminal(command: tuple[str, ...], run: Callable[[], int]) -> int:
    """Run what a command does in the terminal that the screen has left; its exit code. Its last words stay in sight."""
    began = time.monotonic()
    print(f"nsview: {shlex.join(command)}", flush=True)
    try:
        code = run()
    except OSError as error:
        print(f"nsview: {error}")
        code = 126
    # What could not be entered says why in one line, and that would be gone with the screen's return.
    refused = code in (1, 2, 3, 4, 126, 127) and time.monotonic() - began < 2
    if refused or "--" in command:
        _wait_for_enter(f"exit code {code}")
    return code


def _wait_for_enter(what: str) -> None:
    with contextlib.suppress(EOFError, KeyboardInterrupt), _interrupt(signal.default_int_handler):
        input(f"\nnsview: {what}. Enter goes back to the explorer.")


def _interrupt_is_not_ours() -> contextlib.AbstractContextManager[None]:
    """^C is for what runs in the terminal meanwhile; asyncio would take it as ours too, and end the explorer.

    Not by ignoring it: that would be inherited.
    """
    return _interrupt(lambda *_: None)


@contextlib.contextmanager
def _interrupt(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

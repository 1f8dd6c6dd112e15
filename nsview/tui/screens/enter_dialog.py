"""The dialog before joining: the kinds, the command, the consequences of the choice, and how to do it by hand."""

import shlex
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Label, Static

from nsview.join import plan as join
from nsview.join.ready import Ready, choice
from nsview.model.elsewhere import typed
from nsview.model.facts import who_else
from nsview.model.kinds import KIND_NAMES
from nsview.model.members import sharing
from nsview.model.records import Details, Namespace, Process
from nsview.model.snapshot import Snapshot
from nsview.model.target import Target, target_of
from nsview.model.text import safe

from ..session import AnyHost, Session
from ..widgets.binding import Binding
from ..widgets.entry_line import EntryLine

LOW = 30
"""Lines of the screen, below which the dialog has no empty ones."""


class Box(Checkbox):
    """A checkbox whose state can be read without colours: [x] and [ ]."""

    def render(self) -> Content:
        mark, words = self.get_visual_style("toggle--button"), self.get_visual_style("toggle--label")
        return Content.assemble(
            "[", ("x" if self.value else " ", mark), "]", self.label.pad(1, 1).stylize_before(words)
        )


class CommandInput(EntryLine):
    """The command to run. While it is empty a digit ticks a box: hardly a command begins with one."""

    async def on_key(self, event: events.Key) -> None:
        if not self.value and event.key in _BOX_OF_KEY:
            for box in self.screen.query(f"#{_BOX_OF_KEY[event.key]}").results(Box):
                if not box.disabled:
                    box.toggle()
            event.prevent_default()
            event.stop()


_BOX_OF_KEY = {str(number): f"kind-{kind}" for number, kind in enumerate(KIND_NAMES, 1)}
_BOX_OF_KEY |= {"9": "privileges", "0": "toolbox"}


def _gives(plan: join.Plan) -> str:
    """The namespaces and rights that the command is given, in words."""
    if plan.refusal:
        return ""
    if not plan.kinds:
        where = "on that host" if plan.asked.elsewhere else "where nsview does"
        return f"Nothing is joined: the command runs {where}."
    if plan.host_privileges:
        return f"Joins {', '.join(plan.kinds)} with all of this user's privileges."
    if plan.inside:
        return f"Joins {', '.join(plan.kinds)} as docker exec would: with the target's user, rights and environment."
    return f"Joins {', '.join(plan.kinds)} with the target's user, privileges and cgroup, and the host's tools."


class EnterDialog(ModalScreen[join.Plan | None]):
    """Returns the plan to carry out, or None if nothing is to be entered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("ctrl+y", "copy", "Copy nsenter command", key_display="^y", id="copy-nsenter"),
    ]
    TICKS: ClassVar[str] = ""
    """The effect of the digits, in words."""

    def __init__(self, name: str, what: str, command: Sequence[str], host: AnyHost) -> None:
        """name: of the thing to be entered; what: the same with its place, `safe`. command: typed in beforehand, none
        for a shell."""
        super().__init__()
        self.name_of_it = name
        self.what = what
        self.first_command = command
        self.live = host.live
        self.elsewhere = host.elsewhere

    def choices(self) -> ComposeResult:
        """The boxes to tick."""
        yield from ()

    def plan(self) -> join.Plan:
        """The plan that the present choice makes."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Label(Text(f"Enter {self.what}"), id="dialog-title")
            yield from self.choices()
            with Horizontal(id="command-line"):
                yield Label("command ")
                yield CommandInput(self._go, shlex.join(self.first_command), id="command")
            with VerticalScroll(id="consequences", can_focus=False):
                yield Static(id="words")
            yield Static(id="nsenter")
            with Horizontal(id="buttons"):
                yield Button("Enter", id="ok", variant="primary", compact=True)
                yield Button("Copy nsenter ^y", id="copy", compact=True)
                yield Button("Cancel Esc", id="cancel", compact=True)

    AUTO_FOCUS = "#command"

    def on_mount(self) -> None:
        self.app.clear_notifications()  # one of before would cover the buttons
        self._tell()

    def on_resize(self) -> None:
        self.set_class(self.size.height < LOW, "low")

    @property
    def options(self) -> tuple[str, ...]:
        """The options of nsview that name the host; none for this machine."""
        return self.elsewhere.options if self.elsewhere else ()

    @property
    def command(self) -> tuple[str, ...]:
        """The command that is typed, none for a shell."""
        try:
            return tuple(shlex.split(self.query_one(CommandInput).value))
        except ValueError:
            return ()  # a quote is still open

    def _tell(self) -> None:
        """Show the consequences of the choice, unless the dialog is ending."""
        if not self.is_current:
            return
        plan = self.plan()
        words, colours = Text(), self.app.theme_variables
        error, warns = f"bold {colours['error']}", colours["warning"]
        if not self.live:
            words.append("✗ A recording cannot be entered; on its host the command would be:\n", error)
        elif plan.refusal:
            words.append(f"✗ {safe(plan.refusal.text)}\n", error)
            if plan.refusal.code == join.NOT_PERMITTED:
                words.append("  Esc, then R: become root through sudo; the view stays.\n", "bold")
        for warning in plan.warnings:
            grave = warning.startswith("host privileges")
            words.append("• ", error if grave else warns)
            words.append(safe(warning) + "\n", error if grave else "")
        words.append(_gives(plan), "dim")
        self.query_one("#words", Static).update(words)
        # nsenter takes no privileges away: its command has those of the user.
        label = "with a toolbox" if not plan.nsenter else "by hand" if plan.host_privileges else "by hand, unconfined"
        self.query_one("#nsenter", Static).update(
            Text.assemble((f"{label}: ", "dim"), (safe(self._line(plan)), "bold"))
        )
        self.query_one("#copy", Button).label = f"Copy {'nsenter' if plan.nsenter else 'nsview'} ^y"
        command = self.query_one(CommandInput)
        if not command.value:
            command.placeholder = f"{safe(plan.command[0])}, or type another{self.TICKS}"
        ok = self.query_one("#ok", Button)
        ok.disabled = plan.refusal is not None or not self.live

    def _line(self, plan: join.Plan) -> str:
        """The command line for a shell that does nearly the same."""
        return typed(plan.nsenter, self.elsewhere) if plan.nsenter else shlex.join(join.toolbox_command(plan))

    def on_checkbox_changed(self) -> None:
        self._tell()

    def on_input_changed(self) -> None:
        self._tell()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "ok":
                self._go()
            case "copy":
                self.action_copy()
            case _:
                self.dismiss(None)

    def _go(self) -> None:
        plan = self.plan()
        if plan.refusal is None and self.live:
            self.dismiss(plan)

    def action_copy(self) -> None:
        line = self._line(self.plan())
        self.app.copy_to_clipboard(line)
        self.notify(f"The {line.partition(' ')[0]} command is in the clipboard.", markup=False)

    def action_cancel(self) -> None:
        self.dismiss(None)


class JoinDialog(EnterDialog):
    """The dialog for a process: the choice of its namespaces, of privileges and of tools."""

    TICKS = "; 0-9 tick the boxes above"

    def __init__(
        self,
        process: Process,
        details: Details,
        snapshot: Snapshot,
        namespace: Namespace | None,
        on: AnyHost,
        ready: Ready | None,
    ) -> None:
        preset = join.choice_for(process, snapshot.host, namespace)
        self.first = choice(ready, join.choice_for(process, snapshot.host)) if ready else join.Choice(preset)
        container = snapshot.container_of(process)
        what = f"{safe(process.comm)}, pid {process.pid}"
        named = f"{safe(container.name)}: {what}" if container else what
        super().__init__(container.name if container else what, named, self.first.command, on)
        self.process = process
        self.details = details
        self.snapshot = snapshot
        self.pins = join.pins_of(snapshot, process)
        if namespace:
            ways = (join.way_of(process, namespace.type, details.thread), *join.ways_of(namespace, _starts(snapshot)))
            self.pins[namespace.type] = join.pin(namespace, ways)

    def choices(self) -> ComposeResult:
        with Grid(id="kinds"):
            for number, shared in enumerate(sharing(self.snapshot, self.process), 1):
                own = getattr(self.snapshot.host.namespaces, shared.kind)
                here = shared.inode is not None and shared.inode == own
                who = "same as ours" if here else safe(who_else(shared, self.process))
                yield Box(
                    Text(f"{number} {shared.kind:<6} {who}"),
                    shared.kind in self.first.kinds,
                    id=f"kind-{shared.kind}",
                    compact=True,
                    disabled=here,
                )
        yield Box(
            "9 host privileges: keep this user's capabilities, as nsenter does",
            self.first.host_privileges,
            id="privileges",
            compact=True,
        )
        yield Box(
            "0 toolbox: the host's static busybox, where there is no shell",
            "mnt" in self.first.kinds and not self.details.shells,
            id="toolbox",
            compact=True,
        )

    def plan(self) -> join.Plan:
        kinds = tuple(kind for kind in KIND_NAMES if self.query_one(f"#kind-{kind}", Box).value)
        privileges, toolbox = (self.query_one(f"#{name}", Box).value for name in ("privileges", "toolbox"))
        wanted = join.Choice(kinds, self.command, privileges, toolbox, elsewhere=self.options)
        host = self.snapshot.host
        return join.plan(self.process, self.details, host, wanted, self.pins, thread=self.details.thread)


class NamespaceDialog(EnterDialog):
    """The dialog for a namespace without processes, to be entered through its mounts and holders."""

    def __init__(self, namespace: Namespace, snapshot: Snapshot, on: AnyHost, ready: Ready | None) -> None:
        self.pin = join.pin(namespace, join.ways_of(namespace, _starts(snapshot)))
        name = namespace.names[0] if namespace.names else f"{namespace.type}:{namespace.inode}"
        where = self.pin.ways[0].path if self.pin.ways else "no path"
        super().__init__(name, f"{namespace.label} at {safe(where)}", ready.command if ready else (), on)
        self.host = snapshot.host

    def plan(self) -> join.Plan:
        wanted = join.Choice((), self.command, elsewhere=self.options)
        return join.plan_for_namespace(self.pin, self.name_of_it, self.host, wanted)


async def dialog_for(target: Target, snapshot: Snapshot, session: Session, ready: Ready | None) -> EnterDialog | str:
    """The dialog for a target, or the reason why it cannot be entered."""
    namespace, process = target.namespace, target.process
    if process is None and target.container:
        return f"Nothing runs in {safe(target.container.name)}, so there is nothing to enter. L shows its log."
    if process is None:
        if namespace and not _is_held(namespace) and session.live and (newer := await session.searched()):
            snapshot, namespace = newer, newer.namespaces.get(namespace.key)  # new, or not searched for yet
        if namespace and _is_held(namespace):
            return NamespaceDialog(namespace, snapshot, session.host, ready)
        return "No known way leads into it; press H to search its holders."
    if process.kthread:
        return "A thread of the kernel cannot be entered; choose a process."
    if not session.runs:
        return "The agent has ended; r starts it again."
    if details := await session.details(process):
        return JoinDialog(process, details, snapshot, namespace, session.host, ready)
    if session.live:
        return await _without(process, target, session, ready) or f"process {process.pid} is gone"
    return "This is a recording: it can be looked at, not entered."


async def _without(process: Process, target: Target, session: Session, ready: Ready | None) -> (
    EnterDialog | str | None
):  # fmt: skip
    """The dialog for a namespace or container after the exit of the process that stood for it. None if the target is
    that process, or is gone too."""
    session.rescan()
    newer = None if isinstance(target.thing, int) else await session.searched()
    again = target_of(newer, target.thing) if newer else None
    if newer is None or again is None or again.process == process:
        return None
    return await dialog_for(again, newer, session, ready)


def _is_held(namespace: Namespace) -> bool:
    """True if something is known to keep it that may be a way in."""
    return any(holder.kind != "child" for holder in namespace.held_by)


def _starts(snapshot: Snapshot) -> dict[int, int]:
    return {pid: process.start for pid, process in snapshot.processes.items()}

"""The menu of K: a signal for the chosen process, or for a container the commands of its engine to copy."""

import asyncio
from functools import partial

from nsview.join.failure import Failure
from nsview.join.signals import MEANINGS, send
from nsview.model.engine import commands
from nsview.model.records import Container, Process
from nsview.model.text import safe

from .browser import Browser
from .export import take
from .menu import Menu


def ask(screen: Browser, chosen: Process | Container | None) -> None:
    """Let the user choose a signal and send it; in a menu whose first entry is TERM, so that it is the confirmation."""
    if isinstance(chosen, Container) and not chosen.pids and chosen.state != "restarting":
        screen.notify(f"{safe(chosen.name)} has stopped: there is nothing to signal.", severity="warning", markup=False)
    elif isinstance(chosen, Container):
        _offer(screen, chosen)
    elif chosen is None:
        screen.notify("Signals are for processes; choose one.", severity="warning")
    elif not screen.session.live:
        screen.notify("This is a recording: no signal reaches its processes.", severity="warning")
    elif chosen.kthread:
        screen.notify("A thread of the kernel takes no signals.", severity="warning")
    elif not screen.session.host.here:
        screen.notify(
            f"pid {chosen.pid} is a process of {screen.session.host.name}, and signals are sent on this machine alone; "
            "e opens a shell there.", severity="warning", markup=False,
        )  # fmt: skip
    else:
        title = f"Send to {safe(chosen.comm)}, pid {chosen.pid}{_whose(screen, chosen)}"
        names = list(MEANINGS)

        def sent(place: int | None) -> None:
            if place is not None:
                screen.run_worker(_send(screen, chosen, names[place]), group="signal")

        screen.app.push_screen(Menu(title, list(MEANINGS.items())), sent)


def _whose(screen: Browser, process: Process) -> str:
    container = screen.snapshot.container_of(process) if screen.snapshot else None
    return f", in {safe(container.name)}" if container else ""


async def _send(screen: Browser, process: Process, name: str) -> None:
    """Send a signal and say what came of it."""
    named = f"{safe(process.comm)}, pid {process.pid}"
    try:
        exited = await asyncio.to_thread(send, process.pid, process.start, name)
    except Failure as failure:
        screen.notify(failure.text, severity="error", markup=False)
        return
    outcome = "it has exited." if exited else "it is still there."
    screen.notify(f"{name} was sent to {named}: {outcome}", markup=False)


def _offer(screen: Browser, container: Container) -> None:
    """Offer the commands by which a container's engine stops it; nsview itself does not."""
    entries = commands(container, screen.snapshot, screen.session.host.elsewhere) if screen.snapshot else []
    if not entries:
        screen.notify(f"No command is known that stops a container of {safe(container.runtime)}.", severity="warning")
        return

    screen.app.push_screen(Menu(f"Copy a command for {safe(container.name)}", entries), partial(take, screen, entries))

"""`nsview`, `nsview demo`: the explorer. Textual is imported after the agent was started."""

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import FAILED, USAGE, Failure
from nsview.lookup import say

from .console import DONE, host_of, place_of

if TYPE_CHECKING:
    from nsview.hosts.live import LiveHost
    from nsview.hosts.recording import RecordedHost


def run(options: SimpleNamespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):  # Textual draws on stderr
        raise Failure(USAGE, "the explorer needs a terminal; `nsview list` prints, `nsview list --json` for programs")
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise Failure(USAGE, "this terminal cannot be drawn on (TERM=dumb); `nsview list` prints instead")
    if options.places and not options.recording and options.command != "demo":
        return _explore_many(options)
    host = _host(options)  # first of all, for it takes longest
    from nsview import config, state
    from nsview.hosts import HostError
    from nsview.hosts.live import LiveHost
    from nsview.join.ready import commands
    from nsview.tui import first_picture, gc_pace

    if not isinstance(host, LiveHost):
        host.first()  # an unreadable recording is reported before the screen is taken
    try:
        if isinstance(host, LiveHost) and host.elevated:
            host.wait_hello()  # sudo asks in the terminal
        own = config.Config(config.path())
        say(filter(None, (own.note,)))
        memory = state.Memory(state.path(), **own.settings.looks)
        with first_picture.Picture(memory.state) as picture:
            if isinstance(host, LiveHost):
                host.on_restart = None  # the screen says it
                host.read_ahead(picture.show)  # beside all that a screen needs
            with gc_pace.hurried():
                from nsview.tui.app import NsviewApp

            if isinstance(host, LiveHost) and not host.here:
                host.wait_answer()  # ssh asks in the terminal
            app = NsviewApp(host, commands(own.ready), memory, picture)
            app.configure(own)
            app.run()
    except (config.ConfigError, HostError) as error:
        host.stop()
        raise Failure(FAILED, str(error)) from None
    if app.failure:
        raise Failure(FAILED, app.failure)
    return app.return_code or DONE


def _explore_many(options: SimpleNamespace) -> int:
    """The explorer of several hosts, of which none may ask in the terminal. Raises Failure, HostError."""
    from nsview import config, state
    from nsview.hosts import inventory
    from nsview.join.ready import commands
    from nsview.tui import gc_pace

    entries = inventory.entries(options.places)
    try:
        own = config.Config(config.path())
        say(filter(None, (own.note,)))
        with gc_pace.hurried():
            from nsview.tui.fleet_app import FleetApp

        app = FleetApp(
            entries, commands(own.ready), state.Memory(state.path(), **own.settings.looks), elevated=options.sudo
        )
        app.configure(own)
        app.run()
    except config.ConfigError as error:
        raise Failure(FAILED, str(error)) from None
    if app.failure:
        raise Failure(FAILED, app.failure)
    return app.return_code or DONE


def _host(options: SimpleNamespace) -> "LiveHost | RecordedHost":
    from nsview.hosts.playback import Playback
    from nsview.hosts.recording import demo, opened

    if options.command == "demo":
        options.recording = demo()
    if place_of(options) or not options.recording:
        return host_of(options, "--parts")
    return opened(str(options.recording), Playback)

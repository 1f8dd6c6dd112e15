"""A driver of a Linux terminal that stops reading keys as soon as the terminal is quiet, and takes over the first
picture.

Textual's own waits for a while before another program gets the terminal (docs/design.md), and a distant terminal would
still send that program movements of the mouse. This driver asks the terminal for an answer; all input before the answer
was meant for nsview.
"""

import contextlib
import os
import select
from codecs import getincrementaldecoder
from time import monotonic
from typing import Any

from textual.drivers.linux_driver import LinuxDriver

from .first_picture import ALTERNATE, Picture
from .textual_private import XTermParser

_TICK = 100  # milliseconds after which the parser is asked whether a lone Escape was a key
_PATIENCE = 0.5  # seconds for the terminal's answer; nearly all answer, a near one within a millisecond
# No more of the mouse and the focus, nor keys in kitty's way (Textual takes its entry off that stack itself, so ours
# must not); then DSR, which a terminal answers with _QUIET (ECMA-48).
_HUSH = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[=0u\x1b[5n"
_QUIET = b"\x1b[0n"


class Driver(LinuxDriver):
    """Reads keys until a byte arrives in a pipe of its own."""

    def __init__(self, app: Any, **named: Any) -> None:
        super().__init__(app, **named)
        self._enough, self._enough_said = os.pipe()
        os.set_blocking(self._enough, False)
        self._picture: Picture | None = getattr(app, "picture", None)
        self._shown = False  # the alternate screen is shown, with the first picture
        self._reading = False

    def start_application_mode(self) -> None:
        self._shown = self._picture is not None and self._picture.hand_over()
        self.prepare_reading()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def prepare_reading(self) -> None:
        """Begin to count as reading, before the thread that reads does."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._enough, 4096)  # written while no thread read
        self._reading = True

    def write(self, data: str) -> None:
        if self._shown and data == ALTERNATE:
            self._shown = False  # switching to it again would clear it in some terminals
            return
        super().write(data)

    def disable_input(self) -> None:
        if self._reading:
            self.write(_HUSH)
            self.flush()
            os.write(self._enough_said, b".")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read keys and hand them on, in its own thread."""
        parser = XTermParser()
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._enough, select.POLLIN)
        try:
            while self._enough not in (ready := dict(poll.poll(_TICK))):
                if self.fileno in ready and (text := decode(os.read(self.fileno, 4096))):
                    for event in parser.feed(text):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)
            self._wait_until_quiet()
        finally:
            self._reading = False

    def _wait_until_quiet(self) -> None:
        """Drop the input that arrives before the terminal's answer."""
        said = b""
        deadline = monotonic() + _PATIENCE
        while _QUIET not in said and (left := deadline - monotonic()) > 0:
            if select.select([self.fileno], [], [], left)[0]:
                try:
                    heard = os.read(self.fileno, 4096)
                except OSError:
                    return  # the terminal is gone
                if not heard:
                    return
                said = said[-len(_QUIET) :] + heard

"""Textual's driver of a Linux terminal, but one that lets go of the keyboard at once.

Textual's waits a tenth of a second or two, with nothing to wait for, before the terminal is another program's: each
shell that is entered would begin so much later.
"""

import contextlib
import os
import select
from codecs import getincrementaldecoder
from typing import Any

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_TICK = 100  # milliseconds after which the parser is asked for a key that may have been begun: Escape


class Driver(LinuxDriver):
    """Reads keys until a byte in a pipe of its own says that it is enough."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._enough, self._enough_said = os.pipe()

    def disable_input(self) -> None:
        if not self.exit_event.is_set() and self._key_thread is not None and self._key_thread.is_alive():
            os.write(self._enough_said, b".")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read keys and hand them on, in a thread of its own."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._enough, select.POLLIN)
        while self._enough not in (ready := dict(poll.poll(_TICK))):
            if self.fileno in ready and (text := decode(os.read(self.fileno, 4096))):
                for event in parser.feed(text):
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
        os.read(self._enough, 1)
        with contextlib.suppress(EOFError, ParseError):
            for _ in parser.feed(""):
                pass

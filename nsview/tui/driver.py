"""A driver of a Linux terminal that stops reading keys as soon as the terminal is quiet, and takes over the first
picture.

Textual's own waits for a while before another program gets the terminal (docs/design.md), and a distant terminal would
still send that program movements of the mouse. This driver asks the terminal for an answer; all input before the answer
was meant for nsview.
"""

import contextlib
import os
import re
import select
from codecs import getincrementaldecoder
from collections.abc import Container, Iterable, Iterator
from time import monotonic
from typing import Any

from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, Paste
from textual.message import Message

from .first_picture import ALTERNATE, Picture
from .textual_private import XTermParser

_TICK = 100  # milliseconds after which the parser is asked whether a lone Escape was a key
_PATIENCE = 0.5  # seconds for the terminal's answer; nearly all answer, a near one within a millisecond
# No more of the mouse and the focus, nor keys in kitty's way (Textual takes its entry off that stack itself, so ours
# must not); then DSR, which a terminal answers with _QUIET (ECMA-48).
_HUSH = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[=0u\x1b[5n"
_QUIET = b"\x1b[0n"
_ESCAPE, _PASTE = "\x1b", "\x1b[200~"
_PARTS = re.compile(
    r"(?P<paste>\x1b\[200~.*?\x1b\[201~)|(?P<begun>\x1b\[200~.*\Z|\x1b(?:\[[\d;]*)?\Z)|\x1b(?=(?P<key>[^\x1b[O]))",
    re.DOTALL,
)


class Typed:
    """Input in parts, with each Escape by itself.

    Over a slow line, or on a busy machine, Escape arrives together with the key behind it, as Alt with that key does.
    Textual drops such an Escape, and the line that is typed after it would be commands.
    """

    def __init__(self, with_alt: Container[str] = ()) -> None:
        """with_alt: the characters that are actions together with Alt; Escape before one of them is Alt."""
        self._with_alt = with_alt
        self._begun = ""

    def parts(self, text: str) -> Iterator[str]:
        """Yield an Escape, a paste, or a text for the parser, each; an end that may go on is kept until more comes."""
        text, self._begun = self._begun + text, ""
        done = 0
        for found in _PARTS.finditer(text):
            yield text[done : found.start()]
            done = found.end()
            if found["paste"]:
                yield found["paste"]
            elif found["begun"]:
                self._begun = found["begun"]
            elif found["key"] in self._with_alt:
                yield _ESCAPE + found["key"]
                done += 1
            else:
                yield _ESCAPE
        yield text[done:]

    def rest(self) -> str:
        """Give up waiting for more: the end that was kept, but for a paste, which goes on until its own end."""
        if self._begun.startswith(_PASTE):
            return ""
        rest, self._begun = self._begun, ""
        return rest


def _events(part: str, parser: XTermParser) -> Iterable[Message]:
    """The events of a part of the input."""
    match part:
        case "":
            return ()  # the parser would take it for the end
        case "\x1b":
            return [Key("escape", part)]
        case _ if len(part) == 2 and part[0] == _ESCAPE:
            return [Key(f"alt+shift+{part[1].lower()}" if part[1].isupper() else f"alt+{part[1]}", part[1])]
        case _ if part.startswith(_PASTE):
            return [
                Paste(part[len(_PASTE) : -len(_PASTE)].replace("\0", "").replace(_ESCAPE, ""))
            ]  # nothing in it is a key
    return parser.feed(part)


class Driver(LinuxDriver):
    """Reads keys until a byte arrives in a pipe of its own."""

    def __init__(self, app: Any, **named: Any) -> None:
        super().__init__(app, **named)
        self._enough, self._enough_said = os.pipe()
        os.set_blocking(self._enough, False)
        self._picture: Picture | None = getattr(app, "picture", None)
        self._with_alt: Container[str] = getattr(app, "with_alt", ())
        self._shown = False  # the alternate screen is shown, with the first picture
        self._reading = False

    def start_application_mode(self) -> None:
        self._shown = self._picture is not None and self._picture.hand_over()
        self.prepare_reading()
        before = self.attrs_before  # after another program the settings may be those by which keys wait for this one
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.attrs_before = before or self.attrs_before

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
        parser, typed = XTermParser(), Typed(self._with_alt)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._enough, select.POLLIN)
        try:
            while self._enough not in (ready := dict(poll.poll(_TICK))):
                came = decode(os.read(self.fileno, 4096)) if self.fileno in ready else ""
                for part in typed.parts(came) if came else (typed.rest(),):
                    for event in _events(part, parser):
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

"""The answer of a command, printed once, or drawn again and again (`--watch`) until ^C."""

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING

from msgspec import Struct

from nsview.join.failure import USAGE, Failure
from nsview.lookup import say
from nsview.model.text import cut, fit, safe

from .console import DONE, is_screen, print_text
from .sight import Sight

if TYPE_CHECKING:
    from .tables import LineTable


class Answer(Struct, frozen=True):
    """The answer of a host: a table, and with --json an object; notes for stderr, and the failure to end with if the
    answer is not as wished.

    report: the text instead of the table, where one host is asked and no form of a table. code: the exit code without a
    failure.
    """

    table: "LineTable"
    value: object = None
    notes: tuple[str, ...] = ()
    failure: Failure | None = None
    report: str | None = None
    code: int = DONE

    def text(self, options: SimpleNamespace) -> str:
        """The text for stdout."""
        if options.json:
            from nsview.model import export

            return export.text(self.value)
        if self.report is not None:
            return self.report
        from . import tables

        return tables.printed(options, self.table)


Asking = Callable[[SimpleNamespace], Callable[[Sight], Answer]]
"""The function of a command: given the options for a host, it returns the function that answers for that host. Raises
Failure if the options are wrong."""


def show(options: SimpleNamespace, question: Asking) -> int:
    """Print the answer of a host or of several, or keep it on the screen as it changes; return the exit code. Raises
    Failure."""
    if options.watch is not None and options.recording:
        raise Failure(USAGE, "a recording does not change; --watch is for a live host")
    if options.places:
        from .fleet import show_all  # for several hosts alone

        return show_all(options, question)
    answer = question(options)
    sight = Sight(options)
    try:
        if options.watch is None:
            found = answer(sight)
            sight.close()
            print_text(found.text(options), options)
            say(found.notes)
            if found.failure:
                raise found.failure
            return found.code
        _watch(options, lambda: answer(sight))
    finally:
        sight.close()
    return DONE


# --watch

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?7l\x1b[?25l", "\x1b[?25h\x1b[?7h\x1b[?1049l"
"""A screen of its own, without wrapped lines and cursor; and the shell's screen again."""
_HOME, _LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"
"""The first line; the rest of a line erased, before it is written: a full line leaves the cursor on its end; of all."""


def _watch(options: SimpleNamespace, answer: Callable[[], Answer]) -> None:
    """Draw the answer every so many seconds, until ^C; print it, where there is no screen to draw on."""
    drawn = is_screen()
    noted: tuple[str, ...] = ()
    try:
        due = time.monotonic() + options.watch
        found = answer()
        with _screen() if drawn else nullcontext():
            while True:
                if drawn:
                    sys.stdout.write(_picture(found, options))
                else:
                    text = found.text(options)
                    print(f"{text}\n" if text else "")
                    say(_notes(found) if _notes(found) != noted else ())
                    noted = _notes(found)
                sys.stdout.flush()
                signal.sigtimedwait({signal.SIGWINCH}, max(0.0, due - time.monotonic()))
                due = time.monotonic() + options.watch
                found = answer()
    except KeyboardInterrupt:
        return


def _notes(found: Answer) -> tuple[str, ...]:
    return (*found.notes, *([str(found.failure)] if found.failure else []))


def _picture(found: Answer, options: SimpleNamespace) -> str:
    """The text that draws an answer over the one before it: a line at the top, the text, its notes."""
    width, height = shutil.get_terminal_size()
    clock = time.strftime("%X")
    command = safe(shlex.join(("nsview", *options.given)))
    head = fit(f"Every {options.watch:g} s: {command}", max(0, width - len(clock) - 1))
    notes = [cut(f"nsview: {safe(note)}", width) for note in _notes(found)]
    lines, room = found.text(options).splitlines(), max(1, height - 2 - len(notes))
    if len(lines) > room:
        lines[room - 1 :] = [f"… {len(lines) - room + 1} more lines"]
    drawn = [f"{head} {clock}", "", *lines, *notes][:height]
    rest = "\r\n" + _REST if len(drawn) < height else ""
    return _HOME + "\r\n".join(_LINE + line for line in drawn) + rest


@contextmanager
def _screen() -> Iterator[None]:
    """The terminal's other screen, while it is drawn on; given back at the end, at SIGTERM, and while stopped by ^Z."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def stop(number: int, frame: FrameType | None) -> None:
        put(_LEAVE)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, stop)
        put(_ENTER)

    def put(codes: str) -> None:
        sys.stdout.write(codes)
        sys.stdout.flush()

    before = {number: signal.signal(number, then) for number, then in ((signal.SIGTERM, end), (signal.SIGTSTP, stop))}
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})  # SIGWINCH ends the wait instead
    put(_ENTER)
    try:
        yield
    finally:
        put(_LEAVE)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGWINCH})
        for number, then in before.items():
            signal.signal(number, then)

"""Several hosts asked at once: each by a thread and an agent of its own, within a time, and the answers as one.

A host that hangs, floods or lies has an error of one line in the place of its answer; the others have theirs.
"""

import contextlib
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

from msgspec import Struct

from nsview.hosts import HostError, NotPermitted, inventory
from nsview.hosts.inventory import NamedHost
from nsview.join.failure import FAILED, NOT_PERMITTED, NOTHING, USAGE, Failure
from nsview.lookup import say
from nsview.model import export
from nsview.model.text import safe

from . import tables
from .answer import Answer, Asking
from .console import print_text
from .sight import Sight
from .tables import LineTable

AT_ONCE = 16
"""Hosts that are asked at the same time."""
DEADLINE = 60.0
"""Seconds that a host has for its answer."""
_NAMED = 3
"""Hosts that a note names, which several have."""


class Answered(Struct, frozen=True):
    """The answer of one host, without what is only needed to make it.

    code: as if that host alone had been asked. error: in words, None if the answer is as wished. table: with the host's
    name in each line, None if there is no answer. report: the text of an answer that is no table. value: JSON.
    """

    name: str
    code: int
    error: str | None = None
    table: LineTable | None = None
    report: str | None = None
    value: str = "null"
    notes: tuple[str, ...] = ()


def show_all(options: SimpleNamespace, question: Asking) -> int:
    """Print the answers of all hosts of the options; return the exit code. Raises Failure, HostError."""
    if options.recording or options.watch is not None:
        other = "--from" if options.recording else "--watch"
        raise Failure(USAGE, f"{other} is for one host, and -H, --via and --hosts name several")
    found = inventory.entries(options.places)
    shared = {**vars(options), "places": ()}
    question(SimpleNamespace(**{**shared, "names": tuple(entry.name for entry in found)}))  # an error in the options
    answers = _by_entry(found, shared, question)
    if options.json:
        print_text(_as_json(answers), options)
    else:
        tables_ = [answer.table for answer in answers if answer.table and answer.table.columns]
        reports = [f"{safe(answer.name)}:\n{answer.report}" for answer in answers if answer.report is not None]
        if reports:
            print_text("\n\n".join(reports), options)
        elif tables_:
            lines = [line for table in tables_ for line in table.lines]
            print_text(tables.printed(options, LineTable(tables_[0].columns, lines, None)), options)
    say(notes(answers))
    return _code(answers)


def _code(answers: Sequence[Answered]) -> int:
    """The worst exit code; but that nothing matched only if it did nowhere."""
    failed = [answer for answer in answers if answer.table is None]
    if failed:
        return max(answer.code for answer in failed)
    nothing = [answer.code for answer in answers if answer.error is not None and answer.code == NOTHING]
    if len(nothing) == len(answers):
        return NOTHING
    return max(answer.code for answer in answers if answer.error is None or answer.code != NOTHING)


def _as_json(answers: Sequence[Answered]) -> str:
    """The object of several hosts, `answer` being what the command prints for one."""
    told = []
    for one in answers:
        about = json.dumps({"host": one.name, "exit": one.code, "error": one.error})
        told.append(f'{about[:-1]}, "answer": {one.value}}}')
    return export.indented(f'{{"schema": {export.SCHEMA}, "hosts": [{", ".join(told)}]}}')


def notes(answers: Sequence[Answered]) -> Iterator[str]:
    """The notes and errors, each once, with the names of the hosts that it is about."""
    whose: dict[str, list[str]] = {}
    for one in answers:
        for note in (*one.notes, *([one.error] if one.error is not None else [])):
            whose.setdefault(note.removeprefix(f"{safe(one.name)}: "), []).append(one.name)
    nothing = len(answers) > 1 and len(whose.get(_NOTHING, ())) < len(answers)
    for note, names in whose.items():
        if note == _NOTHING and nothing:
            continue  # something matched elsewhere
        if note == _NOTHING:
            yield note
            continue
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{', '.join(names[:_NAMED])}{more}: {note}"


_NOTHING = "nothing matched"


# The hosts, one beside the other


class _Turn:
    """A thread that asks one host."""

    def __init__(self, entry: NamedHost, shared: dict[str, object], question: Asking, done: "queue.SimpleQueue[_Turn]"):
        self.entry = entry
        self.until = time.monotonic() + DEADLINE
        self.answer: Answered | None = None
        option, word = entry.options
        self._options = SimpleNamespace(**{
            **shared, "where": word if option == "-H" else None, "via": word if option == "--via" else None,
            "names": (entry.name,),
        })  # fmt: skip
        self.sight = Sight(self._options)
        self._question, self._done = question, done
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.answer = _told(self.entry, self._question(self._options)(self.sight), json_=self._options.json)
        except Failure as failure:
            nothing = tables.NOTHING_LISTED if failure.code == NOTHING else None
            self.answer = Answered(self.entry.name, failure.code, str(failure), nothing)
        except HostError as error:
            code = NOT_PERMITTED if isinstance(error, NotPermitted) else FAILED
            self.answer = Answered(self.entry.name, code, str(error))
        except Exception as error:  # a host that lies in a way that nobody thought of harms no other
            self.answer = Answered(self.entry.name, FAILED, f"its answer can't be told ({type(error).__name__})")
        finally:
            with contextlib.suppress(OSError):
                self.sight.close()
            self._done.put(self)


def _told(entry: NamedHost, found: Answer, *, json_: bool) -> Answered:
    failure = found.failure
    return Answered(
        entry.name, failure.code if failure else found.code, str(failure) if failure else None,
        found.table.of_host(entry.name, entry.options), None if found.table.columns else found.report,
        json.dumps(found.value) if json_ else "null", found.notes,
    )  # fmt: skip


def _by_entry(found: Sequence[NamedHost], shared: dict[str, object], question: Asking) -> list[Answered]:
    """The answer of each host, in their order, some hosts at a time. One whose time is over is left alone: the thread
    may wait for what never comes."""
    wrong = USAGE if all(one.error for one in found) else FAILED  # nobody can be asked, or one host of several
    answers = {place: Answered(one.name, wrong, one.error) for place, one in enumerate(found) if one.error}
    waiting = [place for place in range(len(found)) if place not in answers]
    done: queue.SimpleQueue[_Turn] = queue.SimpleQueue()
    running: dict[int, _Turn] = {}
    try:
        with _progress(len(found)) as tell:
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    place = waiting.pop(0)
                    running[place] = _Turn(found[place], shared, question, done)
                tell(len(answers))
                with contextlib.suppress(queue.Empty):
                    done.get(timeout=max(0.0, min(turn.until for turn in running.values()) - time.monotonic()))
                for place, turn in [*running.items()]:
                    if turn.answer is None and time.monotonic() < turn.until:
                        continue
                    late = Answered(turn.entry.name, FAILED, f"no answer within {DEADLINE:.0f} s")
                    answers[place] = turn.answer or late
                    if turn.answer is None:
                        threading.Thread(target=turn.sight.close, daemon=True).start()
                    del running[place]
    finally:
        ending = [threading.Thread(target=turn.sight.close, daemon=True) for turn in running.values()]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join(2)
    return [answers[place] for place in range(len(found))]


@contextlib.contextmanager
def _progress(number: int) -> Iterator[Callable[[int], None]]:
    """A line on the terminal that says how many hosts have answered, until the end."""
    drawn = sys.stderr.isatty()

    def tell(answered: int) -> None:
        if drawn:
            print(f"\r{answered} of {number} hosts\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

"""The end of a container without a process: its facts in words, for the screen and for `inspect`. Pure."""

import shlex
import signal

from .facts import Fact
from .records import Container
from .snapshot import Snapshot
from .text import clock, safe
from .usage import Meter, Stopped, age_text

_STATES = {
    "created": "created: it was never started",
    "dead": "dead: its engine could not remove it",
    "restarting": "restarting: it ended, and its engine will start it again",
}
_CODES = {
    0: "it ended by itself, without an error", 126: "its command could not be run", 127: "its command was not found",
}  # fmt: skip
_SIGNALS = {
    "SIGINT": "interrupted", "SIGILL": "it crashed", "SIGABRT": "it gave up by itself", "SIGBUS": "it crashed",
    "SIGFPE": "it crashed", "SIGKILL": "killed", "SIGSEGV": "it crashed", "SIGTERM": "asked to end, as by stop",
}  # fmt: skip


def container_of(one: Stopped) -> Container:
    """A container without a process, as one of a snapshot."""
    return Container(
        one.key, one.id, one.name, one.runtime, None, one.image, one.pod, "container", None, (), None, None,
        one.witness, state=one.state, supervisor_gone=False, restarts=one.restarts, project=one.project,
    )  # fmt: skip


def of_thing(thing: object, snapshot: Snapshot | None, meter: Meter) -> Stopped | None:
    """The record of a container without a process (its key). None if there is none, or it was started since."""
    live = snapshot.containers.get(thing) if snapshot and isinstance(thing, str) else None
    if meter.engines is None or (live and live.pids):
        return None
    return next((one for one in meter.engines.stopped if one.key == thing or (live and one.id == live.id)), None)


def meaning(code: int, oom: bool | None = None) -> str:
    """The meaning of an exit code, in words. oom: the kernel killed it for want of memory, None if not known."""
    if oom:
        return "killed for want of memory (OOM)"
    try:
        name = signal.Signals(code - 128).name if code > 128 else ""
    except ValueError:
        name = ""
    if name:
        return f"{_SIGNALS.get(name, 'ended by a signal')} ({name})"
    return _CODES.get(code, "an error of the program's own")


def refusal(one: Stopped, now: float) -> str:
    """The line that says why a container can't be joined, and what can be done."""
    if one.state == "created":
        return f"{safe(one.name)} was never started, so there is nothing to join"
    code = "" if one.exit_code is None else f", exit code {one.exit_code}"
    ago = "" if one.finished is None else f", {age_text(now - one.finished)} ago"
    also = f"`nsview logs {safe(one.name)}` shows its log, `nsview inspect {safe(one.name)}` its end"
    return f"{safe(one.name)} has stopped{code}{ago}, so there is nothing to join; {also}"


def facts(one: Stopped, now: float, state: str | None = None) -> list[Fact]:
    """Label and value of each fact, the most wanted first. now: the time of the reading. state: that it is in, if its
    engine has said more since."""
    state = state or one.state
    started = one.state != "created"
    code, oom = one.exit_code, one.oom_killed
    unknown = "not known: the files of its engine do not tell" if started else None
    found = None if one.finished is None else clock(one.finished, "%Y-%m-%d %H:%M:%S")
    return [
        ("state", _STATES.get(state, state)),
        ("exit code", unknown if code is None else f"{code}: {meaning(code, oom)}" if started else None),
        ("out of memory", unknown if oom is None else ("yes" if oom else "no") if started else None),
        ("finished", f"{found}, {age_text(now - (one.finished or 0))} ago" if found else unknown),
        ("restarts", None if one.restarts is None else str(one.restarts)),
        ("error", one.error),
        ("image", one.image),
        ("command", shlex.join(one.command) if one.command else None),
        ("log", one.log),
        ("pod", one.pod.label if one.pod else None),
        ("project", one.project),
        ("runtime", one.runtime),
        ("id", one.id),
        ("known by", one.witness),
    ]

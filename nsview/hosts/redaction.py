"""Frames without the words that users type: a recording that others may read."""

from msgspec.structs import replace

from nsview.model.records import Details, Identity, Process
from nsview.model.usage import Engines

from . import frames

HIDDEN = "[redacted]"


def redacted(frame: frames.Frame) -> frames.Frame:
    """The frame without arguments of commands and values of environments. The name of a program stays, and so does the
    name of a variable."""
    match frame:
        case frames.SnapshotFrame() | frames.DeltaFrame():
            return replace(frame, processes=[_process(process) for process in frame.processes])
        case frames.DetailsFrame(details=Details(identity=Identity(environment=tuple(environment)) as identity)):
            hidden = tuple(f"{variable.partition('=')[0]}={HIDDEN}" for variable in environment)
            assert frame.details is not None
            return replace(frame, details=replace(frame.details, identity=replace(identity, environment=hidden)))
        case frames.UsageFrame(engines=Engines() as engines):
            stopped = tuple(replace(one, command=one.command and (HIDDEN,), error=None) for one in engines.stopped)
            return replace(frame, engines=replace(engines, stopped=stopped))
    return frame


def _process(process: Process) -> Process:
    """Also the first word is left out: a program may write anything there."""
    return replace(process, cmdline=(process.comm, HIDDEN)) if process.cmdline else process

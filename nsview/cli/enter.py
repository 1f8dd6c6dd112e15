"""`nsview enter` with arguments that `nsview.launch` leaves to the grammar."""

from types import SimpleNamespace

from nsview.join.failure import USAGE, Failure


def run(options: SimpleNamespace) -> int:
    if options.recording:
        raise Failure(USAGE, "a recording can be looked at, not entered")
    from nsview import enter

    return enter.run(options)

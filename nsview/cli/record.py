"""`nsview record`: the frames of the agent, saved in a file."""

import contextlib
import sys
from types import SimpleNamespace

from nsview.join.failure import FAILED, USAGE, Failure
from nsview.lookup import say

from .console import DONE


def run(options: SimpleNamespace) -> int:
    from nsview.hosts.members import Writer
    from nsview.hosts.recorder import record

    if options.recording:
        raise Failure(USAGE, "a recording can be copied, not recorded")
    path = options.file
    try:
        with contextlib.closing(Writer(path, options.keep)) as writer:
            number = record(writer, options.seconds, lambda how: say((how,)))
    except FileExistsError as error:
        how = "exists" if options.keep is None else f"is there already, {error.strerror}"
        raise Failure(USAGE, f"{path} {how}; give another name, or remove it first") from None
    except OSError as error:
        raise Failure(FAILED, f"{path}: {error.strerror}") from None
    print(f"nsview: {number} frames in {path}; nsview --from {path} shows them", file=sys.stderr)
    return DONE

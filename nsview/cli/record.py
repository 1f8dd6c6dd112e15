"""`nsview record`: the frames of the agent, saved in a file."""

import os
import sys
from types import SimpleNamespace

from nsview.join.failure import FAILED, USAGE, Failure
from nsview.lookup import say

from .console import DONE, host_of


def run(options: SimpleNamespace) -> int:
    from nsview.hosts.live import LiveHost
    from nsview.hosts.recorder import record

    if options.recording:
        raise Failure(USAGE, "a recording can be copied, not recorded")
    path, host = options.file, host_of(options)
    assert isinstance(host, LiveHost)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            number = record(file, options.seconds, lambda how: say((how,)), host)
    except FileExistsError:
        raise Failure(USAGE, f"{path} exists; give another name, or remove it first") from None
    except OSError as error:
        raise Failure(FAILED, f"{path}: {error.strerror}") from None
    print(f"nsview: {number} frames in {path}; nsview --from {path} shows them", file=sys.stderr)
    return DONE

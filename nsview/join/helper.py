"""A fresh, single-threaded process that carries one plan out, for a program that has threads or a screen.

Started by `nsview.join.run`; argv[1] is the number of the pipe from which the plan is read.
"""

from __future__ import annotations

import marshal
import os
import sys

from nsview import linux

from .failure import as_root
from .supervisor import carry_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any, NoReturn
else:
    import _signal as signal  # the module signal would also make enums of it: see docs/design.md


def main() -> NoReturn:
    """Carry the plan out and exit with the code of `carry_out`; never returns."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)
    plan = _read_plan(int(sys.argv[1]))
    linux.close_all_but({0, 1, 2})
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open("/dev/null", os.O_RDWR)  # the lowest closed number is taken, which is `fd`
    as_root(plan.get("as_root"))
    os._exit(carry_out(plan["steps"]))


def _read_plan(fd: int) -> dict[str, Any]:
    chunks = []
    while chunk := os.read(fd, 1 << 16):
        chunks.append(chunk)
    if not chunks:
        os._exit(0)  # dismissed without a plan
    plan: dict[str, Any] = marshal.loads(b"".join(chunks))
    return plan

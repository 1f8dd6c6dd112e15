"""Where the time goes on the way in: a plan carried out again and again, with a clock beside each step.

The clock is CLOCK_MONOTONIC, which all processes share, so what passes before the helper's first line is counted too.
"""

import ast
import os
from statistics import median
from time import perf_counter

from pairs import RunFailed

# In the helper. `began` is put before it. What was measured goes out as a note, the one thing that is said from inside;
# as Python writes it, for to import json would be a third of what is measured.
_CLOCK = """
imported = time.perf_counter()
from nsview import linux
from nsview.join import helper, inside
linux.libc()
times = [("interpreter", started - began), ("imports", imported - started), ("ctypes", time.perf_counter() - imported)]
last = time.perf_counter()
def clocked(name, step):
    def run(self, *words):
        global last
        begin = time.perf_counter()
        times.append(("between steps", begin - last))
        if name == "Execute":
            self.note(repr([*times, ("exec and end", begin)]))
        step(self, *words)
        last = time.perf_counter()
        times.append((name, last - begin))
    return run
inside._STEPS.update({name: clocked(name, step) for name, step in inside._STEPS.items()})
"""


def of_steps(plan: object, runs: int) -> list[tuple[str, float]]:
    """(what, median seconds) in the order of the plan; the last is the whole. plan: a Plan whose command is short."""
    from nsview.join import run

    start = run._START
    measured: dict[str, list[float]] = {}
    try:
        for _ in range(runs):
            began = perf_counter()
            clock = f"began = {began!r}\n{_CLOCK}".encode().hex()
            begin = start.replace("import sys;", "import sys, time; started = time.perf_counter();")
            run._START = begin.replace("main()", f"exec(bytes.fromhex('{clock}').decode()); main()")
            said = _carried_out(plan)
            ended = perf_counter()
            totals: dict[str, float] = {}
            for name, seconds in ast.literal_eval(said.partition("note: ")[2]):
                totals[name] = totals.get(name, 0) + (ended - seconds if name == "exec and end" else seconds)
            for name, seconds in {**totals, "all": ended - began}.items():
                measured.setdefault(name, []).append(seconds)
    finally:
        run._START = start
    return [(name, median(seconds)) for name, seconds in measured.items()]


def _carried_out(plan: object) -> str:
    """What the helper says on stderr."""
    from nsview.join.plan import Plan
    from nsview.join.run import Helper

    assert isinstance(plan, Plan)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for fd, number in ((null, 0), (null, 1), (write, 2)):
            os.dup2(fd, number)
        with Helper() as helper:
            os._exit(helper.carry_out(plan))
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read().decode()
    if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise RunFailed(f"carry_out: {code}: {said.strip()}")
    return said

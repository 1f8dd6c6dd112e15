"""The facts of processes that are read in slices, beside looks that go on."""

from nsview.agent import scan, security


def test_facts_are_told_of_a_look_that_has_gone_on() -> None:
    look = scan.Scanner().look()
    reading = security.SecurityReading(look, list(look["processes"]))
    look["processes"].clear()
    while reading.done < len(reading.pids):
        reading.step(0)
    assert reading.pids

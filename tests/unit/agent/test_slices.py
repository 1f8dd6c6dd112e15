"""A request that is answered in slices reads what does not change under it: the look goes on meanwhile."""

from nsview.agent import scan, security
from nsview.agent.holders import Search


def test_facts_are_told_of_a_look_that_has_gone_on() -> None:
    look = scan.Scanner().look()
    reading = security.SecurityReading(look, list(look["processes"]))
    look["processes"].clear()
    while reading.done < len(reading.pids):
        reading.step(0)
    assert reading.pids


def test_holders_are_searched_beside_a_look_that_goes_on() -> None:
    scanner = scan.Scanner()
    look = scanner.look()
    search = Search(look, scanner.reader, scanner.device)
    ended = False
    while not ended:
        ended = search.step(0)
        look["processes"].clear()
        look["namespaces"].clear()
    assert search.processes > 0

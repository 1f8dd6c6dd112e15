"""The search for holders, in slices, beside looks that go on."""

from nsview.agent import scan
from nsview.agent.holders import Search


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

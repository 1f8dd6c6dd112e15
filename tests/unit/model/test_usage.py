"""The use of containers and processes: rates between two readings, and numbers in few cells."""

from collections.abc import Callable

import pytest

from nsview.model.usage import (
    KEPT,
    ContainerUsage,
    HostUsage,
    Meter,
    ProcessUsage,
    Rates,
    Usage,
    age_text,
    bytes_text,
    percent_text,
    read,
    sparkline,
)

from .. import make


def reading(clock: float, *containers: ContainerUsage, processes: tuple[ProcessUsage, ...] = ()) -> Usage:
    return Usage(clock, clock, 0.0, HostUsage(2, (0.0, 0.0, 0.0), None, None, None), processes, containers)


def test_rates_are_of_the_time_between_two_readings() -> None:
    meter = read(Meter(), reading(10.0, ContainerUsage("a", 1.0, 0.0, read_bytes=0, written_bytes=100)))
    assert meter.latest("a") == Rates()
    meter = read(meter, reading(12.0, ContainerUsage("a", 4.0, 0.5, read_bytes=2048, written_bytes=100)))
    assert meter.latest("a") == Rates(1.5, 0.25, 1024.0, 0.0)
    assert meter.latest("never seen") == Rates()


def test_a_sum_that_goes_back_is_of_another_container() -> None:
    meter = read(read(Meter(), reading(1.0, ContainerUsage("a", 9.0))), reading(2.0, ContainerUsage("a", 0.5)))
    assert meter.latest("a").cpu is None
    other = ProcessUsage(7, 200, 0.1, 0)
    meter = read(Meter(), reading(1.0, processes=(ProcessUsage(7, 100, 9.0, 0),)))
    meter = read(meter, reading(2.0, processes=(other,)))
    assert meter.cpu == {}


def test_no_more_is_kept_than_is_shown() -> None:
    meter = Meter()
    for second in range(KEPT + 50):
        both = ContainerUsage("docker:a", float(second)), ContainerUsage("docker:b", 1.0)
        meter = read(meter, reading(float(second), *both))
    assert len(meter.rates["docker:a"]) == KEPT
    snapshot = make.host(containers=[make.container("b", (1,))])
    kept = read(meter, reading(1e6), snapshot)
    assert (set(kept.rates), set(kept.containers)) == ({"docker:b"}, {"docker:b"})


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        (bytes_text, 0, "0"), (bytes_text, 999, "999"), (bytes_text, 1000, "1K"), (bytes_text, 831488, "812K"),
        (bytes_text, 1258291, "1.2M"), (bytes_text, 356515840, "340M"), (bytes_text, 1 << 31, "2.0G"),
        (bytes_text, 1047552, "1.0M"), (bytes_text, 10 << 20, "10M"), (bytes_text, None, "?"),
        (percent_text, 0.0, "0.0"), (percent_text, 0.032, "3.2"), (percent_text, 0.45, "45"),
        (percent_text, 3.8, "380"),
        (percent_text, 0.0999, "10"), (percent_text, None, "?"),
        (age_text, 42.9, "42s"), (age_text, 300, "5m"), (age_text, 11520, "3h12m"), (age_text, 86400, "24h"),
        (age_text, 1036800, "12d"), (age_text, -3, "0s"), (age_text, None, "?"),
    ],
)  # fmt: skip
def test_numbers_in_few_cells(text: Callable[[float | None], str], number: float | None, words: str) -> None:
    assert text(number) == words and len(words) <= 5


def test_a_sparkline_is_as_wide_as_asked_and_shows_gaps() -> None:
    assert sparkline((), 4) == "    "
    assert sparkline((None, 0.0, 0.5, 1.0), 6) == "   ▁▅█"
    assert sparkline((*map(float, range(20)), 4.0), 3) == "██▂"
    assert sparkline((0.01, 0.02), 2) == "▁▂"  # next to nothing is not drawn high

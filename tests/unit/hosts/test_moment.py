"""The moments that a user can name in a recording."""

from datetime import datetime

import pytest

from nsview.hosts.moment import moment

BEGIN = datetime(2026, 11, 27, 22, 0, 5).timestamp()
END = datetime(2026, 11, 28, 3, 30, 0).timestamp()


@pytest.mark.parametrize(
    ("text", "day", "clock"),
    [
        ("03:12", 28, (3, 12, 0)), ("3:12:05", 28, (3, 12, 5)), ("23:59", 27, (23, 59, 0)), ("22:00", 27, (22, 0, 5)),
        ("03:31", 28, (3, 30, 0)), ("2026-11-28 01:00", 28, (1, 0, 0)), ("2026-11-28T01:00:09", 28, (1, 0, 9)),
        ("+5m", 27, (22, 5, 5)), ("+1h30m", 27, (23, 30, 5)), ("-90s", 28, (3, 28, 30)), ("+0s", 27, (22, 0, 5)),
    ],
)  # fmt: skip
def test_a_moment_is_found(text: str, day: int, clock: tuple[int, int, int]) -> None:
    assert datetime.fromtimestamp(moment(text, BEGIN, END)) == datetime(2026, 11, day, *clock)


def test_seconds_since_the_epoch_are_a_moment() -> None:
    assert moment(f"{BEGIN + 1.5}", BEGIN, END) == BEGIN + 1.5


@pytest.mark.parametrize("text", ["", "now", "25:00", "03:61", "2026-13-01 00:00", "+", "+5", "5m", "1e9", "٣:12\n"])
def test_another_text_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment; give 03:12"):
        moment(text, BEGIN, END)


@pytest.mark.parametrize("text", ["12:00", "2026-11-27 21:00", "+6h", "-99d", "9999999999", "2025-11-28 01:00"])
def test_a_moment_outside_is_refused_with_the_times_that_are_told_of(text: str) -> None:
    with pytest.raises(ValueError, match=r"it tells of 27 Nov 22:00:05 to 28 Nov 03:30:00, not of"):
        moment(text, BEGIN, END)

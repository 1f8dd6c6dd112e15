"""Whatever text comes in, a terminal gets nothing that it would obey, hide or reorder."""

import random
import sys

import pytest
from rich.cells import cell_len

from nsview.model.text import cells, clock, count, cut, fit, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\r\tc\x00", "a\\x0ab\\x0d\\x09c\\x00"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\x7f", "\\x7f"),
        ("\u202egpj.exe\u2066\u2069\u200f", "\\u202egpj.exe\\u2066\\u2069\\u200f"),
        ("a\u200bb\ufeff\u2060", "a\\u200bb\\ufeff\\u2060"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800 \udcff", "\\ud800 \\udcff"),
        ("\U000e0041\U0010ffff", "\\U000e0041\\U0010ffff"),
        ("\u00a0", "\\xa0"),
    ],
)
def test_what_a_terminal_might_obey_is_an_escape(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "a b", "naïve 名前 🐳", "└─ x", "\\x1b"])
def test_what_can_be_shown_stays(text: str) -> None:
    assert safe(text) == text


def test_every_code_point_ends_printable_and_stays_so() -> None:
    for code in range(sys.maxunicode + 1):
        once = safe(chr(code))
        assert once.isprintable()
        assert safe(once) == once


def test_safe_is_idempotent_for_any_mixture() -> None:
    chance = random.Random(1)
    alphabet = "ab \\\x1b\n\x9b\u202e\ud800\udfff名"
    for _ in range(2000):
        text = "".join(chance.choices(alphabet, k=chance.randrange(12)))
        assert safe(safe(text)) == safe(text)
        safe(text).encode("utf-8")


@pytest.mark.parametrize(
    ("number", "one", "words"),
    [(0, "process", "0 processes"), (1, "process", "1 process"), (2, "process", "2 processes"), (1, "queue", "1 queue"),
     (3, "net namespace", "3 net namespaces")],
)  # fmt: skip
def test_numbers_of_things_are_told_as_one_says_them(number: int, one: str, words: str) -> None:
    assert count(number, one) == words


@pytest.mark.parametrize("width", range(14))
@pytest.mark.parametrize("text", ["", "web", "a longer name than fits", "容器一", "nginx-容器-1", "e\u0301te\u0301"])
def test_a_text_is_as_wide_as_its_column(text: str, width: int) -> None:
    """Names in wide letters, or with combining ones, do not move the columns behind them; Rich counts the same."""
    assert cells(fit(text, width)) == cell_len(fit(text, width)) == width
    assert cells(cut(text, width)) <= width
    assert cut(text, 99) == text


@pytest.mark.parametrize("time", [1e30, -1e30, float("inf"), float("-inf"), float("nan"), 1e12, -1e12])
def test_a_time_that_no_calendar_has_is_not_told(time: float) -> None:
    assert clock(time, "%H:%M:%S") == "?"

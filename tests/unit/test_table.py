"""How the lines of a lens are narrowed, ordered and fitted to a screen."""

from nsview.model.table import Cell, Column, Line, matches_words, narrow, ordered, widths


def line(key: str, *texts: str, depth: int = 0, more: str = "") -> Line:
    return Line(key, tuple(Cell(text) for text in texts), depth=depth, more=more)


def keys(lines: list[Line]) -> list[object]:
    return [line.key for line in lines]


TREE = [
    line("blue", "blue"),
    line("eth0", "eth0", depth=1),
    line("8080", "web 8080", depth=2),
    line("lo", "lo", depth=1),
    line("green", "green"),
    line("eth1", "eth1", depth=1),
]


def test_a_line_that_matches_keeps_what_it_belongs_to_and_what_belongs_to_it() -> None:
    assert keys(narrow(TREE, matches_words("eth0"))) == ["blue", "eth0", "8080"]
    assert keys(narrow(TREE, matches_words("WEB"))) == ["blue", "eth0", "8080"]
    assert keys(narrow(TREE, matches_words("green"))) == ["green", "eth1"]
    assert keys(narrow(TREE, matches_words("eth"))) == ["blue", "eth0", "8080", "green", "eth1"]
    assert keys(narrow(TREE, matches_words("eth0 web"))) == []


def test_all_words_may_be_in_different_columns_and_in_what_is_not_shown() -> None:
    lines = [line("a", "one", "two", more="three"), line("b", "one", "four")]
    assert keys(narrow(lines, matches_words("three one"))) == ["a"]
    assert keys(narrow(lines, matches_words("one"))) == ["a", "b"]


def test_lines_are_ordered_with_what_belongs_to_them_and_numbers_as_numbers() -> None:
    assert keys(ordered(TREE, 0)) == ["blue", "eth0", "8080", "lo", "green", "eth1"]
    assert keys(ordered(TREE, 0, reverse=True)) == ["green", "eth1", "blue", "lo", "eth0", "8080"]
    lines = [Line(n, (Cell(str(n), order=n),)) for n in (10, 9, 100)] + [line("none", "-")]
    assert keys(ordered(lines, 0)) == [9, 10, 100, "none"]


def test_a_column_that_need_not_stay_goes_where_the_screen_is_narrow_and_the_widest_gives_way() -> None:
    columns = [Column("NAME"), Column("COMMAND", most=60), Column("IMAGE", keep=False)]
    lines = [line("a", "x" * 10, "y" * 50, "z" * 20)]
    assert widths(columns, lines, 100) == [10, 50, 20]
    assert widths(columns, lines, 70) == [10, 50, 0]
    assert widths(columns, lines, 40) == [10, 28, 0]
    assert widths(columns, lines, 24) == [10, 12, 0]
    assert sum(widths(columns, lines, 12)) + 2 >= 12  # no narrower than can be read


def test_the_last_column_takes_what_is_left() -> None:
    lines = [line("a", "x", "y" * 90)]
    assert widths([Column("A"), Column("B", most=10)], lines, 60) == [1, 57]

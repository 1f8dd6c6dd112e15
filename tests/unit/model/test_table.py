"""How the lines of a lens are narrowed, ordered and fitted to a screen."""

import pytest
from msgspec.structs import replace

from nsview.model.filter import FilterError, of_columns, parse
from nsview.model.filter.complete import complete
from nsview.model.table import Cell, Column, Line, narrow, ordered, widths
from tests.unit.make import container, host, left, process


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


def test_a_line_that_matches_keeps_what_it_belongs_to() -> None:
    def kept(*wanted: str) -> list[object]:
        return keys(narrow(TREE, lambda line: line.key in wanted))

    assert kept("8080") == ["blue", "eth0", "8080"]
    assert kept("eth0", "8080") == ["blue", "eth0", "8080"]
    assert kept("green") == ["green"]
    assert kept("lo", "eth1") == ["blue", "lo", "green", "eth1"]
    assert kept() == []


NOTHING = host()
COLUMNS = Column("NAME"), Column("WHAT", keep=False), Column("LEADS TO"), Column("NET")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("three one", ["a"]), ("one", ["a", "b"]), ("ONE not two", ["b"]), ("not one", ["c"]), ('"one t"', ["a"]),
        ("two or four", ["a", "b"]), ("one (four or three)", ["a", "b"]), ("", ["a", "b", "c"]),
        ("name=one", ["a", "b"]), ("what=t*", ["a"]), ("what!=two", ["b", "c"]), ("not what=two", ["b", "c"]),
        ('what=""', ["c"]), ("name~n", ["a", "b"]), ("name=one what~o", ["a", "b"]),
        ("container=web", ["a"]), ("image~shop", ["a"]), ("command~worker", ["a", "c"]), ("user=me", ["c"]),
        ("not container=web", ["b", "c"]), ("container!=web", ["b", "c"]), ("container!=web name!=three", ["b"]),
        ("net:20", ["a"]), ("host", ["a", "c"]), ("host=net", ["c"]), ("not host=net", ["a", "b"]),
        ("pid=5", ["a", "c"]), ("name=worker", ["a", "c"]), ("shared.net=1", ["a"]), ("nprocs=2", ["a"]),
    ],
)  # fmt: skip
def test_what_a_filter_leaves_of_lines(expression: str, found: list[str]) -> None:
    """By what they say, by their columns, and by what is behind them: a container, nothing, a process."""
    shop = host(
        process(4, net=20, container="docker:web", comm="nginx"),
        process(5, net=20, container="docker:web", comm="worker", cmdline=("worker", "-x")),
        process(9, comm="worker", cmdline=("worker",), user="me", nspid=(9, 5)),
        containers=[container("web", [4, 5], image="shop/web")],
    )
    lines = [
        Line("a", (Cell("one"), Cell("two"), Cell(), Cell("A 20")), more="three", thing="docker:web"),
        Line("b", (Cell("one"), Cell("four"), Cell(), Cell())),
        Line("c", (Cell("three"), Cell(), Cell(), Cell("host")), thing=9),
    ]
    assert keys(left(lines, expression, shop, of_columns(COLUMNS))) == found


def test_of_a_namespace_anyone_in_it_may_match_and_once_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = host(*(process(pid, net=20, comm="web" if pid == 7 else "x") for pid in range(2, 9)), process(9, net=30))
    lines = [Line(n, (Cell(str(n)),), thing=("net", 20 if n < 9 else 30)) for n in range(10)]
    fields = of_columns([Column("N")])
    assert keys(left(lines, "name=web", crowd, fields, "net")) == list(range(9))
    assert keys(left(lines, "not name=web", crowd, fields, "net")) == [9]
    assert keys(left(lines, "net:30 or nprocs>6", crowd, fields, "net")) == list(range(10))
    asked: list[int] = []
    monkeypatch.setitem(fields, "pid", replace(fields["pid"], process=lambda p, s: asked.append(p.pid) or ()))  # type: ignore[index,func-returns-value]
    assert not left(lines, "pid=1", crowd, fields)
    assert asked == list(range(2, 10)), "for nine lines of one namespace once"


def test_what_is_gone_matches_nothing_and_a_newer_snapshot_is_asked_anew() -> None:
    line_ = Line("a", (Cell("one"),), thing=5)
    wanted = parse("name=web", fields=of_columns([]))
    assert not wanted.line(line_, NOTHING)
    assert wanted.line(line_, host(process(5, comm="web")))
    assert not wanted.line(line_, host(process(5, comm="db")))
    assert parse("not name=web", fields=of_columns([])).line(line_, NOTHING)


@pytest.mark.parametrize(
    ("expression", "at", "words"),
    [
        ("severity=high", 0, "no field is called severity here (in quotes it is text); there are name, what, con"),
        ("a nam=b", 2, "did you mean name?"),
        ("type=net", 0, "there are name, what"),
        ("name=", 5, "name= needs a value"),
        ("one (two", 4, "nothing closes this parenthesis"),
    ],
)
def test_an_error_names_the_fields_that_there_are(expression: str, at: int, words: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(expression, fields=of_columns(COLUMNS))
    assert words in str(error.value)
    assert error.value.at == at


def test_where_nothing_is_behind_lines_there_are_their_columns_alone() -> None:
    fields = of_columns(COLUMNS, {})
    assert set(fields) == {"name", "what"}
    lines = [line("a", "host", "net:[20]"), line("b", "x", "y")]
    assert keys(left(lines, "host", NOTHING, fields)) == ["a"], "a word where there is no such field"
    assert keys(left(lines, "net:[20]", NOTHING, fields)) == ["a"]
    with pytest.raises(FilterError, match=r"there are name, what$"):
        parse("container=web", fields=fields)


def test_what_is_typed_goes_on_by_the_fields_and_what_stands_in_the_lines() -> None:
    lines = [line("a", "one", "two words"), line("b", "Once", "")]
    shop = host(process(4, comm="onion"), containers=[container("web")])
    fields = of_columns(COLUMNS)
    assert complete("name=on", shop, fields, lines) == ["name=Once", "name=one", "name=onion"]
    assert complete("x what=", shop, fields, lines) == ['x what="two words"']
    assert complete("wh", shop, fields) == ["what="]
    assert complete("na", shop, of_columns(COLUMNS, {})) == ["name="]
    assert complete("h", shop, of_columns(COLUMNS, {})) == complete("we", shop, of_columns(COLUMNS, {})) == []
    assert complete("container=", shop, of_columns(COLUMNS, {})) == []
    assert complete("we", shop, fields) == ["web"]


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


def test_the_space_that_is_left_is_for_each_column_that_needs_it() -> None:
    """A port is not cut in the middle while there is room."""
    columns = [Column("NAME", most=10), Column("PORTS", most=34), Column("B")]
    lines = [line("a", "n" * 12, "p" * 50, "bbb")]
    assert widths(columns, lines, 100) == [12, 50, 3]
    assert widths(columns, lines, 60) == [10, 43, 3]


@pytest.mark.parametrize("width", range(24, 130))
def test_columns_of_the_same_need_are_narrowed_alike_and_no_room_is_left(width: int) -> None:
    columns = [Column("WHAT"), Column("A", most=300), Column("B", most=300)]
    found = widths(columns, [line("a", "w" * 8, "x" * 50, "y" * 50)], width)
    assert abs(found[1] - found[2]) <= 1 and sum(found) + 4 == min(width, 112)
    uneven = widths(columns, [line("a", "w" * 8, "x" * 20, "y" * 90)], width)
    assert uneven[1] == min(20, found[1]) and sum(uneven) + 4 == min(width, 122)


def test_a_text_that_does_not_fit_is_told_in_brief_or_its_column_left_out() -> None:
    columns = [Column("NAME", least=6), Column("STATE", whole=True), Column("IP", whole=True, keep=False)]
    lines = [Line("a", (Cell("n" * 20), Cell("exited, long ago", brief="exited"), Cell("10.0.0.1")))]
    shown = {width: widths(columns, lines, width) for width in (48, 34, 33, 24, 23)}
    assert shown == {48: [20, 16, 8], 34: [6, 16, 8], 33: [15, 6, 8], 24: [6, 6, 8], 23: [15, 6, 0]}


def test_a_text_is_as_wide_as_it_is_drawn() -> None:
    """Wide characters take two cells, and what a terminal would obey is shown as an escape."""
    lines = [line("a", "名前の長い名", "x"), line("b", "\x1b[31mred", "y")]
    assert widths([Column("NAME"), Column("B")], lines, 60) == [12, 1]

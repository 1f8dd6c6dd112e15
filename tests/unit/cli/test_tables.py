"""The forms of a table on the command line: `-o`, `-q`, `--no-headers`, `--sort`; of the recording that comes along."""

import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from nsview.cli import main
from nsview.hosts.recording import RecordedHost, demo
from nsview.model import container_table, listing, netmap
from nsview.model.audit.lines import COLUMNS as FINDINGS
from nsview.model.filter import narrow, parse
from nsview.model.records import Namespace, Namespaces
from nsview.model.snapshot import snapshot
from nsview.model.table import Column, place_named
from nsview.model.target import resolve
from tests.unit.make import HOST, container, host, process

Run = Callable[..., list[str]]
TABLES = {
    "namespaces": listing.NAMESPACES, "processes": listing.PROCESSES, "containers": listing.CONTAINERS,
    "nets": netmap.COLUMNS, "use": tuple(c for c in container_table.COLUMNS if c.title not in ("RECENT", "RISK")),
}  # fmt: skip
PRINTED = [table for table in TABLES if table != "use"]  # the recording has no use in it
NAMES = "api checkout ledger node-agent proxy registry syslog web web-logs".split()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Run:
    """The lines that a command prints, which must end with this code."""

    def run(*words: str, code: int = 0) -> list[str]:
        assert main([*words, "--from", str(demo())]) == code
        out, err = capsys.readouterr()
        return (err if code > 1 else out).splitlines()

    return run


def test_words_are_targets_of_their_own(said: Run) -> None:
    assert said("list", "containers", "-q") == said("list", "containers", "-o", "name") == NAMES
    at = RecordedHost(demo()).first()
    for table in ("namespaces", "processes", "containers", "nets"):
        words = said("list", table, "-q")
        assert words and len(words) == len(set(words))
        things = [resolve(at, word).thing for word in words]
        assert len(set(things)) == len(words)
        if table != "nets":
            assert set(things) == set(getattr(at, table))


def test_a_name_that_is_not_its_alone_is_no_word() -> None:
    """Two of one name, that of a mounted namespace, a number, and names that no shell or resolver takes as they are."""
    odd = ["4711", "-rf", "a:b", "a b", "a\nb", ""]
    known = [container(str(n), [n], name=name) for n, name in enumerate(["one", "two", "two", "blue", *odd], 10)]
    blue = Namespace("net", 7, 4, names=("/run/netns/blue",))
    at = snapshot(HOST, 1.0, [process(c.pids[0], container=c.key) for c in known], [blue], known)
    words = listing.words(listing.containers(at), at)
    assert sorted(words) == sorted(["one", *(c.key for c in known[1:])])
    assert {resolve(at, word).thing for word in words} == {c.key for c in known}


def test_columns_by_their_names_and_by_a_word_of_them(said: Run) -> None:
    lines = said("list", "containers", "-o", "name,pid")
    assert [line.split()[0] for line in lines] == ["NAME", *NAMES] and lines[0].split() == ["NAME", "INIT", "PID"]
    assert lines == said("list", "containers", "-o", "NAME, Init-Pid")
    assert said("list", "containers", "-o", "pid,name", "--no-headers")[0].split() == ["11579", "api"]
    assert said("list", "processes", "-o", "name,pid", "--filter", "pid=11579") == ["NAME     PID", "httpd  11579"]


def test_wide_has_all_columns(said: Run) -> None:
    for table in PRINTED:
        head, *lines = said("list", table, "-o", "wide")
        assert head.split() == " ".join(column.title for column in TABLES[table]).split()
        assert len(lines) == len(said("list", table, "--no-headers"))
    assert "POD" not in said("list", "containers")[0]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("options", [["-o", "name,colour"], ["--sort", "colour"], ["-o", ""], ["-o", "name,"]], ids=str)
def test_a_column_that_is_not_there_is_a_line_that_names_those_that_are(
    said: Run, table: str, options: list[str]
) -> None:
    (line,) = said("list", table, *options, code=2)
    assert line.startswith(f"nsview: {options[0]}: no column ") and line.endswith(
        ", ".join(column.name for column in TABLES[table])
    )


@pytest.mark.parametrize("columns", [*TABLES.values(), FINDINGS], ids=lambda columns: columns[0].title)
def test_each_column_has_a_name_of_its_own(columns: tuple[Column, ...]) -> None:
    assert [place_named(columns, column.name) for column in columns] == list(range(len(columns)))


def test_the_last_format_is_taken(said: Run) -> None:
    assert said("list", "containers", "--json", "-q") == NAMES
    assert json.loads("\n".join(said("list", "containers", "-q", "-o", "json")))["containers"]
    for words in (["inspect", "web"], ["compare", "web", "proxy"]):
        assert json.loads("\n".join(said(*words, "-o", "json")))
        (line,) = said(*words, "-o", "wide", code=2)
        assert "choose from" in line


def test_lines_in_another_order(said: Run) -> None:
    def pids(order: str) -> list[tuple[str, int]]:
        rows = [line.split() for line in said("list", "processes", "-o", "user,pid", "--no-headers", "--sort", order)]
        return [(user, int(pid)) for user, pid in rows]

    usual = pids("pid")
    assert usual == sorted(usual, key=lambda row: row[1]) and usual == pids("+pid")
    assert pids("-pid") == usual[::-1]
    assert pids("user,-pid") == sorted(usual, key=lambda row: (row[0], -row[1]))
    numbers = [int(line) for line in said("list", "-o", "nprocs", "--no-headers", "--sort", "nprocs")]
    assert numbers == sorted(numbers, reverse=True)  # the greatest are asked for


def test_the_order_of_a_net_keeps_its_lines_together(said: Run) -> None:
    usual = said("list", "nets", "--no-headers")
    blocks = [line for line in usual if not line.startswith(" ")]
    found = said("list", "nets", "--no-headers", "--sort", "-address")
    assert sorted(found) == sorted(usual) and found != usual
    assert [line for line in found if not line.startswith(" ")] != blocks


def test_findings_as_a_table(said: Run) -> None:
    head, *lines = said("audit", "-o", "severity,rule", code=1)
    assert head.split() == ["SEVERITY", "RULE"] and lines[0].split()[0] == "high"
    assert "node-agent" in said("audit", "-q", code=1)


def test_a_number_that_is_not_known_stands_apart() -> None:
    unread = process(5, namespaces={}, unreadable="EACCES")
    at = snapshot(replace(HOST, hides_processes=True), 1.0, [unread], [], [container("a"), container("b", [5])])
    cells = [line.cells[place_named(listing.CONTAINERS, "nprocs")] for line in listing.containers(at)]
    assert [(cell.text, cell.order) for cell in cells] == [("?", -1), ("≥ 1", 1)]


def test_a_recording_is_not_watched(said: Run) -> None:
    (line,) = said("list", "--watch", code=2)
    assert "recording" in line


UNREAD = process(7, namespaces=Namespaces(uts=1), unreadable="EACCES")
COLUMNS = {"processes": listing.PROCESSES, "containers": listing.CONTAINERS, "namespaces": listing.NAMESPACES}


@pytest.mark.parametrize(
    ("table", "filter", "privileged", "titles", "open"),
    [
        ("namespaces", "", True, None, True), ("namespaces", "type=uts", True, None, False),
        ("namespaces", "type=net", True, None, True), ("containers", "", True, None, False),
        ("containers", "", False, None, False), ("containers", "shared.net>1", True, None, True),
        ("containers", "shared.uts>1", True, None, False), ("containers", "port=80", True, None, True),
        ("processes", "", True, None, False), ("processes", "", False, None, True),
        ("processes", "", False, ["PID", "USER"], False), ("processes", "", False, ["PID", "MNT NS"], True),
        ("processes", "pid=1", False, None, False), ("processes", "net:4026531833", True, None, True),
        ("processes", "4026531833", True, None, True), ("processes", "host=uts", True, None, False),
        ("processes", "user=root web", True, None, False), ("processes", "not host=mnt", True, None, True),
    ],
)  # fmt: skip
def test_processes_that_could_not_be_read_are_told_of_where_they_may_change_the_answer(
    table: str, filter: str, privileged: bool, titles: list[str] | None, open: bool
) -> None:
    whole = replace(host(process(1), UNREAD), host=replace(HOST, privileged=privileged))
    wanted = parse(filter)
    kind = filter.removeprefix("type=") if filter.startswith("type=") else None
    left = narrow(whole, wanted, kind)
    make = {"namespaces": lambda: listing.namespaces(left, whole), "containers": lambda: listing.containers(left)}
    lines = make.get(table, lambda: listing.processes(left))()
    shown = [column.title for column in COLUMNS[table] if not column.wide] if titles is None else titles
    assert listing.is_open(lines, whole, wanted, shown) is open


def test_a_process_of_which_nothing_could_be_read_may_be_in_any_container() -> None:
    whole = host(process(1), replace(UNREAD, state="?"))
    assert listing.is_open(listing.containers(whole), whole, parse(""), ())
    ended = host(process(1), process(7, namespaces=Namespaces(), unreadable="ENOENT", state="Z"))
    assert not listing.is_open(
        listing.processes(ended), replace(ended, host=replace(HOST, privileged=False)), parse(""), ["NET"]
    )


def test_no_line_is_no_output(said: Run) -> None:
    assert said("list", "containers", "-q", "--filter", "name=nobody", code=1) == []
    assert said("list", "containers", "--no-headers", "--filter", "name=nobody", code=1) == []

"""What can be copied of a row, and what a spreadsheet makes of what is exported."""

import csv
import io
import json

import pytest

from nsview.model import clipboard
from nsview.model.table import Cell, Column, Line
from tests.unit import make

HOSTILE = "\x1b]52;c;aGk=\x07\nrm -rf /\u202e"


def test_of_a_process_first_what_is_most_asked_for() -> None:
    words = ("nginx", "-g", "daemon off;")
    web = make.process(8, nspid=(8, 1), net=7, comm="nginx", cmdline=words, container="docker:web")
    host = make.host(web, containers=[make.container("web", [8], image="shop/web:1")])
    found = clipboard.of_process(web, host, "net")
    assert found[:3] == [("pid", "8"), ("pid inside", "1"), ("command", "nginx -g 'daemon off;'")]
    given = dict(found)
    assert given["container id"] == "web"
    assert given["container image"] == "shop/web:1"
    assert next(name for name, text in found if ":[" in text) == "net"
    assert given["net"] == "net:[7]"
    assert json.loads(given["JSON"])["chain"][-1]["pid"] == 8


def test_of_a_namespace_a_container_and_a_line() -> None:
    member = make.process(8, net=7, container="docker:web")
    container = make.container("web", [8])
    host = make.host(member, containers=[container])
    namespace = host.namespaces[("net", 7)]
    assert dict(clipboard.of_namespace(namespace, host))["namespace"] == "net:[7]"
    assert dict(clipboard.of_namespace(namespace, host))["pids"] == "8"
    assert json.loads(dict(clipboard.of_container(container, host))["JSON"])["key"] == "docker:web"
    line = Line("web", (Cell("web"), Cell("")), container)
    found = dict(clipboard.of_line(line, (Column("CONTAINER"), Column("PORT")), host))
    assert found["container"] == "web"
    assert "port" not in found
    assert "JSON" in found


def test_nothing_that_is_copied_or_exported_is_obeyed_where_it_is_pasted() -> None:
    process = make.process(8, comm=HOSTILE, cmdline=(HOSTILE,), user=HOSTILE, cgroup=HOSTILE, container="docker:x")
    container = make.container("x", [8], name=HOSTILE, image=HOSTILE)
    host = make.host(process, containers=[container])
    line = Line("x", (Cell(HOSTILE),), process)
    texts = [text for _, text in clipboard.of_process(process, host) + clipboard.of_container(container, host)]
    texts += [text for _, text in clipboard.of_line(line, (Column("X"),), host)]
    assert len(texts) > 20
    assert all(text.isprintable() for text in texts)
    assert all(row.isprintable() for row in clipboard.processes_sheet(host).split("\r\n"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "=cmd|'/c calc'!A0"])
def test_what_a_spreadsheet_would_compute_is_text(cell: str) -> None:
    ((_,), (found,)) = csv.reader(io.StringIO(clipboard.sheet(["name"], [[cell]])))
    assert found == "'" + cell


@pytest.mark.parametrize("cell", ['say "hi", then go', "a,b", "", "8058", "net:[7]", "a\nb"])
def test_other_cells_come_out_as_they_went_in(cell: str) -> None:
    ((_,), (found,)) = csv.reader(io.StringIO(clipboard.sheet(["name"], [[cell]])))
    assert found == cell.replace("\n", "\\x0a")


def test_the_sheet_of_processes_has_a_line_for_each() -> None:
    host = make.host(make.process(3), make.process(2, net=7), containers=[])
    rows = list(csv.DictReader(io.StringIO(clipboard.processes_sheet(host))))
    assert [row["pid"] for row in rows] == ["2", "3"]
    assert [row["net_ns"] for row in rows] == ["7", "1"]

"""However deep, long or many: what is done and drawn grows with what there is, and no faster. Counted, not timed."""

from typing import Any

import pytest

from nsview import report
from nsview.model import audit, guides
from nsview.model.audit import FEW, MANY, NAMED, grouped, lines
from nsview.model.chain import chain
from nsview.model.hierarchy import tree
from nsview.model.records import Holder, Namespace
from nsview.model.rows import Rows
from nsview.model.security import Facts
from nsview.model.snapshot import Snapshot, advance, snapshot
from nsview.model.view import View
from tests.unit.make import HOST, HOST_INODE, container, host, process
from tests.unit.model.test_audit import facts

DEEP = 20_000
WIDE = 3 * (guides.LEVELS + 1)


def deep() -> Snapshot:
    """Each process is the child of the one before."""
    return host(*(process(pid, pid - 1) for pid in range(1, DEEP + 1)))


class Counted(dict[Any, Any]):
    """A dict that counts how often it is asked."""

    asked = 0

    def __getitem__(self, key: Any) -> Any:
        self.asked += 1
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


def test_a_chain_of_parents_is_drawn_as_wide_as_a_screen() -> None:
    made = Rows(deep(), View("tree"))
    forest = made._groups.forest(next(iter(made._groups.all.values())))
    assert not isinstance(forest, Rows)
    counted = forest._above = Counted(forest._above)  # type: ignore[union-attr]
    drawn = [row.guides for row in made]  # type: ignore[union-attr]
    assert len(drawn) == DEEP
    assert counted.asked <= DEEP * (guides.LEVELS + 3)
    assert max(map(len, drawn)) == WIDE
    assert drawn[1:3] == ["└─ ", "   └─ "] and drawn[-1].startswith(guides.DEEPER) and drawn[-1].endswith("└─ ")


def test_what_is_born_at_its_end_asks_nobody_above() -> None:
    at = deep()
    made = Rows(at, View("tree"))
    assert len(list(made)) == DEEP
    forest = made._groups.forest(next(iter(made._groups.all.values())))
    counted = forest._above = Counted(forest._above)  # type: ignore[union-attr]
    born = [process(DEEP + 1 + n, DEEP) for n in range(100)]
    made.update(advance(at, 2.0, born, (), (), (), (), ()))
    assert len(made) == DEEP + 100
    assert counted.asked <= 100 * 10


def test_a_chain_is_printed_in_lines_of_bounded_length() -> None:
    links = chain(deep(), DEEP)
    printed = report.chain_lines(links).split("\n")
    assert len(printed) == DEEP
    assert max(map(len, printed)) <= WIDE + 20
    assert printed[2] == "   └─ 3 p3" and printed[-1].startswith(guides.DEEPER)


def test_user_namespaces_nested_ever_deeper() -> None:
    nested = [Namespace("user", n, 4, parent=n - 1 or None, owner=n - 1 or None) for n in range(1, DEEP + 1)]
    found = tree(snapshot(HOST, 1.0, (), nested, ()), "parent")
    assert found[-1].depth == DEEP - 1
    assert max(len(branch.guides) for branch in found) == WIDE


# Findings


def named(number: int, *more: Namespace) -> Snapshot:
    """A host with so many net namespaces that are mounted, and in which no process is."""
    initial = Namespace("net", HOST_INODE, 4, initial=True)
    blues = [
        Namespace("net", 100 + n, 4, names=(f"/run/netns/blue{n:04}",), held_by=(Holder("mount", path="/x"),))
        for n in range(number)
    ]
    return snapshot(HOST, 1.0, [process(1, 0)], [initial, *blues, *more], [])


def test_many_findings_of_one_rule_are_told_as_one() -> None:
    at = named(2000)
    found = audit.audit(at, Facts())
    assert len(found) == 2000
    (one,) = grouped(found)
    assert one.text.startswith("2,000 named net namespaces without processes: blue0000, blue0001, ")
    assert one.text.count("blue") == NAMED and one.text.endswith(", …")
    assert (one.rule, one.severity, one.evidence["number"]) == ("orphaned-net", "low", 2000)
    printed = report.audit(found, at)
    assert len(printed.split("\n")) < 15 and max(map(len, printed.split("\n"))) < 300
    assert printed.endswith("2000 findings: 2000 low")


@pytest.mark.parametrize(("number", "told"), [(0, 0), (1, 1), (FEW, FEW), (FEW + 1, 1)])
def test_few_are_told_one_by_one(number: int, told: int) -> None:
    assert len(grouped(audit.audit(named(number), Facts()))) == told


def test_those_without_a_name_are_told_apart_and_others_stay() -> None:
    unnamed = [Namespace("net", 5000 + n, 4) for n in range(MANY + 1)]
    found = grouped(audit.audit(named(MANY + 1, *unnamed), Facts()))
    assert sorted(one.text.partition(":")[0] for one in found) == [
        f"{MANY + 1} named net namespaces without processes", f"{MANY + 1} net namespaces without processes",
    ]  # fmt: skip


def test_of_containers_the_worst_stay_first() -> None:
    number = MANY + 5
    webs = [container(f"web{n}", [10 + n]) for n in range(number)]
    inside = [process(10 + n, container=web.key, **dict.fromkeys(("mnt", "pid", "uts", "ipc"), 10 + n)) for n, web in
              enumerate(webs)]  # fmt: skip
    at = host(process(1, 0), *inside, containers=webs)
    found = grouped(audit.audit(at, Facts({p.pid: facts(p.pid) for p in inside})))
    assert [one.severity for one in found] == sorted((one.severity for one in found), key=audit.SEVERITIES.index)
    assert {one.name for one in found} == {f"{number} containers"}
    assert any(one.text.startswith(f"{number} × On the host's network: web0, ") for one in found)


def test_the_json_has_each_of_them_and_the_groups_besides() -> None:
    found = audit.audit(named(2000), Facts())
    printed = audit.printed(found, [])
    assert len(printed["findings"]) == 2000
    (group,) = printed["grouped"]
    assert (group["rule"], group["number"], len(group["subjects"])) == ("orphaned-net", 2000, 2000)


def test_a_name_and_an_inode_are_both_ignored_as_written() -> None:
    at = named(2)
    assert [f.name for f in audit.audit(at, Facts(), ["orphaned-net:blue0000"])] == ["blue0001"]
    assert [f.name for f in audit.audit(at, Facts(), ["orphaned-net:net:101"])] == ["blue0000"]


def test_a_group_is_a_line_that_leads_nowhere() -> None:
    at = named(2000)
    (line,) = lines.lines(grouped(audit.audit(at, Facts())), at)
    assert line.thing is None
    assert [cell.text for cell in line.cells][:3] == ["low", "2,000 namespaces", "orphaned-net"]


def test_no_findings_are_those_among_what_could_be_checked() -> None:
    assert report.audit([], named(0)) == "no findings"
    assert report.audit([], named(0), whole=False) == "no findings among what could be checked"

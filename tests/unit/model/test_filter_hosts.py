"""`host=` where several hosts are asked: the host's own name, beside the kinds of namespace."""

import pytest
from msgspec.structs import replace

from nsview.model.filter import FIELDS, FilterError, parse
from tests.unit.make import host, process

SNAPSHOT = host(process(1, 0))
WEB1 = {**FIELDS, "host": replace(FIELDS["host"], names=("ops@Web1", "web1"))}


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("host=web1", True), ("host=WEB*", True), ("host=ops@web1", True), ("host=web2", False), ("host!=web1", False),
        ("host!=web2", True), ("not host=web1", False), ("host=web2 or pid=1", True), ("host=web1 pid=2", False),
        ("host=pid", True), ("(host=web2 or host=web1) pid=1", True),
    ],
)  # fmt: skip
def test_a_process_is_left_by_the_name_of_its_host(expression: str, left: bool) -> None:
    wanted = parse(expression, fields=WEB1)
    assert wanted.process(SNAPSHOT.processes[1], SNAPSHOT) is left
    assert wanted.among([1], SNAPSHOT) == ({1} if left else set())


def test_a_name_is_no_kind_where_one_host_is_asked() -> None:
    with pytest.raises(FilterError, match="no such kind of namespace"):
        parse("host=web1")

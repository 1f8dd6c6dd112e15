"""The first process of a container, among its members."""

from types import SimpleNamespace

import pytest

from nsview.agent.containers import identify


def process(pid: int, nspid: list[int], pid_namespace: int | None) -> dict[str, object]:
    namespaces = {} if pid_namespace is None else {"pid": pid_namespace}
    return {"pid": pid, "ppid": 2, "start": pid, "nspid": nspid, "namespaces": namespaces}


SHELL = process(11, [11, 1], 70)
CHILD = process(12, [12, 7], 70)
HOSTS = process(13, [13], 60)
ELSEWHERE = process(20, [20, 1], 80)
UNREAD = process(14, [14, 7], None)


@pytest.mark.parametrize(
    ("members", "others", "first"),
    [
        ([CHILD, SHELL], [], 11),
        ([CHILD], [], None),  # the kernel is ending it
        ([CHILD], [SHELL], 12),  # in the pid namespace of another container
        ([CHILD], [ELSEWHERE], None),
        ([HOSTS], [ELSEWHERE], 13),
        ([UNREAD], [], 14),
    ],
)
def test_the_remains_of_a_container_are_not_its_first_process(
    members: list[dict[str, object]], others: list[dict[str, object]], first: int | None
) -> None:
    record = identify._record("a", "docker", None)
    record["pids"] = [one["pid"] for one in members]  # type: ignore[misc]
    processes = {one["pid"]: one for one in [*members, *others]}
    identify._find_shim(record, {}, SimpleNamespace(processes=processes))  # type: ignore[arg-type]
    assert record["init_pid"] == first

"""A host in numbers: counts, shares and findings, and no number for what is not known."""

from msgspec.structs import replace

from nsview.model.audit import RULES, Finding
from nsview.model.kinds import KIND_NAMES
from nsview.model.metrics import families
from nsview.model.records import Holder, HolderSearch, Namespaces
from nsview.model.snapshot import Snapshot

from ..make import container, host, process


def numbers(snapshot: Snapshot, *findings: Finding, unchecked: tuple[str, ...] = ()) -> dict[str, dict[str, float]]:
    """{metric: {labels joined by blanks: number}}."""
    made = families(snapshot, findings, unchecked)
    return {one.name: {" ".join(key): number for key, number in one.samples.items()} for one in made}


def shop(*nets: int, **fields: object) -> Snapshot:
    """A container in each of these net namespaces, of which 1 is the host's; all else is the host's."""
    people = [process(n, net=net, container=f"docker:c{n}") for n, net in enumerate(nets, 10)]
    made = [container(f"c{one.pid}", [one.pid], **fields) for one in people]
    return host(process(1, 0), *people, containers=made)


def test_namespaces_are_counted_by_the_containers_that_share_them() -> None:
    found = numbers(shop(1, 2, 2, 3, 4, 4, *[5] * 4, *[6] * 10))
    shared = {key: number for key, number in found["nsview_shared_namespaces"].items() if key.startswith("net ")}
    assert shared == {"net 2": 2, "net 3": 0, "net 4-9": 1, "net 10+": 1}
    assert found["nsview_containers_in_host_namespace"]["net"] == 1
    assert found["nsview_containers_in_host_namespace"]["pid"] == 20


def test_a_pods_sandbox_is_a_container_that_shares_with_nobody() -> None:
    found = numbers(shop(2, 2, role="sandbox"))
    assert found["nsview_containers"] == {"docker unknown sandbox": 2}
    assert set(found["nsview_shared_namespaces"].values()) == {0}


def test_containers_are_counted_by_runtime_and_state() -> None:
    one = shop(2, 3, 4)
    states = dict(zip(one.containers, ("running", "paused", None), strict=True))
    changed = {key: replace(one.containers[key], state=state) for key, state in states.items()}
    assert numbers(replace(one, containers=changed))["nsview_containers"] == {
        "docker running container": 1, "docker paused container": 1, "docker unknown container": 1,
    }  # fmt: skip


def test_a_host_that_is_not_wholly_seen_says_so() -> None:
    hidden = host(process(1, 0), process(2, namespaces=Namespaces(), unreadable="EACCES"))
    found = numbers(hidden)
    assert found["nsview_processes_unreadable"] == {"EACCES": 1}
    assert found["nsview_complete"]["net"] == 0 and numbers(shop(2))["nsview_complete"]["net"] == 1


def test_holders_that_nobody_has_searched_for_are_not_none() -> None:
    one = shop(2)
    assert numbers(one)["nsview_namespace_holders"] == {}
    held = replace(
        one.namespaces["net", 2], held_by=(Holder("fd", 1, 3), Holder("fd", 1, 4), Holder("mount", path="/x"))
    )
    searched = replace(
        one, namespaces={**one.namespaces, held.key: held}, search=HolderSearch(1, 1.0, ("fd", "socket"), 2, {})
    )
    found = numbers(searched)["nsview_namespace_holders"]
    assert (found["net fd"], found["net socket"], found["net mount"], found["pid fd"]) == (2, 0, 1, 0)


def test_a_rule_without_findings_is_0_and_one_that_was_not_checked_is_nothing() -> None:
    finding = Finding("host-net", "medium", "docker:web", "web", "", {})
    found = numbers(shop(2), finding, finding, unchecked=("something",))
    assert found["nsview_audit_findings"]["host-net medium"] == 2
    assert {key.split()[0] for key in found["nsview_audit_findings"]} == set(RULES)
    assert found["nsview_audit_unchecked"] == {"": 1}
    needy = {rule.id for rule in RULES.values() if rule.needs}
    hidden = host(process(1, 0), process(2, namespaces=Namespaces(), unreadable="EACCES"))
    assert needy
    assert {key.split()[0] for key in numbers(hidden)["nsview_audit_findings"]} == set(RULES) - needy


def test_the_number_of_series_does_not_grow_with_the_host() -> None:
    def series(snapshot: Snapshot) -> set[tuple[str, str]]:
        return {(name, key) for name, samples in numbers(snapshot).items() for key in samples}

    assert series(shop(*range(2, 5))) == series(shop(*range(2, 500)))
    assert len(series(shop(2))) < 60 + len(RULES) + 5 * len(KIND_NAMES)

"""The way into a target: a namespace whose holders are not known yet is searched for before it is given up."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from nsview.model.records import Holder, Namespace
from nsview.model.snapshot import Snapshot
from nsview.model.target import Target
from nsview.tui.screens.enter_dialog import NamespaceDialog, dialog_for

from .. import make

MOUNT = Holder("mount", 1, path="/run/netns/blue")
CHILD = Holder("child", path="net:[9]")


def host(*holders: Holder) -> tuple[Snapshot, Target]:
    """A host with a namespace of these holders, which is the target."""
    blue = Namespace("net", 50, 4, names=("/run/netns/blue",), held_by=holders)
    snapshot = make.host(make.process(1, 0))
    snapshot = replace(snapshot, namespaces={**snapshot.namespaces, blue.key: blue})
    return snapshot, Target(blue.key, None, namespace=blue)


@pytest.mark.parametrize(
    ("now", "later", "live", "asked"),
    [
        ((MOUNT,), None, True, False), ((), (MOUNT,), True, True), ((CHILD,), (CHILD, MOUNT), True, True),
        ((), (), True, True), ((CHILD,), (CHILD,), True, True), ((), (MOUNT,), False, False),
    ],
)  # fmt: skip
async def test_a_namespace_that_is_not_searched_for_yet_is_searched_for_at_the_key(
    now: tuple[Holder, ...], later: tuple[Holder, ...] | None, live: bool, asked: bool
) -> None:
    searches = []

    async def searched() -> Snapshot:
        searches.append(1)
        return host(*(later or ()))[0]

    snapshot, target = host(*now)
    session: Any = SimpleNamespace(
        live=live, searched=searched, host=SimpleNamespace(live=live, here=True, elsewhere=None)
    )
    dialog = await dialog_for(target, snapshot, session, None)
    assert bool(searches) is asked
    assert isinstance(dialog, NamespaceDialog) is (MOUNT in (now if not asked else later or ()))
    if isinstance(dialog, str):
        assert "press H to search its holders" in dialog

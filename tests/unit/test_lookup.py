"""What is looked at for a user's words."""

from types import SimpleNamespace
from typing import Any

import pytest

from nsview import lookup
from nsview.join.failure import FAILED, Failure
from nsview.model.net import Net, Nets


def host(nets: Nets | None) -> Any:
    return SimpleNamespace(nets=lambda: nets)


def test_nets_that_could_not_be_read_are_not_none() -> None:
    """There is always one: that which the agent is in."""
    with pytest.raises(Failure) as error:
        lookup.nets_of(host(Nets(1.0, (), ("the process that does so failed",))))
    assert error.value.code == FAILED and "the process that does so failed" in str(error.value)


def test_a_note_beside_what_was_read_is_no_failure() -> None:
    for nets in (None, Nets(1.0, (Net(4, unreadable="EPERM"),), ("1 may not be joined",))):
        assert lookup.nets_of(host(nets)) is nets

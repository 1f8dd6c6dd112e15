"""What is said of a container's state, supervisor and sessions, on its row, in its details and of its processes."""

import pytest

from nsview.model import condition
from nsview.model.records import Container, Process
from tests.unit.make import container, process


def made(**fields: object) -> Container:
    return container("web", pids=(7,), init_pid=7, **fields)


@pytest.mark.parametrize(
    ("fields", "warnings"),
    [
        ({"state": "running", "supervisor_gone": False}, []),
        ({"state": None, "supervisor_gone": None}, []),
        ({"state": "paused"}, ["paused"]),
        ({"state": "running", "supervisor_gone": True}, ["no shim"]),
        ({"state": "exited", "supervisor_gone": True, "runtime": "podman"}, ["exited", "no conmon"]),
        ({"state": "restarting"}, ["restarting"]),
        ({"state": "restarting", "restarts": 2}, ["crash-looping"]),
    ],
)
def test_a_row_says_what_is_not_as_it_should_be(fields: dict[str, object], warnings: list[str]) -> None:
    assert condition.warnings(made(**fields)) == warnings


def test_what_is_not_told_is_not_said() -> None:
    """As of a recording that was made before it was told of."""
    assert all(text is None for _, text in condition.facts(made()))


def test_details_say_what_the_loss_of_a_supervisor_means() -> None:
    said = dict(condition.facts(made(state="running", supervisor_gone=True, execs=(8, 9), restarts=2)))
    assert said["supervisor"] == "no shim: nobody will reap it or collect its exit code"
    assert (said["exec sessions"], said["restarts"], said["state"]) == ("8 9", "2", "running")


@pytest.mark.parametrize(
    ("state", "of_container", "words"),
    [("D", "paused", "paused"), ("S", "paused", "paused"), ("D", "running", "waiting for a device"),
     ("Z", "paused", "zombie: ended, not yet reaped")],
)  # fmt: skip
def test_a_process_that_is_frozen_waits_for_no_device(state: str, of_container: str, words: str) -> None:
    one: Process = process(7, state=state, net=None if state == "Z" else 1)
    assert condition.state(one, made(state=of_container)) == words
    assert condition.state(one, None) == condition.STATES[state]


def test_a_process_whose_first_thread_alone_has_ended_goes_on() -> None:
    """The kernel calls it a zombie; it has the namespaces of another thread."""
    one = process(7, state="Z")
    assert not one.ended and condition.state(one, None) == "its first thread has ended, others go on"
    assert process(7, state="Z", net=None).ended

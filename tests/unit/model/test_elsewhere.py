"""A command for another host, pasted here as it is copied, never acts on this one."""

import shlex

import pytest

from nsview.hosts import place
from nsview.model.elsewhere import Elsewhere, typed


def way(where: place.Destination, *, root: bool = False) -> Elsewhere:
    return Elsewhere((*where.options, *(("--sudo",) if root else ())), *where.by_hand, root)


WEB1 = place.of("ops@web1")
STOP = ("sudo", "docker", "stop", "a b")


def test_here_it_is_the_command_itself() -> None:
    assert typed(STOP, None) == "sudo docker stop 'a b'"


def test_ssh_takes_it_as_one_word_for_the_shell_there() -> None:
    line = typed(STOP, way(WEB1))
    assert shlex.split(line) == ["ssh", "-t", "ops@web1", "sudo docker stop 'a b'"]


@pytest.mark.parametrize("where", ["docker://box", "podman://box", "kubectl://node-1"])
def test_engines_take_it_word_by_word(where: str) -> None:
    words = shlex.split(typed(STOP, way(place.of(where))))
    assert words[0] == where.partition(":")[0] and words[-4:] == [*STOP]


def test_root_by_sudo_is_sudo_s_there_too() -> None:
    assert typed(("nsenter", "-t", "1"), way(WEB1, root=True)) == "ssh -t ops@web1 'sudo nsenter -t 1'"
    assert typed(STOP, way(WEB1, root=True)) == typed(STOP, way(WEB1))


def test_nsview_is_here_and_is_told_the_host() -> None:
    inner = ("nsview", "enter", "outer", "--", "docker", "stop", "web")
    assert typed(inner, way(WEB1)) == "nsview -H ops@web1 enter outer -- docker stop web"
    for root in (True, False):
        assert typed(("sudo", *inner), way(WEB1, root=root)) == (
            "nsview -H ops@web1 --sudo enter outer -- docker stop web"
        )


def test_a_pipe_has_no_line_that_runs_it() -> None:
    line = typed(STOP, way(place.via("ssh bastion 'ssh web1'")))
    assert line.startswith("# --via ") and line.endswith(": sudo docker stop 'a b'")

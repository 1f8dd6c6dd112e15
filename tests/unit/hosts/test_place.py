"""The command that leads to a place, and words that are none."""

import shlex

import pytest

from nsview.hosts import HostError, place
from nsview.hosts.place import Destination

PROGRAM = ("python3", "-c", 'print("a b")')


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_has_timeout", lambda target: target == ("slow",))


def test_ssh_gets_the_program_as_one_word_for_the_shell_there() -> None:
    argv = place.of("ops@web1").command(PROGRAM, asking=True)
    assert argv == ["ssh", "-T", "-o", "ConnectTimeout=15", "--", "ops@web1", shlex.join(PROGRAM)]


def test_ssh_asks_nobody_unless_it_may() -> None:
    assert "BatchMode=yes" in place.of("web1").command(PROGRAM, asking=False)
    assert "BatchMode=yes" not in place.of("web1").command(PROGRAM, asking=True)


def test_a_time_out_of_the_user_s_own_stays() -> None:
    assert place.of("slow").command(PROGRAM, asking=True) == ["ssh", "-T", "--", "slow", shlex.join(PROGRAM)]


@pytest.mark.parametrize("where", ["web1", "ops@web1", "ssh://ops@web1:2222", "ssh://[::1]:22"])
def test_no_option_loosens_the_check_of_host_keys(where: str) -> None:
    for asking in (True, False):
        for terminal in (True, False):
            argv = place.of(where).command(PROGRAM, asking=asking, terminal=terminal)
            assert "StrictHostKeyChecking" not in " ".join(argv) and argv[-2] == where


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_an_engine_gets_the_words_one_by_one(engine: str) -> None:
    there = place.of(f"{engine}://web")
    assert there.command(PROGRAM, asking=True) == [engine, "exec", "-i", "web", *PROGRAM]
    assert there.command(PROGRAM, asking=True, terminal=True)[:4] == [engine, "exec", "-it", "web"]


def test_a_node_is_seen_from_a_debug_pod_by_its_own_python() -> None:
    argv = place.of("kubectl://node-1").command(PROGRAM, asking=True)
    assert argv[:3] == ["kubectl", "debug", "node/node-1"]
    assert {"-i", "--profile=sysadmin"} <= set(argv)
    assert argv[argv.index("--") :] == ["--", "chroot", "/host", *PROGRAM]


def test_any_command_runs_a_shell_which_takes_the_program_on_its_stdin() -> None:
    assert place.via("lxc exec 'my web' --").command(PROGRAM, asking=True) == ["lxc", "exec", "my web", "--", "sh"]
    assert place.via("lxc exec 'my web' --").options == ("--via", "lxc exec 'my web' --")


@pytest.mark.parametrize(
    "where", ["", "-oProxyCommand=x", "ssh://-oProxyCommand=x", "a b", "a\nb", "ftp://x", "docker://", "docker://-v"]
)
def test_what_names_no_place_is_refused_in_a_line(where: str) -> None:
    with pytest.raises(HostError) as refused:
        place.of(where)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("command", ["", " ", "ssh 'web1"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(HostError):
        place.via(command)


def test_its_name_is_that_of_the_option() -> None:
    assert place.of("docker://web") == Destination("docker://web", "docker", ("web",))
    assert place.of("web1").options == ("-H", "web1")

"""The hosts that a user names together."""

import json
from pathlib import Path

import pytest

from nsview.hosts import HostError, inventory
from nsview.hosts.inventory import NamedHost, entries, in_text, matching


def names(found: list[NamedHost]) -> list[str]:
    assert not [entry.error for entry in found if entry.error]
    return [entry.name for entry in found]


def test_a_file_has_a_word_a_line_and_comments() -> None:
    found = in_text("# ours\nweb1\n\n  ops@web2 # the other\ndocker://db\n", "hosts")
    assert names(found) == ["web1", "ops@web2", "docker://db"]
    assert found[2].options == ("-H", "docker://db")


@pytest.mark.parametrize("word", ["a b", "-oProxyCommand=x", "ftp://x", "\x1b[2J", "docker://"])
def test_a_line_that_is_no_host_is_named_and_the_others_stay(word: str) -> None:
    good, bad = in_text(f"web1\n{word}\n", "hosts")
    assert good == NamedHost("web1", ("-H", "web1"))
    assert bad.error == f"hosts, line 2: {word!r} is no name of a host"


def ansible(**variables: object) -> NamedHost:
    """The host x of an inventory in which it has these variables."""
    (found,) = in_text(json.dumps({"all": {"hosts": ["x"]}, "_meta": {"hostvars": {"x": variables}}}), "inventory")
    return found


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({}, ("-H", "x")),
        ({"ansible_host": "10.0.0.1"}, ("-H", "10.0.0.1")),
        ({"ansible_user": "ops"}, ("-H", "ops@x")),
        ({"ansible_host": "h", "ansible_user": "ops", "ansible_port": 2222}, ("-H", "ssh://ops@h:2222")),
        ({"ansible_host": "fe80::1", "ansible_port": "22"}, ("-H", "ssh://[fe80::1]:22")),
        ({"ansible_connection": "docker"}, ("-H", "docker://x")),
        ({"ansible_connection": "community.docker.docker", "ansible_host": "db"}, ("-H", "docker://db")),
        ({"ansible_connection": "containers.podman.podman"}, ("-H", "podman://x")),
        ({"ansible_connection": "local"}, ("--via", "env")),
    ],
)
def test_a_host_of_an_inventory_keeps_its_name(variables: dict[str, object], options: tuple[str, str]) -> None:
    assert ansible(**variables) == NamedHost("x", options)


@pytest.mark.parametrize("variables", [{"ansible_connection": "winrm"}, {"ansible_host": "-oProxyCommand=x"}])
def test_a_host_of_an_inventory_that_can_not_be_reached_is_an_error(variables: dict[str, object]) -> None:
    found = ansible(**variables)
    assert found.name == "x" and found.error and found.error.isprintable()


def test_the_groups_of_an_inventory_are_all_there_once() -> None:
    groups = {"all": {"children": ["web", "db"]}, "web": {"hosts": ["a", "b"]}, "db": {"hosts": ["b", "c"]}}
    assert names(in_text(json.dumps(groups), "inventory")) == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["{", '{"all": 3}', '{"all": {"hosts": [3]}}', '{"_meta": {"hostvars": []}}'])
def test_json_that_is_no_inventory_is_one_line(text: str) -> None:
    with pytest.raises(HostError, match="not what `ansible-inventory --list` prints"):
        in_text(text, "inventory")


def test_a_host_that_is_named_twice_is_one(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("web1\nweb2\n")
    found = entries([("-H", "web1"), ("--hosts", str(file)), ("--via", "ssh web1"), ("-H", "web2")])
    assert names(found) == ["web1", "web2", "ssh web1"]


def test_two_hosts_of_one_name_are_told_apart_by_their_words(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text(json.dumps({"_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.1"}}}}))
    assert names(entries([("-H", "web1"), ("--hosts", str(file))])) == ["-H web1", "-H 10.0.0.1"]


def test_a_file_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        entries([("--hosts", str(tmp_path / "none"))])
    (tmp_path / "empty").write_text("# nobody\n")
    with pytest.raises(HostError, match="no host is in"):
        entries([("--hosts", str(tmp_path / "empty"))])


def test_a_file_without_an_end() -> None:
    with pytest.raises(HostError, match="more than 16 MiB"):
        entries([("--hosts", "/dev/zero")])


def test_too_many_hosts(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("\n".join(f"h{number}" for number in range(inventory.MOST + 1)))
    with pytest.raises(HostError, match="give fewer at once"):
        entries([("--hosts", str(file))])


def test_a_pattern_means_aliases_of_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(
        'Include more/*\nHost web1 web2 !web3 web*\n  User x\nhost = "db1"\nHost "unended\nInclude config\n'
    )
    (tmp_path / ".ssh/more").mkdir()
    (tmp_path / ".ssh/more/a").write_text("Host web9 # the last\n")
    assert names(entries([("-H", "web*")])) == ["web9", "web1", "web2"]
    assert names(entries([("-H", "root@db?")])) == ["root@db1"]


def test_a_pattern_of_no_host_is_an_error() -> None:
    with pytest.raises(HostError, match="no Host of your ssh's configuration"):
        matching("x*", ["web1"])

"""The hosts that a user names together: several words, a file of them, an inventory of Ansible's, aliases of ssh's.

A word that names none is an entry with an error of one line: the other hosts are asked all the same.
"""

import glob
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from . import HostError, place

MOST = 1000
"""Hosts that are asked at once: past that another program collects them (docs/fleet.md)."""
_LARGEST = 16 << 20
"""Bytes of a file of hosts, which may be a pipe."""
_CONFIGS = "~/.ssh/config", "/etc/ssh/ssh_config"
_DEEPEST = 16
"""The greatest depth of Include, as ssh has it."""
_ENGINES = {"docker": "docker", "podman": "podman"}


class NamedHost(NamedTuple):
    """A host by its name in tables, and the options of nsview that lead there; or the error in its place."""

    name: str
    options: tuple[str, str]
    error: str = ""


def entries(named: Iterable[tuple[str, str]]) -> list[NamedHost]:
    """The hosts of these options and values, each once. Raises HostError if a file can't be read, a pattern is of no
    host, or there are too many."""
    found: dict[tuple[str, str] | NamedHost, NamedHost] = {}
    for option, word in named:
        if option == "--hosts":
            new = in_text(_read(word), word)
        elif option == "-H" and set(word) & set("*?"):
            new = matching(word, [alias for config in _CONFIGS for alias in _aliases(os.path.expanduser(config))])
        else:
            new = [_entry(option, word)]
        for entry in new:
            found.setdefault(entry if entry.error else entry.options, entry)
    if not found:
        raise HostError(f"no host is in {', '.join(word for _, word in named)}")
    if len(found) > MOST:
        raise HostError(f"{len(found)} hosts are more than {MOST}: give fewer at once")
    names = Counter(entry.name for entry in found.values())
    return [
        entry._replace(name=" ".join(entry.options)) if names[entry.name] > 1 else entry for entry in found.values()
    ]


def _entry(option: str, word: str, name: str = "") -> NamedHost:
    try:
        there = place.via(word) if option == "--via" else place.of(word)
    except HostError as error:
        return NamedHost(name or word, (option, word), str(error))
    return NamedHost(name or there.name, (option, word))


# A file


def in_text(text: str, source: str) -> list[NamedHost]:
    """The hosts of a text: a word a line, with comments from # on, or the JSON of `ansible-inventory --list`. Raises
    HostError if it is JSON, and no inventory."""
    if text.lstrip().startswith("{"):
        return _of_ansible(text, source)
    lines = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1))
    found = [(number, _entry("-H", line)) for number, line in lines if line]
    return [
        entry._replace(error=f"{source}, line {number}: {entry.name!r} is no name of a host") if entry.error else entry
        for number, entry in found
    ]


class _AnsibleGroup(msgspec.Struct):
    hosts: list[str] = []


class _Meta(msgspec.Struct):
    hostvars: dict[str, dict[str, Any]] = {}


def _of_ansible(text: str, source: str) -> list[NamedHost]:
    """The hosts of all groups, by their variables."""
    try:
        groups = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        variables = msgspec.json.decode(groups.pop("_meta", b"{}"), type=_Meta).hostvars
        names = [name for group in groups.values() for name in msgspec.json.decode(group, type=_AnsibleGroup).hosts]
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise HostError(f"{source}: not what `ansible-inventory --list` prints: {error}") from None
    return [_of_variables(name, variables.get(name, {}), source) for name in dict.fromkeys((*names, *variables))]


def _of_variables(name: str, variables: Mapping[str, Any], source: str) -> NamedHost:
    def given(*keys: str) -> str:
        return next((str(variables[key]) for key in keys if variables.get(key) not in (None, "")), "")

    how = given("ansible_connection").rpartition(".")[2] or "ssh"
    where, user, port = given("ansible_host", "ansible_ssh_host") or name, given("ansible_user", "ansible_ssh_user"), ""
    port = given("ansible_port", "ansible_ssh_port")
    if how == "local":
        return _entry("--via", "env", name)
    if how in _ENGINES:
        return _entry("-H", f"{_ENGINES[how]}://{where}", name)
    if how not in ("ssh", "smart", "paramiko", "paramiko_ssh"):
        said = f"{source}: {name}: ansible_connection {how!r} is none of ssh, docker, podman and local"
        return NamedHost(name, ("-H", name), said)
    address = f"{user}@{where}" if user else where
    if port:
        bare = f"[{where}]" if ":" in where else where
        address = f"ssh://{user}@{bare}:{port}" if user else f"ssh://{bare}:{port}"
    return _entry("-H", address, name)


def _read(path: str) -> str:
    try:
        with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise HostError(f"{path}: more than {_LARGEST >> 20} MiB, which is no file of hosts")
    return data.decode(errors="backslashreplace")


# Aliases of ssh's


def matching(pattern: str, aliases: Iterable[str]) -> list[NamedHost]:
    """The hosts whose alias a pattern with * and ? leaves; before @ may stand a user. Raises HostError if none is."""
    user, at, wanted = pattern.rpartition("@")
    found = [_entry("-H", f"{user}{at}{alias}") for alias in dict.fromkeys(aliases) if fnmatchcase(alias, wanted)]
    if not found:
        raise HostError(f"-H {pattern!r}: no Host of your ssh's configuration has such a name")
    return found


def _aliases(config: str, depth: int = 0) -> Iterator[str]:
    """The names that stand behind Host in a configuration of ssh's, and in those that it includes (ssh_config(5))."""
    try:
        with open(config, encoding="utf-8", errors="replace") as file:
            lines = [_words(line) for line in file]
    except OSError:
        return
    for keyword, *words in filter(None, lines):
        if keyword.lower() == "host":
            yield from (word for word in words if not set(word) & set("*?!"))
        elif keyword.lower() == "include" and depth < _DEEPEST:
            base = os.path.expanduser("~/.ssh") if config.startswith(os.path.expanduser("~/")) else "/etc/ssh"
            for word in words:
                for path in sorted(glob.glob(os.path.join(base, os.path.expanduser(word)))):
                    yield from _aliases(path, depth + 1)


def _words(line: str) -> Sequence[str]:
    """The words of a line of ssh's configuration: the keyword may be followed by =."""
    keyword, _, rest = line.strip().replace("=", " ", 1).partition(" ")
    try:
        return [] if keyword.startswith("#") or not keyword else [keyword, *shlex.split(rest, comments=True)]
    except ValueError:  # quotes that do not end: ssh takes no such file
        return []

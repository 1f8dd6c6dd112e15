"""The grammar of the command line: the words that may follow `nsview`, and their help."""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

from . import __version__
from .model import syntax
from .model.kinds import KIND_NAMES, KINDS

TABLES = ("namespaces", "processes", "containers", "nets", "use")


class UsageError(ValueError):
    """An error in the arguments; the message gives the remedy, in one line."""


def parse(arguments: Sequence[str]) -> SimpleNamespace:
    """The options of a command line, and itself as `given`. Raises UsageError; SystemExit after --help, --version."""
    given, rest = list(arguments), []
    if "--" in given:
        # argparse would take options of the command behind it for its own.
        cut = given.index("--")
        given, rest = given[:cut], given[cut + 1 :]
    # --user is the kind of namespace; with a name it is the --user of docker and podman.
    given = [f"--as={word[7:]}" if word.startswith("--user=") else word for word in given]
    try:
        options = parser().parse_args(given, SimpleNamespace())
    except UsageError as error:
        if "--user" in given and "unrecognized" in str(error):
            raise UsageError("--user is the kind; to be another user give -u USER, or --user=USER") from None
        raise
    options.given = list(arguments)
    if options.command == "enter":
        options.cmd = [*options.cmd, *rest]
    elif rest:
        raise UsageError("only `nsview enter` takes a command after --")
    return options


class _Arguments(argparse.ArgumentParser):
    """A parser whose errors are UsageError."""

    def __init__(self, *, formatter_class: Any = argparse.HelpFormatter, **named: Any) -> None:
        # argparse asks a formatter whether each argument can be printed. A formatter without a width imports shutil,
        # and with it all kinds of compression: as much time as all the rest here.
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=80), **named)
        self._printed_by = formatter_class

    def format_help(self) -> str:
        self.formatter_class = self._printed_by
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        # One line; argparse would print the usage too.
        message = message.replace("the following arguments are required:", "missing:")
        raise UsageError(f"{message}; see `{self.prog} --help`")


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = _Arguments(
        prog="nsview",
        description="A terminal explorer of Linux namespaces: who shares what, which container it is, and a shell "
        "inside. Without a command it opens the explorer.",
        epilog="TARGET is a pid or a thread's number (8058), a namespace (net:4026532173, 4026532173), a container's "
        "name, key, id or unique id prefix, the name a namespace is mounted by (blue), an interface (vethab12: what it "
        "leads to), an address, a port that is published or listened on (8080), or a path (/proc/22733/ns/net, "
        "/run/netns/blue). The host's own come before those of users and within containers; several are an error "
        "that tells them apart. Exit codes: 0 done, 1 gone or nothing matched, 2 wrong usage, "
        "3 not permitted, 4 a host or a file could not be read; enter gives the command's own. "
        "The explorer is configured in ~/.config/nsview/config.toml.",
    )
    top.add_argument("--version", action="version", version=f"nsview {__version__}")
    top.add_argument("--from", dest="recording", metavar="FILE", help="show a recording instead of this machine")
    _elsewhere(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("demo", help="open the explorer on a recording that comes with nsview; no privileges needed")
    _list_arguments(commands.add_parser(
        "list", help="print namespaces (the default), processes, containers, net namespaces from within, or use",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ))  # fmt: skip
    _inspect_arguments(commands.add_parser(
        "inspect", help="print the facts of a process, namespace or container"
    ))  # fmt: skip
    _enter_arguments(commands.add_parser(
        "enter", help="open a shell or run a command in the namespaces of a target",
        description="Join the namespaces of a target and run CMD, or the best shell found. Without kinds: all those in "
        "which the target differs from the host, or the one namespace named. By default with the target's own "
        "capabilities, user and cgroup, as `docker exec` gives.",
    ))  # fmt: skip
    _diff_arguments(commands.add_parser(
        "diff", help="print the differences of two recordings, or of a recording and now",
        description="A and B are recordings, each as it was at its end, or `now` for this machine.",
    ))  # fmt: skip
    _audit_arguments(commands.add_parser(
        "audit", help="print findings about containers: privileges, sharing with the host, reachable files",
        description="Findings with the evidence for them, by container. Exit code 1 where there are findings, 0 where "
        "there are none; 3 where there are none among what this user may check.",
    ))  # fmt: skip
    _compare_arguments(commands.add_parser(
        "compare", help="compare two processes or containers: namespaces, privileges, mounts, descent",
        description="A and B are targets, as for inspect; of a container or namespace it is the process that inspect "
        "shows.",
    ))  # fmt: skip
    _record_arguments(commands.add_parser(
        "record", help="save the agent's frames to a file, until interrupted"
    ))  # fmt: skip
    return top


def _list_arguments(listing: _Arguments) -> None:
    listing.epilog = _filters()
    listing.add_argument("table", nargs="?", choices=TABLES, metavar="|".join(TABLES))
    listing.add_argument("--type", choices=KIND_NAMES, metavar="TYPE", help="one of " + ", ".join(KIND_NAMES))
    listing.add_argument("--filter", metavar="EXPR", default="", help="only matching records: words, fields; see below")
    listing.add_argument(
        "--holders",
        action="store_true",
        help="search threads, open files, sockets and other mount namespaces too for holders of namespaces; "
        "takes several times as long",
    )
    _common(listing)


def _inspect_arguments(inspect: _Arguments) -> None:
    inspect.add_argument("target", metavar="TARGET")
    _common(inspect)


def _enter_arguments(enter: _Arguments) -> None:
    enter.add_argument("target", metavar="TARGET")
    _elsewhere(enter, default=argparse.SUPPRESS)
    enter.add_argument("--all", action="store_true", help="all kinds in which the target differs from the host")
    for kind in KINDS:
        enter.add_argument(f"--{kind.name}", action="append_const", dest="kinds", const=kind.name, help=kind.isolates)
    enter.add_argument(
        "--host-privileges", action="store_true", help="keep this user's capabilities and cgroup, as nsenter does"
    )
    enter.add_argument(
        "--toolbox", action="store_true",
        help="CMD, or sh, is of the host's static busybox, run from memory; without a /proc inside, its sh has fewer "
        "applets",
    )  # fmt: skip
    enter.add_argument(
        "-u", "--as", dest="account", metavar="USER[:GROUP]", help="run as a user of the container (--user=USER too)"
    )
    enter.add_argument("-w", "--cwd", metavar="DIR", help="begin in this directory")
    enter.add_argument(
        "-e", "--env", action="append", default=[], metavar="NAME=value", type=_variable, help="set a variable"
    )
    enter.add_argument("--dry-run", action="store_true", help="print the plan and the nsenter command, do nothing")
    enter.add_argument("--start", type=int, metavar="TICKS", help="refuse a process that did not start then")
    enter.add_argument("--thread", type=int, metavar="TID", help="follow this thread of the process")
    enter.add_argument(
        "--pin", action="append", default=[], metavar="KIND:INODE", help="refuse another namespace of KIND than this"
    )
    enter.add_argument("--inode", type=int, metavar="N", help="refuse a path to a namespace that is another than this")
    enter.add_argument("cmd", nargs="*", default=[], metavar="-- CMD", help="the command; without it a shell")


def _diff_arguments(diff: _Arguments) -> None:
    diff.add_argument("before", metavar="A")
    diff.add_argument("after", metavar="B")
    _elsewhere(diff, default=argparse.SUPPRESS)
    diff.add_argument("--json", action="store_true", help="print JSON, schema 1")


def _audit_arguments(audit: _Arguments) -> None:
    audit.add_argument(
        "--severity", choices=("high", "medium", "low"), default="low", metavar="LEVEL",
        help="only findings of this severity or above: high, medium or low (the default)",
    )  # fmt: skip
    audit.add_argument(
        "--filter", metavar="EXPR", default="",
        help="only findings that match: words, severity= subject= rule= finding=, and what `nsview list --help` tells",
    )  # fmt: skip
    _common(audit)


def _compare_arguments(compare: _Arguments) -> None:
    compare.add_argument("a", metavar="A")
    compare.add_argument("b", metavar="B")
    _common(compare)


def _record_arguments(record: _Arguments) -> None:
    record.add_argument("file", metavar="FILE")
    _elsewhere(record, default=argparse.SUPPRESS)
    record.add_argument("--seconds", type=_seconds, metavar="N", help="end after N seconds")


def _elsewhere(command: argparse.ArgumentParser, **default: Any) -> None:
    """The options for a host other than this machine."""
    command.add_argument(
        "-H", "--host", dest="where", metavar="HOST",
        help="look at this host: HOST or USER@HOST as ssh takes them, ssh://, docker://NAME, podman://NAME, "
        "kubectl://NODE; only python3 must be there", **default,
    )  # fmt: skip
    command.add_argument(
        "--via", metavar="CMD", help="look at the host where CMD runs the command after it, as 'ssh a ssh b'", **default
    )
    command.add_argument("--sudo", action="store_true", help="be root there, through sudo", **default)


def _filters() -> str:
    """The help on EXPR, in 80 columns."""
    from textwrap import fill

    lines = (*syntax.LINES, ("fields:", syntax.FIELDS))
    return "\n".join(["EXPR:", *(
        fill(text, 80, initial_indent=f"  {name:<21} ", subsequent_indent=" " * 24)
        for name, text in lines
    )])  # fmt: skip


def _common(command: argparse.ArgumentParser) -> None:
    _elsewhere(command, default=argparse.SUPPRESS)
    command.add_argument("--json", action="store_true", help="print JSON, schema 1")
    command.add_argument(
        "--from", dest="recording", metavar="FILE", default=argparse.SUPPRESS, help="read a recording instead"
    )


def _variable(text: str) -> str:
    name, separator, _ = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} has no name; give NAME=value")
    # Without a value it has the caller's, as in docker.
    return text if separator else f"{name}={os.environ.get(name, '')}"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds

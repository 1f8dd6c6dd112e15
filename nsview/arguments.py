"""The grammar of the command line: the words that may follow `nsview`, and their help."""

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

from . import __version__
from .model import syntax
from .model.kinds import KIND_NAMES, KINDS

TABLES = ("namespaces", "processes", "containers", "nets", "use")
OUTPUTS = ("list", "nets", "use", "inspect", "audit", "compare", "diff", "events", "hosts", "recording")


class UsageError(ValueError):
    """An error in the arguments; the message gives the remedy, in one line."""


def parse(arguments: Sequence[str]) -> SimpleNamespace:
    """The options of a command line, and itself as `given`. Raises UsageError; SystemExit after --help, --version."""
    given = list(arguments)
    rest: list[str] = []
    at = _place_of_command(given)
    if given[at : at + 1] == ["exec"]:
        given, rest = _command_of(given, at)
    elif "--" in given:
        # argparse would take options of the command behind it for its own.
        cut = given.index("--")
        given, rest = given[:cut], given[cut + 1 :]
    if "--sort" in given[:-1]:
        # argparse would take the - of a falling order for an option.
        at = given.index("--sort")
        given[at : at + 2] = [f"--sort={given[at + 1]}"]
    if "--watch" in given:
        # .. and the name of a table for a number of seconds.
        at = given.index("--watch")
        if not given[at + 1 : at + 2] or not given[at + 1].replace(".", "", 1).isdecimal():
            given[at] = f"--watch={_OFTEN}"
    # --user is the kind of namespace; with a name it is the --user of docker and podman.
    given = [f"--as={word[7:]}" if word.startswith("--user=") else word for word in given]
    try:
        options = parser().parse_args(given, SimpleNamespace())
    except UsageError as error:
        if "--user" in given and "unrecognized" in str(error):
            raise UsageError("--user is the kind; to be another user give -u USER, or --user=USER") from None
        raise
    options.given = list(arguments)
    options.json = getattr(options, "output", None) == "json"
    options.watch = getattr(options, "watch", None)
    options.names = ()
    _place(options)
    if options.command == "enter":
        options.cmd = [*options.cmd, *rest]
    elif rest:
        raise UsageError("only `nsview enter` takes a command after --")
    return options


def _place(options: SimpleNamespace) -> None:
    """Put the one host that is named into `where` or `via`; the options of several, or of none by its name, into
    `places`."""
    named = tuple(dict.fromkeys((*options.hosts_before, *getattr(options, "hosts_behind", ()))))
    one = len(named) == 1 and named[0][0] != _HOSTS and not (named[0][0] == _WHERE[0] and set(named[0][1]) & set("*?"))
    given = dict(named) if one else {}
    options.where, options.via, options.places = given.get(_WHERE[0]), given.get(_VIA), () if one else named


def _place_of_command(given: list[str]) -> int:
    """The place of the name of the command of nsview's: behind the options that may stand before it."""
    words = iter(enumerate(given))
    for place, word in words:
        if word in _BEFORE:
            next(words, None)
        elif word[:1] != "-":
            return place
    return len(given)


def _command_of(given: list[str], at: int) -> tuple[list[str], list[str]]:
    """(the words up to the command, the command) of an `exec`, whose name is at this place: after --, or from the word
    after the target on."""
    target = False
    words = enumerate(given[at + 1 :], at + 1)
    for place, word in words:
        if word == "--":
            return given[:place], given[place + 1 :]
        if word[:1] != "-":
            if target:
                return given[:place], given[place:]
            target = True
        elif word in _WITH_VALUE or word.lstrip("-it") in ("u", "w", "e"):  # -itu USER
            next(words, None)
    return given, []


_ACCOUNT, _DIRECTORY, _VARIABLE = ("-u", "--as", "--user"), ("-w", "--cwd", "--workdir"), ("-e", "--env")
_WHERE, _VIA, _HOSTS = ("-H", "--host"), "--via", "--hosts"
_BEFORE = {*_WHERE, _VIA, _HOSTS, "--from"}
"""The options before the name of a command that are followed by a value."""
_WITH_VALUE = {*_ACCOUNT, *_DIRECTORY, *_VARIABLE, *_WHERE, _VIA, _HOSTS}
"""The options of `exec` that are followed by a value."""


class _Arguments(argparse.ArgumentParser):
    """A parser whose errors are UsageError."""

    def __init__(self, *, formatter_class: Any = argparse.HelpFormatter, **named: Any) -> None:
        # argparse asks a formatter whether each argument can be printed. A formatter without a width imports shutil,
        # and with it all kinds of compression: as much time as all the rest here.
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=80), **named)
        self._printed_by = formatter_class
        self.explains_filters = False

    def format_help(self) -> str:
        self.formatter_class = self._printed_by
        return "\n".join([super().format_help(), *self.verbatim()])

    def verbatim(self) -> list[str]:
        """The parts of the help that are printed as they are, each with a title and a newline at its end."""
        from .examples import lines

        parts = [("EXPR:", *_filters())] if self.explains_filters else []
        parts.append(("examples:", *lines(self.prog.removeprefix("nsview").strip())))
        return ["\n".join(part) + "\n" for part in parts]

    def error(self, message: str) -> NoReturn:
        # One line; argparse would print the usage too.
        message = message.replace("the following arguments are required:", "missing:")
        raise UsageError(f"{message}; see `{self.prog} --help`")


_Add = Callable[..., _Arguments]
"""Adds the parser of a command: its name, and the rest as argparse's add_parser."""


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
    top.add_argument(
        "--from", dest="recording", metavar="FILE[@MOMENT]",
        help="show a recording instead of this machine; commands: its end, or as it was at 03:12, "
        "'2026-11-28 03:12:05', +5m from its beginning or -1h from its end",
    )  # fmt: skip
    _pager(top, True)
    _elsewhere(top, before=True)
    add = top.add_subparsers(dest="command", metavar="COMMAND").add_parser
    add("demo", help="open the explorer on a recording that comes with nsview; no privileges needed")
    for command in (
        _list, _ps, _inspect, _enter, _exec, _diff, _events, _audit, _compare, _logs, _export, _record
    ):  # fmt: skip
        command(add)
    schema = add("schema", help="print the JSON schema of an output, or of the lines of a recording")
    schema.add_argument("output", choices=OUTPUTS, metavar="OUTPUT", help=", ".join(OUTPUTS))
    return top


def _list(add: _Add) -> None:
    listing = add(
        "list", aliases=["ls"],
        help="print namespaces (the default), processes, containers, net namespaces from within, or use",
    )  # fmt: skip
    listing.set_defaults(command="list")
    listing.add_argument("table", nargs="?", choices=TABLES, metavar="|".join(TABLES))
    listing.add_argument("--type", choices=KIND_NAMES, metavar="TYPE", help="one of " + ", ".join(KIND_NAMES))
    listing.add_argument(
        "--holders",
        action="store_true",
        help="search threads, open files, sockets and other mount namespaces too for holders of namespaces; "
        "takes several times as long",
    )
    _narrowed(listing)


def _ps(add: _Add) -> None:
    ps = add("ps", help="print containers: nsview list containers")
    ps.set_defaults(command="list", table="containers", type=None, holders=False)
    _narrowed(ps)


_OFTEN = 2
"""The usual number of seconds from one look of --watch to the next, as of watch(1)."""


def _narrowed(listing: _Arguments) -> None:
    listing.explains_filters = True
    listing.add_argument("--filter", metavar="EXPR", default="", help="only matching records: words, fields; see below")
    listing.add_argument(
        "-a", "--all", action="store_true", help="containers: those without a process too, by their engines' records"
    )
    _common(listing, table=True)
    listing.add_argument(
        "--watch", nargs="?", type=_seconds, const=_OFTEN, metavar="SECONDS",
        help=f"show it again every so many seconds ({_OFTEN}), until ^C",
    )  # fmt: skip


def _inspect(add: _Add) -> None:
    inspect = add("inspect", help="print the facts of a process, namespace or container")
    inspect.add_argument("target", metavar="TARGET")
    _common(inspect)


def _enter(add: _Add) -> None:
    enter = add(
        "enter", help="open a shell or run a command in the namespaces of a target",
        description="Join the namespaces of a target and run CMD, or the best shell found. Without kinds: all those in "
        "which the target differs from the host, or the one namespace named. By default with the target's own "
        "capabilities, user and cgroup, as `docker exec` gives.",
    )  # fmt: skip
    enter.add_argument("target", metavar="TARGET")
    _elsewhere(enter)
    enter.add_argument("--all", action="store_true", help="all kinds in which the target differs from the host")
    for kind in KINDS:
        enter.add_argument(f"--{kind.name}", action="append_const", dest="kinds", const=kind.name, help=kind.isolates)
    _of_the_command(enter, _ACCOUNT[:2], "run as a user of the container (--user=USER too)", _DIRECTORY[:2])
    enter.add_argument("--start", type=int, metavar="TICKS", help="refuse a process that did not start then")
    enter.add_argument("--thread", type=int, metavar="TID", help="follow this thread of the process")
    enter.add_argument(
        "--pin", action="append", default=[], metavar="KIND:INODE", help="refuse another namespace of KIND than this"
    )
    enter.add_argument("--inode", type=int, metavar="N", help="refuse a path to a namespace that is another than this")
    enter.add_argument("cmd", nargs="*", default=[], metavar="-- CMD", help="the command; without it a shell")


def _exec(add: _Add) -> None:
    by_exec = add(
        "exec", help="run a command in a container, with the words of `docker exec`", allow_abbrev=False,
        description="`nsview enter --all` in the words of `docker exec`: the words after TARGET are the command, and "
        "without one a shell is opened. Single kinds of namespace are joined by `nsview enter`.",
    )  # fmt: skip
    by_exec.set_defaults(command="enter", all=True, kinds=None, start=None, thread=None, pin=[], inode=None)
    by_exec.add_argument("target", metavar="TARGET")
    _elsewhere(by_exec)
    _of_the_command(by_exec, _ACCOUNT, "run as a user of the container", _DIRECTORY)
    by_exec.add_argument("cmd", nargs="*", default=[], metavar="CMD", help="the command; without it a shell")


def _of_the_command(parser: _Arguments, account: Sequence[str], as_whom: str, directory: Sequence[str]) -> None:
    """The options of `enter` and `exec`, with these names of two of them."""
    parser.add_argument(
        "--host-privileges", action="store_true", help="keep this user's capabilities and cgroup, as nsenter does"
    )
    parser.add_argument(
        "--toolbox", action="store_true",
        help="CMD, or sh, is of the host's static busybox, run from memory; without a /proc inside, its sh has fewer "
        "applets",
    )  # fmt: skip
    parser.add_argument(*account, dest="account", metavar="USER[:GROUP]", help=as_whom)
    parser.add_argument(*directory, dest="cwd", metavar="DIR", help="begin in this directory")
    parser.add_argument(
        *_VARIABLE, action="append", default=[], metavar="NAME=value", type=_variable, help="set a variable"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and the nsenter command, do nothing")
    parser.add_argument(
        "-it", "-i", "-t", "--interactive", "--tty", action="store_true",
        help="accepted: the command has your input and terminal",
    )  # fmt: skip


def _diff(add: _Add) -> None:
    diff = add(
        "diff", help="print the differences of two recordings or hosts, or of one and now",
        description="A and B are recordings, each as it was at its end or at a moment (FILE@03:12, FILE@-1h), hosts "
        "(ssh://web1, docker://NAME, podman://, kubectl://), or `now` for this machine. Of two hosts, or two boots of "
        "one, the names, images and commands are compared; two hosts are asked at once, and ask for no password.",
    )  # fmt: skip
    diff.add_argument("before", metavar="A")
    diff.add_argument("after", metavar="B")
    _elsewhere(diff)
    _output(diff)


def _events(add: _Add) -> None:
    events = add(
        "events", help="print what happened: containers started, stopped, OOM; namespaces born and gone",
        description="With --follow the events from now on, until ^C. Without it those that a recording holds (--from), "
        "or on this machine the last start of each container that runs: what ended before is not known.",
    )  # fmt: skip
    events.add_argument("-f", "--follow", action="store_true", help="go on until ^C; a recording at its own pace")
    events.add_argument(
        "--filter", metavar="EXPR", default="",
        help="only events that match: words, kind= container= pod= subject= code=, as `nsview list --help` tells",
    )  # fmt: skip
    _common(events)


def _audit(add: _Add) -> None:
    audit = add(
        "audit", help="print findings about containers: privileges, sharing with the host, reachable files",
        description="Findings with the evidence for them, by container. Exit code 1 where there are findings, 0 where "
        "there are none; 3 where there are none among what this user may check.",
    )  # fmt: skip
    audit.add_argument(
        "--severity", choices=("high", "medium", "low"), default="low", metavar="LEVEL",
        help="only findings of this severity or above: high, medium or low (the default)",
    )  # fmt: skip
    audit.add_argument(
        "--filter", metavar="EXPR", default="",
        help="only findings that match: words, severity= subject= rule= finding=, and what `nsview list --help` tells",
    )  # fmt: skip
    _common(audit, table=True)


def _compare(add: _Add) -> None:
    compare = add(
        "compare", help="compare two processes or containers: namespaces, privileges, mounts, descent",
        description="A and B are targets, as for inspect; of a container or namespace it is the process that inspect "
        "shows.",
    )  # fmt: skip
    compare.add_argument("a", metavar="A")
    compare.add_argument("b", metavar="B")
    _common(compare)


def _logs(add: _Add) -> None:
    logs = add(
        "logs", help="print the log of a container, from the file that its engine keeps",
        description="The last lines of the log of a container, without asking its daemon: docker's and nerdctl's "
        "json-file, podman's k8s-file, Kubernetes' /var/log/pods. Escape sequences are shown, not obeyed. Where the "
        "engine keeps no such file a line says what to run instead (exit code 1).",
    )  # fmt: skip
    logs.add_argument("target", metavar="TARGET")
    logs.add_argument("-n", "--tail", type=_lines, metavar="N", default=100, help="begin with the last N lines (100)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until the container stops")
    logs.add_argument("-t", "--timestamps", action="store_true", help="begin each line with its time")
    _elsewhere(logs)
    _output(logs, json="print an object a line: time, stream, text")


def _export(add: _Add) -> None:
    export = add(
        "export", help="print the host in numbers, for Prometheus: counts, shares, holders, findings",
        description="Gauges in Prometheus' text format: processes, namespaces by type, containers by runtime and "
        "state, namespaces that containers share, holders, findings by rule. No label is a name of a container, a "
        "process or a path, so that the number of series is bounded.",
    )  # fmt: skip
    export.add_argument("--prometheus", action="store_true", required=True, help="in Prometheus' text format")
    where = export.add_mutually_exclusive_group()
    where.add_argument(
        "--output", dest="file", metavar="FILE.prom",
        help="write a file, whole or not at all, for node_exporter's textfile collector",
    )  # fmt: skip
    where.add_argument(
        "--listen", type=_address, metavar="[ADDR]:PORT",
        help="answer over HTTP until ^C, each request by a look of then; without ADDR to this host alone",
    )  # fmt: skip
    _elsewhere(export)
    _pager(export)
    _recording(export)


def _record(add: _Add) -> None:
    record = add("record", help="save the agent's frames to a file, until interrupted")
    record.add_argument("file", metavar="FILE", nargs="?")
    _elsewhere(record)
    record.add_argument("--seconds", type=_seconds, metavar="N", help="end after N seconds")
    record.add_argument(
        "--keep", type=_duration, metavar="TIME", help="drop what is older (30m, 24h, 7d); go on with an earlier FILE"
    )
    record.add_argument("--redact", action="store_true", help="leave out the arguments of commands, and environments")
    record.add_argument(
        "--service", action="store_true",
        help="print a systemd unit that records all the time and keeps a day, by default in /var/lib/nsview/recording",
    )  # fmt: skip


def _elsewhere(command: argparse.ArgumentParser, *, before: bool = False) -> None:
    """The options for a host other than this machine, or for several. before: they stand before the command's name."""

    def option(*names: str, **named: Any) -> None:
        default: Any = () if before else argparse.SUPPRESS
        command.add_argument(
            *names, dest="hosts_before" if before else "hosts_behind", action=_Append, default=default, **named
        )  # fmt: skip

    option(
        *_WHERE, metavar="HOST",
        help="look at this host: HOST or USER@HOST as ssh takes them, ssh://, docker://NAME, podman://NAME, "
        "kubectl://NODE; only python3 must be there. Several, or 'web*' of ~/.ssh/config: for the explorer, list, ps, "
        "audit and events",
    )  # fmt: skip
    option(_VIA, metavar="CMD", help="look at the host where CMD runs the command after it, as 'ssh a ssh b'")
    option(_HOSTS, metavar="FILE", help="look at the hosts of a file, one a line, or of `ansible-inventory --list`")
    default = False if before else argparse.SUPPRESS
    command.add_argument("--sudo", action="store_true", help="be root there, through sudo", default=default)


class _Append(argparse.Action):
    """Keep each (option, value) in the order given."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        name = _WHERE[0] if option_string in _WHERE else option_string
        setattr(namespace, self.dest, (*getattr(namespace, self.dest, ()), (name, values)))


def _filters() -> list[str]:
    """The help on EXPR, in 80 columns."""
    from textwrap import fill

    lines = (*syntax.LINES, ("fields:", syntax.FIELDS))
    return [fill(text, 80, initial_indent=f"  {name:<21} ", subsequent_indent=" " * 24) for name, text in lines]


def _pager(command: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
    command.add_argument(
        "--no-pager", dest="pager", action="store_false", default=default,
        help="print what is taller than the terminal without PAGER (less)",
    )  # fmt: skip


def _output(
    command: argparse.ArgumentParser, *, table: bool = False, json: str = "print JSON, schema 1"
) -> None:  # fmt: skip
    """The forms of the output, of which the last one given is taken. table: it is lines of columns."""
    if table:
        command.add_argument(
            "-o", "--output", metavar="FORMAT",
            help="wide (all columns, nothing cut), json, name (as -q), or columns by title: name,pid; an unknown "
            "one names those there are",
        )  # fmt: skip
        command.add_argument(
            "-q", "--quiet", action="store_const", dest="output", const="name",
            help="print one word a line, to be given as TARGET",
        )  # fmt: skip
        command.add_argument("--no-headers", dest="headers", action="store_false", help="leave out the titles")
        command.add_argument(
            "--sort", metavar="COLUMNS", default="",
            help="by these, the first one first; -COLUMN begins with the greatest, +COLUMN with the least",
        )  # fmt: skip
    else:
        command.add_argument("-o", "--output", choices=("json",), metavar="FORMAT", help="json")
    command.add_argument("--json", action="store_const", dest="output", const="json", help=json)
    _pager(command)


def _common(command: argparse.ArgumentParser, *, table: bool = False) -> None:
    _elsewhere(command)
    _output(command, table=table)
    _recording(command)


def _recording(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from", dest="recording", metavar="FILE[@MOMENT]", default=argparse.SUPPRESS, help="read a recording instead"
    )


def _variable(text: str) -> str:
    name, separator, _ = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} has no name; give NAME=value")
    # Without a value it has the caller's, as in docker.
    return text if separator else f"{name}={os.environ.get(name, '')}"


def _duration(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    if text[-1:] not in units:
        raise argparse.ArgumentTypeError(f"{text!r} has no unit; give 90s, 30m, 24h or 7d")
    return _seconds(text[:-1]) * units[text[-1]]


def _lines(text: str) -> int:
    if not text.isdecimal() or int(text) > 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines from 0 to 10000")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} has no port; give :9464, or 192.0.2.1:9464 for others to ask")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds

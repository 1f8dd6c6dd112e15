"""The command line: arguments in, what the model gives out. Errors are one line and an exit code.

0 done; 1 the target is gone or nothing matched; 2 wrong usage; 3 not permitted; 4 a host or a file could not be read.
Textual is imported only where the explorer opens, and after the agent has been started.
"""

# ruff: noqa: E402 - the imports of this file wait for the guard
from . import imports

imports.guard()

import gc
import io
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

from .model.text import safe

if TYPE_CHECKING:
    from .hosts.local import LocalHost
    from .hosts.recording import RecordedHost
    from .model.filter import Fields, Filter, Reach
    from .model.net import Nets
    from .model.records import Process
    from .model.snapshot import Snapshot
    from .model.target import Target

DONE, NOTHING, USAGE, NOT_PERMITTED, UNREADABLE = range(5)


class Failure(Exception):
    """What ends a command: an exit code and one line for the user."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        return _main(argv)
    finally:
        gc.freeze()  # the interpreter's end would search all that there is for what could be freed


def _main(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    _standard_streams()
    if os.geteuid() == 0 and sys.stderr.isatty() and (note := imports.note()):
        _say((note,))
    try:
        try:
            code = _run(arguments)
        except Failure as failure:
            code = _fail(failure.code, str(failure))
        except SystemExit as end:  # of --help and --version
            code = int(end.code or DONE)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # What is still unwritten must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # The reader of our output may have had enough (head): nothing is to be said to it.
        return DONE if isinstance(error, BrokenPipeError) else _fail(UNREADABLE, error.strerror or str(error))


def _standard_streams() -> None:
    """All three are there, and take any text: a caller may have closed one, a locale may lack our arrows."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(code: int, message: str) -> int:
    _say((message,))
    return code


def _options(arguments: list[str]) -> SimpleNamespace:
    """What is asked for. Without arguments, the explorer: that needs no grammar, which takes longer than all before."""
    if not arguments:
        return SimpleNamespace(command=None, recording=None, given=arguments)
    from .arguments import UsageError, parse

    try:
        return parse(arguments)
    except UsageError as error:
        raise Failure(USAGE, str(error)) from None


def _run(arguments: list[str]) -> int:
    options = _options(arguments)
    from .hosts import HostError, NotPermitted

    try:
        match options.command:
            case None | "demo":
                return _explore(options)
            case "list":
                return _list(options)
            case "inspect":
                return _inspect(options)
            case "enter":
                return _enter(options)
            case "diff":
                return _diff(options)
            case "audit":
                return _audit(options)
            case "compare":
                return _compare(options)
            case "record":
                return _record(options)
    except HostError as error:
        raise Failure(NOT_PERMITTED if isinstance(error, NotPermitted) else UNREADABLE, str(error)) from None
    raise AssertionError(options.command)


def _host(options: SimpleNamespace, *arguments: str) -> "LocalHost | RecordedHost":
    """What is to be looked at. arguments: the agent's own, where it is this machine."""
    if options.recording:
        from .hosts.recording import RecordedHost

        return RecordedHost(options.recording, pace=1)
    return _local(*arguments)


def _local(*arguments: str) -> "LocalHost":
    """This machine; its agent runs before what decodes its frames is imported. arguments: the agent's own."""
    from .hosts.spawn import agent

    started = agent(*arguments)
    from .hosts.local import LocalHost

    host = LocalHost(agent=started)
    host.on_restart = lambda how: _say((how,))
    return host


def _first(options: SimpleNamespace, *, holders: bool = False) -> "Snapshot":
    """What the host is like; with all that keeps its namespaces alive, where that is wanted and can be looked for."""
    return _look(options, holders=holders)[0]


def _look(options: SimpleNamespace, *, holders: bool, nets: bool = False) -> "tuple[Snapshot, Nets | None]":
    """The same, and its net namespaces from within, where that is wanted and can be."""
    gc.disable()  # what prints and ends has nothing to collect
    host = _host(options, *([] if holders or nets else ["--once"]))
    try:
        first = host.first()
        if holders:
            first = host.holders()
        return first, host.nets() if nets else None
    finally:
        host.stop()


def _width() -> int | None:
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print_json(value: object) -> None:
    from .model import export

    print(export.text(value))


def _say(lines: Iterable[str]) -> None:
    """Tell the user, beside what is printed."""
    for line in lines:
        print(f"nsview: {safe(line)}", file=sys.stderr)


def _explore(options: SimpleNamespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):  # which Textual draws on
        raise Failure(USAGE, "the explorer needs a terminal; `nsview list` prints, `nsview list --json` for programs")
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise Failure(USAGE, "this terminal cannot be drawn on (TERM=dumb); `nsview list` prints instead")
    if options.command == "demo":
        from .hosts.recording import demo

        options.recording = demo()
    host = _host(options, "--parts")  # first of all, for it takes longest
    from . import config, state
    from .hosts.local import LocalHost
    from .join.ready import commands
    from .tui import first_picture, gc_pace

    if not isinstance(host, LocalHost):
        host.first()  # what can't be read is said before the screen is taken
    try:
        own = config.Config(config.path())
        _say(filter(None, (own.note,)))
        memory = state.Memory(state.path(), **own.settings.looks)
        with first_picture.Picture(memory.state) as picture:
            if isinstance(host, LocalHost):
                host.on_restart = None  # the screen says it
                host.read_ahead(picture.show)  # beside all that a screen needs
            with gc_pace.hurried():
                from .tui.app import NsviewApp

            app = NsviewApp(host, commands(own.ready), memory, picture)
            app.configure(own)
            app.run()
    except config.ConfigError as error:
        host.stop()
        raise Failure(UNREADABLE, str(error)) from None
    if app.failure:
        raise Failure(UNREADABLE, app.failure)
    return app.return_code or DONE


def _list(options: SimpleNamespace) -> int:
    from . import report
    from .model import export, filter

    if options.type and options.table not in (None, "namespaces"):
        raise Failure(USAGE, f"--type narrows namespaces, not {options.table}")
    if options.table == "nets":
        return _list_nets(options)
    wanted = _parsed(options.filter, options.type)
    table = options.table or ("namespaces" if options.type or not options.json else None)
    # Words that nothing else has may still be a port, an address or an interface.
    for nets_too in dict.fromkeys((wanted.needs_nets, wanted.about_nets)):
        whole, nets = _look(options, holders=options.holders, nets=nets_too)
        if nets:
            wanted = _parsed(options.filter, options.type, nets=filter.reach_of(nets, whole))
        snapshot = filter.narrow(whole, wanted, options.type, _asking(options))
        found = getattr(snapshot, table or "namespaces")
        if found:
            break
    if options.json:
        _print_json(export.listing(snapshot, whole, (table,) if table else export.TABLES))
    elif table == "processes":
        print(report.processes(snapshot, _width()))
    elif table == "containers":
        print(report.containers(snapshot, _width()))
    else:
        print(report.namespaces(snapshot, whole, _width()))
    if not found and (options.filter or options.type):
        unknown = "; the recording does not tell of ports, addresses and interfaces"
        raise Failure(NOTHING, "nothing matched" + (unknown if wanted.needs_nets and not nets else ""))
    if not options.json:
        lines = report.unreadable(whole), *whole.host.notes, *(nets.notes if nets else ())
        _say(line for line in lines if line)
    return DONE


def _parsed(
    text: str, by: str | None = None, fields: "Fields | None" = None, nets: "Reach | None" = None
) -> "Filter":
    """What a --filter means. fields: what it may ask for, where that is not what a process has."""
    from .model import filter

    try:
        return filter.parse(text, by, nets=nets, fields=filter.FIELDS if fields is None else fields)
    except filter.FilterError as error:
        where = f"at character {error.at + 1}" if error.at < len(text) else "at its end"
        raise Failure(USAGE, f"--filter, {where}: {error}") from None


def _asking(options: SimpleNamespace) -> tuple[int, ...]:
    """The processes in whose own command lines the words of a filter are."""
    return () if options.recording else (os.getpid(), os.getppid())


def _list_nets(options: SimpleNamespace) -> int:
    """The lines that the net map shows; as JSON the net namespaces of which one is left."""
    from msgspec.structs import replace

    from . import report
    from .model import export
    from .model.netfields import fields
    from .model.netmap import Map, Place
    from .model.table import narrow

    _parsed(options.filter, "net", fields())  # an error is told before anything is read
    whole, nets = _look(options, holders=options.holders, nets=True)
    if nets is None:
        raise Failure(UNREADABLE, "the recording has no net map in it; `nsview record` makes one that has")
    found = Map(nets, whole)
    wanted = _parsed(options.filter, "net", fields(found))
    asking = _asking(options)
    seen = replace(whole, processes={pid: p for pid, p in whole.processes.items() if pid not in asking})
    lines = narrow(found.lines(), lambda line: wanted.line(line, seen))
    if options.json:
        left = {place.net.inode for line in lines if isinstance(place := line.subject, Place)}
        _print_json(export.nets(found, [net for net in found.nets if net.inode in left]))
    else:
        print(report.nets(lines, _width()))
    if not lines:
        raise Failure(NOTHING, "nothing matched")
    if not options.json:
        _say(nets.notes)
    return DONE


def _found(
    host: "LocalHost | RecordedHost", snapshot: "Snapshot", text: str, *, holders: bool = False
) -> "tuple[Snapshot, Target]":
    """The target that a text means, and the snapshot that it is of: this one of the host, or a later one.

    Net namespaces are read from within, and what holds namespaces is searched for, where nothing else has that name.
    holders: that is searched for too where a namespace is meant.
    """
    from .model.target import TargetError, needs_nets, resolve

    # A path is one of this machine; of a recording it is what was mounted there.
    word, leader = _spelled(text) if host.live else text, host.thread_group(text)
    nets = host.nets() if needs_nets(snapshot, word, leader) else None
    try:
        try:
            target = resolve(snapshot, word, nets, leader)
        except TargetError as error:
            if error.kind == "ambiguous":
                raise
            target = None
        if target is None or (holders and target.namespace):
            snapshot = host.holders()
            target = resolve(snapshot, word, nets, leader)
    except TargetError as error:
        raise Failure(NOTHING, str(error)) from None
    if target.thread and target.process:
        _say((f"{target.thread} is a thread of process {target.process.pid}",))
    return snapshot, target


def _spelled(text: str) -> str:
    """A text in which a path of this machine is the name of the namespace that it leads to."""
    from .hosts.local import namespace_name

    return namespace_name(text) if text.startswith(("/", "./")) else text


def _inspect(options: SimpleNamespace) -> int:
    from . import report
    from .model import export

    gc.disable()
    host = _host(options)
    try:
        # Of one namespace it is worth the time to say why it is there.
        snapshot, target = _found(host, host.first(), options.target, holders=True)
    finally:
        host.stop()
    if not options.json:
        print(report.inspected(snapshot, target))
    elif target.namespace:
        _print_json(export.namespace(target.namespace, snapshot))
    elif target.process and target.thing == target.process.pid:
        _print_json(export.inspected_process(snapshot, target.process))
    elif target.container:
        _print_json(export.container(target.container))
    return DONE


def _enter(options: SimpleNamespace) -> int:
    if options.recording:
        raise Failure(USAGE, "a recording can be looked at, not entered")
    from . import enter

    return enter.run(options)


def meant_to_enter(word: str) -> "tuple[Snapshot, Target]":
    """This machine's snapshot, and what a word means in it; holders are searched where nothing else leads in."""
    host = _local()
    try:
        snapshot, found = _found(host, host.first(), word)
        if not found.process and found.namespace and not found.namespace.names and not snapshot.search:
            snapshot, found = _found(host, host.holders(), word)
    finally:
        host.stop()
    return snapshot, found


def _sudo(options: SimpleNamespace) -> str:
    """The command as given, for root."""
    return shlex.join(("sudo", "nsview", *options.given))


def _diff(options: SimpleNamespace) -> int:
    from . import report
    from .model import export
    from .model.matrix import sees_all

    def at(place: str) -> "Snapshot":
        return _first(SimpleNamespace(recording=None if place == "now" else place))

    if options.recording:
        raise Failure(USAGE, "`nsview diff A B` names both of its recordings itself")
    before, after = at(options.before), at(options.after)
    if before.host.boot_id != after.host.boot_id:
        print("nsview: note: of two hosts, or of two boots of one: pids and inodes say little", file=sys.stderr)
    unseen = [name for name, at in ((options.before, before), (options.after, after)) if not sees_all(at)]
    if unseen:
        _say((f"note: not all could be read in {' and '.join(unseen)}: what is gone or new may be what was not seen",))
    difference = export.difference(before, after)
    if options.json:
        _print_json(difference)
    else:
        print(report.difference(difference))
    return DONE


def _audit(options: SimpleNamespace) -> int:
    from . import config, report
    from .model import audit
    from .model.audit.lines import FIELDS, line
    from .model.filter import reach_of

    wanted = _parsed(options.filter, fields=FIELDS)
    try:
        own = config.Config(config.path())
    except config.ConfigError as error:
        raise Failure(UNREADABLE, str(error)) from None
    _say(filter(None, (own.note,)))
    gc.disable()
    host = _host(options)
    try:
        host.first()
        snapshot, facts = host.holders(), host.security()
        nets = host.nets() if wanted.needs_nets else None
    finally:
        host.stop()
    worth = audit.SEVERITIES[: audit.SEVERITIES.index(options.severity) + 1]
    found = audit.audit(snapshot, facts, own.settings.audit.ignore)
    findings = [finding for finding in found if finding.severity in worth]
    if wanted:
        wanted = _parsed(options.filter, fields=FIELDS, nets=reach_of(nets, snapshot))
        findings = [finding for finding in findings if wanted.line(line(finding, snapshot), snapshot)]
    unchecked = audit.unchecked(snapshot, facts)
    if options.json:
        _print_json(audit.printed(findings, unchecked))
    else:
        print(report.audit(findings, snapshot, _width()))
    _say(f"not checked: {line}" for line in unchecked)
    if findings:
        return NOTHING
    if unchecked and not snapshot.host.privileged:
        raise Failure(NOT_PERMITTED, f"no findings among what may be read; as root: {_sudo(options)}")
    return DONE


def _compare(options: SimpleNamespace) -> int:
    from . import report
    from .model import compare

    host = _host(options)
    try:
        snapshot, first = _found(host, host.first(), options.a)
        snapshot, second = _found(host, snapshot, options.b)
        a, b = _process_of(first, options.a), _process_of(second, options.b)
        facts = host.security([a.pid, b.pid])
    finally:
        host.stop()
    found = compare.compare(snapshot, a, b, facts)
    if options.json:
        _print_json(compare.printed(found))
    else:
        print(report.comparison(found, _width()))
    return DONE


def _process_of(target: "Target", text: str) -> "Process":
    if target.process is None:
        raise Failure(NOTHING, f"no process that can be seen is in {text}, so there is nothing to compare")
    return target.process


def _record(options: SimpleNamespace) -> int:
    from .hosts.recorder import record

    if options.recording:
        raise Failure(USAGE, "a recording can be copied, not recorded")
    path = options.file
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            number = record(file, options.seconds, lambda how: _say((how,)))
    except FileExistsError:
        raise Failure(USAGE, f"{path} exists; give another name, or remove it first") from None
    except OSError as error:
        raise Failure(UNREADABLE, f"{path}: {error.strerror}") from None
    print(f"nsview: {number} frames in {path}; nsview --from {path} shows them", file=sys.stderr)
    return DONE

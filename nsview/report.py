"""Plain tables and paragraphs for the command line, from the model. All text passes `safe`."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .model import counts, facts, holder_text
from .model import listing as records
from .model.chain import ChainLink, chain
from .model.guides import indent
from .model.kinds import KIND_NAMES
from .model.members import Sharing, containers_of, sharing
from .model.records import Container, Host, Namespace, Process
from .model.snapshot import Snapshot
from .model.table import Cell, Column, Line, widths
from .model.target import Target
from .model.text import cells, count, cut, fit, safe
from .paint import Paint, plain

if TYPE_CHECKING:
    from .model.audit import Finding
    from .model.compare import Comparison
    from .model.events.record import Event
    from .model.usage import Stopped


def table(
    columns: Sequence[Column], lines: Iterable[Sequence[Cell]], width: int | None = None, *, headers: bool = True,
    paint: Paint = plain,
) -> str:  # fmt: skip
    """Columns under their titles, cut at `width` if that is given. headers: with the line of titles."""
    rows = [[(safe(cell.text), cell.style) for cell in line] for line in lines]
    if headers:
        rows.insert(0, [(column.title, "title") for column in columns])
    widths = [max(cells(text) for text, _ in column) for column in zip(*rows, strict=True)]
    printed = []
    for row in rows:
        fitted = [
            text.rjust(size) if column.right else fit(text, size)
            for (text, _), size, column in zip(row, widths, columns, strict=True)
        ]
        line = _GAP.join(fitted).rstrip()
        line = line if width is None else cut(line, width)
        printed.append(_painted(line, fitted, [style for _, style in row], paint))
    return "\n".join(printed)


_GAP = "  "


def _painted(line: str, parts: Sequence[str], styles: Sequence[str], paint: Paint) -> str:
    """A line in the styles of its parts, the last of which may be cut."""
    painted, at = "", 0
    for part, style in zip(parts, styles, strict=True):
        end = at + len(part)
        painted += paint(line[at:end], style) + line[end : end + len(_GAP)]
        at = end + len(_GAP)
    return painted


def listing(
    columns: Sequence[Column], lines: "Sequence[Line]", shown: Sequence[int] | None = None, width: int | None = None,
    *, headers: bool = True, paint: Paint = plain,
) -> str:  # fmt: skip
    """Lines of a table. shown: the places of the columns to print, by default the usual ones."""
    shown = usual(columns, lines) if shown is None else shown
    rows = [[line.cells[place] for place in shown] for line in lines]
    return table([columns[place] for place in shown], rows, width, headers=headers, paint=paint)


def usual(columns: Sequence[Column], lines: "Sequence[Line]") -> list[int]:
    """The places of the columns that are not `wide`, without a `rare` one that has no text in any line."""
    return [
        place
        for place, column in enumerate(columns)
        if not column.wide and not (column.rare and all(line.cells[place].text in ("", "-") for line in lines))
    ]


_EVENT = 14, 9, 20, 26
"""The widths of all columns of events but the last: a line is printed before the next is known."""


def events_header(width: int | None = None, host: str = "", size: int = 0) -> str:
    """The titles of the output of `nsview events`. host: that of a column before, of so many cells; "" for none."""
    return _event_line(("TIME", "KIND", "CONTAINER", "SUBJECT", "EVENT"), width, host, size)


def event(event: "Event", width: int | None = None, host: str = "", size: int = 0) -> str:
    """A line of `nsview events`. host: its name, in a column of so many cells; "" for none."""
    from .model.events.lines import time_text

    told = time_text(event.time), event.kind, event.name, event.subject, event.text
    return _event_line(told, width, host, size)


def _event_line(cells_: Sequence[str], width: int | None, host: str, size: int) -> str:
    *first, last = map(safe, cells_)
    fitted = [fit(cell or "-", size) for cell, size in zip(first, _EVENT, strict=True)]
    fitted = [fit(safe(host), size), *fitted] if host else fitted
    line = "  ".join([*fitted, last]).rstrip()
    return line if width is None else cut(line, width)


def difference(difference: Mapping[str, Any], paint: Paint = plain) -> str:
    """The output of `nsview diff`: a line a change, from the object of its --json."""
    lines = []
    for table, what, name in (
        ("containers", "container", _container_name),
        ("namespaces", "namespace", _namespace_name),
        ("processes", "process  ", _process_name),
    ):
        for change, sign in (("gone", "-"), ("new", "+")):
            lines += [paint(f"{sign} {what} {name(record)}", change) for record in difference[table][change]]
    for moved in difference["processes"]["moved"]:
        old, new = moved["before"]["namespaces"], moved["after"]["namespaces"]
        kinds = [kind for kind in KIND_NAMES if old.get(kind) != new.get(kind)]
        steps = ", ".join(f"{kind}:[{old.get(kind)}] → {kind}:[{new.get(kind)}]" for kind in kinds)
        lines.append(paint(f"~ process   {_process_name(moved['after'])}: {steps}", "warning"))
    return "\n".join(lines) or "no difference"


def _container_name(record: dict[str, Any]) -> str:
    return safe(f"{record['name']} ({record['key']})")


def _namespace_name(record: dict[str, Any]) -> str:
    whose = record["containers"] or record["names"] or [record["label"] or ""]
    more = f" and {len(whose) - 3} more" if len(whose) > 3 else ""
    return safe(f"{record['type']}:[{record['inode']}]  {', '.join(whose[:3])}{more}".rstrip())


def _process_name(record: dict[str, Any]) -> str:
    return safe(f"{record['pid']} {' '.join(record['cmdline']) or record['comm']}")


def audit(
    findings: "Sequence[Finding]", snapshot: Snapshot, width: int | None = None, *, whole: bool = True,
    paint: Paint = plain,
) -> str:  # fmt: skip
    """The output of `nsview audit`: by subject, the worst first; the reason and the remedy at the first finding of a
    rule. whole: everything could be checked."""
    from .model.audit import RULES, SEVERITIES, grouped  # a listing does not need the rules
    from .model.audit.lines import STYLES, subject_of

    if not findings:
        return "no findings" if whole else "no findings among what could be checked"
    lines: list[str] = []
    explained: set[str] = set()
    subject: str | int | None = None
    for finding in grouped(findings):
        if finding.members or finding.subject != subject:
            subject = finding.subject
            lines += ["", paint(safe(subject_of(finding, snapshot)), "title")]
        severity = paint(f"{finding.severity:<6}", STYLES[finding.severity])
        lines.append(f"  {severity}  {safe(finding.text)}  {paint(f'[{finding.rule}]', 'dim')}")
        if finding.rule not in explained:
            explained.add(finding.rule)
            rule = RULES[finding.rule]
            for start, words in (("", rule.why), ("→ ", rule.do)):
                space = " " * (10 + len(start))
                lines += textwrap.wrap(
                    words, min(width or 100, 100), initial_indent=" " * 10 + start, subsequent_indent=space,
                    break_on_hyphens=False,
                )  # fmt: skip
    counted = Counter(finding.severity for finding in findings)
    numbers = ", ".join(f"{counted[severity]} {severity}" for severity in SEVERITIES if counted[severity])
    return "\n".join([*lines[1:], "", f"{count(len(findings), 'finding')}: {numbers}"])


def comparison(found: "Comparison", width: int | None = None, paint: Paint = plain) -> str:
    """The output of `nsview compare`: a line an aspect, = the same, ≠ not, ? not known. The sides share the width by
    need."""
    from .model.compare import held, inode, mounted, way

    signs = {True: "=", False: "≠", None: "?"}
    lines = [["≠", "descent", way(found.way_a), way(found.way_b)]]
    lines += [[signs[n.same], n.kind, inode(n.a, n.host_a), inode(n.b, n.host_b)] for n in found.namespaces]
    lines += [[signs[v.same], v.name, v.a or "?", v.b or "?"] for v in found.values]
    lines += [[signs[c.same], f"{c.set} caps", held(c.only_a, c), held(c.only_b, c)] for c in found.capabilities]
    lines += [["≠", f"mount {m.point}", mounted(m.a), mounted(m.b)] for m in found.mounts or ()]
    if found.mounts is not None:
        lines.append(["=", "other mounts", str(found.mounts_alike), ""])
    parted = f"parted at {found.parted.pid} {found.parted.comm}" if found.parted else "nothing is above both"
    titles = [
        safe(f"{side} {p.pid} {p.comm}{f' ({name})' if name else ''}")
        for side, p, name in (("A", found.a, found.name_a), ("B", found.b, found.name_b))
    ]
    lines = [[safe(cell) for cell in line] for line in lines]
    if width is not None:
        sides = Column("", whole=True), Column("WHAT", whole=True), *(Column(title, most=width) for title in titles)
        sizes = widths(sides, [Line(line[1], tuple(map(Cell, line))) for line in lines], width, len(_GAP))
        titles = [cut(title, size) for title, size in zip(titles, sizes[2:], strict=True)]
        lines = [[cut(cell, size) for cell, size in zip(line, sizes, strict=True)] for line in lines]
    columns = [Column(""), Column("WHAT"), *map(Column, titles)]
    styles = {"≠": "warning", "=": "dim"}
    rows = [[Cell(line[0], styles.get(line[0], "")), *map(Cell, line[1:])] for line in lines]
    return safe(parted) + "\n\n" + table(columns, rows, paint=paint)


def nameless(containers: Iterable[Container], host: Host, as_root: str) -> str | None:
    """A line on the containers whose names and images an ordinary user may not read. None if there are none."""
    unnamed = [one for one in containers if one.image is None and one.uid != host.uid and one.role == "container"]
    if host.privileged or not unnamed:
        return None
    return f"only root may read names and images of {count(len(unnamed), 'container')}; as root: {as_root}"


def unreadable(snapshot: Snapshot, as_root: str) -> str | None:
    """A line on the processes that could not be read. None if all could. as_root: the command by which they can."""
    reasons = {reason: n for reason, n in snapshot.unreadable.items() if reason != "ENOENT"}
    if not reasons:
        return None
    number = sum(reasons.values())
    named = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    hint = "" if snapshot.host.privileged else f"; as root it sees more: {as_root}"
    return f"{number} of {len(snapshot.processes)} processes' namespaces could not be read ({named}){hint}"


def inspected(snapshot: Snapshot, target: Target, paint: Paint = plain) -> str:
    """The output of `nsview inspect` for a process, a namespace or a container."""
    parts = []
    if target.namespace:
        parts.append(_namespace(snapshot, target.namespace, paint))
    if target.container:
        parts.append(_pairs(facts.container(target.container), paint))
    if target.process and not target.namespace:
        parts.append(_process(snapshot, target.process, paint))
    return "\n\n".join(parts)


def ended(one: "Stopped", now: float, container: Container, paint: Paint = plain) -> str:
    """The output of `nsview inspect` for a container without a process."""
    from .model.ended import facts as of_end

    return _pairs((("name", one.name), *of_end(one, now, container.state)), paint)


def _pairs(pairs: Iterable[facts.Fact], paint: Paint) -> str:
    """The facts, a line each; further lines of a value below its first."""
    printed = []
    for name, value in pairs:
        lines = (value,) if isinstance(value, str) else value or ()
        label = paint(f"{name:<13}", "title")
        printed += [f"{'':<13} {safe(line)}" if place else f"{label} {safe(line)}" for place, line in enumerate(lines)]
    return "\n".join(printed)


def _namespace(snapshot: Snapshot, namespace: Namespace, paint: Paint) -> str:
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    name = namespace.label + (" (the host's)" if namespace.initial else "")
    if snapshot.search is None:
        holders: tuple[str, ...] = ("not looked for",)
    elif namespace.held_by or pids:
        holders = tuple(holder_text.words(holder, snapshot) for holder in namespace.held_by)
    else:
        holders = (holder_text.summary(namespace, snapshot).removeprefix("held by "),)
    pairs = _pairs((
        ("namespace", name),
        *facts.namespace(namespace, snapshot),
        ("containers", ", ".join(container.name for container in containers_of(snapshot, pids)) or None),
        ("held by", holders),
    ), paint)  # fmt: skip
    members = {pid: snapshot.processes[pid] for pid in pids}
    lines = records.processes(Snapshot(snapshot.host, snapshot.taken_at, members, {}, snapshot.containers))
    return pairs + ("\n\n" + listing(records.PROCESSES, lines, paint=paint) if pids else "")


def _process(snapshot: Snapshot, process: Process, paint: Paint) -> str:
    more = facts.more(process, snapshot.container_of(process))
    pairs = [
        *facts.process(process),
        *((label, f"{process.state} ({value})" if label == "state" else value) for label, value in more),
        ("unreadable", process.unreadable),
    ]
    kinds = table(_SHARING, [_sharing(shared, process) for shared in sharing(snapshot, process)], paint=paint)
    return f"{_pairs(pairs, paint)}\n\n{kinds}\n\n{chain_lines(chain(snapshot, process.pid))}"


_SHARING = Column("KIND"), Column("INODE", right=True), Column("NPROCS", right=True), Column("WHO ELSE")


def _sharing(shared: Sharing, process: Process) -> list[Cell]:
    found = counts.number(shared.nprocs, shared.sure) if shared.nprocs else "-"
    return [Cell(shared.kind), Cell(str(shared.inode or "?")), Cell(found), Cell(facts.who_else(shared, process))]


def chain_lines(links: Sequence[ChainLink]) -> str:
    """The chain, a line a process, indented as it descends."""
    printed = []
    for depth, link in enumerate(links):
        arrow = "" if not depth else indent(depth - 1) + ("└─ " if link.link == "parent" else "└╌ serves ")
        printed.append(f"{arrow}{link.process.pid} {safe(link.process.command)}")
    return "\n".join(printed)

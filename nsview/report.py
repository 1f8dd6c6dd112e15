"""Plain tables and paragraphs for the command line, from the model. All text passes `safe`."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .model import condition, counts, facts, holder_text
from .model.chain import ChainLink, chain
from .model.guides import indent
from .model.kinds import KIND_NAMES
from .model.label import label
from .model.members import Sharing, containers_of, sharing
from .model.records import Container, Namespace, Process
from .model.snapshot import Snapshot, all_namespaces
from .model.target import Target
from .model.text import cells, count, cut, fit, safe

if TYPE_CHECKING:
    from .model.audit import Finding
    from .model.compare import Comparison
    from .model.table import Line


def table(header: Sequence[str], lines: Iterable[Sequence[str]], width: int | None = None) -> str:
    """Columns under a header, cut at `width` if that is given. A header that ends in ">" is of numbers."""
    rows = [[safe(cell) for cell in line] for line in lines]
    titles = [title.rstrip(">") for title in header]
    widths = [max(map(cells, column)) for column in zip(titles, *rows, strict=True)]
    printed = []
    for row in [titles, *rows]:
        fitted = [
            cell.rjust(size) if title.endswith(">") else fit(cell, size)
            for cell, size, title in zip(row, widths, header, strict=True)
        ]
        line = "  ".join(fitted).rstrip()
        printed.append(line if width is None else cut(line, width))
    return "\n".join(printed)


def namespaces(snapshot: Snapshot, whole: Snapshot, width: int | None = None) -> str:
    """A line a namespace, as `nsview list` prints it."""

    def lines() -> Iterable[list[str]]:
        for namespace in all_namespaces(snapshot):
            pids = whole.members(namespace.type).get(namespace.inode, ())
            first = min((whole.processes[pid] for pid in pids), key=lambda p: (p.start, p.pid), default=None)
            yield [
                namespace.type, str(namespace.inode), counts.number(*counts.nprocs(namespace, whole)),
                str(first.pid) if first else "-", first.users if first else "-",
                whose(namespace, containers_of(whole, pids), whole),
                first.command if first else holder_text.summary(namespace, whole),
            ]  # fmt: skip

    return table(["TYPE", "INODE>", "NPROCS>", "PID>", "USER", "WHOSE", "COMMAND"], lines(), width)


def whose(namespace: Namespace, containers: Sequence[Container], snapshot: Snapshot) -> str:
    """The containers in a namespace, after "host" if it is the host's; else the label of its members."""
    names = [container.name for container in containers]
    if namespace.initial:
        names = ["host", *([f"+{len(names)} containers"] if len(names) > 1 else names)]
    return ",".join(names) or label(namespace, snapshot) or "-"


def processes(snapshot: Snapshot, width: int | None = None) -> str:
    def lines() -> Iterable[list[str]]:
        for pid in sorted(snapshot.processes):
            process = snapshot.processes[pid]
            container = snapshot.container_of(process)
            inner = process.inner_pid
            yield [
                str(pid), str(process.ppid), "-" if inner is None else str(inner), process.users,
                container.name if container else "-",
                str(process.namespaces.net or process.unreadable or "-"),
                process.command,
            ]  # fmt: skip

    return table(["PID>", "PPID>", "INSIDE>", "USER", "CONTAINER", "NET", "COMMAND"], lines(), width)


def containers(snapshot: Snapshot, width: int | None = None, ends: Mapping[str, str] | None = None) -> str:
    """A line a container. ends: {key: the end of one that has stopped, in words}."""
    others = any(container.whose for container in snapshot.containers.values())

    def lines() -> Iterable[list[str]]:
        for container in sorted(snapshot.containers.values(), key=lambda c: (c.name, c.key)):
            yield [
                container.name, container.id[:12], container.runtime, container.engine_namespace or "-",
                str(container.init_pid or "-"), str(container.shim_pid or "-"),
                counts.number(*counts.nprocs(container, snapshot)),
                (ends or {}).get(container.key) or ", ".join(condition.warnings(container)) or container.state or "?",
                container.image or "-", *([container.whose or "-"] if others else []),
            ]  # fmt: skip

    header = ["NAME", "ID", "RUNTIME", "ENGINE NS", "INIT PID>", "SHIM PID>", "NPROCS>", "STATE", "IMAGE"]
    return table([*header, "WHOSE"] if others else header, lines(), width)


def nets(lines: "Sequence[Line]", width: int | None = None) -> str:
    """Lines of the net map."""
    header = ["NAMESPACE, INTERFACE, PORT", "KIND", "ADDRESS", "LEADS TO, OR WHO LISTENS"]
    return table(header, [[cell.text for cell in line.cells] for line in lines], width)


def use(lines: "Sequence[Line]", width: int | None = None) -> str:
    """Lines of the use of containers."""
    from .model.container_table import COLUMNS
    from .model.table import widths

    fitted = widths(COLUMNS, lines, width or 1 << 16)
    # Two readings draw no line, and the audit is a command of its own.
    left_out = {"RECENT", "RISK", *(column.title for column, has in zip(COLUMNS, fitted, strict=True) if not has)}
    places = [place for place, column in enumerate(COLUMNS) if column.title not in left_out]
    titles = [COLUMNS[place].title + (">" if COLUMNS[place].right else "") for place in places]
    return table(titles, [[line.cells[place].text for place in places] for line in lines], width)


def difference(difference: dict[str, Any]) -> str:
    """The output of `nsview diff`: a line a change, from the object of its --json."""
    lines = []
    for table, what, name in (
        ("containers", "container", _container_name),
        ("namespaces", "namespace", _namespace_name),
        ("processes", "process  ", _process_name),
    ):
        for change, sign in (("gone", "-"), ("new", "+")):
            lines += [f"{sign} {what} {name(record)}" for record in difference[table][change]]
    for moved in difference["processes"]["moved"]:
        old, new = moved["before"]["namespaces"], moved["after"]["namespaces"]
        kinds = [kind for kind in KIND_NAMES if old.get(kind) != new.get(kind)]
        steps = ", ".join(f"{kind}:[{old.get(kind)}] → {kind}:[{new.get(kind)}]" for kind in kinds)
        lines.append(f"~ process   {_process_name(moved['after'])}: {steps}")
    return "\n".join(lines) or "no difference"


def _container_name(record: dict[str, Any]) -> str:
    return safe(f"{record['name']} ({record['key']})")


def _namespace_name(record: dict[str, Any]) -> str:
    return f"{record['type']}:[{record['inode']}]"


def _process_name(record: dict[str, Any]) -> str:
    return safe(f"{record['pid']} {' '.join(record['cmdline']) or record['comm']}")


def audit(findings: "Sequence[Finding]", snapshot: Snapshot, width: int | None = None, *, whole: bool = True) -> str:
    """The output of `nsview audit`: by subject, the worst first; the reason and the remedy at the first finding of a
    rule. whole: everything could be checked."""
    from .model.audit import RULES, SEVERITIES, grouped  # a listing does not need the rules
    from .model.audit.lines import subject_of

    if not findings:
        return "no findings" if whole else "no findings among what could be checked"
    lines: list[str] = []
    explained: set[str] = set()
    subject: str | int | None = None
    for finding in grouped(findings):
        if finding.members or finding.subject != subject:
            subject = finding.subject
            lines += ["", safe(subject_of(finding, snapshot))]
        lines.append(f"  {finding.severity:<6}  {safe(finding.text)}  [{finding.rule}]")
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


def comparison(found: "Comparison", width: int | None = None) -> str:
    """The output of `nsview compare`: a line an aspect, = the same, ≠ not, ? not known. Both sides are equally wide."""
    from .model.compare import inode, mounted, only, way

    signs = {True: "=", False: "≠", None: "?"}
    lines = [["≠", "descent", way(found.way_a), way(found.way_b)]]
    lines += [[signs[n.same], n.kind, inode(n.a, n.host_a), inode(n.b, n.host_b)] for n in found.namespaces]
    lines += [[signs[v.same], v.name, v.a or "?", v.b or "?"] for v in found.values]
    lines += [[signs[c.same], f"{c.set} caps", only(c.only_a, c), only(c.only_b, c)] for c in found.capabilities]
    lines += [["≠", f"mount {m.point}", mounted(m.a), mounted(m.b)] for m in found.mounts or ()]
    if found.mounts is not None:
        lines.append(["=", "other mounts", str(found.mounts_alike), ""])
    parted = f"parted at {found.parted.pid} {found.parted.comm}" if found.parted else "nothing is above both"
    titles = [f"{side} {p.pid} {p.comm}" for side, p in (("A", found.a), ("B", found.b))]
    if width is not None:
        half = max(8, (width - 7 - max(len(line[1]) for line in lines)) // 2)
        lines = [[*line[:2], *(cut(safe(cell), half) for cell in line[2:])] for line in lines]
    return safe(parted) + "\n\n" + table(["", "WHAT", *map(safe, titles)], lines)


def unreadable(snapshot: Snapshot) -> str | None:
    """A line on the processes that could not be read. None if all could."""
    reasons = {reason: n for reason, n in snapshot.unreadable.items() if reason != "ENOENT"}
    if not reasons:
        return None
    number = sum(reasons.values())
    named = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    hint = "" if snapshot.host.privileged else "; as root it sees more: sudo nsview"
    return f"{number} of {len(snapshot.processes)} processes' namespaces could not be read ({named}){hint}"


def inspected(snapshot: Snapshot, target: Target) -> str:
    """The output of `nsview inspect` for a process, a namespace or a container."""
    parts = []
    if target.namespace:
        parts.append(_namespace(snapshot, target.namespace))
    if target.container:
        parts.append(_pairs(facts.container(target.container)))
    if target.process and not target.namespace:
        parts.append(_process(snapshot, target.process))
    return "\n\n".join(parts)


def _pairs(pairs: Iterable[facts.Fact]) -> str:
    """The facts, a line each; further lines of a value below its first."""
    printed = []
    for name, value in pairs:
        lines = (value,) if isinstance(value, str) else value or ()
        printed += [f"{'' if place else name:<13} {safe(line)}" for place, line in enumerate(lines)]
    return "\n".join(printed)


def _namespace(snapshot: Snapshot, namespace: Namespace) -> str:
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    name = namespace.label + (" (the host's)" if namespace.initial else "")
    if snapshot.search is None:
        holders: tuple[str, ...] = ("not looked for",)
    elif namespace.held_by or pids:
        holders = tuple(holder_text.words(holder, snapshot) for holder in namespace.held_by)
    else:
        holders = (holder_text.summary(namespace, snapshot).removeprefix("held by "),)
    pairs = _pairs([
        ("namespace", name),
        *facts.namespace(namespace, snapshot),
        ("containers", ", ".join(container.name for container in containers_of(snapshot, pids)) or None),
        ("held by", holders),
    ])  # fmt: skip
    members = {pid: snapshot.processes[pid] for pid in pids}
    listed = processes(Snapshot(snapshot.host, snapshot.taken_at, members, {}, snapshot.containers))
    return pairs + ("\n\n" + listed if pids else "")


def _process(snapshot: Snapshot, process: Process) -> str:
    more = facts.more(process, snapshot.container_of(process))
    pairs = [
        *facts.process(process),
        *((label, f"{process.state} ({value})" if label == "state" else value) for label, value in more),
        ("unreadable", process.unreadable),
    ]
    kinds = table(["KIND", "INODE>", "NPROCS>", "WHO ELSE"], (_sharing(s, process) for s in sharing(snapshot, process)))
    return f"{_pairs(pairs)}\n\n{kinds}\n\n{chain_lines(chain(snapshot, process.pid))}"


def _sharing(shared: Sharing, process: Process) -> list[str]:
    found = counts.number(shared.nprocs, shared.sure) if shared.nprocs else "-"
    return [shared.kind, str(shared.inode or "?"), found, facts.who_else(shared, process)]


def chain_lines(links: Sequence[ChainLink]) -> str:
    """The chain, a line a process, indented as it descends."""
    printed = []
    for depth, link in enumerate(links):
        arrow = "" if not depth else indent(depth - 1) + ("└─ " if link.link == "parent" else "└╌ serves ")
        printed.append(f"{arrow}{link.process.pid} {safe(link.process.command)}")
    return "\n".join(printed)

"""Containers as lines of a table, live and stopped, pods and compose projects as groups of them. Pure.

A line is told here alone: the lens and `nsview list use` have the same columns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from .audit.rule import SEVERITIES, Finding, Severity
from .condition import LOOPS, waiting, warnings
from .counts import nprocs, number
from .ended import container_of
from .guides import indent
from .kinds import KIND_NAMES, KindName
from .members import USUALLY_SHARED
from .net import Forward
from .records import Container, Pod
from .snapshot import Snapshot
from .table import Cell, Column, Line
from .text import count
from .usage import Meter, Stopped, age, age_text, bytes_text, percent_text, rate_text, sparkline
from .usage_table import HIGH, THROTTLED, WIDE, Use, numeric, percent

COLUMNS: tuple[Column, ...] = (
    Column("NAME", most=34, least=14),
    Column("STATE", most=44, whole=True),
    Column("CPU%", whole=True, right=True, falling=True),
    Column("MEM", whole=True, right=True, falling=True),
    Column("MEM%", whole=True, keep=False, right=True, falling=True),
    Column("RISK", whole=True, keep=False, falling=True),
    Column("AGE", whole=True, keep=False, right=True),
    Column("PORTS", most=34, least=12, keep=False),
    Column("IP", most=24, whole=True, keep=False),
    Column("RUNTIME", whole=True, keep=False),
    Column("PROCS", whole=True, keep=False, right=True, falling=True),
    Column("SHARES", most=30, whole=True, keep=False),
    Column("IMAGE", most=44, least=16, keep=False),
    Column("PIDS", whole=True, keep=False, spare=True, right=True, falling=True),
    Column("RECENT", most=WIDE, whole=True, keep=False, spare=True),
    Column("READ/S", whole=True, keep=False, spare=True, right=True, falling=True),
    Column("WRITE/S", whole=True, keep=False, spare=True, right=True, falling=True),
    Column("NET", whole=True, keep=False, spare=True, right=True),
)
"""The columns, most wanted first: on a narrow screen the last are left out; names, ports and images alone are cut."""
YOUNG = 300.0
"""The seconds for which a container is young."""


class Risk(Struct, frozen=True):
    """The findings of the audit about one container: the worst, and their number."""

    worst: Severity
    number: int


class Around(Struct, frozen=True):
    """The facts of containers that are not read with their use. shares: {key: the namespaces that it shares, in words}.
    risks: {key: Risk} of those with findings; checked: the keys of those that the audit has looked at."""

    shares: Mapping[str, str] = {}
    risks: Mapping[str, Risk] = {}
    checked: Collection[str] = ()


class _Group(Struct, frozen=True):
    """A pod or a compose project."""

    key: tuple[str, str]
    name: str
    sort: str


def lines(
    snapshot: Snapshot, meter: Meter, around: Around | None = None, *, folded: Collection[object] | None = None
) -> list[Line]:
    """A line for each container, in order of name, those without a process dimmed. folded: the keys of the groups whose
    members are left out; None for no groups."""
    around = around or Around()
    found: list[tuple[_Group | None, Line]] = []
    nets, waiting = _by_net(snapshot, meter), _waiting(snapshot, meter)
    for container in snapshot.containers.values():
        group = _group(container.pod, container.project)
        found.append((group, _live(container, snapshot, meter, around, nets, waiting.get(container.key))))
    for stopped in stopped_of(snapshot, meter):
        found.append((_group(stopped.pod, stopped.project), _stopped(stopped, meter)))
    found.sort(key=lambda pair: (pair[1].cells[0].text, str(pair[1].key)))
    if folded is None:
        return [line for _, line in found]
    groups: dict[_Group, list[Line]] = {}
    for group, line in found:
        if group:
            groups.setdefault(group, []).append(line)
    told: list[Line] = []
    for group, line in found:
        members = groups.pop(group, None) if group else [line]
        if members and group:
            told.append(_of_group(group, members, group.key in folded))
            told += [] if group.key in folded else [_inside(member, group) for member in members]
        elif members:
            told += members
    return told


def stopped_of(snapshot: Snapshot, meter: Meter) -> list[Stopped]:
    """The containers without a process, as far as they have not been started since the reading."""
    ids = {container.id for container in snapshot.containers.values()}
    return [one for one in meter.engines.stopped if one.id not in ids] if meter.engines else []


def with_stopped(snapshot: Snapshot, meter: Meter) -> Snapshot:
    """The snapshot with the containers without a process among the others."""
    records = {one.key: container_of(one) for one in stopped_of(snapshot, meter)}
    return replace(snapshot, containers={**snapshot.containers, **records}) if records else snapshot


def ends(snapshot: Snapshot, meter: Meter) -> dict[str, str]:
    """{key of a container without a process: its end in words}."""
    stopped = {one.key: end(one, meter.taken_at) for one in stopped_of(snapshot, meter)}
    return {**stopped, **_waiting(snapshot, meter)}


def _waiting(snapshot: Snapshot, meter: Meter) -> dict[str, str]:
    """{key of a container that waits to be started again: its last end in words}."""
    last = {one.id: one for one in meter.engines.stopped} if meter.engines else {}
    found = {}
    for key, container in snapshot.containers.items():
        if not container.pids and container.state == "restarting" and container.id in last:
            found[key] = end(last[container.id], meter.taken_at, waiting(container))
    return found


def shares(snapshot: Snapshot) -> dict[str, str]:
    """{a container's key: the namespaces that it shares with the host or other containers: "net,pid=host ipc=web"}."""
    inside: dict[tuple[KindName, int], set[str]] = {}
    for (namespaces, key), _ in snapshot.sets.items():
        if not key or key not in snapshot.containers:
            continue
        for kind in KIND_NAMES:
            if kind not in USUALLY_SHARED and (inode := getattr(namespaces, kind)) is not None:
                inside.setdefault((kind, inode), set()).add(key)
    found: dict[str, dict[str, list[str]]] = {}
    for (kind, inode), keys in inside.items():
        host = snapshot.is_initial(kind, inode)
        for key in keys if host or len(keys) > 1 else ():
            whose = "host" if host else _others(key, keys, snapshot)
            found.setdefault(key, {}).setdefault(whose, []).append(kind)
    return {
        key: " ".join(f"{','.join(sorted(kinds, key=KIND_NAMES.index))}={whose}" for whose, kinds in sorted(of.items()))
        for key, of in found.items()
    }


def risks(findings: Iterable[Finding]) -> dict[str, Risk]:
    """{a container's key: the Risk of its findings}."""
    found: dict[str, list[Severity]] = {}
    for finding in findings:
        if isinstance(finding.subject, str):
            found.setdefault(finding.subject, []).append(finding.severity)
    return {key: Risk(min(all_, key=SEVERITIES.index), len(all_)) for key, all_ in found.items()}


def _others(key: str, keys: Collection[str], snapshot: Snapshot) -> str:
    """The other containers among these: "pod" if all are of its own, else the first and the number of others."""
    others = sorted((snapshot.containers[k] for k in keys if k != key), key=lambda container: container.name)
    pod = snapshot.containers[key].pod
    if pod and all(other.pod == pod for other in others):
        return "pod"
    return others[0].name + (f"+{len(others) - 1}" if len(others) > 1 else "")


# A live one


def _live(
    container: Container, snapshot: Snapshot, meter: Meter, around: Around, nets: Mapping[int, "_Net"],
    last: str | None,
) -> Line:  # fmt: skip
    """last: the end of one that waits to be started again, in words."""
    key = container.key
    usage, rates = meter.of(key), meter.latest(key)
    init = snapshot.init_of(container)
    net = init.namespaces.net if init else None
    seconds = age(init, meter)
    share = usage.memory / usage.memory_limit if usage.memory is not None and usage.memory_limit else None
    recent = tuple(rate.cpu for rate in meter.rates.get(key, ()))
    words = last or state(container, usage.oom_kills, rates.throttled, seconds)
    procs, sure = nprocs(container, snapshot)
    place = nets.get(net or 0, _Net())
    address, shared = _address(net, place, snapshot), around.shares.get(key, "" if net else "?")
    cells: tuple[Cell, ...] = (
        Cell(container.name, "container"),
        Cell(words, "" if words == "running" else "warning", brief=briefly(words)),
        numeric(rate_text(percent_text(rates.cpu), len(recent)), rates.cpu),
        numeric(bytes_text(usage.memory), usage.memory),
        Cell("-" if share is None else f"{100 * share:.0f}%", "warning" if (share or 0) > HIGH else "", share or -1),
        _risk(key, around),
        numeric(age_text(seconds), seconds),
        Cell(ports_text(place.ports.get(key) or place.shared)),
        Cell(address, brief=address.partition(" ")[0]),
        Cell(container.runtime, "dim"),
        numeric(number(procs, sure), procs),
        Cell(shared, "shared", brief=",".join(found.partition("=")[0] for found in shared.split())),
        Cell(container.image or "", "dim"),
        numeric("?" if usage.pids is None else str(usage.pids), usage.pids),
        Cell(sparkline(recent, WIDE), "label", rates.cpu if rates.cpu is not None else -1),
        numeric(rate_text(bytes_text(rates.read), len(recent)), rates.read),
        numeric(rate_text(bytes_text(rates.written), len(recent)), rates.written),
        Cell(str(net or "?"), "dim", net or -1),
    )
    if not container.pids:  # about to be started again: nothing has an address or uses memory
        cells = tuple(cell if at in (0, _STATE, _RUNTIME, _IMAGE) else _NOTHING for at, cell in enumerate(cells))
    subject = Use(
        percent(rates.cpu), usage.memory, percent(share), seconds, usage.pids, procs, container.restarts,
        rates.read, rates.written,
    )  # fmt: skip
    return Line(key, cells, subject, more=container.id, thing=key)


def state(container: Container, oom_kills: int | None, throttled: float | None, seconds: float | None) -> str:
    """The state and all that is wrong, in a few words. seconds: since its start."""
    words = warnings(container) or ["running" if container.state in ("running", None) else container.state or ""]
    looping = (container.restarts or 0) >= LOOPS and (seconds is None or seconds < YOUNG)
    if looping and words[0] in ("running", "restarting", "exited"):
        words[0] = "crash-looping"
    if oom_kills:
        words.append(count(oom_kills, "OOM kill"))
    if throttled is not None and throttled > THROTTLED:
        words.append(f"throttled {100 * throttled:.0f}%")
    if container.restarts:
        words.append(count(container.restarts, "restart"))
    return ", ".join(words)


def briefly(words: str) -> str:
    """The first of some words, and the number of the others: "exited (137) OOM +2"; what is amiss of one that runs."""
    first, *others = words.removeprefix("running, ").split(", ")
    return f"{first} +{len(others)}" if others else first


class _Net(Struct, frozen=True):
    """A net namespace of containers: its addresses, {key: its published ports, None if not known}, and the ports of
    whichever of them that are known: one that joined another's net namespace is reached by the other's."""

    addresses: tuple[str, ...] | None = None
    ports: Mapping[str, tuple[Forward, ...]] = {}
    shared: tuple[Forward, ...] | None = None


def _by_net(snapshot: Snapshot, meter: Meter) -> dict[int, _Net]:
    found: dict[int, _Net] = {}
    for place in meter.engines.places if meter.engines else ():
        container = snapshot.containers.get(place.key)
        init = snapshot.init_of(container)
        net = init.namespaces.net if init else None
        if net is None:
            continue
        known = found.get(net, _Net())
        found[net] = _Net(
            known.addresses if place.addresses is None else place.addresses,
            known.ports if place.ports is None else {**known.ports, place.key: place.ports},
            known.shared or place.ports,
        )
    return found


def _address(net: int | None, place: _Net, snapshot: Snapshot) -> str:
    """The first address and the number of others; the host's own are the host's."""
    if snapshot.is_initial("net", net):
        return "host"
    if place.addresses is None or net is None:
        return "?"
    first, *others = (*(place.addresses or ("-",)),)
    return f"{first} +{len(others)}" if others else first


def ports_text(ports: Sequence[Forward] | None) -> str:
    """Published ports as 8080→80, with an address that is not all and a protocol that is not tcp; each once."""
    if ports is None:
        return "?"
    found: dict[str, None] = {}
    for port in sorted(ports, key=lambda port: (port.port, port.protocol)):
        before = str(port.port) if port.address is None else port.endpoint
        after = "" if port.to_port in (None, port.port) else f"→{port.to_port}"
        found[before + after + ("" if port.protocol == "tcp" else f"/{port.protocol}")] = None
    return " ".join(found) or "-"


def _risk(key: str, around: Around) -> Cell:
    risk = around.risks.get(key)
    if risk is None:
        return Cell("-", "dim", 0) if key in around.checked else Cell("?", "dim", -1)
    return _risk_cell(risk)


def _risk_cell(risk: Risk) -> Cell:
    rank = SEVERITIES.index(risk.worst)
    style = ("error", "warning", "dim")[rank]
    more = f" +{risk.number - 1}" if risk.number > 1 else ""
    return Cell(risk.worst + more, style, 1000 * (len(SEVERITIES) - rank) + risk.number)


# Stopped containers


def _stopped(one: Stopped, meter: Meter) -> Line:
    words = end(one, meter.taken_at)
    cells = {
        "NAME": Cell(one.name, "dim"),
        "STATE": Cell(words, "warning" if one.exit_code or one.oom_killed else "dim", brief=briefly(words)),
        "RUNTIME": Cell(one.runtime, "dim"),
        "IMAGE": Cell(one.image or "", "dim"),
    }
    made = tuple(cells.get(column.title, Cell("", "dim", -2 if column.falling else None)) for column in COLUMNS)
    return Line(one.key, made, Use(None, None, None, None, restarts=one.restarts), more=one.id)


def end(one: Stopped, now: float, state: str | None = None) -> str:
    """The end of a container in words: exited (137) OOM, 3 restarts, 2h ago. One of a pod is started again. state: the
    one that it is in now, if that is another."""
    code = "" if one.state == "created" else f" ({'?' if one.exit_code is None else one.exit_code})"
    young = one.finished is not None and now - one.finished < YOUNG
    looping = one.pod is not None and young and (one.restarts or 0) >= LOOPS
    words = [(state or ("crash-looping" if looping else one.state)) + code + (" OOM" if one.oom_killed else "")]
    if one.restarts:
        words.append(count(one.restarts, "restart"))
    if one.finished is not None:
        words.append(f"{age_text(now - one.finished)} ago")
    return ", ".join(words)


# Groups


def _group(pod: Pod | None, project: str | None) -> _Group | None:
    if pod is not None:
        return _Group(("pod", pod.uid or pod.label), pod.label, "pod")
    return _Group(("project", project), project, "compose project") if project else None


def _inside(line: Line, group: _Group) -> Line:
    name = replace(line.cells[0], text=indent(1, "  ") + line.cells[0].text)
    return replace(line, cells=(name, *line.cells[1:]), depth=1, more=f"{line.more} {group.name}")


def _of_group(group: _Group, members: Sequence[Line], folded: bool) -> Line:
    live = [line.subject for line in members if line.thing is not None and isinstance(line.subject, Use)]
    ended = len(members) - len(live)

    def total(name: str) -> float | None:
        known = [value for use in live if (value := getattr(use, name)) is not None]
        return sum(known) if known else None

    cpu, memory, procs, pids = total("cpu"), total("mem"), total("procs"), total("pids")
    read, written = total("read"), total("written")
    ages = [use.age for use in live if use.age is not None]
    worst = max((line.cells[_RISK] for line in members), key=lambda cell: cell.order or 0)
    wrong = any(line.cells[_STATE].style == "warning" for line in members)
    words = f"{len(live)} live" + (f", {ended} stopped" if ended else "")
    cells = {
        "NAME": Cell(f"{'▸' if folded else '▾'} {group.name}", "group"),
        "STATE": Cell(words, "warning" if wrong else ""),
        "CPU%": numeric(rate_text(percent_text(None if cpu is None else cpu / 100), 1), cpu),
        "MEM": numeric(bytes_text(memory), memory),
        "AGE": numeric(age_text(max(ages)) if ages else "", max(ages, default=None)),
        "IMAGE": Cell(group.sort, "dim"),
        "RISK": worst,
        "PROCS": numeric("" if procs is None else f"{procs:.0f}", procs),
        "PIDS": numeric("?" if pids is None else f"{pids:.0f}", pids),
        "READ/S": numeric(rate_text(bytes_text(read), 1), read),
        "WRITE/S": numeric(rate_text(bytes_text(written), 1), written),
    }
    if not live:
        cells = {title: cells[title] for title in ("NAME", "STATE", "IMAGE")}
    made = tuple(cells.get(column.title, Cell("", "", -2 if column.falling else None)) for column in COLUMNS)
    return Line(group.key, made, more=" ".join(line.more for line in members) if folded else "")


def place(title: str) -> int:
    """The place of the column of this title."""
    return next(place for place, column in enumerate(COLUMNS) if column.title == title)


_STATE, _RUNTIME, _IMAGE, _RISK = place("STATE"), place("RUNTIME"), place("IMAGE"), place("RISK")
_NOTHING = Cell("", "dim", -2)
BY_CPU = place("CPU%")

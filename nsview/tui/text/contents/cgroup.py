"""cgroup: its path, its limits and its use."""

from collections.abc import Callable

from nsview.model.contents import Contents, Resource
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import count, safe

from ..pieces import Piece, Pieces, labelled, size, span
from . import ContentsText

_BAR = 16  # cells


def tell(process: Process, contents: Contents, snapshot: Snapshot) -> ContentsText:
    cgroup = contents.cgroup
    assert cgroup is not None
    lines: list[Pieces] = [labelled("path", (safe(cgroup.path), ""))]
    if cgroup.inside is not None and cgroup.inside != cgroup.path:
        lines.append(labelled("as itself", (safe(cgroup.inside), ""), ("  it sees itself there", "dim")))
    used: list[tuple[str, Resource | None, Callable[[float], str]]] = [
        ("memory", cgroup.memory, size), ("swap", cgroup.swap, size), ("pids", cgroup.pids, lambda n: f"{n:.0f}"),
    ]  # fmt: skip
    brief = []
    for name, resource, words in used:
        if resource:
            line, text = _resource(name, resource, words, cgroup.path)
            lines.append(line)
            if name != "swap":
                brief.append(text if name == "memory" else f"{text} {'pid' if text == '1' else name}")
    if cgroup.cpu:
        pieces: list[Piece] = []
        if cgroup.cpu.limit is not None:
            pieces += [(f"at most {cgroup.cpu.limit:g} of a processor", ""), *_whose(cgroup.cpu, cgroup.path)]
        if cgroup.cpu.current is not None:
            pieces.append((f"{', ' if pieces else ''}{span(cgroup.cpu.current)} so far", "dim"))
        lines.append(labelled("cpu", *pieces))
    if cgroup.cpus:
        lines.append(labelled("may run on", (f"cpu {safe(cgroup.cpus)}", "")))
    if cgroup.throttled:
        lines.append(labelled("throttled", (count(cgroup.throttled, "time"), "warning")))
    if cgroup.oom_kills:
        lines.append(labelled("OOM kills", (count(cgroup.oom_kills, "process"), "error")))
    lines.append(labelled("version", (str(cgroup.version), "dim")))
    return ContentsText("CGROUP", lines, ", ".join(brief) or safe(cgroup.path))


def _resource(name: str, resource: Resource, words: Callable[[float], str], path: str) -> tuple[Pieces, str]:
    """(the line of a resource with its limit and use, the same in a few words)."""
    limit, current = resource.limit, resource.current
    use = "?" if current is None else words(current)
    if limit is None:
        return labelled(name, (use, ""), ("  no limit", "dim")), use
    share = min(1.0, (current or 0) / limit) if limit else 1.0
    full = round(share * _BAR)
    style = "error" if share > 0.9 else "warning" if share > 0.7 else "container"
    bar: list[Piece] = [("▕" + "█" * full, style), ("░" * (_BAR - full), "dim"), ("▏ ", style)]
    text = f"{use} of {words(limit)}"
    return labelled(name, *bar, (text, ""), *_whose(resource, path)), text


def _whose(resource: Resource, path: str) -> list[Piece]:
    above = resource.limited_by
    return [(f", the limit of {safe(above)}", "dim")] if above and above != path else []

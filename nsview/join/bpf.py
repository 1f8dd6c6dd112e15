"""Filters that judge system calls by architecture and number alone: a search tree in classic BPF, linux/filter.h."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Span = tuple[int, int, int]  # (first number, number after the last, verdict)
    Range = tuple[int, int | None]  # (first number, verdict), up to the next range; None: the next program judges
    Instruction = tuple[int, int, int, int | None]  # struct sock_filter; None: jump to the end of the tree

END = 1 << 32  # after the last number
_LD, _JEQ, _JGE, _JA, _RET = 0x20, 0x15, 0x35, 0x05, 0x06  # linux/bpf_common.h
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data


def by_number(spans: Mapping[int, Iterable[Span]]) -> bytes:
    """The program that gives these verdicts by {architecture: spans}, and else runs on into the program after it."""
    code: list[Instruction] = [(_LD, 0, 0, _ARCHITECTURE)]
    for architecture, own in spans.items():
        branch = [(_LD, 0, 0, _NUMBER), *_branch(_ranges(own))]
        code += [(_JEQ, 1, 0, architecture), (_JA, 0, 0, len(branch)), *branch]
    return b"".join(
        struct.pack("=HBBI", operation, if_true, if_false, len(code) - at - 1 if value is None else value)
        for at, (operation, if_true, if_false, value) in enumerate(code)
    )


def _ranges(spans: Iterable[Span]) -> list[Range]:
    ranges: list[Range] = [(0, None)]
    for start, end, verdict in sorted(spans):
        if ranges[-1][0] == start:
            ranges.pop()
        if not ranges or ranges[-1][1] != verdict:
            ranges.append((start, verdict))
        ranges.append((end, None))
    return ranges[:-1] if ranges[-1][0] == END else ranges


def _branch(ranges: Sequence[Range]) -> list[Instruction]:
    if len(ranges) == 1:
        verdict = ranges[0][1]
        return [(_JA if verdict is None else _RET, 0, 0, verdict)]
    first = ranges[len(ranges) // 2][0]
    below, above = _branch(ranges[: len(ranges) // 2]), _branch(ranges[len(ranges) // 2 :])
    if len(below) < 256:
        return [(_JGE, len(below), 0, first), *below, *above]
    return [(_JGE, 0, 1, first), (_JA, 0, 0, len(below)), *below, *above]

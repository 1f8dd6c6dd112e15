"""The agent's TypedDicts and the records that decode them name the same fields, with types that fit.

Both sides are walked from the unions of all frames downwards, so a field that is added to one alone is seen.
"""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import msgspec
import pytest

from nsview.agent import protocol
from nsview.hosts import frames
from nsview.linux import CLONE_NEW


def of_frames() -> Iterator[tuple[str, Any, Any]]:
    """(tag, TypedDict or None, Struct or None) of each frame that either side knows."""
    sent = {get_args(get_type_hints(form)["frame"])[0]: form for form in get_args(protocol.Frame)}
    decoded = {form.__struct_config__.tag: form for form in get_args(frames.Frame)}
    for tag in sorted({*sent, *decoded}):
        yield tag, sent.get(tag), decoded.get(tag)


def without_none(form: Any) -> tuple[list[Any], bool]:
    """The parts of a union besides None, and whether that is one of them."""
    if get_origin(form) not in (Union, types.UnionType):
        return [form], False
    parts = [part for part in get_args(form) if part is not type(None)]
    return parts, len(parts) < len(get_args(form))


def differences(sent: Any, decoded: Any, where: str) -> Iterator[str]:
    """The places where the decoder would refuse, or leave out, a value of the type that is sent."""
    (sent, *more), may_be_none = without_none(sent)
    (decoded, *others), takes_none = without_none(decoded)
    if more or others:
        yield f"{where}: a union"
    if may_be_none and not takes_none:
        yield f"{where}: None is sent, but not decoded"
    if is_typeddict(sent):
        yield from of_records(sent, decoded, where)
    elif sent == protocol.Namespaces:
        hints = get_type_hints(decoded)
        if set(hints) != set(get_args(protocol.KindName)) or set(hints.values()) != {int | None}:
            yield f"{where}: kinds of namespace"
    elif get_origin(sent) is Literal:
        takes = get_args(decoded) if get_origin(decoded) is Literal else ()
        if decoded is not str and not set(get_args(sent)) <= set(takes):
            yield f"{where}: {set(get_args(sent)) - set(takes)} is sent, but not decoded"
    elif get_origin(sent) in (list, tuple):
        if get_origin(decoded) not in (list, tuple):
            yield f"{where}: {sent} is sent, {decoded} decoded"
            return
        ours, theirs = get_args(sent), [part for part in get_args(decoded) if part is not Ellipsis]
        for number in range(max(len(ours), len(theirs))):
            yield from differences(ours[min(number, len(ours) - 1)], theirs[min(number, len(theirs) - 1)], f"{where}[]")
    elif get_origin(sent) is dict:
        for ours, theirs in zip(get_args(sent), get_args(decoded), strict=True):
            yield from differences(ours, theirs, f"{where}{{}}")
    elif sent is not decoded and (sent, decoded) != (int, float):
        yield f"{where}: {sent} is sent, {decoded} decoded"


def of_records(sent: Any, decoded: Any, where: str) -> Iterator[str]:
    ours, theirs = get_type_hints(sent), get_type_hints(decoded, include_extras=False)
    ours.pop("frame", None)
    required = {field.name for field in msgspec.structs.fields(decoded) if field.required}
    for name in sorted(ours.keys() ^ theirs.keys()):
        yield f"{where}.{name}: only {'sent' if name in ours else 'decoded'}"
    for name in sorted(required & sent.__optional_keys__):
        yield f"{where}.{name}: may be missing, but must not be"
    for name in sorted(ours.keys() & theirs.keys()):
        yield from differences(ours[name], theirs[name], f"{where}.{name}")


@pytest.mark.parametrize(("tag", "sent", "decoded"), of_frames(), ids=[tag for tag, _, _ in of_frames()])
def test_each_field_that_is_sent_is_decoded(tag: str, sent: Any, decoded: Any) -> None:
    assert sent and decoded
    assert list(differences(sent, decoded, tag)) == []


def test_the_kinds_of_namespace_are_those_of_the_kernel() -> None:
    assert get_args(protocol.KindName) == tuple(CLONE_NEW)

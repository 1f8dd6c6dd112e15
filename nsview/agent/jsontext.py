"""JSON by the standard library's own scanner, without what its module `json` imports.

`json` imports `re`, for which `nsview enter` would wait; see docs/design.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    from _json import make_scanner
except ImportError:  # another Python than CPython
    make_scanner = None  # type: ignore[assignment,misc]

_SPACE = " \t\n\r"


class _Settings:
    """The defaults of json.JSONDecoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


def value(data: bytes | str) -> Any:
    """The JSON value of these bytes or this text. Raises ValueError or RecursionError if they are none."""
    text = data if isinstance(data, str) else data.decode("utf-8")
    if make_scanner is None:
        import json

        return json.loads(text)
    start = len(text) - len(text.lstrip(_SPACE))
    try:
        found, end = make_scanner(_Settings)(text, start)  # type: ignore[arg-type]
    except StopIteration as stop:
        raise ValueError("no JSON at character %s" % stop.value) from None
    except SystemError:  # the scanner's own error is of the module json, if that is imported: _json.c, raise_errmsg
        raise ValueError("no JSON") from None
    if text[end:].strip(_SPACE):
        raise ValueError("no JSON at character %d" % end)
    return found

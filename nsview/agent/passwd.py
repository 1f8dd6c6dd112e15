"""The lines of a passwd or group file, whoever may have written it. passwd(5), group(5)"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def lines(text: str, count: int) -> Iterator[list[str]]:
    """The fields of each line that has at least `count` of them, and is no comment."""
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) >= count and not line.startswith("#"):
            yield fields


def of_uid(text: str, uid: int) -> list[str] | None:
    """The fields of the first line of a passwd with this uid: name, .., home, shell. None if there is none."""
    return next((fields for fields in lines(text, 4) if fields[2] == str(uid)), None)

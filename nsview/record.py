"""Frozen records for code that must start at once: dataclasses and msgspec import too slowly for `nsview enter`, see
docs/design.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, TypeVar, dataclass_transform

    T = TypeVar("T", bound="Record")
else:

    def dataclass_transform(**_):
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """Base of a record. The annotations of a class are its fields, in order; a value beside one is the default."""

    _names: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        own = [name for name in cls.__annotations__ if not name.startswith("_")]
        cls._names = (*cls._names, *(name for name in own if name not in cls._names))

    def __init__(self, *values: Any, **named: Any) -> None:
        """Set the fields. Raises TypeError if a field is missing, given twice or unknown."""
        given = dict(zip(self._names, values))
        if len(values) > len(self._names) or given.keys() & named.keys() or named.keys() - set(self._names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._names)}")
        given.update(named)
        for name in self._names:
            if name not in given and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs {name}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and values(self) == values(other)

    def __hash__(self) -> int:
        return hash((type(self), *values(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in values(self).items())})"

    def changed(self, **fields: Any) -> Self:
        """A copy of the record with other values in these fields."""
        return type(self)(**{**values(self), **fields})


def values(record: Record) -> dict[str, Any]:
    """{field: value} of a record."""
    return {name: getattr(record, name) for name in record._names}


def builtins(value: Any) -> Any:
    """The value with each record in it as a dict, with the class's name under "type"; lists become tuples."""
    if isinstance(value, Record):
        return {"type": type(value).__name__, **{name: builtins(field) for name, field in values(value).items()}}
    if isinstance(value, dict):
        return {key: builtins(field) for key, field in value.items()}
    return tuple(map(builtins, value)) if isinstance(value, (tuple, list)) else value

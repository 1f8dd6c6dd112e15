"""The user's configuration file: its keys, and one line about an error in it.

    # ~/.config/nsview/config.toml
    theme = "okabe-ito"
    grouping = "pid"

    [keys]
    filter = ["slash", "ctrl+f"]

    [audit]
    ignore = ["root-is-root", "host-net:node-exporter"]

    [ready."dns"]
    command = "dig example.org"
    text = "does the name resolve in there"
    kinds = ["net"]
    host_tools = true

docs/config.md tells of each key. The screen itself checks themes and actions, which only it knows (`Config.error`).
"""

from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import Struct

from . import files
from .join.ready import Ready, ReadyError, of_config
from .model.columns import EXTRAS, Extra
from .model.view import GROUPINGS, Grouping, GroupOrder, LensName, ProcessOrder

MOST = 1 << 20
"""The largest size of the file, in bytes."""


class ConfigError(Exception):
    """An error in the file. The message is one line: the file, the line, the key, the error."""


class AuditSettings(Struct, frozen=True):
    """The table [audit]. ignore: rules whose findings are left out, for all subjects or, after a colon, for one."""

    ignore: tuple[str, ...] = ()


class Settings(Struct, frozen=True, omit_defaults=True):
    """The keys of the file, None if not set. keys: {action: keys}, instead of the action's own."""

    theme: str | None = None
    grouping: Grouping | None = None
    lens: LensName | None = None
    details: bool | None = None
    groups: GroupOrder | None = None
    processes: ProcessOrder | None = None
    columns: tuple[Extra, ...] | None = None
    keys: dict[str, str | list[str]] = {}
    audit: AuditSettings = AuditSettings()
    ready: dict[str, Any] = {}

    @property
    def looks(self) -> dict[str, object]:
        """The settings that each run begins with, as far as the file sets them."""
        looks = ("theme", "grouping", "lens", "details", "groups", "processes", "columns")
        return {key: value for key in looks if (value := getattr(self, key)) is not None}


_WANTED: dict[str, tuple[Any, str]] = {
    "theme": (str, "the name of a theme, in quotes"),
    "grouping": (Grouping, f"one of {', '.join(GROUPINGS)}, in quotes"),
    "lens": (LensName, f"one of {', '.join(get_args(LensName))}, in quotes"),
    "details": (bool, "true or false"),
    "groups": (GroupOrder, f"one of {', '.join(get_args(GroupOrder))}, in quotes"),
    "processes": (ProcessOrder, f"one of {', '.join(get_args(ProcessOrder))}, in quotes"),
    "columns": (tuple[Extra, ...], f'a list, as ["ppid", "state"], of {", ".join(EXTRAS)}'),
    "keys": (dict[str, Any], "a table, [keys]"),
    "audit": (dict[str, Any], "a table, [audit]"),
    "ready": (dict[str, Any], "tables, [ready.NAME]"),
}
"""{key: (the type of its value, the type in words)}"""


class Config:
    """A file, read and decoded; without a file nothing is set. Raises ConfigError if a value is wrong.

    note: a line for the user if there may be a file that this user may not read, as when HOME is another user's.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.text = ""
        self.note: str | None = None
        tables = self._tables()
        for key, value in tables.items():
            if key not in _WANTED:
                raise self.error((key,), f"no such key; there are {', '.join(_WANTED)}")
            self._check((key,), value, *_WANTED[key])
        for key, value in tables.get("keys", {}).items():
            self._check(("keys", key), value, str | list[str], 'a key, in quotes, or a list of them: ["j", "down"]')
        if "audit" in tables:
            self._check_audit(tables["audit"])
        self.settings = msgspec.convert(tables, Settings)
        self.ready = tuple(self._ready(name, fields) for name, fields in self.settings.ready.items())

    def _tables(self) -> dict[str, Any]:
        try:
            with files.opened(self.file) as opened:
                data = opened.read(MOST + 1)
            # Without another line, an error in the last one is reported as "at the end".
            self.text = data.decode() + "\n"
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except PermissionError as error:
            self.note = f"note: {self.file}: {error.strerror}, so it is left out; HOME may be another user's"
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.file}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
        if len(data) > MOST:
            raise ConfigError(f"{self.file}: more than {MOST >> 20} MiB, which is no configuration")
        import tomllib  # only needed with a file

        try:
            return tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError(f"{self.file}: {error}") from None

    def _check(self, path: tuple[str, ...], value: object, type: Any, words: str) -> None:
        try:
            msgspec.convert(value, type)
        except msgspec.ValidationError:
            raise self.error(path, f"must be {words}") from None

    def _check_audit(self, table: dict[str, Any]) -> None:
        for key, value in table.items():
            if key != "ignore":
                raise self.error(("audit", key), "no such key; there is ignore")
            self._check(("audit", key), value, list[str], 'a list of rules, in quotes: ["host-net:web"]')
            from .model.audit import RULES  # rarely needed

            for rule in (word.partition(":")[0] for word in value):
                if rule not in RULES:
                    raise self.error(("audit", key), f"no such rule as {rule}; there are {', '.join(sorted(RULES))}")

    def _ready(self, name: str, fields: object) -> Ready:
        self._check(("ready", name), fields, dict[str, Any], f"a table, [ready.{name}]")
        assert isinstance(fields, dict)
        try:
            return of_config(name, fields)
        except ReadyError as error:
            words = str(error).removeprefix(f"{name}: ")
            key, _, rest = words.partition(": ")
            if key in fields:
                raise self.error(("ready", name, key), rest) from None
            raise self.error(("ready", name), words) from None

    def error(self, path: tuple[str, ...], words: str) -> ConfigError:
        """The exception to raise for an error of the key at this path."""
        return ConfigError(f"{self.file}: line {_line(self.text, path)}: {'.'.join(path)}: {words}")


def _line(text: str, path: tuple[str, ...]) -> int:
    """The number of the line in which a key's value ends: the first up to which the text parses and holds the key."""
    import tomllib

    lines = text.splitlines()
    for number in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("\n".join(lines[:number]))
            for key in path:
                found = found[key]
        except (tomllib.TOMLDecodeError, KeyError, TypeError):
            continue
        return number
    return len(lines)


def path() -> Path:
    """The path of the file: nsview/config.toml below $XDG_CONFIG_HOME or ~/.config."""
    from platformdirs import user_config_path

    return user_config_path("nsview") / "config.toml"

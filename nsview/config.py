"""The user's configuration file: what it may hold, and one line about what is wrong in it.

    # ~/.config/nsview/config.toml
    [ready."dns"]
    command = "dig example.org"
    text = "does the name resolve in there"
    kinds = ["net"]
    host_tools = true
"""

import tomllib
from pathlib import Path

from .join.ready import Ready, ReadyError, of_config


class ConfigError(Exception):
    """The message is one line: the file, the key, what is wrong."""


def path() -> Path:
    """Where it is looked for: $XDG_CONFIG_HOME or ~/.config, below nsview."""
    from platformdirs import user_config_path

    return user_config_path("nsview") / "config.toml"


def ready_commands(file: Path) -> tuple[Ready, ...]:
    """The ready commands in a file; none where there is no file. Raises ConfigError."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from None
    unknown = set(tables) - {"ready"}
    if unknown:
        raise ConfigError(f"{file}: no such key: {', '.join(sorted(unknown))}; there is ready")
    found = []
    ready = tables.get("ready", {})
    if not isinstance(ready, dict):
        raise ConfigError(f"{file}: ready: must be tables, [ready.NAME]")
    for name, fields in ready.items():
        if not isinstance(fields, dict):
            raise ConfigError(f"{file}: ready.{name}: must be a table, [ready.{name}]")
        try:
            found.append(of_config(name, fields))
        except ReadyError as error:
            raise ConfigError(f"{file}: ready.{error}") from None
    return tuple(found)

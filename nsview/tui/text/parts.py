"""Parts of the details of a row or line: a title, a heading, a table of facts."""

from collections.abc import Sequence

from rich.style import Style
from rich.table import Table
from rich.text import Text

from nsview.model.text import safe


def title(text: str, style: Style | str = "bold") -> Text:
    return Text(safe(text), style)


def heading(text: str, style: Style | str = "dim") -> Text:
    """The name of the part below, after an empty line."""
    return Text("\n" + text, style)


def text_of(value: str | Sequence[str]) -> Text:
    """A value as text that is safe for a terminal; a sequence is a line each."""
    return Text("\n".join(map(safe, (value,) if isinstance(value, str) else value)))


def pairs(*facts: tuple[str, str | Sequence[str] | Text | None], label: Style | str = "dim") -> Table:
    """Labels, in the style `label`, and values beside each other; of a fact without a value there is nothing."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=label, no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(safe(name), value if isinstance(value, Text) else text_of(value))
    return table

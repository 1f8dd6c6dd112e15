"""An application as it is drawn: its style sheet and themes, the last filters of what is painted, the terminal's
driver."""

import os
from collections.abc import Sequence
from pathlib import Path

from textual.driver import Driver
from textual.filter import DimFilter, LineFilter

from . import driver, themes
from .legible import Legible
from .textual_private import DefectsApp


class DrawnApp(DefectsApp):
    """The base of the explorer's app."""

    CSS_PATH = Path(__file__).with_name("nsview.tcss")

    def __init__(self, theme: str | None) -> None:
        """theme: the name of the one to begin with, None for the usual one."""
        # Textual would turn colours to greys; if there are to be none, it must not take them for its own at all.
        plain = "NO_COLOR" in os.environ
        super().__init__(
            css_path=[self.CSS_PATH, self.CSS_PATH.with_name("nocolor.tcss")] if plain else None,
            ansi_color=True if plain else None,
        )
        self._legible = Legible()
        themes.begin_with(self, theme)

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice; for a terminal of Linux our own."""
        found = super().get_driver_class()
        return driver.Driver if issubclass(driver.Driver, found) else found

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own, but for dim text, and ours."""
        found = super().get_line_filters()
        return found if self.no_color else [*(one for one in found if not isinstance(one, DimFilter)), self._legible]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours of meanings for which themes have none."""
        return themes.MEANINGS

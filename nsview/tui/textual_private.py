"""The private names of Textual that nsview uses: a minor version may move them. No other file has one."""

from textual._xterm_parser import XTermParser as XTermParser
from textual.app import App


class DefectsApp(App[int]):
    """An application that handles its own defects; Textual offers no public way."""

    def handle_defect(self, error: Exception) -> None:
        """Handle an exception that nothing has caught: end with Textual's traceback."""
        super()._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        self.handle_defect(error)


def renew_filter(app: App[int]) -> None:
    """Filter the terminal's own 16 colours as the theme wants, which Textual does only when the theme changes."""
    app._refresh_truecolor_filter(app.ansi_theme)

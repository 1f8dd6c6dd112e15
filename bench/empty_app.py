"""The least that a Textual program can be: what any explorer pays before it shows anything of its own."""

from textual.app import App, ComposeResult
from textual.widgets import Static

MARKER = "an empty app"


class EmptyApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Static(MARKER)


if __name__ == "__main__":
    EmptyApp().run()

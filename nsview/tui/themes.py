"""A theme for people who see fewer colours: the palette of Okabe and Ito.

Source: M. Okabe, K. Ito, Color Universal Design (2008). The background is black, as some of its colours are dark.
"""

from typing import Any

from textual.app import App
from textual.theme import Theme

from .textual_private import renew_filter

BLUE, SKY_BLUE, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE, BLACK = "#E69F00", "#D55E00", "#CC79A7", "#000000"

OKABE_ITO = Theme(
    name="okabe-ito",
    primary=BLUE,
    secondary=GREEN,
    accent=ORANGE,
    success=SKY_BLUE,  # containers
    warning=YELLOW,  # shared
    error=VERMILLION,  # the host's
    foreground="#F2F2F2",
    background=BLACK,
    surface="#101010",
    panel="#161616",
    variables={"text": "auto 100%", "text-muted": "#B4B4B4", "text-disabled": "#9C9C9C"},
)


def begin_with(app: App[Any], theme: str | None) -> None:
    """Have a theme, if there is one of that name, from the start: set later, Textual would read all styles again."""
    app.register_theme(OKABE_ITO)
    if theme in app.available_themes:
        app.set_reactive(App.theme, theme)
        app.stylesheet.set_variables(app.get_css_variables())
        app.set_class(app.current_theme.dark, "-dark-mode")
        app.set_class(not app.current_theme.dark, "-light-mode")
        renew_filter(app)

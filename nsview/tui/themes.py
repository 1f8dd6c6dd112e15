"""Themes for people who see fewer colours, by the palette of Okabe and Ito, and for terminals that have sixteen.

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
    accent="#F2F2F2",
    success=SKY_BLUE,  # containers
    warning=ORANGE,
    error=VERMILLION,
    foreground="#F2F2F2",
    background=BLACK,
    surface="#101010",
    panel="#161616",
    variables={
        "text": "auto 100%", "text-muted": "#B4B4B4", "text-disabled": "#9C9C9C", "host": PURPLE, "shared": YELLOW,
        "primary-muted": "#004A75",
    },
)  # fmt: skip
SIXTEEN = Theme(
    name="sixteen-colours",
    primary="#0000AA",
    secondary="#AAAAAA",
    accent="#FFFFFF",
    success="#55FF55",
    warning="#FFFF55",
    error="#FF5555",
    foreground="#FFFFFF",
    background=BLACK,
    surface=BLACK,
    panel=BLACK,
    boost=BLACK,
    variables={
        "text": "#FFFFFF", "text-muted": "#AAAAAA", "text-disabled": "#AAAAAA", "text-secondary": "#AAAAAA",
        "host": "#FF55FF", "shared": "#55FFFF", "surface-lighten-1": "#555555", "surface-lighten-2": "#0000AA",
        "primary-muted": "#0000AA",
    },
)  # fmt: skip
"""The sixteen colours of VGA and of the Linux console, exactly: the nearest of them to another theme's could be any."""
MEANINGS = {"host": "#AF87FF", "shared": "#5F9FFF"}
"""{variable: its colour} of the style sheet, which no theme of Textual's has."""


def begin_with(app: App[Any], theme: str | None) -> None:
    """Have a theme, if there is one of that name, from the start: set later, Textual would read all styles again. By
    default that of the sixteen colours in a terminal with no more."""
    app.register_theme(OKABE_ITO)
    app.register_theme(SIXTEEN)
    if theme is None and app.console.color_system == "standard":
        theme = SIXTEEN.name
    if theme in app.available_themes:
        app.set_reactive(App.theme, theme)
        app.stylesheet.set_variables(app.get_css_variables())
        app.set_class(app.current_theme.dark, "-dark-mode")
        app.set_class(not app.current_theme.dark, "-light-mode")
        renew_filter(app)

"""Colours that can be read: a text's colour is moved towards white or black until it stands out from its ground.

So a style keeps its hue, and with it its meaning, in every theme and on the chosen row. The measure is the contrast
ratio of WCAG 2.1; colours that are the terminal's own to choose (of an ANSI theme, or none) are left as they are.
"""

from functools import lru_cache

from rich.color import Color, ColorType
from rich.style import Style

LEAST = 4.5
"""The contrast that WCAG 2.1 asks of text (AA)."""
_STEPS = 20
_RGB = tuple[int, ...]


def ratio(one: _RGB, other: _RGB) -> float:
    """The contrast of two colours: 1 of the same colour to 21 of black and white."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: _RGB) -> float:
    parts = (value / 255 for value in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@lru_cache(maxsize=1024)
def readable(style: Style) -> Style:
    """The style with a text colour that stands out from its background; the same if it does already."""
    text, ground = style.color, style.bgcolor
    if text is None or ground is None or text.type != ColorType.TRUECOLOR or ground.type != ColorType.TRUECOLOR:
        return style
    colour, below = tuple(text.get_truecolor()), tuple(ground.get_truecolor())
    end = max((0, 0, 0), (255, 255, 255), key=lambda one: ratio(one, below))
    for step in range(_STEPS + 1):
        moved = tuple(round(a + (b - a) * step / _STEPS) for a, b in zip(colour, end, strict=True))
        if ratio(moved, below) >= LEAST:
            return style + Style(color=Color.from_rgb(*moved)) if step else style
    return style + Style(color=Color.from_rgb(*end))

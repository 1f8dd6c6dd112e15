"""The last filter of all that is drawn: no text is fainter than can be read, dialogs and Textual's own included."""

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter, dim_style

from .contrast import readable

DIM = 0.6
"""The part of its colour that dim text keeps; the rest is its background's."""


class Legible(LineFilter):
    """Dims what is to be dim, and moves colours as far as `readable` asks."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        found = []
        for segment in segments:
            if (style := segment.style) is not None and (shown := _shown(style, background)) is not style:
                segment = Segment(segment.text, shown, segment.control)
            found.append(segment)
        return found


def _shown(style: Style, background: Color) -> Style:
    if style.dim and style.color is not None and style.bgcolor is not None:
        style = dim_style(style, background, DIM)
    return readable(style)

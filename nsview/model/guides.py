"""The guides of a tree, as `tree` in a terminal draws them, and the number of levels that are drawn."""

LEVELS = 32
"""The number of levels that are drawn, the nearest: deeper ones would stand right of any screen."""
DEEPER = "⋯  "
"""The sign in the place of the levels above."""


def cut(guides: str) -> str:
    """The nearest levels of guides, each of which is three characters wide."""
    return guides if len(guides) <= 3 * LEVELS else DEEPER + guides[-3 * LEVELS :]


def indent(depth: int, one: str = "   ") -> str:
    """The space left of a thing at this depth."""
    return one * depth if depth <= LEVELS else DEEPER + one * LEVELS

"""The lines left of what descends, as `tree` in a terminal draws them, and how many of them are drawn."""

LEVELS = 32
"""The nearest levels that are drawn: what is deeper would stand right of any screen, and a chain may be any length."""
DEEPER = "⋯  "
"""What stands in the place of those above."""


def cut(guides: str) -> str:
    """The nearest levels of guides, each of which is three characters wide."""
    return guides if len(guides) <= 3 * LEVELS else DEEPER + guides[-3 * LEVELS :]


def indent(depth: int, one: str = "   ") -> str:
    """The space left of what is so deep."""
    return one * depth if depth <= LEVELS else DEEPER + one * LEVELS

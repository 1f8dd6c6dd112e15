"""How colours look: contrast as WCAG 2.1 defines it, and what is left of them for those who see fewer.

Sources: WCAG 2.1, "relative luminance" and "contrast ratio"; G. Machado et al., A Physiologically-based Model for
Simulation of Color Vision Deficiency (2009), the matrices of severity 1.0, in linear RGB; CIE 1976 L*a*b*, D65.
"""

from math import dist

RGB = tuple[float, float, float]

PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
NORMAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)


def _linear(colour: RGB) -> RGB:
    parts = (value / 255 for value in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def _times(matrix: tuple[RGB, RGB, RGB], vector: RGB) -> RGB:
    x, y, z = (sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def contrast(one: RGB, other: RGB) -> float:
    """1 for the same colour to 21 for black and white."""
    darker, lighter = sorted(sum(w * c for w, c in zip(_XYZ[1], _linear(rgb), strict=True)) for rgb in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def difference(one: RGB, other: RGB, seen: tuple[RGB, RGB, RGB] = NORMAL) -> float:
    """CIE76: 2.3 can just be told apart by the normal eye side by side, 100 is black and white."""
    return dist(_lab(one, seen), _lab(other, seen))


def _lab(colour: RGB, seen: tuple[RGB, RGB, RGB]) -> RGB:
    red, green, blue = (min(1.0, max(0.0, c)) for c in _times(seen, _linear(colour)))
    xyz = (v / w for v, w in zip(_times(_XYZ, (red, green, blue)), _WHITE, strict=True))
    x, y, z = (v ** (1 / 3) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)

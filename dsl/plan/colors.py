"""Colors in hexadecimal, and how well one is read on another (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re

READABLE = 4.5
"""The contrast that text needs on its background, level AA."""
VISIBLE = 3.0
"""The contrast that the border of a field needs beside its surroundings (1.4.11)."""
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


def color_of(text: str) -> Color | None:
    """The color of `#1f6f54` or `#1ab`; None for any other text."""
    if not _HEX.fullmatch(text):
        return None
    digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def written(color: Color) -> str:
    return "#" + "".join(f"{part:02x}" for part in color)


def contrast(one: Color, other: Color) -> float:
    """1 for the same color, 21 for black on white."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: Color) -> float:
    """0 for black, 1 for white."""
    red, green, blue = (_linear(part / 255) for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def mixed(one: Color, other: Color, share: float) -> Color:
    """`share` (0 to 1) of the one, the rest of the other."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def ink_on(ground: Color) -> Color:
    """Black or white, whichever is read better; one of them always has the contrast of level AA."""
    return max(((255, 255, 255), (0, 0, 0)), key=lambda ink: contrast(ink, ground))


def readable_on(color: Color, ground: Color, least: float = READABLE) -> Color:
    """The nearest color that is read on the ground: the same hue, darker or lighter in steps of one twentieth."""
    pole = ink_on(ground)
    tries = (mixed(pole, color, step / 20) for step in range(21))
    return next((one for one in tries if contrast(one, ground) >= least), pole)

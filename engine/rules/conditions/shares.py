"""How far a share that was counted can be trusted. Pure."""

from __future__ import annotations

import math

Z95 = 1.959964
"""The two-sided quantile of the normal distribution for 95 %."""


def interval(part: int, whole: int) -> tuple[float, float]:
    """Between which shares the true one lies with 95 % confidence: Wilson's score interval, from 0 to 1.

    It holds for small numbers too; of nothing counted it is everything.
    """
    if whole <= 0:
        return 0.0, 1.0
    share, spread = part / whole, Z95**2 / whole
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return max(0.0, middle - half), min(1.0, middle + half)

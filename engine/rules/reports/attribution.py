"""Attribution: what share of a won deal's revenue each touch of its path gets. Pure, and exact in minor units.

A model gives every touch of the path a weight, the weights add up to 1, and an amount is split by them without losing
or inventing a minor unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, Literal, get_args

Model = Literal[
    "first", "last", "last-non-direct", "linear", "position", "u-shaped", "w-shaped", "full-path", "time-decay",
    "data-driven", "shapley",
]  # fmt: skip
MODELS: Final[tuple[Model, ...]] = get_args(Model)
LEARNED: Final[tuple[Model, ...]] = ("data-driven", "shapley")
"""Models whose weights come from all paths, won and not."""
FIXED: Final[tuple[Model, ...]] = tuple(model for model in MODELS if model not in LEARNED)
"""Models whose weights come from the deal's own path alone."""
DEFAULT_MODEL: Final[Model] = "last-non-direct"
WINDOW: Final = timedelta(days=365)
"""How long before the winning a touch still belongs to the path."""
HALF_LIFE: Final = timedelta(days=7)
"""Under time decay a touch that is this much older has half the weight."""
DIRECT: Final = frozenset({"Direct", "Unknown"})
"""Channels that say nothing of where somebody came from."""

Anchor = Literal["first", "creation", "opening", "last"]
_ANCHORED: Final[Mapping[str, tuple[Fraction, tuple[Anchor, ...]]]] = {
    "first": (Fraction(1), ("first",)),
    "last": (Fraction(1), ("last",)),
    "position": (Fraction(2, 5), ("first", "last")),
    "u-shaped": (Fraction(2, 5), ("first", "creation")),
    "w-shaped": (Fraction(3, 10), ("first", "creation", "opening")),
    "full-path": (Fraction(9, 40), ("first", "creation", "opening", "last")),
}
"""What each anchor gets, and the anchors."""


@dataclass(frozen=True, slots=True)
class PathTouch:
    """One touch of a path. `source` is the id of its source; `number` the event's, where an event is the touch; `key`
    tells two touches of one instant apart."""

    at: datetime
    source: int
    channel: str
    number: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Journey:
    """A path in its order, with the instants that anchors hang on: when the lead became known and the deal opened."""

    touches: Sequence[PathTouch]
    created: datetime | None = None
    opened: datetime | None = None


def path_of(touches: Iterable[PathTouch], won: datetime, window: timedelta = WINDOW) -> list[PathTouch]:
    """The touches of at most `window` before the winning, in order of instant, then number."""
    return sorted((one for one in touches if won - window <= one.at <= won), key=_order)


def _order(touch: PathTouch) -> tuple[datetime, int, str]:
    return touch.at, -1 if touch.number is None else touch.number, touch.key


def weights(
    model: Model, journey: Journey, *, worth: Mapping[str, Fraction] | None = None, direct: bool = True,
    half_life: timedelta = HALF_LIFE,
) -> list[Fraction]:  # fmt: skip
    """The weight of each touch; they add up to 1, and of an empty path there are none.

    `worth` is what learned models know of each channel. Without `direct`, touches that are Direct or Unknown are left
    out of a path that has others, which share the whole.
    """
    path = journey.touches
    if not direct and any(one.channel not in DIRECT for one in path):
        named = [one.channel not in DIRECT for one in path]
        rest = Journey([one for one, kept in zip(path, named, strict=True) if kept], journey.created, journey.opened)
        left = iter(weights(model, rest, worth=worth, half_life=half_life))
        return [next(left) if kept else Fraction(0) for kept in named]
    if not path:
        return []
    if model == "last-non-direct":
        found = _last_non_direct(path)
    elif model == "time-decay":
        found = _time_decay(path, half_life)
    elif model in LEARNED:
        found = [(worth or {}).get(one.channel, Fraction(0)) for one in path]
    elif model == "linear":
        found = [Fraction(1)] * len(path)
    else:
        found = _anchored(model, journey)
    total = sum(found)
    return [weight / total for weight in found] if total else [Fraction(1, len(path))] * len(path)


def _last_non_direct(path: Sequence[PathTouch]) -> list[Fraction]:
    chosen = max((place for place, one in enumerate(path) if one.channel not in DIRECT), default=len(path) - 1)
    return [Fraction(place == chosen) for place in range(len(path))]


def _time_decay(path: Sequence[PathTouch], half_life: timedelta) -> list[Fraction]:
    """Ages count from the newest touch, in whole seconds: the proportions are the same, and no path is all zeros."""
    newest = path[-1].at
    ages = [int((newest - one.at).total_seconds()) for one in path]
    return [Fraction(2.0 ** (-age / half_life.total_seconds())) for age in ages]


def _anchored(model: Model, journey: Journey) -> list[Fraction]:
    """Each anchor's share at its touch, and what no anchor takes among the other touches equally.

    An anchor that is missing leaves its share to all others in proportion, and so does what has no touch to go to.
    """
    share, anchors = _ANCHORED[model]
    found = [Fraction(0)] * len(journey.touches)
    for anchor in anchors:
        if (place := _place(anchor, journey)) is not None:
            found[place] += share
    others = [place for place, weight in enumerate(found) if not weight]
    rest = 1 - share * len(anchors)
    for place in others:
        found[place] = rest / len(others)
    return found


def _place(anchor: Anchor, journey: Journey) -> int | None:
    """The index of the touch that an anchor stands at."""
    match anchor:
        case "first":
            return 0
        case "last":
            return len(journey.touches) - 1
        case "creation":
            until = journey.created
        case "opening":
            until = journey.opened
    return max((place for place, one in enumerate(journey.touches) if until and one.at <= until), default=None)


def split(amount: int, shares: Sequence[Fraction]) -> list[int]:
    """The amount, in minor units, by shares that add up to 1: largest remainder; of equal ones the earlier touch.

    A negative amount is split as the positive one is.
    """
    if amount < 0:
        return [-one for one in split(-amount, shares)]
    exact = [amount * share for share in shares]
    whole = [int(one) for one in exact]
    left = amount - sum(whole) if shares else 0
    by_remainder = sorted(range(len(shares)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_remainder[:left]:
        whole[place] += 1
    return whole

"""The clocks: the machine's, a virtual one that runs faster, and one that a test sets.

This is the only module that asks the machine for the time. Every instant is aware and in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from engine.platform.private import write_private

if TYPE_CHECKING:
    from engine.model.ports import Clock

_VIRTUAL = re.compile(r"virtual:(?P<domain>[^@]+)@(?P<real>.+)x(?P<factor>[0-9.]+)")


class ClockError(ValueError):
    """A clock was described in words that cannot be read."""


@dataclass(frozen=True)
class SystemClock:
    """Domain time is the machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def real(self) -> datetime:
        return datetime.now(UTC)

    def to_real(self, at: datetime) -> datetime:
        return at


@dataclass(frozen=True)
class VirtualClock:
    """Domain time stands at `domain_start` when the machine shows `real_start` and runs `factor` times as fast.

    Two processes with the same three values always agree, so a whole stack shares one virtual clock.
    """

    domain_start: datetime
    real_start: datetime
    factor: float

    def __post_init__(self) -> None:
        if self.factor <= 0:
            raise ClockError("a virtual clock needs a factor above zero")
        if self.domain_start.tzinfo is None or self.real_start.tzinfo is None:
            raise ClockError("a virtual clock needs instants with a time zone")

    def now(self) -> datetime:
        return self.domain_start + (self.real() - self.real_start) * self.factor

    def real(self) -> datetime:
        return datetime.now(UTC)

    def to_real(self, at: datetime) -> datetime:
        return self.real_start + (at - self.domain_start) / self.factor

    def describe(self) -> str:
        """The text of `COLDFRAME_CLOCK` that makes this clock again."""
        return f"virtual:{self.domain_start.isoformat()}@{self.real_start.isoformat()}x{self.factor:g}"


class HeldClock:
    """A virtual clock that stands at `domain_start` until `start`, in whatever process, and runs from then on.

    The file `signal` carries the machine's instant of the start, so that a whole stack can be ready before time passes.
    """

    def __init__(self, domain_start: datetime, signal: Path, factor: float) -> None:
        VirtualClock(domain_start, self.real(), factor)  # refuses what cannot be a clock
        self.domain_start, self.signal, self.factor = domain_start.astimezone(UTC), signal, factor
        self._running: VirtualClock | None = None

    def start(self) -> None:
        """Let time pass. The file appears as a whole."""
        draft = self.signal.with_name(self.signal.name + ".new")
        write_private(draft, datetime.now(UTC).isoformat())
        draft.rename(self.signal)

    def now(self) -> datetime:
        running = self._clock()
        return running.now() if running is self._running else self.domain_start

    def real(self) -> datetime:
        return datetime.now(UTC)

    def to_real(self, at: datetime) -> datetime:
        return self._clock().to_real(at)

    def describe(self) -> str:
        """The text of `COLDFRAME_CLOCK` that makes this clock in another process."""
        return f"virtual:{self.domain_start.isoformat()}@{self.signal.absolute().as_uri()}x{self.factor:g}"

    def _clock(self) -> VirtualClock:
        if self._running is None:
            try:
                started = datetime.fromisoformat(self.signal.read_text("utf-8"))
            except FileNotFoundError:
                return VirtualClock(self.domain_start, self.real(), self.factor)
            self._running = VirtualClock(self.domain_start, started, self.factor)
        return self._running


@dataclass
class FixedClock:
    """A clock for tests: it stands still until it is set or moved. Real time is domain time."""

    at: datetime = field(default_factory=lambda: datetime(2026, 9, 1, 7, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def real(self) -> datetime:
        return self.at

    def to_real(self, at: datetime) -> datetime:
        return at

    def set(self, at: datetime) -> None:
        self.at = at

    def advance(self, by: timedelta) -> datetime:
        self.at += by
        return self.at


def parse_clock(text: str) -> Clock:
    """The clock that `COLDFRAME_CLOCK` describes: empty is the machine's, else `virtual:<domain>@<real>x<factor>`.

    Where `<real>` is a `file:` address the clock is held until that file says when it started.
    Raises ClockError when the text is neither.
    """
    if not text:
        return SystemClock()
    match = _VIRTUAL.fullmatch(text)
    if match is None:
        raise ClockError("a clock is written virtual:<domain start>@<real start>x<factor>")
    try:
        domain, factor = datetime.fromisoformat(match["domain"]), float(match["factor"])
        if match["real"].startswith("file:"):
            return HeldClock(domain, Path(unquote(urlsplit(match["real"]).path)), factor)
        real = datetime.fromisoformat(match["real"])
        clock = VirtualClock(domain, real, factor)
        return VirtualClock(domain.astimezone(UTC), real.astimezone(UTC), clock.factor)
    except (ValueError, OverflowError) as error:
        raise ClockError("a virtual clock needs two ISO 8601 instants and a number") from error


_KEPT = "dev-clock"
_STOPPED = "stopped:"


def keep_clock(home: Path, clock: VirtualClock | HeldClock | None, *, running: bool = True) -> None:
    """Remember the clock of a home folder's data for every command that uses them; None: it is the machine's again.

    One that is not `running` any more goes on from its present instant when it is asked for again.
    """
    place = home / _KEPT
    if clock is None:
        place.unlink(missing_ok=True)
        return
    text = clock.describe() if running else f"{_STOPPED}{clock.now().isoformat()}x{clock.factor:g}"
    draft = place.with_name(f"{_KEPT}.new")
    write_private(draft, text + "\n")
    draft.rename(place)


def kept_clock(home: Path) -> str:
    """The description of the clock that `keep_clock` has remembered; empty: the machine's. Raises ClockError."""
    try:
        text = (home / _KEPT).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    if text.startswith(_STOPPED):
        domain, _, factor = text.removeprefix(_STOPPED).rpartition("x")
        text = f"virtual:{domain}@{datetime.now(UTC).isoformat()}x{factor}"
    return text

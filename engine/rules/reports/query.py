"""What is asked of a report: read from words, or refused with the nearest right one. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Final, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict

from engine.rules.reports.attribution import DEFAULT_MODEL, LEARNED, MODELS, Model

Name = Literal["sources", "funnel", "nurture", "campaigns", "opportunities", "content", "segments", "sales",
    "scoring",
]  # fmt: skip
NAMES: Final[tuple[Name, ...]] = get_args(Name)
Unit = Literal["day", "week", "month", "quarter", "year"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
SOURCE_BY: Final = ("channel", "source", "campaign", "keyword")
BY: Final[Mapping[Name, Sequence[str]]] = {
    "sources": SOURCE_BY, "funnel": (), "nurture": ("month", "day", "week", "quarter", "year"), "campaigns": (),
    "opportunities": ("stage", "owner", *SOURCE_BY, "country", "region"), "content": (),
    "segments": ("segment", "region", "country", "interest", *SOURCE_BY), "sales": (), "scoring": (),
}  # fmt: skip
"""By what each report can be divided; the first is the default."""
BY_FIELDS: Final[frozenset[Name]] = frozenset({"opportunities", "segments"})
"""Reports that can be divided by any field of leads, too."""
DAYS: Final = 90
"""Within so many days the next stage counts, unless asked otherwise."""
DEFAULT_PERIOD: Final = "30 days"
FIRST_DAY: Final = date(2000, 1, 1)
Word = TypeVar("Word", bound=str)
_LAST = re.compile(r"(?:(this|last) )?(?:(\d{1,4}) )?(day|week|month|quarter|year)s?")
_MONTHS: Final[Mapping[str, int]] = {"month": 1, "quarter": 3, "year": 12}


class BadQuery(ValueError):
    """A word that cannot be meant; the text says so in a sentence, with the nearest right one."""


class Query(BaseModel):
    """One report's question. `first` and `last` are days of `zone`, both included. `restated`: refunds and changes of
    a deal's revenue count on the day of winning. `compare`: with the period before and the one a year
    before. `as_known_on`: without what was taken in after that day. `listed`: instead of
    the tables, the leads or deals that this column counts, of the table `part` and of the rows with the text `row`."""

    model_config = ConfigDict(frozen=True)

    name: Name
    first: date
    last: date
    zone: str
    by: str = ""
    model: Model = DEFAULT_MODEL
    days: int = DAYS
    direct: bool = True
    restated: bool = False
    compare: bool = True
    as_known_on: date | None = None
    listed: str = ""
    part: str = ""
    row: str = ""

    @property
    def live(self) -> bool:
        """Whether the credits that are kept do not answer it, and it needs the paths themselves."""
        return self.model in LEARNED or not self.direct or self.restated

    @property
    def earlier(self) -> dict[str, tuple[date, date]]:
        """The periods it is compared with, by their names in `rules.reports.comparison`."""
        if not self.compare:
            return {}
        found = {"before": period_before(self.first, self.last), "year": year_before(self.first, self.last)}
        if found["year"] == found["before"]:
            del found["year"]
        return {name: days for name, days in found.items() if days[0] >= FIRST_DAY}

    def during(self, first: date, last: date) -> Query:
        """The same question on other days."""
        return self.model_copy(update={"first": first, "last": last})

    @property
    def words(self) -> dict[str, str]:
        """The words that ask for this period and zone."""
        words = {"from": str(self.first), "to": str(self.last), "zone": self.zone}
        return words | ({"as-known-on": str(self.as_known_on)} if self.as_known_on is not None else {})

    @property
    def known_until(self) -> datetime | None:
        """The instant from which on nothing counts that was taken in."""
        return midnight(self.as_known_on + timedelta(days=1), self.zone) if self.as_known_on is not None else None

    @property
    def since(self) -> datetime:
        """The instant of the first midnight."""
        return midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The instant of the midnight after the last day, which no longer belongs to it."""
        return midnight(self.last + timedelta(days=1), self.zone)


def read_query(
    words: Mapping[str, str | None], now: datetime, zone: str, fields: Sequence[str] = ()
) -> Query:  # fmt: skip
    """`words`: report, from, to, last, zone, by, model, days; None where nothing was said. `zone` and `fields`: the
    workspace's zone, and the fields of its leads. Raises BadQuery."""

    def word(name: str) -> str:
        return (words.get(name) or "").strip()

    name = _one_of("report", word("report"), NAMES)
    zone = zone_of(word("zone")) if word("zone") else zone
    today = now.astimezone(ZoneInfo(zone)).date()
    known = _known_on(word("as-known-on"), today)
    first, last = _period(word("from"), word("to"), word("last"), known or today)
    return Query(
        name=name, first=first, last=last, zone=zone, by=_by(name, word("by"), fields),
        model=_one_of("model", word("model").lower().replace(" ", "-"), MODELS) if word("model") else DEFAULT_MODEL,
        days=_days(word("days")), direct=not word("without-direct"),
        restated=bool(word("restated")), compare=not word("alone") and not word("list"), as_known_on=known,
        listed=word("list"), part=word("part"), row=word("row"),
    )  # fmt: skip


def _by(name: Name, given: str, fields: Sequence[str]) -> str:
    allowed = [*BY[name], *(one for one in fields if name in BY_FIELDS and one not in BY[name])]
    if not given:
        return allowed[0] if allowed else ""
    if not allowed:
        raise BadQuery(f"the report `{name}` cannot be divided; leave out --by")
    return _one_of("division", given, allowed)


def _days(given: str) -> int:
    if not given:
        return DAYS
    if not given.isdecimal() or not 1 <= int(given) <= 3650:
        raise BadQuery(f"`{given[:20]}` is not a number of days from 1 to 3650")
    return int(given)


def zone_of(given: str) -> str:
    """A time zone by its name, whatever the case. Raises BadQuery."""
    known = {name.casefold(): name for name in available_timezones()}
    found = known.get(given.casefold().replace(" ", "_"))
    if found is None:
        ends = {name.rpartition("/")[2].casefold(): name for name in sorted(known.values())}
        near = nearest(given, [*known.values(), *ends])
        meant = ends.get(near, near) if near else "Europe/Berlin"
        raise BadQuery(f"`{given[:40]}` is not a time zone; did you mean `{meant}`?")
    return found


def _one_of(what: str, given: str, allowed: Sequence[Word]) -> Word:
    for one in allowed:
        if one.casefold() == given.casefold():
            return one
    near = nearest(given, allowed)
    meant = f"did you mean `{near}`?" if near else "use one of " + ", ".join(f"`{one}`" for one in allowed)
    raise BadQuery(f"there is no {what} named `{given[:40]}`: {meant}")


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _period(begins: str, ends: str, last: str, today: date) -> tuple[date, date]:
    if last and (begins or ends):
        raise BadQuery("--last says the whole period; leave out --from and --to, or --last")
    if not begins and not ends:
        return _recent(last or DEFAULT_PERIOD, today)
    until = _day(ends) if ends else today
    since = _day(begins) if begins else until.replace(day=1)
    if since > until:
        hint = "swap --from and --to" if ends else f"today is {today}"
        raise BadQuery(f"the period ends on {until}, before it begins on {since}: {hint}")
    return since, until


def _known_on(given: str, today: date) -> date | None:
    """A day that is over, or today; today leaves nothing out."""
    if not given:
        return None
    found = _day(given)
    if found > today:
        raise BadQuery(f"`{given[:20]}` has not come yet; today is {today}")
    return found if found < today else None


def _day(given: str) -> date:
    try:
        found = date.fromisoformat(given)
    except ValueError:
        raise BadQuery(f"`{given[:20]}` is not a date; write it like 2026-07-01") from None
    if not FIRST_DAY <= found <= date(9998, 12, 31):
        raise BadQuery(f"`{given[:20]}` is out of range; a period begins on {FIRST_DAY} at the earliest")
    return found


def _recent(given: str, today: date) -> tuple[date, date]:
    """`30 days`: they end today. `month`, `last month`: the whole one before this; `this month`: so far."""
    found = _LAST.fullmatch(" ".join(given.casefold().split()))
    if found is None or (found[1] == "this" and found[2]) or found[2] == "0":
        raise BadQuery(f"`{given[:40]}` is not a period; use `30 days`, `3 months`, `last quarter`, or `this year`")
    which, many, unit = found[1], found[2], found[3]
    if many is not None:
        first = back(today, int(many), unit) + timedelta(days=1)
        if first < FIRST_DAY:
            raise BadQuery(f"`{given[:40]}` begins before {FIRST_DAY}; use a shorter period")
        return first, today
    start = start_of(unit, today)
    return (start, today) if which == "this" else (back(start, 1, unit), start - timedelta(days=1))


def period_before(first: date, last: date) -> tuple[date, date]:
    """As many days, up to the day before the first; of whole months as many months, since these differ in length."""
    until = first - timedelta(days=1)
    if months := _whole_months(first, last):
        return back(first, months, "month"), until
    return first - (last - first) - timedelta(days=1), until


def year_before(first: date, last: date) -> tuple[date, date]:
    """The same days of the year before; of February 29 it is 28."""
    if _whole_months(first, last):
        return back(first, 1, "year"), back(last + timedelta(days=1), 1, "year") - timedelta(days=1)
    return back(first, 1, "year"), back(last, 1, "year")


def _whole_months(first: date, last: date) -> int:
    """How many months the days make up; 0 if not whole ones."""
    after = last + timedelta(days=1)
    if first.day != 1 or after.day != 1:
        return 0
    return (after.year - first.year) * 12 + after.month - first.month


def start_of(unit: str, day: date) -> date:
    """The first day of the unit that the day is in; weeks begin on Monday."""
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)


def back(day: date, many: int, unit: str) -> date:
    """The same day so many units earlier, or the last one of a shorter month."""
    if unit in ("day", "week"):
        return date.fromordinal(max(1, day.toordinal() - many * (7 if unit == "week" else 1)))
    months = day.year * 12 + day.month - 1 - many * _MONTHS[unit]
    if months < 12:
        return date.min
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a day begins; where the clock skips midnight, that of the change."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def nearest(given: str, known: Sequence[str]) -> str | None:
    lowered = {name.casefold(): name for name in reversed(known)}
    found = get_close_matches(given.casefold(), list(lowered), 1, 0.5)
    return lowered[found[0]] if found else None

"""The time of `coldframe dev`: set with --at and --speed, remembered beside the data, never turned back."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.cli.common import Stop

if TYPE_CHECKING:
    from dsl.plan import Program
    from engine.model.ports import Clock
    from engine.platform.clock import HeldClock
    from engine.platform.settings import Settings

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SLACK = timedelta(minutes=1)
_HELD_BACK = """
SELECT e.id::text AS run, w.step, w.held, w.due_at, e.campaign, l.email FROM waits w
JOIN enrolments e ON e.id = w.enrolment_id JOIN leads l ON l.id = e.lead_id
WHERE e.state <> 'ended' AND w.held <> '' AND w.due_at > :now ORDER BY w.due_at LIMIT 1000"""
_NEWEST = """
SELECT greatest((SELECT max(at) FROM events), (SELECT max(at) FROM deployments), (SELECT max(at) FROM messages),
    (SELECT max(started_at) FROM enrolments))"""


def misplaced(folder: object) -> None:
    """Raises Stop where a word of --at without quotes was taken for the folder."""
    if re.fullmatch(r"\d{1,2}:\d{2}", str(folder)):
        raise Stop(f'put the whole instant in quotes, like --at "tomorrow {folder}"')


def wanted_clock(settings: Settings, zone: str, at: str | None, speed: str | None) -> HeldClock | None:
    """The clock that was asked for, or the one the data were left with; it stands still until it is started. None: the
    machine's. Raises Stop when the words cannot be read."""
    from engine.cli.instants import Unreadable, instant_of, speed_of
    from engine.platform.clock import HeldClock, SystemClock, parse_clock
    from engine.platform.private import private_folder

    before = parse_clock(settings.clock)
    if at is None and speed is None and isinstance(before, SystemClock):
        return None
    try:
        start = instant_of(at, before.now(), zone) if at is not None else before.now()
        factor = speed_of(speed) if speed is not None else getattr(before, "factor", 1.0) if at is None else 1.0
    except Unreadable as problem:
        option = "--at" if "speed" not in str(problem) else "--speed"
        raise Stop(f"{option}: {problem}") from None
    private_folder(settings.home)
    signal = settings.home / "dev-clock.started"
    signal.unlink(missing_ok=True)
    return HeldClock(start, signal, factor)


def from_environment() -> bool:
    """Whether an operator has set the clock of every process."""
    return bool(os.environ.get("COLDFRAME_CLOCK"))


async def refuse_turning_back(url: str, clock: Clock, zone: str) -> None:
    """Raises Stop when the data know a later instant than the clock."""
    from sqlalchemy import text

    from engine.store.db import Database

    db = Database(url, size=1)
    try:
        async with db.engine.connect() as connection:
            newest: datetime | None = (await connection.execute(text(_NEWEST))).scalar()
    finally:
        await db.close()
    if newest is not None and newest > clock.now() + SLACK:
        there = newest.astimezone(ZoneInfo(zone))
        raise Stop(
            f"the stored data reach {local(newest, zone)}, and time cannot run backward; add --fresh to start with "
            f'empty data, or use a later time, such as --at "{there + timedelta(minutes=1):%Y-%m-%d %H:%M}"'
        )


class HeldBack:
    """The emails that are held back, each told once for each reason."""

    MOST = 5
    """Lines at one look."""

    def __init__(self, url: str, clock: Clock, zone: str) -> None:
        from engine.store.db import Database

        self._db, self._clock, self._zone = Database(url, size=1), clock, zone
        self._told: set[tuple[str, str, str]] = set()

    async def news(self) -> list[str]:
        """A line for each that was not held at the last look; nothing while the database restarts."""
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        try:
            async with self._db.engine.connect() as connection:
                rows = list(await connection.execute(text(_HELD_BACK), {"now": self._clock.now()}))
        except (SQLAlchemyError, OSError):
            return []
        fresh = [row for row in rows if (row.run, row.step, row.held) not in self._told]
        self._told = {(row.run, row.step, row.held) for row in rows}
        now = self._clock.now().astimezone(ZoneInfo(self._zone))
        lines = [
            f'{now:%H:%M}: the email to {row.email} in "{row.campaign}" is held until {local(row.due_at, self._zone)}: '
            f"{row.held}"
            for row in fresh[: self.MOST]
        ]
        more = len(fresh) - self.MOST
        return [*lines, f"{more} more emails are held: see `coldframe status`"] if more > 0 else lines

    async def close(self) -> None:
        await self._db.close()


def local(at: datetime, zone: str) -> str:
    """`Tue 2026-12-01 09:00 (Europe/Berlin)`"""
    there = at.astimezone(ZoneInfo(zone))
    return f"{_DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M} ({zone})"


def shown(clock: Clock, zone: str) -> str:
    """The clock's instant, and how fast it runs."""
    factor = getattr(clock, "factor", 1.0)
    return local(clock.now(), zone) + (f", {factor:g} times as fast as real time" if factor != 1 else "")


def closed_now(program: Program, now: datetime) -> list[str]:
    """For a lead in the workspace's zone, which campaigns' emails must wait now, and how to see them immediately."""
    from engine.rules.sending.windows import is_open, next_opening
    from engine.wording.terms import quoted, windows

    workspace, zone = program.workspace, program.workspace.timezone
    waiting: dict[str, list[str]] = {}
    openings: list[datetime] = []
    for plan in program.campaigns:
        own, hours = plan.windows or workspace.windows, workspace.business_hours
        if is_open(now, zone, own, workspace.quiet_hours, hours):
            continue
        if not is_open(now, zone, own, None, hours):
            why = f"sends {windows(own)}"
        else:
            why = "observes quiet hours from {} to {}".format(*workspace.quiet_hours or ("", ""))
        waiting.setdefault(why, []).append(plan.campaign)
        if (opening := next_opening(now, zone, own, workspace.quiet_hours, hours)) is not None:
            openings.append(opening)
    lines = []
    for why, names in waiting.items():
        which = quoted(names[0]) if len(names) == 1 else f"{quoted(names[0])} and {len(names) - 1} more"
        lines.append(f"emails wait now: campaign {which} {why}")
    if openings:
        there = max(openings).astimezone(ZoneInfo(zone))
        lines.append(f'to see emails immediately, run `coldframe dev --fresh --at "{there:%Y-%m-%d %H:%M}"`')
    return lines

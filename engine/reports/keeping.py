"""The read tables follow the log: the rows of a marked lead or deal are computed anew, whole, under its lock.

The worker does so every second for what has been marked; `coldframe reports rebuild` does it for all, and
`coldframe reports verify` compares without writing.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from dsl.plan import Workspace
from engine.rules.deals.history import Deal, Fact, deal_of
from engine.rules.deals.states import states_of
from engine.rules.leads.composite import ACTIVE
from engine.rules.reports.attribution import FIXED, PathTouch, path_of
from engine.rules.reports.credits import VERSION, Terms, Won, credits_of
from engine.rules.reports.lead_facts import Move, made_by, returns_of, source_in, stays_of
from engine.runtime.runtime import NothingDeployed, Runtime
from engine.store import deals, marks, report_rows
from engine.store.db import Hot
from engine.store.sources import note_source, source_id
from engine.store.writes import Writes

log = structlog.get_logger(__name__)

MANY = 200
"""Marked leads, or deals, that one look takes."""
Rows = dict[str, list[dict[str, Any]]]
"""By table, the rows of one lead or deal."""
Mode = Literal["keep", "rebuild", "verify"]
"""Bring up to date what is marked; all of it; or only compare, where no mark says that the rows are behind."""


@dataclass(frozen=True, slots=True)
class Differing:
    """Rows of a lead or deal that are not as the log says."""

    table: str
    id: UUID | str
    kept: tuple[Mapping[str, Any], ...]
    computed: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class Outcome:
    """`changed`: tables of a lead or deal that were, or would be, written anew; `behind`: not compared, being marked;
    `removed`: rows of leads and deals that are gone."""

    leads: int = 0
    deals: int = 0
    changed: int = 0
    behind: int = 0
    removed: int = 0
    differing: list[Differing] = field(default_factory=list)


async def keep_up(rt: Runtime) -> None:
    """Bring every marked lead, then every marked deal, up to date. Processes that do so at once take them in different
    orders, and who comes second finds no mark."""
    for behind, refresh in ((marks.leads_behind, refresh_lead), (marks.deals_behind, refresh_deal)):
        await _keep(rt, behind, refresh)


async def _keep(rt: Runtime, behind: Any, refresh: Any) -> None:
    failed: set[Any] = set()
    while True:
        async with rt.db.hot() as hot:
            found = [one for one in await behind(hot, MANY + len(failed)) if one not in failed]
        deployment = await rt.catalog.refresh() if found else None
        if deployment is None:
            return
        workspace = deployment.program.workspace
        random.shuffle(found)
        for one in found:
            try:
                await refresh(rt, workspace, one)
            except Exception as problem:  # one lead's trouble must not keep the others waiting
                failed.add(one)
                log.warning("sweep.read_tables", id=str(one), kind=type(problem).__name__)
        if len(found) < MANY:
            return


async def refresh_lead(
    rt: Runtime, workspace: Workspace, lead: UUID, mode: Mode = "keep", outcome: Outcome | None = None
) -> None:
    async with rt.turn(str(lead)), rt.db.hot() as hot:
        marked = await report_rows.lock_lead(hot, lead)
        if (mode == "keep" and not marked) or (mode == "verify" and marked):
            _count(outcome, behind=mode == "verify")
            return
        row = await report_rows.lead(hot, lead, ACTIVE)
        rows, writes = rows_of_lead(lead, row) if row is not None else ({}, Writes())
        await _put(hot, report_rows.OF_LEAD, "lead_id", lead, rows, mode, outcome or Outcome())
        if mode == "verify":
            return
        await marks.remove(hot, marked)
        if mode == "keep" and row is not None:
            for deal in row.deals or ():
                marks.mark_deal(writes, deal, rt.clock.now())
        await writes.flush(hot)
        await hot.commit()


async def refresh_deal(
    rt: Runtime, workspace: Workspace, deal: str, mode: Mode = "keep", outcome: Outcome | None = None
) -> None:
    async with rt.turn(f"deal {deal}"), rt.db.hot() as hot:
        marked = await report_rows.lock_deal(hot, deal)
        if (mode == "keep" and not marked) or (mode == "verify" and marked):
            _count(outcome, behind=mode == "verify")
            return
        _, facts = await deals.lock(hot, deal)
        rows = await rows_of_deal(hot, deal, [deals.fact_from(one) for one in facts], workspace)
        await _put(hot, report_rows.OF_DEAL, "deal_id", deal, rows, mode, outcome or Outcome())
        if mode != "verify":
            await marks.remove(hot, marked)
            await hot.commit()


def _count(outcome: Outcome | None, *, behind: bool) -> None:
    if outcome is not None:
        outcome.behind += behind


async def _put(
    hot: Hot, tables: Sequence[str], key: str, id: UUID | str, rows: Rows, mode: Mode, outcome: Outcome
) -> None:
    """Write the rows of each table in which they differ from those that are there; note the difference."""
    for table in tables:
        kept, computed = await report_rows.kept(hot, table, key, id), rows.get(table, [])
        if _comparable(kept) == _comparable(computed):
            continue
        outcome.changed += 1
        if mode == "verify":
            outcome.differing.append(Differing(table, id, tuple(kept), tuple(computed)))
        else:
            await report_rows.replace(hot, table, key, id, computed)


def _comparable(rows: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str, Any], ...]]:
    return sorted((tuple(sorted(row.items())) for row in rows), key=str)


# ── what the log says ────────────────────────────────────────────────────────────────────────────────────────────────
def rows_of_lead(lead: UUID, row: Any) -> tuple[Rows, Writes]:
    """The lead's rows, and the sources that they name as writes."""
    writes, created = Writes(), row.created_at.astimezone(UTC)
    moves = [Move(**{**one, "at": _instant(one["at"])}) for one in row.moves or ()]
    if row.merged is not None and moves and moves[-1].stage != row.stage:
        # The last move was the other record's, and the lead has stayed where the kept one stood.
        moves.append(Move(row.merged["seq"], row.stage, moves[-1].stage, "merged", _instant(row.merged["at"])))
    told = [(refused, _instant(since), _instant(until)) for refused, since, until in (*(row.acts or ()),
                                                                                     *(row.past or ()))]  # fmt: skip
    acts = [(since, until) for refused, since, until in told if not refused]
    stays = stays_of(created, row.stage, moves)
    returns = returns_of(created, acts, [since for refused, since, _ in told if refused], stays)
    first, made = source_in(row.origin, "first"), source_in(row.origin, "created")
    note_source(writes, first)
    note_source(writes, made)
    facts = {
        "lead_id": lead, "first_source_id": source_id(first), "source_id": source_id(made),
        "made_by": made_by(row.origin), "country": row.country, "created_at": created,
        "active_at": max((until for _, until in acts), default=None),
    }  # fmt: skip
    return {
        "lead_facts": [facts],
        "stage_stays": [{"lead_id": lead, **asdict(one)} for one in stays],
        "lead_returns": [{"lead_id": lead, **asdict(one)} for one in returns],
    }, writes


async def rows_of_deal(hot: Hot, id: str, told: Sequence[Fact], workspace: Workspace) -> Rows:
    """The deal's rows, by what was told of it."""
    deal = deal_of(told)
    if deal is None:
        return {}
    known = await report_rows.known_since(hot, deal.leads)
    touches = await report_rows.touches(hot, deal.leads)
    won = await _won(hot, deal, touches, known[0][1] if known else None, workspace)
    path = path_of(touches, won.wins[0]) if won.wins else []
    row = {
        "deal_id": id, "lead_id": known[0][0] if known else None, "touches": len(path), "opened_at": deal.opened_at,
        "won_at": won.wins[0] if won.wins else None,
    }  # fmt: skip
    booked = [
        {"deal_id": id, "model": model, "number": one.number, "source_id": one.source, "amount": one.amount,
         "currency": one.currency, "version": VERSION, "at": one.at}
        for model in FIXED for one in credits_of(won, Terms(model, workspace.currency))
    ]  # fmt: skip
    states = [{"deal_id": id, **asdict(one)} for one in states_of(told)]
    return {"deal_facts": [row], "deal_states": states, "credits": booked}


async def _won(
    hot: Hot, deal: Deal, touches: Sequence[PathTouch], created: datetime | None, workspace: Workspace
) -> Won:  # fmt: skip
    """What the deal's credits are computed from. The rates are those of the day on which it was last won."""
    wins = [one.at for one in deal.turns if one.status == "won"]
    rates: dict[str, Fraction | None] = {}
    for code in dict.fromkeys(one.currency for one in deal.bookings):
        if code != workspace.currency:
            rate = await deals.rate_on(hot, code, wins[-1].astimezone(ZoneInfo(workspace.timezone)).date())
            rates[code] = None if rate is None else Fraction(rate)
    return Won(deal.bookings, wins, rates, touches, created, deal.opened_at)


def _instant(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def go_through(
    rt: Runtime, mode: Literal["rebuild", "verify"], done: Callable[[int], None] = lambda _: None, *,
    sample: int | None = None,
) -> Outcome:  # fmt: skip
    """Compute every lead and deal anew, each under its own lock, so that work goes on beside; `sample`: only so many of
    each, drawn at random. `done` is told how many more are done. Raises NothingDeployed."""
    deployment, outcome = await rt.catalog.refresh(), Outcome()
    if deployment is None:
        raise NothingDeployed
    workspace = deployment.program.workspace
    walks: tuple[tuple[str, Any, Callable[..., Awaitable[None]]], ...] = (
        ("lead", UUID(int=0), refresh_lead), ("deal", "", refresh_deal),
    )  # fmt: skip
    for what, after, refresh in walks:
        chosen = await report_rows.sample(rt.db, what, sample) if sample is not None else None
        while found := chosen if chosen is not None else await report_rows.page(rt.db, what, after, MANY):
            for one in found:
                await refresh(rt, workspace, one, mode, outcome)
                done(1)
            after, chosen = found[-1], [] if chosen is not None else None
            outcome.leads += len(found) * (what == "lead")
            outcome.deals += len(found) * (what == "deal")
    if mode == "rebuild":
        outcome.removed = await report_rows.remove_orphans(rt.db)
    return outcome

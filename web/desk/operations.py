"""Operations: what needs attention with the reason and the way out, and how everything is running."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from starlette.responses import RedirectResponse, Response

from engine.deploying.history import entries
from engine.reports.status import status
from engine.runs.retry import retry as retrying
from engine.store import desk_operations, gates
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit

desk = Desk()
HOURS = (1, 4, 24)
"""For how long a gate can be closed by hand."""
LONGEST = 300


@desk.get("/desk/operations", "operators")
async def show(visit: Visit) -> Response:
    return await _operations(visit)


async def _operations(visit: Visit, *, code: int = 200, problem: str = "") -> Response:
    rt, now, real = visit.rt, visit.rt.clock.now(), visit.rt.clock.real()
    found = await status(rt.db, now, real, many=50)
    waiting = [one for one in found.waiting if one["attention"]]
    handoffs = [one for one in found.handoffs if one["attention"]]
    if found.parked or waiting or handoffs:
        await visit.note("leads listed", count=len(found.parked) + len(waiting) + len(handoffs), filters=["attention"])
    return visit.page(
        "operations.html", status=code, problem=problem, found=found, waiting=waiting, handoffs=handoffs,
        gates=await gates.closed(rt.db, real), behind=await desk_operations.behind(rt.db),
        processes=[_process(one, real) for one in await desk_operations.processes(rt.db, real - timedelta(hours=1))],
        deployments=await entries(rt.db, 10), hours=HOURS, provider=_provider(visit), when=await when(visit),
        content=visit.may("marketing"),
    )  # fmt: skip


def _provider(visit: Visit) -> str:
    return "mailbox" if visit.rt.settings.sendgrid_api_key is None else "sendgrid"


def _process(row: Any, real: datetime) -> dict[str, Any]:
    return {**row, "silent": int((real - row["real_seen_at"]).total_seconds())}


@desk.post("/desk/operations/retry", "operators")
async def retry(visit: Visit) -> Response:
    """What needs attention is tried again; `campaign`: only runs in it."""
    many = await retrying(visit.rt, campaign=visit.one("campaign") or None, lead=None)
    await visit.note("retried", visit.one("campaign"), leads=many)
    return RedirectResponse("/desk/operations", 303)


@desk.post("/desk/operations/gate", "operators")
async def gate(visit: Visit) -> Response:
    """`to` is open or closed; a gate is closed for some `hours`, with a `reason`."""
    provider, real = visit.one("provider") or _provider(visit), visit.rt.clock.real()
    if visit.one("to") == "open":
        await gates.open_all(visit.rt.db, real, provider)
        await visit.note("gate opened", provider)
        return RedirectResponse("/desk/operations", 303)
    hours = next((one for one in HOURS if str(one) == visit.one("hours")), None)
    reason = tidy(visit.one("reason"))
    if visit.one("to") != "closed" or hours is None or not reason:
        return await _operations(visit, code=422, problem="Say why sending is put on hold, and for how long.")
    await gates.close(
        visit.rt.db, _provider(visit), f"{reason} ({visit.user.name})", real + timedelta(hours=hours), real
    )
    await visit.note("gate closed", _provider(visit), hours=hours)
    return RedirectResponse("/desk/operations", 303)


def tidy(given: str) -> str:
    """A reason as it can be stored and shown in a line."""
    return " ".join("".join(one if one.isprintable() else " " for one in given).split())[:LONGEST]

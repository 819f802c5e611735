"""How long every built-in report takes on a large company, against a bare indexed scan of the rows it is about.

A database is filled by a seeded generator: for each lead 20 events, 7 touches, 3 emails, points, and a run, over 1,000
days. Then each report on the last 90 days is read as the command reads it, with its comparison to the period before
and to a year before; `alone` is without. The best of the rounds is `seconds`, and `ratio_to_scan` is the median over
the rounds of that report's time by the scan's, both in the same round. The scan counts, by index, the rows of the table
the report is mainly about, in the same three periods. `rebuild` computes the read tables of some leads and deals again.

    python -m bench.reports --json --leads 100000
    python -m bench.reports --json --leads 1000000 --home FOLDER  # keeps what was filled, and finds it again
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import uvloop
from sqlalchemy import text

from bench.company import counts, fill
from bench.filling import Say
from bench.growth import SETTINGS, database_of, plain
from bench.workspace import SMALL, deploy_small, temporary_home
from engine.cli.stack import Stack
from engine.mail.null import NullMailer
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings
from engine.reports.keeping import refresh_deal, refresh_lead
from engine.reports.report import report
from engine.rules.reports.query import NAMES, Query, read_query
from engine.runtime.runtime import Runtime, open_runtime
from engine.store import report_queries, report_rows
from engine.store.migrate import migrate

WORKSPACE: Final = SMALL.format(form="", scoring="") + "    stage SQL\n        when score reaches 900\n"
_STAYS: Final = "SELECT count(lead_id) FROM stage_stays WHERE stage IN ('Lead', 'MQL', 'SQL') AND {entered}"
_SCANS: Final[Mapping[str, str]] = {
    "sources": _STAYS, "funnel": _STAYS, "segments": _STAYS,
    "nurture": "SELECT count(id) FROM messages WHERE {at}",
    "campaigns": "SELECT count(id) FROM enrolments WHERE {started_at}",
    "opportunities": "SELECT count(amount) FROM deal_states WHERE {departed} OR departed IS NULL",
    "content": "SELECT count(*) FROM events WHERE {happened_at} AND type IN ('form.submitted', 'file.downloaded')",
    "sales": "SELECT count(id) FROM handoffs WHERE {opened_at}",
    "scoring": "SELECT count(amount) FROM points WHERE {booked_at}",
}  # fmt: skip
"""What is scanned beside each report; `{column}` becomes the period of that column."""


@dataclass(frozen=True)
class Size:
    """Leads, rounds, leads and deals that are rebuilt, and the generator's seed."""

    leads: int = 100_000
    rounds: int = 3
    rebuilt: int = 300
    seed: int = 1


@asynccontextmanager
async def open_company(size: Size, home: Path | None, url: str | None, say: Say) -> AsyncIterator[Runtime]:
    """`url`: an empty database, or one that was filled before; None: PostgreSQL in `home` or a temporary folder."""
    async with AsyncExitStack() as held:
        if url is None:
            folder = home or held.enter_context(temporary_home())
            parts: dict[str, Any] = {"web": False, "workers": 0, "temporal_server": False}
            stack = Stack(Settings(home=folder, database_url=None), **parts, database_settings=SETTINGS)
            await held.enter_async_context(stack)
            url = database_of(stack.database_url, f"reports_{size.leads}_{size.seed}")
        migrate(url)
        begun = time.perf_counter()
        fill(plain(url), size.leads, size.seed, say)
        say(f"{size.leads:,} leads, {time.perf_counter() - begun:.0f} s")
        given = Settings(home=Path("."), database_url=url, secret="s" * 32, pepper="p" * 32, database_pool=4)
        rt = await held.enter_async_context(open_runtime(given, mailer=NullMailer()))
        await deploy_small(rt, WORKSPACE)
        settle_memory()
        yield rt


def asked(rt: Runtime, name: str, *, alone: bool = False) -> Query:
    words = {"report": name, "last": "90 days", "alone": "yes" if alone else None}
    return read_query(words, rt.clock.now(), "Europe/Berlin")


async def seconds_of(rt: Runtime, query: Query) -> float:
    deployment = await rt.catalog.refresh()
    assert deployment is not None
    begun = time.perf_counter()
    await report(rt.db, rt.clock, deployment.program, query)
    return time.perf_counter() - begun


async def seconds_of_scan(rt: Runtime, query: Query) -> float:
    """The scan of every period that the report looks at."""
    begun = time.perf_counter()
    async with report_queries.reading(rt.db) as connection:
        for one in (query, *(query.during(*days) for days in query.earlier.values())):
            columns = ("entered", "at", "started_at", "departed", "happened_at", "opened_at", "booked_at")
            spans = {name: f"{name} >= :since AND {name} < :until" for name in columns}
            sql = _SCANS[query.name].format(**spans)
            await connection.execute(text(sql), {"since": one.since, "until": one.until})
    return time.perf_counter() - begun


async def measure_report(rt: Runtime, name: str, rounds: int) -> dict[str, Any]:
    took: list[tuple[float, float]] = []
    for _ in range(rounds):
        query = asked(rt, name)
        took.append((await seconds_of(rt, query), await seconds_of_scan(rt, query)))
    ratios = [own / scan for own, scan in took]
    return {
        "seconds": round(min(own for own, _ in took), 4),
        "alone": round(await seconds_of(rt, asked(rt, name, alone=True)), 4),
        "scan": round(min(scan for _, scan in took), 4),
        "ratio_to_scan": round(statistics.median(ratios), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
    }


async def measure_rebuild(rt: Runtime, many: int) -> dict[str, Any]:
    """So many leads and deals, computed from the log again under their locks."""
    deployment = await rt.catalog.refresh()
    assert deployment is not None
    workspace, found = deployment.program.workspace, dict[str, Any]()
    for what, refresh in (("lead", refresh_lead), ("deal", refresh_deal)):
        ids = await report_rows.sample(rt.db, what, many)
        begun = time.perf_counter()
        for one in ids:
            await refresh(rt, workspace, one, "rebuild")
        took = time.perf_counter() - begun
        found |= {f"{what}s": len(ids), f"{what}s_per_second": round(len(ids) / took, 1) if ids else None}
    return found


async def measure(size: Size, say: Say, *, home: Path | None = None, url: str | None = None) -> dict[str, Any]:
    """See the module; `home` and `url` as in `open_company`."""
    async with open_company(size, home, url, say) as rt:
        assert rt.settings.database_url is not None
        with psycopg.connect(plain(rt.settings.database_url)) as connection:
            result: dict[str, Any] = {"rows": counts(connection), "reports": {}}
        for name in NAMES:
            result["reports"][name] = found = await measure_report(rt, name, size.rounds)
            say(f"{name}: {found['seconds']:.2f} s, {found['ratio_to_scan']:.1f} times a scan of {found['scan']:.3f} s")
        result["rebuild"] = await measure_rebuild(rt, size.rebuilt)
    return {**result, "rounds": size.rounds, "seed": size.seed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    standard = Size()
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--leads", type=int, default=standard.leads, help="of the company (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=standard.rounds, help="of each report (default %(default)s)")
    parser.add_argument("--rebuilt", type=int, default=standard.rebuilt, help="leads and deals (default %(default)s)")
    parser.add_argument("--seed", type=int, default=standard.seed, help="of the generator (default %(default)s)")
    parser.add_argument("--home", type=Path, help="a folder that keeps the database; else a temporary one")
    args = parser.parse_args()
    size = Size(args.leads, args.rounds, args.rebuilt, args.seed)
    result = uvloop.run(measure(size, partial(print, file=sys.stderr), home=args.home))
    if args.json:
        print(json.dumps(result, indent=2))
        return
    for name, found in result["reports"].items():
        print(f"{name:14} {found['seconds']:8.3f} s   {found['ratio_to_scan']:7.2f} times the scan")
    print(f"rebuild        {result['rebuild']}")


if __name__ == "__main__":
    main()

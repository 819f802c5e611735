"""`coldframe report` and `coldframe reports`: tables, CSV, JSON, an empty database, and words that are wrong."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle

from engine.reports.keeping import keep_up
from engine.rules.reports.query import NAMES
from tests.reports.company import drawn
from tests.reports.rows import store
from tests.support.cli import Run
from tests.support.programs import WORKSPACE
from tests.support.stage import open_stage

YEAR = ("--from", "2026-01-01", "--to", "2026-12-31")


async def fill(url: str, *, full: bool) -> None:
    async with open_stage(url, WORKSPACE) as stage:
        stage.clock.set(datetime(2027, 3, 1, tzinfo=UTC))
        if full:
            await store(stage.rt.db, drawn(3, 12))
            await keep_up(stage.rt)


def test_a_report_as_table_csv_and_json(new_database: Callable[[], str], run: Run) -> None:
    url = new_database()
    asyncio.run(fill(url, full=True))
    told = run("report", "sources", *YEAR, "--by", "keyword", DATABASE_URL=url)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("sources, 2026-01-01 to 2026-12-31, Europe/Berlin, amounts in EUR\n")
    assert "Total" in told.stdout
    assert "…" not in told.stdout, "a pipe has room for everything"
    found = json.loads(run("report", "sources", *YEAR, "--by", "keyword", "--json", DATABASE_URL=url).stdout)
    (table,) = found["tables"]
    assert (found["report"], found["from"], found["currency"]) == ("sources", "2026-01-01", "EUR")
    assert found["compared_with"] == {"before": {"from": "2025-01-01", "to": "2025-12-31"}}
    assert 0 < len(found["findings"]) <= 5
    assert found["findings"][0]["text"] in told.stdout
    assert found["findings"][0]["shown_by"]["report"] == "sources"
    listed = json.loads(run("report", "sources", *YEAR, "--list", "new leads", "--json", DATABASE_URL=url).stdout)
    assert len(listed["tables"][0]["rows"]) == table["total"]["leads"]
    then = run("report", "funnel", *YEAR, "--as-known-on", "2026-06-30", "--part", "flow", DATABASE_URL=url).stdout
    assert "as known on 2026-06-30: " in then
    text = run("report", "sources", *YEAR, "--by", "keyword", "--csv", DATABASE_URL=url).stdout
    assert text[0] == "\ufeff"
    head, *rows = csv.reader(io.StringIO(text[1:]))
    assert head[:5] == ["channel", "source", "campaign", "keyword", "visits"]
    assert [row[:4] for row in rows[:-1]] == [
        [row["channel"], row["source"], row["campaign"], row["keyword"]] for row in table["rows"]
    ]
    place = head.index("revenue (EUR)")
    assert [row[place] for row in rows] == [row["revenue"] for row in (*table["rows"], table["total"])]


def test_an_empty_database_has_every_report_too(new_database: Callable[[], str], run: Run) -> None:
    url = new_database()
    asyncio.run(fill(url, full=False))
    for name, form in zip(NAMES, cycle(((), ("--json",), ("--csv",)))):
        told = run("report", name, *YEAR, *form, DATABASE_URL=url)
        assert (told.returncode, told.stderr) == (0, ""), told.stderr
    verified = run("reports", "verify", DATABASE_URL=url)
    assert (verified.returncode, verified.stdout) == (0, "compared 0 leads and 0 deals: no differences\n")


def test_wrong_words_and_nothing_deployed(new_database: Callable[[], str], run: Run) -> None:
    url = new_database()
    assert run("report", "sources", DATABASE_URL=url).returncode == 1
    assert run("reports", "rebuild", DATABASE_URL=url).returncode == 1
    asyncio.run(fill(url, full=False))
    for words, said in (
        (("sorces",), "did you mean `sources`?"),
        (("sources", "--from", "2026-02-01", "--to", "2026-01-01"), "swap --from and --to"),
        (("sources", "--zone", "Vienna"), "did you mean `Europe/Vienna`?"),
        (("sources", "--part", "sourcs"), "did you mean `sources`?"),
        (("oportunities",), "did you mean `opportunities`?"),
        (("sources", "--as-known-on", "2999-01-01"), "has not come yet"),
    ):
        told = run("report", *words, DATABASE_URL=url)
        assert told.returncode == 2
        assert said in told.stderr


def test_verify_names_the_rows_and_rebuild_corrects_them(new_database: Callable[[], str], run: Run) -> None:
    url = new_database()

    async def spoil() -> None:
        await fill(url, full=True)
        async with open_stage(url, WORKSPACE) as stage:
            await keep_up(stage.rt)
            async with stage.rt.db.hot() as hot:
                await hot.run("UPDATE deal_facts SET touches = 99 WHERE deal_id = 'D0'", {})
                await hot.commit()

    asyncio.run(spoil())
    told = run("reports", "verify", DATABASE_URL=url)
    assert told.returncode == 1
    assert "deal_facts of D0:\n  - deal_id D0" in told.stdout
    assert told.stdout.endswith("compared 12 leads and 6 deals: 1 differ; `coldframe reports rebuild` corrects them\n")
    assert len(json.loads(run("reports", "verify", "--json", DATABASE_URL=url).stdout)["different"]) == 1
    rebuilt = run("reports", "rebuild", DATABASE_URL=url)
    assert rebuilt.stdout == "rebuilt 12 leads and 6 deals: 1 change\n"
    assert run("reports", "verify", "--sample", "5", DATABASE_URL=url).returncode == 0

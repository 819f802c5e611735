"""`coldframe judge`: what it counts, what it writes, and that it writes it once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import create_engine, insert, select

from engine.rules.tracking.hits import VERSION
from engine.store.measured import mail_hits
from tests.support.cli import Run

AT = datetime(2026, 9, 1, 9, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"


def row(
    after: int, judgement: str, *, agent: str = FIREFOX, link: str = "a", seq: int | None = None
) -> dict[str, object]:
    return {
        "id": uuid4(), "lead_id": uuid4(), "message_id": uuid4(), "kind": "click", "link": link, "client": agent[-20:],
        "network": "192.0.2.0/24", "agent": agent, "signs": [], "judgement": judgement, "reasons": [], "version": 0,
        "seq": seq, "at": AT + timedelta(seconds=after), "handed": AT,
        "due_at": AT + timedelta(seconds=after + 10) if judgement == "held" else None,
    }  # fmt: skip


def test_stored_hits_are_judged_again_once(new_database: Callable[[], str], run: Run) -> None:
    url = new_database()
    rows = [
        row(3600, "human", agent="curl/8.5.0", seq=4), row(4000, "human", agent="Mozilla/5.0"),
        row(7200, "machine"), row(9000, "human", seq=5), row(60, "held"),
    ]  # fmt: skip
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(mail_hits), rows)

    def stored() -> dict[object, tuple[str, list[str], int]]:
        with engine.connect() as connection:
            found = connection.execute(select(mail_hits)).all()
        return {one.id: (one.judgement, one.reasons, one.version) for one in found}

    before = stored()
    tried = run("judge", "--dry-run", "--json", DATABASE_URL=url)
    counts = {"hits": 4, "machine": 2, "human": 1, "reasons": 0, "counted": 1, "changed": 3, "version": VERSION}
    assert json.loads(tried.stdout) == {**counts, "dry_run": True}
    assert stored() == before
    told = run("judge", DATABASE_URL=url)
    assert told.returncode == 0
    assert told.stdout.splitlines() == [
        "judged 4 hits; changed 3 judgments",
        "  from person to machine: 2",
        "  from machine to person: 1",
        "  of these, 1 had counted as an event; what it caused stays",
    ]
    assert [stored()[one["id"]] for one in rows] == [
        ("machine", ["agent: a program"], VERSION), ("machine", ["agent: Apple Mail Privacy Protection"], VERSION),
        ("human", [], VERSION), ("human", [], VERSION), ("held", [], 0),
    ]  # fmt: skip
    after = stored()
    again = json.loads(run("judge", "--json", DATABASE_URL=url).stdout)
    assert (again["hits"], again["changed"]) == (4, 0)
    assert stored() == after
    engine.dispose()

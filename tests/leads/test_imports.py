"""Leads from a file: what a row does, what a second import does not, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from dsl.plan import Pattern, Send, Topic
from engine.leads.consent import hashed
from engine.leads.imports import WAS_ERASED, Import, Totals, import_leads
from engine.leads.intake import unsubscribe
from engine.platform.tokens import email_key
from engine.rules.imports.rows import Agreed, BadRow, ImportedLead
from engine.rules.leads.suppression import BOUNCED, ERASED
from tests.support.programs import campaign, events, lead, open_program, runs
from tests.support.stage import Stage

SHOW = Import("show.csv", "d1", "ada", lists=("Trade show",))
FOLLOW_UP = campaign("Follow-up", Pattern(type="list.joined", name="Trade show"))
NEWS = {"topics": (Topic(name="News", description="n"),)}
PROOF = Agreed("News", "I want news", "2026-08-30", "form at the stand")


def row(name: str, line: int = 2, *consents: Agreed, lists: tuple[str, ...] = (), **fields: Any) -> ImportedLead:
    email = f"{name}@lead.example"
    return ImportedLead(line, email, email_key(email), fields, lists, consents)


async def take(
    stage: Stage, *rows: ImportedLead | BadRow, options: Import = SHOW, dry: bool = False
) -> tuple[Totals, list[BadRow]]:
    bad: list[BadRow] = []
    totals = await import_leads(stage.rt, rows, options, bad.append, dry=dry)
    return totals, bad


async def everything(stage: Stage) -> list[Any]:
    """All that an import writes, without what is drawn anew by every installation."""
    sql = """
        SELECT l.email, l.fields, l.lists, l.topics, l.origin, l.stage, l.seq,
            (SELECT jsonb_agg(jsonb_build_array(seq, type, name, data, key) ORDER BY seq) FROM events
                WHERE lead_id = l.id) AS log,
            (SELECT jsonb_agg(jsonb_build_array(topic, state, record) ORDER BY topic, seq) FROM consents
                WHERE lead_id = l.id) AS consents,
            (SELECT jsonb_agg(jsonb_build_array(kind, key) ORDER BY key) FROM touches WHERE lead_id = l.id) AS touches,
            (SELECT jsonb_agg(campaign ORDER BY campaign) FROM enrolments WHERE lead_id = l.id) AS runs
        FROM leads l ORDER BY l.email"""
    return [tuple(one) for one in await stage.rows(sql)]


async def test_a_row_makes_a_lead_with_fields_lists_consent_and_a_touch(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, FOLLOW_UP, workspace=NEWS) as stage:
        totals, bad = await take(stage, row("ann", 2, PROOF, lists=("Pumps",), city="Ulm"))
        assert (totals, bad) == (Totals(new=1, entered={"Follow-up": 1}), [])
        found = await lead(stage)
        assert (found.fields, set(found.lists)) == ({"city": "Ulm"}, {"Trade show", "Pumps"})
        assert found.topics == {"News": "subscribed"}
        assert found.origin["created_by"] == "import"
        (event,) = await events(stage, "lead.imported")
        said = {"fields": {"city": "Ulm"}, "joined": ["Trade show", "Pumps"], "by": "ada"}
        assert (event.name, event.data) == ("show.csv", said)
        (consent,) = await stage.rows("SELECT state, record FROM consents")
        assert consent.state == "subscribed"
        assert consent.record == {
            "how": "import: form at the stand", "wording": "I want news", "given_at": "2026-08-30", "by": "ada",
        }  # fmt: skip
        (touch,) = await stage.rows(
            "SELECT t.kind, t.seq, s.channel FROM touches t JOIN sources s ON s.id = t.source_id"
        )
        assert tuple(touch) == ("import", event.seq, "Unknown")


async def test_what_made_the_people_known_can_be_said(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url) as stage:
        await take(stage, row("ann"), options=replace(SHOW, source="Bauma 2026"))
        origin = (await lead(stage)).origin
        assert (origin["created_channel"], origin["created_source"], origin["created_by"]) == (
            "Offline", "bauma 2026", "import"
        )  # fmt: skip


async def test_the_same_file_twice_changes_nothing(fresh_database_url: str) -> None:
    rows = [row("ann", 2, PROOF, city="Ulm"), row("bob", 3, lists=("Pumps",))]
    async with open_program(fresh_database_url, FOLLOW_UP, workspace=NEWS) as stage:
        await take(stage, *rows)
        before = await everything(stage)
        assert (await take(stage, *rows))[0] == Totals(unchanged=2)
        assert await everything(stage) == before
        again = replace(SHOW, digest="d2", by="bob")
        assert (await take(stage, *rows, options=again))[0] == Totals(known=2)
        assert len(await events(stage, "lead.imported")) == 4, "another file is another import, and a touch"
        assert await runs(stage) == ["Follow-up", "Follow-up"]
        assert len(await stage.rows("SELECT 1 FROM consents")) == 1, "the same proof is kept once, whoever brings it"


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(fresh_database_url: str) -> None:
    rows = [row("ann", 2, PROOF, city="Ulm"), row("bob", 3), row("cleo", 4)]
    mailing = FOLLOW_UP.model_copy(update={"steps": (_send(),), "entry": "s"})
    async with open_program(fresh_database_url, mailing, workspace=NEWS) as stage:
        await take(stage, row("cleo", 2), options=replace(SHOW, lists=()))
        await _suppress(stage, "bob", BOUNCED)
        before = await everything(stage)
        dry = (await take(stage, *rows, options=SHOW, dry=True))[0]
        assert dry == Totals(new=2, known=1, suppressed=1, entered={"Follow-up": 3}, unmailed={"Follow-up": 1})
        assert await everything(stage) == before
        assert (await take(stage, *rows, options=SHOW))[0] == dry


async def test_quietly_starts_no_campaign_now_and_none_later(fresh_database_url: str) -> None:
    joining = campaign("Welcome", Pattern(type="topic.joined", name="News"))
    async with open_program(fresh_database_url, FOLLOW_UP, joining, workspace=NEWS) as stage:
        totals, _ = await take(stage, row("ann", 2, PROOF), options=replace(SHOW, quietly=True))
        assert (totals.new, totals.entered, await runs(stage)) == (1, {}, [])
        assert [one.name for one in await events(stage, "list.joined")] == ["Trade show"]
        await take(stage, row("ann", 2, PROOF), row("bob", 3), options=replace(SHOW, digest="d2"))
        assert await runs(stage) == ["Follow-up"], "only bob, who joined the list now"


async def test_known_values_are_replaced_or_only_filled_in(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url) as stage:
        await take(stage, row("ann", city="Ulm"))
        await take(stage, row("ann", city="Bonn", company="Acme"), options=replace(SHOW, fill=True))
        assert (await lead(stage)).fields == {"city": "Ulm", "company": "Acme"}
        await take(stage, row("ann", city="Bonn"))
        assert (await lead(stage)).fields == {"city": "Bonn", "company": "Acme"}


async def test_an_import_never_lifts_an_opt_out(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, workspace=NEWS) as stage:
        await take(stage, row("ann", 2, PROOF))
        await unsubscribe(stage.rt, (await lead(stage)).id, None, "page")
        later = replace(PROOF, given_at="2026-08-31")
        totals, _ = await take(stage, row("ann", 2, later), options=replace(SHOW, digest="d2"))
        assert (totals.known, totals.suppressed) == (1, 1)
        found = await lead(stage)
        assert (found.topics["News"], found.suppressed) == ("unsubscribed", "unsubscribed")
        kept = await stage.rows("SELECT state, record->>'given_at' AS given FROM consents ORDER BY seq")
        assert [tuple(one) for one in kept] == [
            ("subscribed", "2026-08-30"), ("unsubscribed", None), ("asked", "2026-08-31")
        ]  # fmt: skip


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────
class Killed(Exception):
    pass


def until(rows: Iterable[ImportedLead], many: int) -> Iterator[ImportedLead]:
    for count, one in enumerate(rows):
        if count == many:
            raise Killed
        yield one


async def test_killed_at_any_row_and_run_again_it_is_as_if_nothing_had_been(
    fresh_database_url: str,
) -> None:
    """Rows are committed one by one, so the import dies before and after each."""
    rows = [row("ann", 2, PROOF, city="Ulm"), row("bob", 3, lists=("Pumps",)), row("cleo", 4, city="Bonn")]
    async with open_program(fresh_database_url, FOLLOW_UP, workspace=NEWS) as stage:
        for many in range(len(rows) + 1):
            with pytest.raises(Killed):
                await import_leads(stage.rt, until([*rows, row("never", 9)], many), SHOW, lambda _: None)
        totals, _ = await take(stage, *rows)
        assert totals.new + totals.known + totals.unchanged == 3
        found = await everything(stage)
        assert [one[0] for one in found] == ["ann@lead.example", "bob@lead.example", "cleo@lead.example"]
        assert [len(one[7]) for one in found] == [3, 3, 2], "each event once"
        assert [one[10] for one in found] == [["Follow-up"]] * 3


async def test_killed_between_writing_and_committing_a_row_leaves_nothing_of_it(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_program(fresh_database_url, FOLLOW_UP) as stage:

        async def die(*_: Any) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("engine.store.db.Hot.commit", die)
            with pytest.raises(Killed):
                await take(stage, row("ann", city="Ulm"))
        assert await everything(stage) == []
        assert (await take(stage, row("ann", city="Ulm")))[0].new == 1


async def test_the_same_person_twice_in_one_file(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url) as stage:
        twice = replace(row("ann", 5, city="Bonn"), email="ANN@lead.example")
        totals, bad = await take(stage, row("ann", 2, city="Ulm"), row("bob", 3), twice)
        assert (totals.new, totals.bad) == (2, 1)
        assert bad == [BadRow(5, (("", "The address is on line 2 already."),))]
        assert (await lead(stage)).fields == {"city": "Ulm"}


async def test_the_same_person_in_two_files_at_once(fresh_database_url: str) -> None:
    other = Import("crm.csv", "d2", "bob", lists=("CRM",))
    async with open_program(fresh_database_url, FOLLOW_UP) as stage:
        names = [f"p{n}" for n in range(20)]
        one, two = await asyncio.gather(
            take(stage, *(row(name, n, city="Ulm") for n, name in enumerate(names, 2))),
            take(stage, *(row(name, n, company="Acme") for n, name in enumerate(reversed(names), 2)), options=other),
        )
        assert one[0].new + two[0].new == 20
        assert one[0].known + two[0].known == 20
        for found in await everything(stage):
            assert (found[1], set(found[2])) == ({"city": "Ulm", "company": "Acme"}, {"Trade show", "CRM"})
            assert found[10] == ["Follow-up"]


async def test_an_erased_person_is_not_brought_back(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url) as stage:
        await _suppress(stage, "ann", ERASED)
        totals, bad = await take(stage, row("ann", 2), row("bob", 3))
        assert (totals.erased, totals.new) == (1, 1)
        assert bad == [BadRow(2, (("", WAS_ERASED),))]
        assert [one[0] for one in await everything(stage)] == ["bob@lead.example"]


async def _suppress(stage: Stage, name: str, reason: str) -> None:
    async with stage.rt.db.hot() as hot:
        values = {
            "hash": hashed(stage.rt, email_key(f"{name}@lead.example")),
            "reason": reason,
            "at": stage.clock.now(),
        }
        await hot.run("INSERT INTO suppressions VALUES (%(hash)s, %(reason)s, %(at)s)", values)
        await hot.commit()


def _send() -> Send:
    return Send(id="s", source="c:2", template="t")

"""`coldframe leads`: two leads become one and two again, from the command line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from engine.store import access, erasure
from tests.leads.test_merge import ANN, BEN, WORKSPACE, happen, id_of
from tests.support.cli import Run
from tests.support.stage import open_stage

SECRETS = {"COLDFRAME_SECRET": "s" * 32, "COLDFRAME_PEPPER": "p" * 32}


@pytest.fixture
def command(run: Run, fresh_database_url: str) -> Run:
    return lambda *words: run(*words, DATABASE_URL=fresh_database_url, **SECRETS)


async def test_merge_and_split(fresh_database_url: str, command: Run) -> None:
    async with open_stage(fresh_database_url, WORKSPACE) as stage:
        await stage.post("paper", email=ANN)
        await stage.post("paper", email=BEN)
        await happen(stage, "page.visited", "/pricing", BEN)
        ben = await id_of(stage, BEN)
        dry = command("leads", "merge", ANN.upper(), str(ben), "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert "score: 25" in dry.stdout
        assert 'the newer run in "Welcome" ends' in dry.stdout
        asked = command("leads", "merge", ANN, BEN)
        assert (asked.returncode, "pass --yes" in asked.stderr) == (2, True)
        done = command("leads", "merge", ANN, BEN, "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["scores"] == {"": 25.0}
        again = command("leads", "merge", ANN, BEN, "--yes")
        assert (again.returncode, "are one lead already" in again.stderr) == (1, True)
        for words in (("split", ANN), ("split", ANN, "--lead", BEN, "--visitor", str(ben))):
            wrong = command("leads", *words)
            assert (wrong.returncode, "--lead ADDRESS" in wrong.stderr) == (2, True)
        back = command("leads", "split", ANN, "--lead", BEN, "--yes")
        assert back.returncode == 0, back.stderr
        assert "score: 15; the other lead: 10" in back.stdout
        assert await id_of(stage, BEN) == ben
        none = command("leads", "split", ANN, "--lead", BEN, "--yes")
        assert (none.returncode, "was not merged into" in none.stderr) == (1, True)
        nobody = command("leads", "merge", ANN, "x")
        assert (nobody.returncode, "no lead `x`" in nobody.stderr) == (1, True)


async def test_list_show_and_segments(fresh_database_url: str, command: Run) -> None:
    workspace = WORKSPACE + '\nsegment "Big"\n    size >= 100\n\nsegment "Visited"\n    has visited page "/pricing*"\n'
    async with open_stage(fresh_database_url, workspace) as stage:
        await stage.post("paper", ("news",), email=ANN, size=200, country="DE")
        stage.clock.advance(timedelta(days=2))
        await stage.post("paper", email=BEN, size=5)
        await happen(stage, "page.visited", "/pricing", BEN)

    def told(*words: str, code: int = 0) -> str:
        done = command("leads", *words)
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    assert told("list").splitlines() == ["2 leads", f"  {BEN}  Lead  15", f"  {ANN}  Lead  30"]
    found = {
        ("--segment", "big"): [ANN], ("--segment", "Visited"): [BEN], ("--stage", "lead"): [BEN, ANN],
        ("--campaign", "welcome"): [BEN, ANN], ("--campaign", "Sell"): [], ("--list", "none"): [],
        ("--where", "country=de"): [ANN], ("--where", "size=5", "--where", "country="): [BEN],
        ("--segment", "Big", "--campaign", "Welcome"): [ANN], ("--limit", "1"): [BEN],
    }  # fmt: skip
    for words, emails in found.items():
        said = json.loads(told("list", *words, "--json"))
        assert [one["email"] for one in said["leads"]] == emails, words
        assert said["count"] == (2 if "--limit" in words else len(emails))
    assert "no segment named `Bigg`" in told("list", "--segment", "Bigg", code=1)
    assert "no campaign named `Wellcome`" in told("list", "--campaign", "Wellcome", code=1)
    assert "no field named `siz`" in told("list", "--where", "siz=1", code=1)
    assert "write --where country=DE" in told("list", "--where", "country", code=2)

    shown = told("show", ANN)
    for line in (f"{ANN}  Lead", "  country: DE", "  default: 30", "  news: subscribed (form paper)", "Welcome: live"):
        assert line in shown or line.strip() in shown, line
    assert "score as of" in told("show", BEN, "--at", "2026-09-02 10:00")
    early = json.loads(told("show", BEN, "--at", "2026-09-02 10:00", "--json"))
    assert (early["score"], early["points"]) == ({}, [])
    assert json.loads(told("show", BEN, "--json"))["score"] == {"": 15.0}
    everything = json.loads(told("export", ANN))
    assert everything["lead"]["email"] == ANN
    assert [one["topic"] for one in everything["consents"]] == ["news"]
    assert [one["campaign"] for one in everything["runs"]] == ["Welcome"]

    done = command("segments", "--json")
    sizes = [(one["name"], one["count"], [lead["email"] for lead in one["leads"]]) for one in json.loads(done.stdout)]
    assert sizes == [("Big", 1, [ANN]), ("Visited", 1, [BEN])]


async def test_erase(fresh_database_url: str, command: Run) -> None:
    async with open_stage(fresh_database_url, WORKSPACE) as stage:
        await stage.post("paper", email=ANN)
        asked = command("leads", "erase", ANN)
        assert (asked.returncode, "pass --yes" in asked.stderr) == (2, True)
        done = command("leads", "erase", ANN, "--yes")
        assert done.returncode == 0, done.stderr
        assert "figures stay under" in done.stdout
        again = command("leads", "erase", ANN, "--yes")
        assert (again.returncode, "no lead" in again.stderr) == (1, True)


def test_an_export_has_every_table_that_knows_the_lead() -> None:
    parts = {sql.partition(" t WHERE")[0].rpartition("FROM ")[2] for sql in access.PARTS.values()}
    named = {name.partition(" ")[0] for name in erasure.ORDER} | erasure.WITH_MESSAGES
    assert named - parts - access.SAME_AGAIN == {"leads", "links", "suppressions", "set_aside", "visitor_events"}

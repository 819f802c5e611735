"""`coldframe import leads` against a deployed workspace: dry run, import, report of bad rows, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.cli.import_view import lines
from engine.leads.imports import Totals
from engine.platform.settings import libpq_url
from tests.support.cli import GOOD, Run, write

SHOP = (
    GOOD["shop.campaign"].replace("mail is allowed until opt-out", 'topic "news" "News"')
    + """
        campaign "Trade show"
            topic "news"
            starts when list "Trade show" is joined
            flow
                send "welcome"
"""
)
SHOW = """E-Mail;Vorname;Land;Einwilligung
ann@lead.example;Ann;Germany;ja
bob@lead.example;Bob;Österreich;nein
cleo@lead;Cleo;Germany;ja
dora@lead.example;"=HYPERLINK(""http://x.example"")";Atlantis;ja
"""
OPTIONS = (
    "--list", "Trade show", "--column", "Einwilligung=consent", "--consent", "News", "--wording", "I want news",
    "--given-at", "2026-08-30", "--how", "signed form", "--author", "ada",
)  # fmt: skip


@pytest.fixture
def command(run: Run, workspace: Path, fresh_database_url: str) -> Callable[..., Any]:
    write(workspace, {**GOOD, "shop.campaign": SHOP})
    first = run("deploy", "--author", "ada", DATABASE_URL=fresh_database_url)
    assert first.returncode == 0, first.stderr
    return lambda *arguments: run("import", "leads", *arguments, DATABASE_URL=fresh_database_url)


def people(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute("SELECT email, fields, topics FROM leads ORDER BY email").fetchall()


def test_leads_from_a_file(command: Callable[..., Any], fresh_database_url: str, tmp_path: Path) -> None:
    file, report = tmp_path / "show.csv", tmp_path / "bad.csv"
    file.write_bytes(SHOW.encode("utf-16"))
    dry = command(file, *OPTIONS, "--dry-run")
    assert (dry.returncode, people(fresh_database_url)) == (1, [])
    assert "show.csv: 2 new, 0 known, 2 bad, 0 suppressed" in dry.stdout
    assert '2 would enter "Trade show"' in dry.stdout
    assert 'emails of "Trade show" to 1 of them would be skipped for lack of consent' in dry.stdout
    assert [line.split() for line in dry.stdout.splitlines()[1:5]] == [
        ["E-Mail", "email"], ["Vorname", "first_name"], ["Land", "country"], ["Einwilligung", "consent"]
    ]  # fmt: skip

    done = command(file, *OPTIONS, "--bad-rows", report)
    assert done.returncode == 1
    assert "show.csv:4: E-Mail: Please enter one complete email address" in done.stdout
    assert 'entered "Trade show"' in done.stdout
    assert people(fresh_database_url) == [
        ("ann@lead.example", {"country": "DE", "first_name": "Ann"}, {"news": "subscribed"}),
        ("bob@lead.example", {"country": "AT", "first_name": "Bob"}, {}),
    ]
    with report.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.reader(opened))
    assert rows[0] == ["coldframe line", "coldframe problem", "E-Mail", "Vorname", "Land", "Einwilligung"]
    assert rows[2][0:2] + rows[2][3:4] == [
        "5", "Vorname: The cell holds a formula. Put its value there instead.; Land: Please enter a country name or "
        "two-letter code, such as DE.", '\'=HYPERLINK("http://x.example")',
    ]  # fmt: skip

    again = command(file, *OPTIONS, "--json")
    told = json.loads(again.stdout)
    assert (told["new"], told["unchanged"], told["bad"]) == (0, 2, 2)

    report.write_text(
        report.read_text("utf-8-sig").replace("cleo@lead,", "cleo@lead.example,").replace("Atlantis", "DE")
    )
    mended = command(report, *OPTIONS)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert [email for email, _, _ in people(fresh_database_url)] == [
        f"{name}@lead.example" for name in ("ann", "bob", "cleo", "dora")
    ]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("email,naem\n", (), "column `naem` is not a field"),
        ("name,city\n", (), 'no column has email addresses; name the one that has with --column "NAME=email"'),
        ("email\n", ("--column", "email"), "write it like --column"),
        ("email\n", ("--consent", "news"), "Consent needs its proof: pass --wording and --given-at and --how, or add"),
        ("email,consent\n", ("--wording", "w"), "pass --given-at and --how, or add the columns"),
        ("email\n", ("--wording", "w"), "--wording needs --consent"),
        ("email\n", ("--consent", "newz", "--wording", "w"), "`newz` is not a topic. The topics are news, tracking."),
        ("email\n", ("--consent", "news", "--wording", "w", "--how", "h", "--given-at", "2999-01-01"), "is not a day"),
        ("", (), "the file is empty"),
        ("email\n", ("--list", "Trade shw"), 'did you mean "Trade show"?'),
    ],
)  # fmt: skip
def test_what_is_refused_before_a_row_is_read(
    command: Callable[..., Any], fresh_database_url: str, tmp_path: Path, text: str, options: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "show.csv"
    file.write_text(text)
    refused = command(file, *options)
    assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    assert people(fresh_database_url) == []


def test_the_report_never_overwrites_the_file(command: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "show.csv"
    file.write_text(SHOW)
    assert "name another file" in command(file, *OPTIONS, "--bad-rows", file).stderr
    assert file.read_text() == SHOW


def test_the_totals_in_words() -> None:
    totals = Totals(412, 61, 0, 0, 27, 38, {"Trade show": 412}, {})
    assert lines(Path("x/show.csv"), totals, dry=True) == [
        "show.csv: 412 new, 61 known, 27 bad, 38 suppressed", '412 would enter "Trade show"',
        "no email would be skipped for lack of consent",
    ]  # fmt: skip
    totals = Totals(known=1, unchanged=5, erased=2, entered={"A": 1}, unmailed={"A": 1})
    assert lines(Path("show.csv"), totals, dry=False) == [
        "show.csv: 0 new, 1 known, 5 imported before, 0 bad, 2 erased, 0 suppressed", '1 entered "A"',
        'emails of "A" to 1 of them will be skipped for lack of consent',
    ]  # fmt: skip


def test_leads_are_exported_and_the_export_can_be_imported(
    command: Callable[..., Any], run: Run, fresh_database_url: str, tmp_path: Path
) -> None:
    file, table = tmp_path / "show.csv", tmp_path / "all.csv"
    file.write_text("email,first name\nann@lead.example,Ann\nbob@lead.example,Bob\n")
    assert command(file, "--list", "Trade show").returncode == 0

    def export(*arguments: object) -> Any:
        return run("export", "leads", *arguments, DATABASE_URL=fresh_database_url)

    assert export(table, "--list", "trade show").stdout == f"exported 2 leads to {table}\n"
    assert table.stat().st_mode & 0o077 == 0
    again = command(table, "--ignore-others")
    assert (again.returncode, "0 new, 2 known, 0 bad" in again.stdout) == (0, True)
    assert len(json.loads(export("--format", "json").stdout)) == 2
    sheet = tmp_path / "all.xlsx"
    assert export(sheet).stdout == f"exported 2 leads to {sheet}\n"
    assert "no segment named `Big`" in export("--segment", "Big").stderr
    assert "a spreadsheet needs a file" in export("--format", "xlsx").stderr
    assert "cannot write" in export(tmp_path / "none" / "a.csv").stderr

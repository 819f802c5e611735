"""`coldframe import` against a deployed workspace: all or nothing, dry runs, repeats, and what a program reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from engine.cli.dev import deploy_or_explain
from engine.cli.stack import Stack
from engine.platform.settings import Settings, libpq_url
from tests.support.cli import GOOD, Run, write

GOOGLE = "Day,Campaign,Currency code,Cost,Clicks\n2026-09-01,Pumps,EUR,12.50,3\n2026-09-02,Pumps,EUR,7.25,1\n"
BAD = "Day,Campaign,Cost\n2026-09-03,Pumps,1.00\n2026-09-04,Pumps,lots\n"


@pytest.fixture
def url(fresh_database_url: str) -> str:
    return fresh_database_url


@pytest.fixture
def command(run: Run, workspace: Path, url: str) -> Callable[..., Any]:
    write(workspace, GOOD)
    first = run("deploy", "--author", "ada", DATABASE_URL=url)
    assert first.returncode == 0, first.stderr
    return lambda *arguments: run("import", *arguments, DATABASE_URL=url)


def amounts(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute("SELECT day::text, amount, currency FROM spend ORDER BY day").fetchall()


def test_spend_from_files(command: Callable[..., Any], url: str, tmp_path: Path) -> None:
    google, bad = tmp_path / "google.csv", tmp_path / "bad.csv"
    google.write_bytes(GOOGLE.encode("utf-16"))
    bad.write_text(BAD)
    dry = command("spend", google, "--dry-run")
    assert (dry.returncode, amounts(url)) == (0, [])
    assert "(Google Ads): 2 would be new, 0 would be replaced, 0 unchanged, 19.75 EUR" in dry.stdout

    both = command("spend", google, bad)
    assert (both.returncode, amounts(url)) == (1, [])
    assert "bad.csv:3: `lots` is not a number." in both.stdout
    assert "nothing was imported" in both.stdout

    done = command("spend", google, bad, "--skip-bad", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["imported"]) == (0, True)
    assert [(one["new"], one["totals"], len(one["bad"])) for one in told["files"]] == [
        (2, {"EUR": "19.75"}, 0), (1, {"EUR": "1.00"}, 1),
    ]  # fmt: skip
    kept = [("2026-09-01", 1250, "EUR"), ("2026-09-02", 725, "EUR"), ("2026-09-03", 100, "EUR")]
    assert amounts(url) == kept

    again = command("spend", google)
    assert "0 new, 0 replaced, 2 unchanged" in again.stdout
    assert amounts(url) == kept
    google.write_text(GOOGLE.replace("7.25", "8.00"))
    assert "0 new, 1 replaced, 1 unchanged" in command("spend", google).stdout
    assert amounts(url)[1] == ("2026-09-02", 800, "EUR")


def test_rates_from_a_file(command: Callable[..., Any], url: str, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("day,currency,rate\n2026-09-01,USD,0.9235\n2026-09-02,USD,0.93\n")
    assert "2 new" in command("rates", file).stdout
    assert "2 unchanged" in command("rates", file).stdout
    with psycopg.connect(libpq_url(url)) as connection:
        found = connection.execute("SELECT day::text, currency, rate::text FROM rates ORDER BY day").fetchall()
    assert found == [("2026-09-01", "USD", "0.9235"), ("2026-09-02", "USD", "0.93")]


def test_a_deployment_imports_the_files_of_its_workspace(
    run: Run, workspace: Path, url: str, tmp_path: Path
) -> None:  # fmt: skip
    line = '            languages "en"\n'
    shop = GOOD["shop.campaign"].replace(line, f'{line}            spend from "ads/*.csv"\n')
    write(workspace, {**GOOD, "shop.campaign": shop, "ads/google.csv": GOOGLE})
    outside = tmp_path / "outside.csv"
    outside.write_text(GOOGLE.replace("2026", "2025"))
    (workspace / "ads" / "link.csv").symlink_to(outside)
    assert run("deploy", "--author", "ada", DATABASE_URL=url).returncode == 0
    kept = [("2026-09-01", 1250, "EUR"), ("2026-09-02", 725, "EUR")]
    assert amounts(url) == kept

    write(workspace, {"ads/bad.csv": BAD})
    again = run("deploy", "--author", "ada", "--json", DATABASE_URL=url)
    assert (again.returncode, amounts(url)) == (0, kept)
    assert "bad.csv:3: `lots` is not a number. The file was not imported" in again.stderr
    json.loads(again.stdout)


async def test_dev_imports_them_too(workspace: Path, url: str) -> None:
    line = '            languages "en"\n'
    shop = GOOD["shop.campaign"].replace(line, f'{line}            spend from "ads/*.csv"\n')
    write(workspace, {**GOOD, "shop.campaign": shop, "ads/google.csv": GOOGLE})
    stack = cast(Stack, SimpleNamespace(settings=Settings(campaigns=workspace, database_url=url), database_url=url))
    for _ in range(2):
        assert await deploy_or_explain(stack)
        assert amounts(url) == [("2026-09-01", 1250, "EUR"), ("2026-09-02", 725, "EUR")]


def test_what_cannot_be_read(command: Callable[..., Any], tmp_path: Path) -> None:
    missing = command("spend", tmp_path / "none.csv")
    assert (missing.returncode, "cannot read" in missing.stderr) == (2, True)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    refused = command("spend", other)
    assert (refused.returncode, "names of the columns" in refused.stderr) == (1, True)

"""`coldframe webhooks` as a program and a person run it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from dsl.plan import Post
from engine.cli.main import app
from engine.model.ports import Receipt
from engine.store import webhooks
from tests.support.programs import FakePoster, campaign_with, enter, staged

POST = Post(id="p", source="c:2", url="http://127.0.0.1:9/x", values=())


@pytest.fixture
def kept(new_database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> UUID:
    """A post that was refused, in the database that the commands use; its id."""
    url = new_database()

    async def fill() -> UUID:
        async with staged(url, campaign_with(POST)) as stage:
            assert isinstance(stage.rt.poster, FakePoster)
            said = Receipt("refused", "HTTP 400", status=400, answer="no\x1b[31m such\nfield")
            stage.rt.poster.script = [said]
            await enter(stage)
            [one] = await webhooks.find(stage.rt.db, many=9)
            found: UUID = one["id"]
            return found

    for name, value in {"DATABASE_URL": url, "COLDFRAME_HOME": str(tmp_path), "COLDFRAME_SECRET": "s" * 16,
                        "COLDFRAME_PEPPER": "p" * 16}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return asyncio.run(fill())


def run(*words: str):
    return CliRunner().invoke(app, ["webhooks", *words])


def test_posts_are_listed_shown_and_replayed(kept: UUID):
    assert f"{kept}  " in run("list").stdout
    assert json.loads(run("list", "--json", "--state", "failed").stdout)[0]["url"] == "http://127.0.0.1:9/x"
    assert json.loads(run("list", "--json", "--lead", "lead1@x.example").stdout)[0]["id"] == str(kept)
    assert run("list", "--state", "waiting").stdout == "no posts match\n"
    shown = run("show", str(kept))
    assert "1. " in shown.stdout
    assert "no [31m such field" in shown.stdout, "an answer steers no terminal"
    again = run("replay", str(kept))
    assert again.exit_code != 0
    assert "only https is posted to" in str(again.exception)
    tries = json.loads(run("show", str(kept), "--json").stdout)["tries"]
    assert [one["number"] for one in tries] == [1, 2]
    assert (tries[0]["replayed_by"], bool(tries[1]["replayed_by"])) == (None, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "x"], "is not the id of a post"),
        (["replay", "0" * 32], "is kept"),
        (["list", "--since", "soon"], "is not a date"),
        (["list", "--lead", "nobody@x.example"], "nobody@x.example"),
        (["secret", "retire", "1"], "cannot be retired"),
    ],
)
def test_what_cannot_be_done_is_said(kept: UUID, words: list[str], said: str):
    done = run(*words)
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_a_secret_is_printed_once(kept: UUID):
    assert run("secret", "list").stdout == "secret 1  signs\n"
    made = json.loads(run("secret", "rotate", "--overlap", "2", "--json").stdout)
    assert made["standard_secret"].startswith("whsec_")
    listed = run("secret", "list")
    assert made["secret"] not in listed.stdout + run("secret", "list", "--json").stdout
    assert ("secret 1  signs until" in listed.stdout, "secret 2  signs\n" in listed.stdout) == (True, True)
    assert "sign already" in str(run("secret", "rotate").exception)
    assert run("secret", "retire", "1").stdout == "retired secret 1\n"
    assert "secret 1  retired" in run("secret", "list").stdout

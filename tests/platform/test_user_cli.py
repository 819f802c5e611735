"""`coldframe user`: who may use the desk, from the command line."""

from __future__ import annotations

import json

import pytest

from engine.access import users
from engine.runtime.runtime import open_runtime
from engine.store import desk_log
from tests.support.cli import Run
from tests.web.conftest import make_settings

ADA = "ada@acme.example"


@pytest.fixture
def command(run: Run, fresh_database_url: str) -> Run:
    world = {"DATABASE_URL": fresh_database_url, "COLDFRAME_BASE_URL": "https://go.acme.example"}
    return lambda *words: run("user", *words, **world)


async def test_users_from_the_first_admin_on(command: Run, fresh_database_url: str, tmp_path: object) -> None:
    empty = command("list")
    assert (empty.returncode, empty.stdout) == (
        0, "there are no users yet; `coldframe user add EMAIL --role admin` adds one\n"
    )  # fmt: skip
    for words, said in (
        (("add", ADA), "name at least one role"), (("add", ADA, "--role", "boss"), "there is no role `boss`"),
        (("add", "ada", "--role", "admin"), "`ada` is not an email address"),
    ):  # fmt: skip
        wrong = command(*words)
        assert (wrong.returncode, said in wrong.stderr) == (2, True), words
    made = command("add", ADA, "--role", "admin", "--name", "Ada Lovelace")
    assert made.stdout.startswith("https://go.acme.example/desk/link/"), made
    twice = command("add", ADA.upper(), "--role", "sales")
    assert (twice.returncode, "already a user" in twice.stderr) == (1, True)
    for words in (("role", ADA, "--role", "sales"), ("disable", ADA)):
        last = command(*words)
        assert (last.returncode, "is the only admin" in last.stderr) == (1, True), words
    command("add", "ben@acme.example", "--role", "admin,operator")
    assert command("role", ADA, "--role", "marketing", "--role", "sales").returncode == 0
    assert command("disable", ADA).stdout == f"{ADA} is disabled\n"
    refused = command("link", ADA)
    assert (refused.returncode, "--enable" in refused.stderr) == (1, True)
    assert command("disable", ADA, "--enable").returncode == 0
    again = json.loads(command("link", ADA, "--json").stdout)
    nobody = command("link", "nobody@acme.example")
    assert (nobody.returncode, "there is no user" in nobody.stderr) == (1, True)
    listed = json.loads(command("list", "--json").stdout)
    assert [(one["email"], one["roles"], one["disabled"]) for one in listed] == [
        (ADA, ["marketing", "sales"], False), ("ben@acme.example", ["operators", "admin"], False),
    ]  # fmt: skip
    async with open_runtime(make_settings(fresh_database_url, tmp_path)) as rt:  # type: ignore[arg-type]
        assert await users.link(rt, made.stdout.strip().rpartition("/")[2]) is None
        found = await users.link(rt, again["link"].rpartition("/")[2])
        assert found is not None
        assert (found[0], found[1].name) == ("password", "Ada Lovelace")
        actions = [one["action"] for one in await desk_log.page(rt.db)]
    assert set(actions) == {"user added", "link made", "roles changed", "user disabled", "user enabled"}

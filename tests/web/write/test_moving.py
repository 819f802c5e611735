"""Deploying a draft while leads wait: the page says what becomes of them, and moves them only if asked."""

from __future__ import annotations

from sqlalchemy import text

from engine.access import users
from tests.support.stage import open_stage
from tests.support.writing import OURS, OneRoom, Writer, deploy_files
from tests.web.conftest import UNLIMITED, client_of
from tests.web.write.conftest import BY
from web.app import create_app

CAMPAIGN = """workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme, Street 1, Town"
    mail is allowed until opt-out

form "in"
    ask email required

campaign "Slow"
    starts when form "in" is submitted
    flow
        wait 3 days
        send "hello"
"""
FILES = {"main.campaign": CAMPAIGN.encode(), "templates/hello.md": b"---\nsubject: Hello\n---\nHi\n"}


async def test_leads_stay_or_move_with_the_numbers(fresh_database_url: str, rooms: OneRoom) -> None:
    async with open_stage(fresh_database_url, CAMPAIGN, base_url="https://go.acme.example") as stage:
        rt = stage.rt
        await deploy_files(rt, FILES)
        for number in range(3):
            await stage.post("in", email=f"lead{number}@customer.example")
        app = create_app(rt, budgets=UNLIMITED)
        rooms.forget()
        app.state.rooms = rooms
        user = await users.add(rt, "ada@acme.example", "Ada", ["marketing"], BY)
        async with client_of(app) as client:
            path = await users.make_link(rt, user, "entry", BY)
            assert (await client.post(path, data={"go": "1"}, headers=OURS)).status_code == 303
            ada = Writer(client)
            await ada.open("main.campaign")
            await ada.type("main.campaign", CAMPAIGN + "        add 5 points\n")
            page = await ada.page("/desk/write/changes")
            assert "“Slow”, 3 leads: 3 move to the new version" in page
            given = {"content": await ada.content(), "move": "yes", "note": "Slower"}
            assert (await ada.send("/desk/write/changes", "/desk/write/deploy", **given)).status_code == 303
        async with rt.db.engine.connect() as connection:
            jobs = (await connection.execute(text("SELECT kind FROM jobs"))).scalars().all()
            note = (
                await connection.execute(text("SELECT note FROM deployments ORDER BY epoch DESC LIMIT 1"))
            ).scalar_one()
        assert (list(jobs), note) == (["move"], "Slower")

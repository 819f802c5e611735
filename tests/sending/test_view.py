"""A mail shown again is the mail that was sent, whatever became of its lead, its template and its campaign since."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from dsl.plan import FieldRef, Value
from engine.leads.intake import click, confirm
from engine.mail.links import link_id
from engine.model.ports import Mail
from engine.sending.mail_record import MOST
from engine.sending.mail_view import view
from tests.support.programs import campaign_with, change, deploy_plans, enter, lead, send, staged, wait
from tests.support.stage import Stage, company, deploy_text, open_stage

TEMPLATE = """---
subject: For {{ lead.first_name|default("you") }} in {{ lead.country|default("the world") }}
---
{{ greeting }} at {{ lead.created|date("full") }}, {{ given|default("nothing") }} {{ event.country|default("-") }}
{% if lead.company %}Greetings to {{ lead.company }}{% endif %} {{ score }} {{ stage }} {{ lead.visits|default(0) }}

**[Go on](https://acme.example/go?a=1&b=2)** and [again]({{ view_url }})
"""
GIVEN = (("given", Value(value=10)), ("other", FieldRef(name="country")))


def sent_without_pixel(mail: Mail) -> str:
    html, times = re.subn(r'<a [^>]*mso-hide:all"></a><img src="[^"]*/o/[^"]*"[^>]*>', "", mail.html)
    assert times == 1
    return html


async def execute(stage: Stage, statement: str) -> None:
    async with stage.rt.db.hot() as hot:
        await hot.run(statement, {})
        await hot.commit()


async def state(stage: Stage) -> str:
    """Everything the database holds, as text."""
    tables = [row.relname for row in await stage.rows("SELECT relname FROM pg_stat_user_tables ORDER BY relname")]
    found = [await stage.rows(f"SELECT to_jsonb(t)::text AS row FROM {table} t ORDER BY 1") for table in tables]
    return repr(found)


async def test_the_same_mail_after_everything_has_changed(new_database):
    plan = campaign_with(send("one", "w", values=GIVEN), wait("w", 30))
    async with staged(new_database(), plan, templates={"one": TEMPLATE}) as stage:
        email = await enter(stage, first_name="Ann", country="DE")
        [mail] = stage.mailer.mails
        assert mail.subject == "For Ann in DE"
        for field, value in (("first_name", "Eve"), ("country", None), ("visits", 7), ("language", "de")):
            await change(stage, (await lead(stage, email)).id, field, value)
        await deploy_plans(stage, plan, one="---\nsubject: new\n---\nAnother text\n")
        stage.clock.advance(timedelta(days=900))
        before = await state(stage)
        seen = await view(stage.rt, mail.message_id)
        assert seen is not None
        assert (seen.subject, seen.html, seen.language) == (mail.subject, sent_without_pixel(mail), "en")
        assert await state(stage) == before
        assert await click(stage.rt, mail.message_id, link_id("https://acme.example/go?a=1&b=2"))


async def test_what_is_kept_is_what_the_template_looked_at(new_database):
    body = "{% if lead.visits %}x{% endif %} {{ owner.name|default('-') }}"
    text = f"---\nsubject: Hi {{{{ lead.first_name|default('you') }}}}\n---\n{body}"
    async with staged(new_database(), campaign_with(send("one")), templates={"one": text}) as stage:
        await enter(stage, first_name="Ann", country="DE", visits=3)
        [row] = await stage.rows("SELECT memo FROM messages")
    assert row.memo["lead"] == {"first_name": "Ann", "visits": 3}
    assert "event" not in row.memo
    assert len(json.dumps(row.memo)) < 300


@pytest.mark.parametrize(
    "looks",
    [
        "{% for name in lead %}{{ name }}={{ lead[name] }} {% endfor %}",
        "{% for name in owner %}{{ name }} {% endfor %}",
        "{% macro all() %}{{ varargs|join }}{% for name in kwargs %}{{ name }}{% endfor %}{% endmacro %}"
        "{{ all(*lead, **lead) }}",
    ],
)  # fmt: skip
async def test_a_template_that_goes_through_all_there_is_makes_the_same_mail(new_database, looks):
    template = f"---\nsubject: all\n---\n{looks}\n"
    async with staged(new_database(), campaign_with(send("one")), templates={"one": template}) as stage:
        await enter(stage, first_name="Ann", country="DE", visits=3, owner="eve.low@acme.example")
        [mail] = stage.mailer.mails
        seen = await view(stage.rt, mail.message_id)
        assert "email" in mail.text
        assert seen is not None
        assert seen.html == sent_without_pixel(mail)


async def test_subjects_under_test_are_shown_as_they_were(new_database):
    subjects = ("A {{ lead.first_name }}", "B {{ lead.first_name }}")
    async with staged(new_database(), campaign_with(send("one", subjects=subjects))) as stage:
        while len({mail.subject[0] for mail in stage.mailer.mails}) < 2 and len(stage.mailer.mails) < 100:
            number = len(stage.mailer.mails)
            await enter(stage, number, first_name=f"Ann{number}")
        found = [(mail.subject, await view(stage.rt, mail.message_id)) for mail in stage.mailer.mails]
    assert {subject[0] for subject, _ in found} == {"A", "B"}
    assert all(seen is not None and seen.subject == subject for subject, seen in found)


async def test_a_confirmation_and_an_untracked_mail(new_database):
    workspace = (
        company(tracking="tracking needs consent")
        + """
form "double"
    ask email required
    consent "Yes" for topic "news"
    confirm with "confirm"

campaign "After"
    starts when form "double" is submitted
    topic "news"
    flow
        send "hello"
"""
    )
    templates = {"confirm": "---\nsubject: Confirm\n---\n[Yes]({{ confirm_url }})"}
    async with open_stage(new_database(), workspace, templates) as stage:
        done = await stage.post("double", ("news",), email="ann@lead.example")
        [asked] = stage.mailer.mails
        seen = await view(stage.rt, asked.message_id)
        assert seen is not None
        assert seen.html == asked.html
        [posted] = await stage.rows("SELECT seq FROM events WHERE type = 'form.posted'")
        await confirm(stage.rt, done.lead_id, posted.seq)
        await stage.settle()
        hello = stage.mailer.mails[-1]
        seen = await view(stage.rt, hello.message_id)
        assert hello.subject == "hello"
        assert "/c/" not in hello.html
        assert seen is not None
        assert seen.html == hello.html


@pytest.mark.parametrize(
    "loss",
    [
        "UPDATE messages SET memo = NULL",
        "DELETE FROM assets",
        """UPDATE deployments SET program = program || '{"workspace": 7}'""",
    ],
)
async def test_what_cannot_be_made_again_says_so(new_database, loss):
    plan = campaign_with(send("one"))
    async with staged(new_database(), plan) as stage:
        await enter(stage)
        await deploy_text(stage.rt, 'workspace "Other"\n    timezone "UTC"\n')
        await stage.rt.catalog.refresh()
        await execute(stage, loss)
        seen = await view(stage.rt, stage.mailer.mails[0].message_id)
    assert seen is not None
    assert seen.html is None


async def test_an_erased_lead_and_a_colleagues_mail_have_no_page(new_database):
    async with staged(new_database(), campaign_with(send("one"))) as stage:
        await enter(stage)
        id = stage.mailer.mails[0].message_id
        assert await view(stage.rt, id) is not None
        for kind in ("staff", "post"):
            await execute(stage, f"UPDATE messages SET kind = '{kind}'")
            assert await view(stage.rt, id) is None
        await execute(stage, "UPDATE messages SET kind = 'marketing'")
        assert await view(stage.rt, id) is not None
        await execute(stage, "UPDATE leads SET email = NULL")
        assert await view(stage.rt, id) is None


async def test_a_memo_has_a_largest_size(new_database):
    text = "---\nsubject: x\n---\n{{ lead.first_name|default('-') }}"
    async with staged(new_database(), campaign_with(send("one")), templates={"one": text}) as stage:
        await enter(stage, 1, first_name="A" * 1_000)
        await enter(stage, 2, first_name="A" * MOST)
        rows = await stage.rows("SELECT memo FROM messages ORDER BY at, (memo IS NULL)")
    assert [row.memo is None for row in rows] == [False, True]

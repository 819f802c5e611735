"""What a mail may say of a lead, as the store knows it."""

from __future__ import annotations

import pytest

from engine.leads import external_changes
from engine.leads.intake import Occurrence, record
from tests.support.stage import company, open_stage

WORKSPACE = (
    company("mail is allowed until opt-out")
    + """
form "paper"
    ask email required

interest "Pumps"
    pages "/pumps*"

interest "Valves"
    pages "/valves*"

interest "Seals"
    pages "/seals*"

campaign "Tips"
    starts when event "tips" happens
    flow
        send "tips"
"""
)
TIPS = "---\nsubject: About {{ interests }}\n---\n{% for one in interests %}- {{ one }}\n{% endfor %}\n"


async def test_a_mail_names_the_interests_the_strongest_first(new_database):
    async with open_stage(new_database(), WORKSPACE, {"tips": TIPS}) as stage:
        for page in ("/pumps/1", "/valves/1", "/valves/2"):
            await record(stage.rt, Occurrence("page.visited", page, {"url": page}, email="ann@lead.example"))
        await record(stage.rt, Occurrence("custom", "tips", {}, email="ann@lead.example"))
        await stage.settle()
        assert [mail.subject for mail in stage.mailer.mails] == ["About Valves, Pumps"]


GERMAN = "---\nsubject: Tipps\n---\n{{ greeting }}!\n"


@pytest.mark.parametrize(("code", "subject"), [("de", "Tipps"), ("DE", "Tipps"), ("de_AT", "Tipps"), ("fr", "About")])
async def test_a_code_with_a_region_gets_the_version_of_its_language(new_database, code: str, subject: str):
    speaking = WORKSPACE.replace('timezone "UTC"', 'timezone "UTC"\n    languages "en", "de"')
    async with open_stage(new_database(), speaking, {"tips": TIPS, "tips.de": GERMAN}) as stage:
        await external_changes.tell(stage.rt, "ann@lead.example", {"language": code}, [], [])
        await record(stage.rt, Occurrence("custom", "tips", {}, email="ann@lead.example"))
        await stage.settle()
        (mail,) = stage.mailer.mails
        german = [word in mail.text for word in ("Guten Tag", "Abmelden")]
        assert (mail.subject.strip(), german) == (subject, [subject == "Tipps"] * 2)

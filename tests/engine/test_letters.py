"""What a mail may say of a lead, as the store knows it."""

from __future__ import annotations

from engine.intake import Occurrence, record
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

"""The workspaces of the benches: a small one with a form, on which journeys and intake are measured, and one of many
campaigns for the language, sixty lines each, hardly two alike."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsl.compile import compile_workspace
from engine.deploying.deploy import deploy
from engine.runtime.runtime import Runtime

SMALL = """
workspace "Bench"
    timezone "Europe/Berlin"
    sender "Bench <bench@bench.example>"
    address "Bench, Street 1, Town"
    topic "news" "News"
    mail needs consent
    tracking is always on

form "enter"
    ask email required
    ask first_name
    ask company
    consent "Yes" for topic "news"
{form}
scoring
    +20 when form "enter" is submitted
    +10 when email is clicked, once per email
{scoring}
lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 500
"""
REFERENCE = (
    SMALL.format(form="", scoring="")
    + """
campaign "Reference"
    starts when form "enter" is submitted
    enters once
    leaves when lead becomes MQL
    topic "news"
    flow
        send "first"
        wait up to 3 days for email "first" is clicked
            if score >= 30
                send "second"
            otherwise
                send "third"
"""
)
"""The reference journey: send, wait for a click, branch on the score, send."""
SMALL_TEMPLATES = ("templates/first.md", "templates/second.md", "templates/third.md")
MORE = "https://bench.example/more"
HELLO = f"""---
subject: Hello {{{{ lead.first_name }}}}
---
# Hello

Please [read on]({MORE}), {{{{ lead.company }}}}.
"""


async def deploy_small(rt: Runtime, text: str) -> None:
    """Deploy one campaign file with the three templates, whose only link is `MORE`."""
    compiled = compile_workspace({"bench.campaign": text}, SMALL_TEMPLATES)
    assert compiled.program is not None, compiled.diagnostics
    await deploy(rt.db, rt.clock, compiled.program, dict.fromkeys(SMALL_TEMPLATES, HELLO.encode()), "bench")
    await rt.catalog.refresh()


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder with a short path that the database's own account can pass through."""
    with tempfile.TemporaryDirectory(prefix="cf-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


# ── many campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────
BASE = """\
workspace "Bench Pumps"
    timezone "Europe/Berlin"
    languages "en", "de"
    sender "Bench <hello@bench.example>"
    address "Bench Pumps GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    quiet hours from 20:00 to 08:00
    mail is allowed until opt-out
    topic "newsletter" "Monthly news about pumps"

field company_size number
field industry text
field contract_end date from crm
field product_area choice ("Pumps", "Valves", "Seals")

scoring
    +5   when page is visited, at most 10 points per day
    +10  when page "/pricing*" is visited, once per 7 days, expires after 90 days
    +15  when email is clicked, once per email

scoring "fit"
    +20  if company_size >= 200
    +15  if job_title contains "head" or job_title contains "leiter"

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 50, only if score of "fit" >= 15
    stage SQL
        when sales accepts
    stage Customer
        when event "deal won" happens

team "DACH sales"
    takes leads where country in ("DE", "AT", "CH")
    member "eva@bench.example", up to 20 open
team "Everyone else"
    takes all other leads
    member "sam@bench.example"
"""
FORMS = tuple(f"form {number}" for number in range(40))
TEMPLATES = tuple(f"{folder}/{name}" for folder in ("welcome", "case-study", "offer", "news")
                  for name in ("one", "two", "three", "four", "five"))  # fmt: skip
ASSETS = tuple(f"templates/{name}.md" for name in TEMPLATES)

_INDUSTRIES = ("chemistry", "food", "water", "mining", "marine", "paper")
_COUNTRIES = ("DE", "AT", "CH", "FR", "IT", "ES", "PL", "IE")


def workspace(campaigns: int, seed: int = 1) -> dict[str, str]:
    """File texts by path: the base, the forms, and one file for each campaign of sixty lines."""
    forms = "\n".join(f'form "{name}"\n    ask email required\n    ask company\n    ask country\n' for name in FORMS)
    files = {"campaigns/base.campaign": BASE, "campaigns/forms.campaign": forms}
    for number in range(campaigns):
        files[f"campaigns/c{number:04}.campaign"] = campaign(number, random.Random(seed * 1_000_003 + number))
    return files


MAIL = """\
---
subject: Hello{% if lead.company %} to all at {{ lead.company }}{% endif %}
---
Hello {{ lead.first_name | default('you') }},

here is what we found out about seals that run dry, and what it costs to find out too late:

**[How others do it](https://bench.example/seals)**
"""


def write_workspace(folder: Path, campaigns: int, *, own_mails: bool = False) -> dict[str, str]:
    """Write a workspace with its templates into a new folder called `campaigns`; returns the campaign files. With
    `own_mails` the first mail of each campaign is one of its own, `templates/own/c0001.md`."""
    files = workspace(campaigns)
    assets = [*ASSETS]
    if own_mails:
        for name, text in files.items():
            own = f"own/{Path(name).stem}"
            files[name] = re.sub(r'\bsend "[^"]*"', f'send "{own}"', text, count=1)
            assets.append(f"templates/{own}.md")
    for name in (*files, *(f"campaigns/{asset}" for asset in assets)):
        path = folder.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files.get(name, MAIL), "utf-8")
    return files


def campaign(number: int, choose: random.Random) -> str:
    """One campaign of exactly sixty lines."""
    lines = [
        f"# Campaign {number}: {choose.choice(_INDUSTRIES)}, drafted by author {choose.randrange(30)}",
        f'campaign "Campaign {number}"',
        f'    starts when form "{choose.choice(FORMS)}" is submitted',
        f"        only if {_condition(choose)}",
        f"    enters again after {choose.randrange(30, 300)} days",
        "    leaves when lead becomes Customer",
        '    topic "newsletter"',
        f"    sends on weekdays between 0{choose.randrange(7, 10)}:00 and {choose.randrange(16, 20)}:00",
        "",
        "    flow",
    ]
    while (left := 54 - len(lines)) > 0:
        steps = choose.choice((_mail, _click, _branch, _pause))(choose)
        lines += steps if len(steps) <= left else [f'        send "{choose.choice(TEMPLATES)}" within {left} days']
    page = f"/pricing/{choose.choice(_INDUSTRIES)}*"
    lines += [
        "",
        f'    whenever page "{page}" is visited, once per {choose.randrange(7, 30)} days',
        f'        send "{choose.choice(TEMPLATES)}" as trigger',
        f"        if {_condition(choose)}",
        "            hand off to sales as MQL",
        f'                note "Looked at prices of {choose.choice(_INDUSTRIES)}"',
    ]
    return "\n".join(lines) + "\n"


def _condition(choose: random.Random) -> str:
    some = choose.sample(_COUNTRIES, 3)
    return choose.choice(
        (
            f'country in ("{some[0]}", "{some[1]}", "{some[2]}") and company is known',
            f'score >= {choose.randrange(10, 90)} and score of "fit" >= {choose.randrange(5, 35)}',
            f'company_size >= {choose.randrange(5, 900)} or industry is "{choose.choice(_INDUSTRIES)}"',
            f'not (country is "{some[0]}" or job_title contains "{choose.choice(("chief", "owner", "intern"))}")',
            "stage is at least MQL and email is not a free address",
        )
    )


def _mail(choose: random.Random) -> list[str]:
    return [
        f"        # then mail {choose.randrange(100)}",
        f'        send "{choose.choice(TEMPLATES)}" within {choose.randrange(1, 9)} days',
        f"        wait {choose.randrange(1, 9)} days {choose.randrange(1, 20)} hours",
    ]


def _click(choose: random.Random) -> list[str]:
    template = choose.choice(TEMPLATES)
    return [
        f'        send "{template}"',
        f'        wait up to {choose.randrange(2, 12)} days for email "{template}" is clicked',
        f"            add {choose.randrange(1, 30)} points",
        f'            send "{choose.choice(TEMPLATES)}" as step "after click {choose.randrange(10**9)}"',
        f'        or for form "{choose.choice(FORMS)}" is submitted where country is "{choose.choice(_COUNTRIES)}"',
        f'            add {choose.randrange(1, 30)} points to "fit"',
        "        otherwise",
        f'            send "{choose.choice(TEMPLATES)}"',
    ]


def _branch(choose: random.Random) -> list[str]:
    return [
        f"        if {_condition(choose)}",
        f'            send "{choose.choice(TEMPLATES)}" within 2 days',
        f"        otherwise if {_condition(choose)}",
        f"            wait {choose.randrange(2, 20)} business hours",
        f'            send "{choose.choice(TEMPLATES)}"',
        "        otherwise",
        f"            add -{choose.randrange(1, 9)} points",
    ]


def _pause(choose: random.Random) -> list[str]:
    return [f"        wait until {choose.choice(('monday', 'tuesday', 'friday'))} {choose.randrange(10, 18)}:30"]

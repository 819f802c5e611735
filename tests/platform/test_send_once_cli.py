"""`coldframe send-once`, and what `plan` says of those whom a campaign for a segment or list would email."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dsl.compile import compile_workspace
from engine.cli.common import Stop
from engine.cli.send_once import campaign_for
from engine.deploying.impact_words import tell_recipients as in_words
from engine.deploying.recipients import Recipients
from engine.platform.settings import libpq_url
from tests.support.cli import GOOD, Run, write

ALL = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    topic "News" "News"
    at most 1 email per 7 days
    mail needs consent

list "Readers"

segment "Germans"
    country is "DE"

form "guide"
    ask email required

campaign "Guide"
    starts when form "guide" is submitted
    flow
        send "welcome"
"""
MONDAY = datetime(2026, 9, 7, 6, 30, tzinfo=UTC)


def test_the_campaign_of_one_email() -> None:
    program = compile_workspace({"a.campaign": ALL}, {"templates/welcome.md": b"---\nsubject: s\n---\nx"}).program
    assert program is not None
    assert campaign_for(program, "welcome", ("segment", "germans"), "monday 10:00", "news", MONDAY) == (
        'campaign "Send once: welcome (2026-09-07 10:00)"\n    starts on 2026-09-07 at 10:00 for segment "Germans"\n'
        '    topic "News"\n    flow\n        send "welcome"\n'
    )
    assert campaign_for(program, "welcome", ("list", "Readers"), None, None, MONDAY) == (
        'campaign "Send once: welcome (2026-09-07 08:30)"\n'
        '    starts when list "Readers" is joined, including present members\n'
        '    runs from 2026-09-07 to 2026-09-07\n    flow\n        send "welcome"\n'
    )
    for to, at, topic, said in (
        (("segment", "Germanz"), None, None, "no segment named `Germanz`: did you mean `Germans`?"),
        (("group", "Germans"), None, None, "write --to segment NAME or --to list NAME"),
        (("list", "Readers"), "2020-01-01 10:00", None, "is in the past"),
        (("list", "Readers"), "soon", None, "soon"),
        (("list", "Readers"), None, "newz", "no topic named `newz`"),
    ):
        with pytest.raises(Stop) as stopped:
            campaign_for(program, "welcome", to, at, topic, MONDAY)
        assert said in str(stopped.value)


def test_recipients_in_words() -> None:
    few = Recipients("c", 'list "Readers"', 1, 1)
    assert in_words(few) == 'list "Readers" has 1 lead now: 1 would be emailed'
    many = Recipients("c", 'segment "Germans"', 9, 5, 2, {"no consent": 3, "suppressed: bounced": 1})
    assert in_words(many) == (
        'segment "Germans" has 9 leads now: 5 would be emailed, 2 of them later because of the limit on emails, '
        "3 skipped (no consent), 1 skipped (suppressed: bounced)"
    )


@pytest.fixture
def command(run: Run, workspace: Path, fresh_database_url: str) -> Callable[..., Any]:
    write(workspace, {**GOOD, "shop.campaign": ALL})
    assert run("deploy", "--author", "ada", DATABASE_URL=fresh_database_url).returncode == 0
    return lambda *arguments: run(*arguments, DATABASE_URL=fresh_database_url)


def add(url: str, *leads: tuple[str, str, str | None, str | None]) -> None:
    """Leads by country, state of the topic, suppression, and when they got their last email."""
    with psycopg.connect(libpq_url(url)) as connection:
        for number, (country, topics, suppressed, sent) in enumerate(leads):
            connection.execute(
                "INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, suppressed, lists,"
                " created_at, last_at) VALUES (gen_random_uuid(), %(email)s, %(email)s, 1, %(fields)s, '{}', '{}', '',"
                " %(topics)s, %(suppressed)s, '{\"Readers\": \"2026-01-01\"}', now(), now())",
                {"email": f"a{number}@lead.example", "fields": json.dumps({"country": country}), "topics": topics,
                 "suppressed": suppressed},
            )  # fmt: skip
            if sent:
                connection.execute(
                    "INSERT INTO messages (id, owner_id, step, visit, lead_id, template, kind, state, reason, attempt,"
                    " source, subject, at) SELECT gen_random_uuid(), gen_random_uuid(), 's', '', id, 't', 'marketing',"
                    " 'accepted', '', '', 'c:1', 's', now() - %(sent)s::interval FROM leads WHERE email = %(email)s",
                    {"sent": sent, "email": f"a{number}@lead.example"},
                )


def test_who_would_get_it_and_who_not(
    command: Callable[..., Any], workspace: Path, fresh_database_url: str
) -> None:  # fmt: skip
    yes = '{"News": "subscribed"}'
    add(
        fresh_database_url, ("DE", yes, None, None), ("DE", yes, None, "1 day"), ("DE", yes, None, "8 days"),
        ("DE", "{}", None, None), ("DE", yes, "bounced", None), ("AT", yes, None, None),
    )  # fmt: skip
    said = (
        'segment "Germans" has 5 leads now: 3 would be emailed, 1 of them later because of the limit on emails, '
        "1 skipped (no consent), 1 skipped (suppressed: bounced)"
    )
    to = ("send-once", "welcome", "--to", "segment", "Germans", "--path", workspace)
    dry = command(*to, "--at", "in 3 days", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert said in " ".join(dry.stdout.split())
    assert not list(workspace.glob("send-once-*"))

    refused = command(*to)
    assert (refused.returncode, "pass --yes" in refused.stderr) == (2, True)
    sent = command(*to, "--yes", "--author", "ada")
    assert sent.returncode == 0, sent.stderr
    assert "deployment 2 is live: 2 campaigns" in sent.stdout
    (file,) = workspace.glob("send-once-welcome-*.campaign")
    assert 'starts when segment "Germans" is entered, including present members' in file.read_text()
    assert "exists; delete it" in command(*to, "--yes").stderr

    nothing = command("send-once", "none", "--to", "list", "Readers", "--path", workspace, "--yes")
    assert nothing.returncode == 1
    assert not list(workspace.glob("send-once-none*")), "a file that cannot be deployed is not left behind"

    told = json.loads(command("plan", workspace, "--json").stdout)
    assert told["recipients"] == [], "nothing has changed since"

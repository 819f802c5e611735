"""What `plan` says about people: who would get no email for want of consent, and who gets a template's new text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from dsl.plan import Program
from engine.cli.workspace import examine
from engine.deploying.template_changes import template_changes
from engine.platform.settings import libpq_url
from engine.rules.deploying.changes import DECLARATIONS
from engine.wording.changes import ATTRIBUTES, KINDS, attribute, campaign
from tests.support.cli import Run, write

HEAD = """
workspace "Acme"
    timezone "Europe/Berlin"
    languages "en", "de"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    topic "newsletter" "News"
    topic "product" "Product news"

list "Fair"

form "demo"
    ask email required
    consent "Send me news." for topic "newsletter"
    confirm with "confirm"

campaign "Fair"
    starts when list "Fair" is joined
    topic "newsletter"
    flow
        send "hello"

campaign "Demo"
    starts when form "demo" is submitted
    topic "newsletter"
    flow
        send "hello"
        notify "sales@acme.example" with "hello-team"
"""
MAIL = "---\nsubject: Hello\n---\nHello!\n"
FILES = {
    "all.campaign": HEAD, "templates/hello.md": "---\nsubject: Hello\n---\nHello!\n{% include \"_foot.md\" %}\n",
    "templates/hello.de.md": MAIL, "templates/_foot.md": "Yours\n", "templates/hello-team.md": MAIL,
    "templates/confirm.md": "---\nsubject: Please confirm\n---\n[Confirm]({{ confirm_url }})\n",
}  # fmt: skip


def add_leads(url: str, *leads: tuple[str, str]) -> None:
    """Leads with their topics and lists, as JSON."""
    with psycopg.connect(libpq_url(url)) as connection:
        for number, (topics, lists) in enumerate(leads):
            connection.execute(
                """INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, lists,
                    created_at, last_at) VALUES (gen_random_uuid(), %s, %s, 1, '{}', '{}', '{}', '', %s, %s,
                    '2026-11-01Z', '2026-11-01Z')""", (f"l{number}@x.example", f"l{number}@x.example", topics, lists),
            )  # fmt: skip


def test_plan_counts_who_would_get_no_email_for_want_of_consent(run: Run, tmp_path: Path, url: str) -> None:
    folder = write(tmp_path / "campaigns", FILES)
    on, fair = '{"newsletter": "subscribed"}', '{"Fair": "2026-11-01"}'
    other = '{"product": "subscribed", "Newsletter": "unsubscribed"}'
    add_leads(url, (on, fair), ("{}", fair), (other, fair), ("{}", "{}"), (on, "{}"))
    shown = run("plan", str(folder), DATABASE_URL=url).stdout
    assert "emails to 2 of 3 leads would be skipped: no consent to `newsletter`" in shown
    assert shown.count("would be skipped") == 1, "the form of the other campaign asks for the consent itself"
    free = HEAD.replace("    topic", "    mail is allowed until opt-out\n    topic", 1)
    write(folder, {"all.campaign": free.replace("when lead is added", "when lead joins list", 1)})
    shown = run("plan", str(folder), DATABASE_URL=url).stdout
    assert "emails to 1 of 3 leads would be skipped: unsubscribed from `newsletter`" in shown


def test_plan_counts_who_is_in_a_group_that_nobody_is_mailed_in(run: Run, tmp_path: Path, url: str) -> None:
    barred = HEAD.replace("    topic", '    nobody in list "Press" is mailed\n    topic', 1) + 'list "Press"\n'
    folder = write(tmp_path / "campaigns", {**FILES, "all.campaign": barred})
    add_leads(url, ('{"newsletter": "subscribed"}', '{"Press": "2026-11-01"}'), ("{}", "{}"))
    shown = run("plan", str(folder), DATABASE_URL=url).stdout
    assert 'emails to 1 of 2 leads would be skipped: the workspace excludes list "Press"' in shown


def test_plan_before_the_first_deployment_speaks_of_forms_and_not_of_what_the_compiler_made(
    run: Run, tmp_path: Path, url: str
) -> None:  # fmt: skip
    folder = write(tmp_path / "campaigns", FILES)
    shown = run("plan", str(folder), DATABASE_URL=url).stdout
    assert '+ the confirmation email of form "demo" is new' in shown
    assert 'confirm form "' not in shown


@pytest.fixture
def url(fresh_database_url: str) -> str:
    return fresh_database_url


def compiled(folder: Path) -> tuple[Program, dict[str, bytes]]:
    found = examine(write(folder, FILES))
    assert found.program is not None, found.diagnostics
    return found.program, dict(found.assets)


@pytest.mark.parametrize(
    ("path", "senders"),
    [
        ("templates/hello.de.md", [("Demo", 0, "", False), ("Fair", 3, "", False)]),
        ("templates/_foot.md", [("Demo", 0, "", False), ("Fair", 3, "", False)]),
        ("templates/confirm.md", [('confirm form "demo"', 0, "demo", False)]),
        ("templates/hello-team.md", [("Demo", 0, "", True)]),
    ],
)
def test_who_gets_the_new_text_of_a_template(tmp_path: Path, path: str, senders: list[Any]) -> None:
    program, new = compiled(tmp_path)
    old = {**new, path: new[path] + b"\nA line that goes.\n"}
    [change] = template_changes(program, old, new, {"fair": 3})
    assert change.lines == ("- A line that goes.",)
    assert [(one.campaign, one.leads, one.form, one.staff) for one in change.senders] == senders


def test_kinds_and_attributes_have_words() -> None:
    from typing import get_args

    from dsl.plan import AnyStep

    steps = get_args(get_args(AnyStep)[0])
    assert {step.model_fields["kind"].default for step in steps} == KINDS.keys()
    models = [get_args(Program.model_fields[name].annotation)[0] for name in DECLARATIONS]
    names = {name for model in models for name in model.model_fields}
    names |= set(Program.model_fields["workspace"].annotation.model_fields)  # type: ignore[union-attr]
    assert names >= ATTRIBUTES.keys(), "no word is left over"
    assert all("_" not in attribute(name) for name in names)
    assert campaign('confirm form "demo"') == 'the confirmation email of form "demo"'

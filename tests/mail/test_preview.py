"""Previews: each language, real and invented leads, defaults where nothing is known, and errors with their line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dsl.compile import compile_workspace
from engine.cli.preview import page, stem
from engine.mail.errors import Incomplete, TemplateError
from engine.model.lead import Lead
from engine.sending.preview import EVERYTHING, NOTHING, Draft
from engine.sending.sample_lead import NOBODY, invented_lead

NOW = datetime(2026, 9, 1, 7, tzinfo=UTC)
WORKSPACE = """
workspace "Acme"
    languages "en", "de"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, Voerde"
    mail is allowed until opt-out

field size number
field area choice ("Pumps", "Valves")

form "guide"
    ask email required
    ask company required
    ask first_name

campaign "Guide"
    starts when form "guide" is submitted
    sends from "Ada <ada@acme.example>"
    flow
        send "welcome" with gift = "a pen"
        send "plain" as transactional
        notify owner with "internal/seen"
"""
WELCOME = """---
subject: Hi {{ lead.first_name|default("there") }}
preheader: For {{ lead.company }}
---
{{ greeting }}, you get {{ gift }}. {{ lead.area|default("Nothing") }}, {{ lead.size|default(0) }}.
"""
FILES = {
    "templates/welcome.md": WELCOME,
    "templates/welcome.de.md": WELCOME.replace("you get", "Sie bekommen"),
    "templates/plain.md": "---\nsubject: Plain\n---\n[here](http://acme.example/)\n",
    "templates/internal/seen.md": "---\nsubject: Seen {{ lead.email }}\n---\nSeen.\n",
    "templates/_part.md": "part",
}


def draft(**changed: str) -> Draft:
    compiled = compile_workspace({"a.campaign": WORKSPACE}, FILES.keys())
    assert compiled.program is not None, [one.message for one in compiled.diagnostics]
    files = {**FILES, **{f"templates/{name}.md": text for name, text in changed.items()}}
    return Draft.of(compiled.program, {path: text.encode() for path, text in files.items()}, NOW, "https://go.example")


def test_an_invented_lead_has_a_value_for_every_field():
    lead = invented_lead(draft().program, "ada@lead.example", "de", NOW)
    assert {*lead.fields, *lead.origin} == set(draft().program.all_fields) - {"created"}
    assert (lead.fields["area"], lead.fields["language"]) == ("Pumps", "de")
    assert lead.id == NOBODY


def test_each_language_is_rendered_with_everything_known():
    shown = {language: draft().show("welcome", language, None) for language in draft().languages("welcome")}
    assert list(shown) == ["en", "de"]
    assert "you get a pen. Pumps, 42." in shown["en"].text
    assert "Sie bekommen a pen. Pumps, 42." in shown["de"].text
    one = shown["de"]
    assert (one.file, one.kind, one.variant) == ("templates/welcome.de.md", "marketing", EVERYTHING)
    assert (one.subject, one.preheader) == ("Hi Ada", "For Analytical Engines")
    assert one.sender == "Ada <ada@acme.example>", "the campaign's"
    assert one.warnings == ()


def test_the_bare_lead_shows_defaults_but_keeps_what_every_form_requires():
    one = draft().show("welcome", "en", None, bare=True)
    assert one.variant == NOTHING
    assert one.subject == "Hi there"
    assert one.preheader == "For Analytical Engines"
    assert "Nothing, 0." in one.text


def test_a_real_lead_brings_their_own_values():
    lead = Lead(NOBODY, 3, "", NOW, NOW, "bob@lead.example", {"first_name": "Bob", "company": "Bolts", "size": 7})
    one = draft().show("welcome", "en", lead)
    assert (one.variant, one.subject, one.preheader) == ("bob@lead.example", "Hi Bob", "For Bolts")
    assert "Nothing, 7." in one.text


def test_the_kind_follows_from_the_campaigns_and_so_does_the_footer():
    kinds = {name: draft().show(name, "en", None) for name in ("welcome", "plain", "internal/seen")}
    assert [one.kind for one in kinds.values()] == ["marketing", "transactional", "staff"]
    assert ["/u/" in one.html for one in kinds.values()] == [True, False, False]
    assert [one.code for one in kinds["plain"].warnings] == ["link-http"]


def test_what_cannot_be_rendered_is_named_with_its_line():
    with pytest.raises(TemplateError) as error:
        draft(welcome=WELCOME + "{{ lead.nonsense }}\n").show("welcome", "en", None)
    assert (error.value.name, error.value.line) == ("welcome.md", 6)
    bare = {"_layout": "", "welcome": WELCOME}
    files = {f"templates/{name}.md": text for name, text in bare.items()} | {"templates/_layout.html": "{{ content }}"}
    broken = Draft.of(draft().program, {path: text.encode() for path, text in files.items()}, NOW, "https://go.example")
    with pytest.raises(Incomplete, match="unsubscribe"):
        broken.show("welcome", "en", None)


def test_names_leave_out_parts_languages_and_endings():
    names = draft().names()
    assert {"welcome", "plain", "internal/seen"} <= set(names)
    assert [name for name in names if "_" in name or ".de" in name] == []


def test_the_overview_page_holds_every_version_and_lets_nothing_run(tmp_path: Path):
    shown = [draft().show("welcome", "en", None, bare=bare) for bare in (False, True)]
    text = page(shown)
    assert text.count("<iframe sandbox=") == 2
    assert "allow-scripts" not in text
    assert [stem(one) for one in shown] == ["welcome.en", "welcome.en.bare"]

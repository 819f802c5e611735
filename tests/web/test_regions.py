"""A workspace with regions: emails, form pages and values in the reader's own, and texts of the bare language."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dsl.compile import compile_workspace
from dsl.plan import Program
from engine.mail.context import Context
from engine.mail.render import Renderer
from engine.model.lead import Facts
from engine.rules.conditions.conditions import holds
from engine.rules.imports.rows import Context as Reading
from engine.rules.imports.rows import _chosen
from engine.rules.leads.values import Refused, parse_field
from engine.wording.values import labeled, language_name, moment, readable
from web.http.words import Words, preferred
from web.public.hosted import Filled, offers, said, shown
from web.public.own_data import details
from web.public.preferences import own_name

TEXT = """workspace "Acme Pumps"
    languages "en-GB", "de-AT", "fr-CH", "pt-BR"
    currency EUR
    sender "Acme Pumps <hello@acme.example>"
    address "Acme Pumps GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    topic "newsletter" "News about pumps"

field budget money
field industry choice ("food", "chemicals")
    choice "food" labeled "Food and drink", "de" "Lebensmittel, Getränke"

form "guide"
    title "Colour guide", "de" "Farbratgeber"
    ask email required "en" "Your email", "de" "Ihre E-Mail", "pt-BR" "Seu e-mail"
    ask country
    ask industry
    consent "News, please", "de" "Neuigkeiten, bitte" for topic "newsletter"

campaign "German"
    starts when form "guide" is submitted, only if language is "de"
    flow
        add 1 points
"""
SPOKEN = ("en-GB", "de-AT", "fr-CH")
BODY = "{{ lead.renewal|date('short') }} · {{ lead.budget|money }} · {{ 1234.5|number }}"


@pytest.fixture(scope="module")
def program() -> Program:
    compiled = compile_workspace({"campaigns/all.campaign": TEXT}, ())
    assert compiled.program is not None, compiled.diagnostics
    return compiled.program


def test_emails(program: Program) -> None:
    templates = {
        "a.md": f"---\nsubject: English\n---\n{BODY}",
        "a.de.md": "---\nsubject: Deutsch\n---\n{% include '_sign.md' %}" + BODY,
        "_sign.md": "regards", "_sign.de.md": "grüße",
    }  # fmt: skip
    lead = {"renewal": "2026-12-24", "budget": 1234.5}
    renderer = Renderer(templates, program.workspace)
    found = {
        tag: renderer.render("a", Context(lead=lead, language=tag)) for tag in ("de", "de-AT", "en", "fr", "pt-BR")
    }
    assert {tag: mail.subject for tag, mail in found.items()} == {
        "de": "Deutsch", "de-AT": "Deutsch", "en": "English", "fr": "English", "pt-BR": "English",
    }  # fmt: skip
    assert {tag: mail.language for tag, mail in found.items()} == {
        "de": "de-AT", "de-AT": "de-AT", "en": "en-GB", "fr": "en-GB", "pt-BR": "en-GB",
    }  # fmt: skip
    assert "grüße24.12.26 · €\xa01.234,50 · 1.234,5" in found["de-AT"].text
    assert "24/12/2026 · €1,234.50 · 1,234.5" in found["en"].text
    assert "24.12.26 · 1\u202f234,50\xa0€ · 1\u202f234,5" in found["fr"].text
    assert renderer.variants("a") == {"en-GB": "a.md", "de-AT": "a.de.md"}
    own = Renderer({**templates, "a.de-AT.md": "---\nsubject: Servus\n---\nx"}, program.workspace)
    assert own.render("a", Context(language="de-AT")).subject == "Servus"
    assert own.reader("a", "a.de-AT.md", "de-AT") == "de-AT"


def test_form_pages(program: Program) -> None:
    [form] = program.forms
    assert [said(form.title, one) for one in ("en-GB", "de-AT", "fr-CH")] == [
        "Colour guide",
        "Farbratgeber",
        "Colour guide",
    ]
    labels = {one: shown(form.asks[0], program, one, Words(one), Filled()) for one in program.workspace.languages}
    assert {one: (field.label, field.language) for one, field in labels.items()} == {
        "en-GB": ("Your email", "en-GB"), "de-AT": ("Ihre E-Mail", "de"), "fr-CH": ("Your email", "en-GB"),
        "pt-BR": ("Seu e-mail", "pt-BR"),
    }  # fmt: skip
    countries = dict(shown(form.asks[1], program, "de-AT", Words("de-AT"), Filled()).options)
    assert countries["CH"] == "Schweiz"
    assert offers(form, program, Words("de-AT"), "de-AT")[0] == ("newsletter", "Neuigkeiten, bitte")
    assert form.consents[0].shown("fr-CH") == ("en-GB", "News, please")
    assert (Words("de-AT")("send"), Words("de-AT").language) == (Words("de")("send"), "de-AT")
    assert Words("fr-CH").language == "en"


@pytest.mark.parametrize(
    ("header", "served"),
    [
        ("de-CH, en;q=0.5", "de-AT"),
        ("en-US,pt;q=0.9", "en-GB"),
        ("it, fr;q=0.1", "fr-CH"),
        ("*", "en-GB"),
        ("", "en-GB"),
    ],
)
def test_what_a_browser_asks_for(program: Program, header: str, served: str) -> None:
    assert preferred(header, program.workspace.languages) == served


@pytest.mark.parametrize(
    ("given", "kept"),
    [("de-at", "de-AT"), ("de_AT", "de-AT"), ("de-CH", "de"), ("German", "de"), ("en", "en"), ("fr-CH", "fr-CH")],
)
def test_a_lead_keeps_the_region_that_the_company_writes_in(program: Program, given: str, kept: str) -> None:
    assert parse_field(program.all_fields["language"], [given], Reading(program)) == kept


def test_values(program: Program) -> None:
    assert parse_field(program.all_fields["budget"], ["1’200.50"], Reading(program, language="de-CH")) == 1200.5
    assert parse_field(program.all_fields["budget"], ["1.200"], Reading(program, language="de-DE")) == 1200
    assert [language_name(one, "en-GB") for one in ("de-AT", "pt-BR", "de", "xx")] == [
        "German (Austria)", "Portuguese (Brazil)", "German", "xx",
    ]  # fmt: skip
    assert [own_name(one) for one in ("de-AT", "en-GB", "pt-BR")] == [
        "Deutsch (Österreich)", "English (United Kingdom)", "Português (Brasil)",
    ]  # fmt: skip
    assert readable("money", 1234.5, "de-AT", UTC, "EUR") == "€\xa01.234,50"
    at = datetime(2026, 9, 1, 7, tzinfo=UTC)
    assert moment(at, "en-GB", ZoneInfo("Europe/Vienna")) == "Tue, 1 Sept 2026, 09:00 CEST"


def test_choices_have_labels(program: Program) -> None:
    industry = program.all_fields["industry"]
    shown_in = {
        one: dict(shown(program.forms[0].asks[2], program, one, Words(one), Filled()).options) for one in SPOKEN
    }
    assert {one: options["food"] for one, options in shown_in.items()} == {
        "en-GB": "Food and drink", "de-AT": "Lebensmittel, Getränke", "fr-CH": "Food and drink",
    }  # fmt: skip
    assert shown_in["de-AT"]["chemicals"] == "chemicals"
    for word in ("FOOD", "food and drink", "Lebensmittel, Getränke"):
        assert parse_field(industry, [word], Reading(program)) == "food"
        assert _chosen(word, industry) == [word]
    with pytest.raises(Refused) as refused:
        parse_field(industry, ["steel"], Reading(program, language="de-AT"))
    assert refused.value.problem.words["choices"] == "Lebensmittel, Getränke, chemicals"
    assert labeled(industry, "food", "de-AT") == "Lebensmittel, Getränke"
    person = {"email": "ada@lead.example", "origin": {}, "fields": {"industry": "food", "company": "Acme"}}
    assert ("Industry", "Lebensmittel, Getränke") in details(person, program, Words("de-AT"))


def test_a_condition_on_the_language_holds_in_each_region(program: Program) -> None:
    asked = program.campaigns[0].starts[0].only_if
    facts = {tag: Facts(fields={"language": tag}) for tag in ("de", "de-AT", "fr-CH")}
    assert {tag: holds(asked, one) for tag, one in facts.items()} == {"de": True, "de-AT": True, "fr-CH": False}

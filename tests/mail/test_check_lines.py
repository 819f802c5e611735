"""Templates that stand in campaigns, and what a `send` gives its mail: checked where it is written."""

from __future__ import annotations

import pytest

from tests.mail.test_check import WORKSPACE, body, checked

SENDS = 'send "mail" with discount = 10'
TEAM = '\nteam "Sales"\n    takes all leads\n    member "eva@acme.example"\n'
ENTRY = 'form "whitepaper" is submitted'
SUBJECTS = {
    "unread": ("Hello {{ lead.company", "E701"),
    "unknown name": ("Hello {{ first_name }}", "E703"),
    "unknown field": ("Hello {{ lead.compnay }}", "E704"),
    "missing field": ("Hello {{ lead.first_name }}", "E705"),
    "datum of nothing": ("Hello {{ event.amount }}", "E706"),
    "datum of some": ("Hello {{ event.first_name }}", "E705"),
}


def place(source: str, workspace: str) -> int:
    return next(number for number, line in enumerate(workspace.splitlines(), 1) if source in line)


@pytest.mark.parametrize(("subject", "code"), SUBJECTS.values(), ids=SUBJECTS.keys())
def test_a_subject_under_test_is_a_template(subject: str, code: str) -> None:
    workspace = WORKSPACE.replace(SENDS, f'{SENDS} testing subject "Hello" or "{subject}"')
    (found,) = checked(workspace)
    assert (found.code, found.file, found.line) == (code, "all.campaign", place("testing subject", workspace))
    assert "in the subject here" in found.message


def test_what_a_subject_may_say() -> None:
    subject = "{{ greeting }} {{ lead.company }} {{ discount }} {{ lead.first_name|default('you') }}"
    assert checked(WORKSPACE.replace(SENDS, f'{SENDS} testing subject "{subject}" or "B"')) == []


@pytest.mark.parametrize(("note", "code"), SUBJECTS.values(), ids=SUBJECTS.keys())
def test_a_note_is_a_template(note: str, code: str) -> None:
    handoff = f'hand off to sales\n                note "{note}"'
    workspace = WORKSPACE.replace("        otherwise\n            stop", "        " + handoff) + TEAM
    (found,) = checked(workspace)
    assert (found.code, found.file) == (code, "all.campaign")
    assert "in the note here" in found.message
    assert found.line == place("note", workspace)


@pytest.mark.parametrize("where", ["note", "subject"])
@pytest.mark.parametrize(
    "before",
    ["", "Hello ", "{{ lead.email|replace('x', '\"') }} says \\ ", "„Größe“ "],
    ids=["", "text", "quote", "umlaut"],
)
def test_a_problem_in_a_campaign_is_underlined_at_its_words(where: str, before: str) -> None:
    text = before + "{{ lead.first_name }} and more"
    written = text.replace("\\", "\\\\").replace('"', '\\"')
    line = f'hand off to sales\n                note "{written}"' if where == "note" else ""
    workspace = (
        WORKSPACE.replace("        otherwise\n            stop", "        " + line) + TEAM
        if line
        else (WORKSPACE.replace(SENDS, f'{SENDS} testing subject "Hello" or "{written}"'))
    )
    (found,) = [one for one in checked(workspace) if one.code == "E705"]
    row = workspace.splitlines()[found.line - 1]
    assert row[found.column - 1 : found.end_column - 1] == "lead.first_name"
    assert found.help == "give it a default: `{{ lead.first_name|default('…') }}`"


def test_a_date_that_may_be_missing_is_left_out_with_its_words() -> None:
    dated = WORKSPACE.replace("field company_size number", "field company_size number\nfield renewal date")
    (found,) = checked(dated, mail__md=body("{{ lead.renewal|date }}"))
    assert found.help == "put the words about it in an `{% if lead.renewal %}…{% endif %}`"


GIVEN = {
    "a field some lack": ("lead_name = first_name", "{{ lead_name }}", "`first_name`, which not every lead has"),
    "a datum some lack": ("lead_name = event.first_name", "{{ lead_name }}", "`event.first_name`, which not every"),
}


@pytest.mark.parametrize(("given", "text", "why"), GIVEN.values(), ids=GIVEN.keys())
def test_what_is_given_may_be_missing(given: str, text: str, why: str) -> None:
    workspace = WORKSPACE.replace(SENDS, f'send "mail" with {given}')
    (found,) = checked(workspace, mail__md=body(text))
    assert (found.code, found.line) == ("E705", 4)
    assert why in found.message
    assert checked(workspace, mail__md=body("{{ lead_name|default('you') }}")) == []


@pytest.mark.parametrize("given", ["x = company", "x = event.company", "x = 7", "x = score", 'x = "y"', "x = email"])
def test_what_is_always_there_needs_no_default(given: str) -> None:
    assert checked(WORKSPACE.replace(SENDS, f'send "mail" with {given}'), mail__md=body("{{ x }}")) == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("x = event.amount", "{{ x|default(0)|money }}"),
        ("x = event.items", "{{ x|default(0)|number }}"),
        ("x = today", "{{ x|date }}"),
        ('x = interest in "Pumps"', "{{ x|number }}"),
        ("x = score", "{{ x|number }}"),
        ("x = company_size", "{{ x|default(0)|number }}"),
    ],
)
def test_what_is_given_is_tried_with_a_value_of_its_type(given: str, shown: str) -> None:
    workspace = WORKSPACE.replace(SENDS, f'send "mail" with {given}').replace(ENTRY, "order is placed")
    workspace += '\ninterest "Pumps"\n    pages "/pumps*"\n'
    assert checked(workspace, mail__md=body(shown)) == []


def test_a_mail_that_nobody_sends_yet_may_show_values_of_any_type() -> None:
    assert checked(later__md=body("{{ discount|percent }} {{ day|date }} {{ name }}")) == []
    assert [one.code for one in checked(later__md=body("{{ lead.email|percent }}"))] == ["E710"]


@pytest.mark.parametrize(
    ("where", "sure"),
    [
        ("amount >= 20", True),
        ('amount is known and id in ("a", "b")', True),
        ("amount is not 20", False),
        ("amount >= 20 or items >= 2", False),
        ("not amount >= 20", False),
    ],
)
def test_what_where_asks_for_is_there(where: str, sure: bool) -> None:
    workspace = WORKSPACE.replace(ENTRY, f"order is placed where {where}")
    found = checked(workspace, mail__md=body("{{ event.amount|money }}"))
    assert [one.code for one in found] == ([] if sure else ["E705"])


def test_a_campaign_that_silent_leads_enter_has_no_event() -> None:
    """Its form requires the company, and a lead that comes back may have none."""
    again = '        reactivate after 90 days with campaign "Nurture"\n'
    workspace = WORKSPACE.replace("        when form is submitted\n", f"        when form is submitted\n{again}")
    assert {one.code for one in checked(workspace, mail__md=body("{{ event.company }}"))} == {"E705"}
    assert checked(WORKSPACE, mail__md=body("{{ event.company }}")) == []


def test_a_lead_who_entered_by_a_date_has_that_date() -> None:
    dated = WORKSPACE.replace("starts when form", "starts when 6 months after renewal\n    starts when form", 1)
    dated = dated.replace("field company_size number", "field company_size number\nfield renewal date")
    only = dated.replace(f"    starts when {ENTRY}\n", "", 1)
    subject = "{{ lead.renewal|date }}"
    assert checked(only.replace(SENDS, f'{SENDS} testing subject "{subject}" or "B"')) == []
    (found,) = checked(dated.replace(SENDS, f'{SENDS} testing subject "{subject}" or "B"'))
    assert found.code == "E705"

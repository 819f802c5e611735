"""The checks of templates: every mistake has a code, a place and a fix, and sound templates have none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.compile import compile_workspace
from dsl.problems.diagnostics import Diagnostic
from dsl.workspace import read_workspace
from engine.mail.check import check_templates
from engine.mail.compose import Addressed, compose
from engine.mail.context import NAMES, Context
from engine.mail.formats import FILTERS
from engine.mail.guard import problem
from engine.mail.render import Renderer
from tests.mail.samples import TOKENS, a_mail

CAMPAIGNS = Path(__file__).parents[2] / "campaigns"
WORKSPACE = """
workspace "Acme Pumps"
    timezone "Europe/Berlin"
    languages "en", "de"
    sender "Acme Pumps <hello@acme.example>"
    address "Acme Pumps GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    topic "newsletter" "News"

field company_size number

form "whitepaper"
    ask email required
    ask company required
    ask first_name
    hidden city = "Voerde"
    consent "I agree" for topic "newsletter"
    confirm with "confirm"
    allowed on "https://acme.example"

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

campaign "Nurture"
    starts when form "whitepaper" is submitted
    topic "newsletter"
    flow
        send "mail" with discount = 10
        wait up to 4 days for email "mail" is clicked
            send "clicked"
        otherwise
            stop
"""
GOOD = "---\nsubject: S\n---\nx"


def checked(workspace: str = WORKSPACE, **templates: str) -> list[Diagnostic]:
    """Diagnostics of these templates; `__` stands for a dot, and sound ones are added. That these need no links is said
    apart: the campaign waits for a click in one."""
    sound = {"mail.md": GOOD, "clicked.md": GOOD, "confirm.md": "---\nsubject: S\n---\n[ok]({{ confirm_url }})"}
    named = {name.replace("__", "."): text for name, text in templates.items()}
    assets = {f"templates/{path}": text.encode() for path, text in {**sound, **named}.items()}
    assets["files/guide.pdf"] = b"%PDF"
    compiled = compile_workspace({"all.campaign": workspace}, assets)
    assert compiled.program is not None, compiled.diagnostics
    found = check_templates(compiled.program, assets, {"all.campaign": workspace})
    return [one for one in found if one.code != "W703"]


@pytest.mark.parametrize(
    ("link", "codes"),
    [
        ("x", ["W703"]),
        ('<a data-untracked href="https://acme.example/a">a</a>', ["W703"]),
        ("[a](https://acme.example/a)", []),
    ],
)
def test_an_email_whose_click_is_awaited_has_a_link_that_is_recorded(link: str, codes: list[str]) -> None:
    texts = {"mail": f"---\nsubject: S\n---\n{link}", "clicked": GOOD}
    assets = {f"templates/{name}.md": text.encode() for name, text in texts.items()}
    assets["templates/confirm.md"] = b"---\nsubject: S\n---\n[ok]({{ confirm_url }})"
    compiled = compile_workspace({"all.campaign": WORKSPACE}, assets)
    assert compiled.program is not None
    found = [one for one in check_templates(compiled.program, assets) if one.code == "W703"]
    assert [(one.code, one.file) for one in found] == [(code, "templates/mail.md") for code in codes]


def body(text: str) -> str:
    return f"---\nsubject: S\n---\n{text}"


def test_sound_templates_have_no_problem() -> None:
    assert checked() == []


MISTAKES = {
    "a broken tag": (body("one\n{% if %}"), "E701", 5, None),
    "a wrong entry": ("---\nsubjct: S\n---\nx", "E701", 2, None),
    "no subject": ("x", "E702", 1, None),
    "an unknown name": (body("{{ leed.email }}"), "E703", 4, "lead"),
    "an unknown filter": (body("{{ lead.email|uper }}"), "E710", 4, None),
    "an unknown field": (body("{{ lead.compnay }}"), "E704", 4, "company"),
    "an unknown field in the subject": ("---\nsubject: To {{ lead.compnay }}\n---\nx", "E704", 2, "company"),
    "an unknown part of the workspace": (body("{{ workspace.adress }}"), "E704", 4, "address"),
    "an unknown part of the owner": (body("{% if owner.mail %}x{% endif %}"), "E704", 4, None),
    "a field some leads lack": (body("{{ lead.first_name }}"), "E705", 4, "default"),
    "a field some leads lack, filtered": (body("{{ lead.first_name|upper|default('x') }}"), "E705", 4, "default"),
    "in a call": (body("{% macro m(x) %}x{% endmacro %}{{ m(lead.last_name) }}"), "E705", 4, "default"),
    "a datum that may lack": (body("{{ event.first_name }}"), "E705", 4, "default"),
    "a number some lack": (body("{{ lead.company_size|number }}"), "E705", 4, "lead.company_size|default(0)"),
    "a datum no event carries": (body("{{ event.amount }}"), "E706", 4, None),
    "a datum another event carries": (body("{{ event.link }}"), "E706", 4, None),
    "a part that is not there": (body('{% include "_signatur.md" %}'), "E709", 4, None),
    "a file that is not there": (body('[x]({{ file_url("gide.pdf") }})'), "E709", 4, "guide.pdf"),
    "a macro without its names": (body('{% from "_m.md" import m %}{{ m() }}'), "E703", 1, "with context"),
    "a value of the wrong kind": (body("{{ lead.company_size|default('x')|date }}"), "E710", 4, None),
    "a sender that is none": ("---\nsubject: S\nsender: Ada\n---\nx", "E713", 3, "Acme Pumps <"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "help"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_has_its_code_its_line_and_a_fix(text: str, code: str, line: int, help: str | None) -> None:
    (found,) = checked(mail__md=text, _m__md="{% macro m() %}{{ score }}{% endmacro %}")
    assert (found.code, found.severity, found.line) == (code, "error", line)
    assert found.file == ("templates/_m.md" if help == "with context" else "templates/mail.md")
    if help:
        assert help in (found.help or "")


@pytest.mark.parametrize("text", ["<a ", "<!--", "<!-- >", '<a href="', "<script>", "<HEAD\n>", "<textarea>"])
@pytest.mark.parametrize("ending", ["md", "html", "mjml"])
def test_tags_that_never_end_are_refused_before_anything_looks_for_their_end(ending: str, text: str) -> None:
    hostile = ">" * 40_000 + text * (55_000 // len(text))
    (found,) = checked(**{f"other__{ending}": body(hostile)})
    assert (found.code, found.message) == ("E701", "more than 100 of its tags never end")


def test_many_whole_tags_and_comments_are_no_matter() -> None:
    row = "<!--[if mso]><td><![endif]--><!-- <b><i --><style>a</style><p title='a'>1 < 2 {{ 1<score }}</p>\n"
    assert checked(mail__md=body(row * 200 + "<p title='a<b'>\n" * 50)) == []


FINE = [
    "{{ lead.email }} {{ lead.company }} {{ event.company }} {{ event.city }} {{ greeting }} {{ score }} {{ stage }}",
    "{{ lead.first_name|default('you') }} {{ lead.first_name or 'you' }}",
    "{{ lead.first_name if lead.first_name else 'x' }}",
    "{% if lead.first_name %}{{ lead.first_name }}{% endif %}",
    "{% if not lead.first_name %}x{% else %}{{ lead.first_name }}{% endif %}",
    "{% if lead.company_size > 10 and lead.city %}{{ lead.company_size|number }} {{ lead.city }}{% endif %}",
    "{% if lead.city is defined %}{{ lead.city|upper }}{% elif lead.last_name %}{{ lead.last_name }}{% endif %}",
    "{% for i in range(3) %}{{ i }} {{ loop.index }}{% endfor %}{% set x = 1 %}{{ x }}",
    "{% set n = lead.first_name %}{% if n %}{{ n }}{% endif %}",
    "{% macro m(x, y='a') %}{{ x }}{{ y }}{% endmacro %}{{ m(lead.email) }}",
    "{{ discount|percent }} {{ discount * 2 }}",
    "{% if event.first_name %}{{ event.first_name }}{% endif %}",
    "[x]({{ file_url('guide.pdf') }}) {% if interests %}{{ interests }}{% endif %}",
    "{% include 'nothing.md' ignore missing %}{% include '_p.md' %}",
]  # fmt: skip


@pytest.mark.parametrize("text", FINE)
def test_what_is_fine(text: str) -> None:
    assert checked(mail__md=body(text), _p__md="{{ discount }} {{ lead.company }}") == []


def test_event_data_is_that_of_the_event_that_woke_the_branch() -> None:
    assert checked(clicked__md=body("{{ event.link }}")) == []
    (found,) = checked(clicked__md=body("{{ event.company }}"))
    assert (found.code, found.related[0].file) == ("E706", "all.campaign")


def test_a_name_must_be_given_by_every_send() -> None:
    (found,) = checked(clicked__md=body("{{ discount }}"))
    assert found.code == "E703"
    twice = WORKSPACE.replace('send "clicked"', 'send "mail"')
    (found,) = checked(twice, mail__md=body("{{ discount }}"))
    assert (found.code, "with discount" in (found.help or "")) == ("E707", True)


def test_a_part_is_judged_where_it_is_used() -> None:
    (found,) = checked(mail__md=body("{% include '_p.md' %}"), _p__md="one\n{{ lead.first_name }}")
    assert (found.code, found.file, found.line, found.column) == ("E705", "templates/_p.md", 2, 4)
    assert (
        checked(
            mail__md=body("{% if lead.first_name %}{% include '_p.md' %}{% endif %}"), _p__md="{{ lead.first_name }}"
        )
        == []
    )


@pytest.mark.parametrize("text", ["{{ greeting }}", "{{ lead.company|default('') }}", "{{ event.company }}"])
def test_a_confirmation_shows_nothing_that_was_typed(text: str) -> None:
    (found,) = checked(confirm__md=body(text + " {{ confirm_url }}"))
    assert (found.code, found.file) == ("E711", "templates/confirm.md")


LAYOUTS = {
    "<html><body>{{ content }} {{ workspace.address }}</body></html>": "E708",
    "<html><body>{{ content }} <a href='{{ unsubscribe_url }}'>x</a></body></html>": "E708",
    "<html><body>nothing</body></html>": "E710",
    "<html><body>{{ content }}{{ contents }}</body></html>": "E703",
}


@pytest.mark.parametrize(("layout", "code"), LAYOUTS.items())
def test_a_layout_must_carry_what_the_law_asks_for(layout: str, code: str) -> None:
    assert code in {found.code for found in checked(_layout__html=layout)}


def test_a_layout_that_carries_it_is_fine() -> None:
    layout = "<html><body>{{ content }} {{ workspace.address }} <a href='{{ unsubscribe_url }}'>x</a></body></html>"
    assert checked(_layout__html=layout) == []


def test_a_page_of_ones_own_needs_them_too() -> None:
    workspace = WORKSPACE.replace('send "clicked"', 'send "page"')
    page = "<html><body>x {{ workspace.address }}</body></html>"
    assert [one.code for one in checked(workspace, page__html=body(page))] == ["E708"]
    whole = page.replace("x", '<a href="{{ unsubscribe_url }}">x</a>')
    assert checked(workspace, page__html=body(whole)) == []


def test_other_kinds_of_files() -> None:
    assert [one.code for one in checked(extra__de__md=GOOD)] == ["E714"]
    (found,) = checked(extra__de__mjml=GOOD)
    assert (found.code, found.help) == ("E714", "create the file `templates/extra.mjml`")
    assert checked(extra__md=body("{{ whatever }} {{ event.anything }}")) == []
    assert [one.code for one in checked(extra__md=body("{{ lead.nothing }}"))] == ["E704"]
    assert checked(mail__txt="{{ lead.company }}") == []
    assert [one.code for one in checked(mail__txt="{{ lead.first_name }}")] == ["E705"]


@pytest.mark.parametrize("hidden", ["%0d%0a", "%0A", "%0d", "%250d%250A", "%25250a", "%00", "%09", "%7f", "%1B"])
def test_an_encoded_control_character_in_a_link(hidden: str) -> None:
    for link in (f"[x](https://a.example/x{hidden}y)", f'<a href="https://a.example/?q={hidden}">x</a>'):
        found = [one for one in checked(mail__md=body(link)) if one.code == "E715"]
        assert len(found) == 1
    assert "E715" not in {one.code for one in checked(mail__md=body("[x](https://a.example/a%20b%2F%C3%BC?q=%70)"))}
    assert "E715" not in {one.code for one in checked(mail__md=body("[x](mailto:a@b.example?body=a%0D%0Ab)"))}


def test_a_file_that_is_not_utf8() -> None:
    compiled = compile_workspace(
        {"all.campaign": WORKSPACE}, [f"templates/{n}.md" for n in ("mail", "clicked", "confirm")]
    )
    assert compiled.program is not None
    assets = {f"templates/{name}.md": GOOD.encode() for name in ("clicked", "confirm")}
    (found,) = check_templates(compiled.program, {**assets, "templates/mail.md": b"\xff\xfe"})
    assert (found.code, found.file) == ("E701", "templates/mail.md")


def test_the_place_is_the_word() -> None:
    (found,) = checked(mail__md=body("Hello {{ lead.compnay }}!"))
    assert (found.column, found.end_column) == (10, 22)


# ── the templates that come with the project ─────────────────────────────────────────────────────────────────────────
def test_the_campaigns_of_the_project_are_sound() -> None:
    sources = read_workspace(CAMPAIGNS)
    compiled = compile_workspace(sources.files, sources.assets)
    assert compiled.program is not None
    assert check_templates(compiled.program, sources.assets) == []


@pytest.mark.parametrize("language", ["en", "de", "ja"])
@pytest.mark.parametrize(
    "lead", [{}, {"first_name": "Ada", "last_name": "Lovelace", "company_size": 12, "country": "GB"}]
)
def test_every_mail_of_the_project_can_be_sent(language: str, lead: dict[str, object]) -> None:
    sources = read_workspace(CAMPAIGNS)
    compiled = compile_workspace(sources.files, sources.assets)
    assert compiled.program is not None
    templates = {
        path.removeprefix("templates/"): text.decode()
        for path, text in sources.assets.items() if path.startswith("templates/")
    }  # fmt: skip
    renderer = Renderer(templates, compiled.program.workspace)
    names = {path.split(".")[0] for path in renderer.templates if not path.rpartition("/")[2].startswith("_")}
    assert {"whitepaper/welcome", "forms/confirm", "internal/handoff", "internal/reminder"} <= names
    context = Context(
        lead={"email": "ada@acme.example", "company": "Engines", **lead}, language=language, confirm_url="https://t.example/confirm",
        event={"handoff_url": "https://t.example/h", "note": "n", "due": "2026-11-24T09:00:00+00:00"},
        given={"discount": 10}, file_url=lambda name: f"https://t.example/{name}",
    )  # fmt: skip
    for name in names:
        kind = "staff" if name.startswith("internal/") else "marketing"
        message = Addressed(a_mail().message_id, a_mail().message_id, "ada@acme.example", kind)  # type: ignore[arg-type]
        made = compose(renderer, name, context, message, TOKENS, "https://t.example", tracked=True)
        assert problem(made.mail) is None
        assert "{{" not in made.mail.html + made.mail.text


def test_the_guide_is_a_pdf() -> None:
    guide = (CAMPAIGNS / "files" / "pump-guide.pdf").read_bytes()
    assert guide.startswith(b"%PDF-1.4")
    assert guide.count(b"/Type /Page ") == 4


def test_every_code_and_filter_is_documented() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "mail.md").read_text("utf-8")
    codes = set(re.findall(r'"(E7\d\d)"', (root / "engine" / "mail" / "check.py").read_text("utf-8")))
    assert codes == set(re.findall(r"^\| (E7\d\d) \|", page, re.MULTILINE))
    assert {name for name in FILTERS if not name.startswith("_") and f"`{name}" not in page} <= {"d", "count"}
    assert {name for name in NAMES if f"`{name}" not in page} == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ lead.email ", "unexpected end of template, expected `}}`"),
        ("{% if score %}x", "`{% if … %}` is never closed; add `{% endif %}` where it ends"),
        ("{{ lead.email lead.city }}", "expected `}}`, got 'lead'"),
        (
            "{# x",
            "`{#` starts a comment that never ends; write `#}` at its end, or `{ #` if it is not a comment",
        ),
    ],
)
def test_what_jinja_cannot_read_is_said_with_the_signs_as_they_are_typed(text: str, said: str) -> None:
    (found,) = checked(mail__md=body(text))
    assert found.message == said


PLACES = {
    "the second of two on a line": body(
        "{% if lead.last_name %}{{ lead.last_name }}{% endif %} {{ ⟨lead.last_name⟩ }}"
    ),
    "a field by brackets": body('{{ greeting }}{{ ⟨lead["last_name"]⟩ }}'),
    "behind an emoji": body("🙂 ü {# lead.compnay #} {{ ⟨lead.compnay⟩ }}"),
    "a tag of several lines": body("{{ greeting }}{{\n    ⟨lead.compnay⟩\n}} lead.compnay"),
    "after space that the tag eats": body("x   \n\n   {%- if score %} {{ ⟨lead.compnay⟩ -}}  \n {% endif %}"),
    "the subject": '---\nsubject: "Hi, {{ greeting }} {{ ⟨lead.compnay⟩ }}"\n---\nx',
    "a subject that cannot be read": "---\nsubject:  {{ greeting ⟨greeting⟩ }}\n---\nx",
    "a part": body('{{ greeting }} {% include ⟨"_signatur.md"⟩ %}'),
    "a file": body('{{ greeting }} [x]({{ file_url(⟨"gide.pdf"⟩) }})'),
    "a word too much": body("one\n{{ greeting }} {{ greeting ⟨greeting⟩ }}"),
    "an unknown statement": body("one\n{% ⟨foo⟩ %}"),
    "a sign that cannot be read": body("one\n{{ greeting ⟨?⟩ }}"),
    "a text without an end": body("{{ lead.email|default(⟨'⟩x) }}"),
    "an unknown filter": body("{{ lead.email|⟨uper⟩ }}"),
    "Windows line ends": body("one\n{{ ⟨lead.compnay⟩ }}").replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES.keys())
def test_a_mistake_is_at_its_exact_place(text: str) -> None:
    start = text.index("⟨")
    (found,) = checked(mail__md=text.replace("⟨", "").replace("⟩", ""))
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    assert (found.line, found.column) == (line, column)
    assert found.end_column - column == text.index("⟩") - start - 1


def test_a_declared_property_needs_no_default_unless_it_is_optional() -> None:
    event = 'event "paid" has invoice text, note text optional\ndeal has product text\n'
    starts = 'event "paid" happens', "deal is won"
    for start, needed, lacking in zip(starts, ("invoice", "product"), ("note", "amount"), strict=True):
        campaign = f'campaign "P"\n    starts when {start}\n    flow\n        send "paid"\n'
        text = f"---\nsubject: S\n---\n{{{{ event.{needed} }}}}"
        assert checked(WORKSPACE + event + campaign, paid__md=text) == []
        (found,) = checked(WORKSPACE + event + campaign, paid__md=text.replace(needed, lacking))
        assert (found.code, found.message) == (
            "E705", f"not every event that leads here has a property `{lacking}`",
        )  # fmt: skip


DAYS = """
event "invoice" has due date, day text
event "visit" has day date

campaign "Invoice"
    starts when event "invoice" happens
    topic "newsletter"
    flow
        send "invoice"

campaign "Visit"
    starts when event "visit" happens
    topic "newsletter"
    flow
        send "visit"
"""


def test_a_datum_has_the_type_of_the_events_that_lead_there() -> None:
    """Of two events with a property of one name, and of a handoff's own."""
    texts = {
        "internal/handoff.md": body("{% if event.due %}{{ event.due|time }}{% endif %} {{ event.handoff_url }}"),
        "visit.md": body("{{ event.day|date }}"), "invoice.md": body("{{ event.day }}, {{ event.due|date }}"),
    }  # fmt: skip
    assert checked(WORKSPACE + DAYS, **texts) == []
    wrong = {**texts, "invoice.md": body("{{ event.day|date }}"), "visit.md": body("{{ event.day|time }}")}
    assert {(one.code, one.file) for one in checked(WORKSPACE + DAYS, **wrong)} == {
        ("E710", "templates/invoice.md"), ("E710", "templates/visit.md")
    }  # fmt: skip

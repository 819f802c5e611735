"""Templates become mails: languages, parts, layouts, text, and nothing a lead typed is more than text."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from dsl.plan import Workspace
from engine.mail.context import Context
from engine.mail.errors import TemplateError
from engine.mail.render import Renderer
from tests.mail.samples import ADDRESS, WORKSPACE, rendered

HOSTILE = "<b>[x](http://evil.example)"
PLAIN_LAYOUT = {"_layout.html": "<html><body>{{ content }}</body></html>", "_layout.txt": "{{ content }}"}


def body_of(html: str) -> str:
    return html.partition("<body")[2].partition(">")[2].rpartition("</body>")[0].strip()


# ── hostile values ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["a.md", "a.html"])
def test_a_name_is_never_markup_nor_a_link(path: str) -> None:
    mail = rendered(
        "Hello {{ lead.first_name }}!", {"first_name": HOSTILE}, path=path, subject="To {{ lead.first_name }}"
    )
    shown = body_of(mail.html) or mail.html
    assert "&lt;b&gt;[x](" in shown
    assert "evil" in shown
    for part in (shown, mail.text, mail.subject):
        assert "http://evil" not in part
        assert "evil.example" not in part
    assert not re.search(r"<a\b|<b>", shown)


@pytest.mark.parametrize("path", ["a.md", "a.html"])
def test_a_long_text_keeps_its_lines(path: str) -> None:
    mail = rendered("Hello {{ lead.first_name }}!", {"first_name": "one <b>\ntwo"}, path=path)
    shown = body_of(mail.html) or mail.html
    assert re.search(r"Hello one &lt;b&gt;<br ?/?>\s*two!", shown)
    assert re.search(r"Hello one <b>\s+two!", mail.text)


@pytest.mark.parametrize(
    "value",
    ["{{ 7 * 7 }}", "{% raw %}", "{{ lead }}", "**bold**", "# Title", "- item", "![i](x)", "<script>alert(1)</script>",
     "`code`", "a | b", "\\", "&amp;", "&lt;b&gt;", "</p><p>", "\" onclick=\"x", "' onclick='x", "zq0q"],
)  # fmt: skip
def test_a_value_is_shown_as_it_was_typed(value: str) -> None:
    mail = rendered("Hello {{ lead.first_name }}!", {"first_name": value}, parts=PLAIN_LAYOUT)
    assert unescape(body_of(mail.html)) == f"<p>Hello {value}!</p>"
    assert mail.text == f"Hello {value}!\n"


def test_a_subject_stays_one_line() -> None:
    mail = rendered(
        "x", {"first_name": "Ada\r\nBcc: eve@evil.example\x00\u2028"}, subject="Hi {{ lead.first_name }}, 👩‍🔧"
    )
    assert mail.subject == "Hi Ada Bcc: eve@evil.\u200bexample , 👩‍🔧"
    assert len(rendered("x", {"first_name": "a" * 999}, subject="{{ lead.first_name }}").subject) == 250


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "data:text/html,x", " JaVaScRiPt:x", "//evil", "x y", "\x01javascript:x"]
)
def test_a_value_in_an_address_must_be_a_web_address(value: str) -> None:
    for body in ("[go]({{ lead.site }})", '<a href="{{ lead.site }}">go</a>', "<a href={{ lead.site }}>go</a>"):
        assert 'href="#"' in rendered(body, {"site": value}, parts=PLAIN_LAYOUT).html


def test_a_value_inside_an_address_cannot_leave_it() -> None:
    lead = {"site": "https://ok.example/a?b=1&c=ü", "city": 'x" onclick="y z'}
    html = rendered(
        "[a]({{ lead.site }}) <a href='https://x.example/{{ lead.city }}'>b</a>", lead, parts=PLAIN_LAYOUT
    ).html
    assert 'href="https://ok.example/a?b=1&amp;c=%C3%BC"' in html
    assert 'href="https://x.example/x%22%20onclick=%22y%20z"' in html


def test_an_attribute_without_quotes_gets_them() -> None:
    html = rendered("<p title={{ lead.city }}>x</p>", {"city": "a onclick=b"}, path="a.html").html
    assert html == '<p title="a onclick=b">x</p>'


def test_one_address_can_be_copied() -> None:
    assert "ada@acme.example" in rendered("{{ lead.email }}", {"email": "ada@acme.example"}).text


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def shown(expression: str, language: str = "en", **context: Any) -> str:
    return rendered(
        "{{ " + expression + " }}", context.pop("lead", {}), parts=PLAIN_LAYOUT, language=language, **context
    ).text.strip()


@pytest.mark.parametrize(
    ("expression", "language", "expected"),
    [
        ("'2026-12-24'|date", "en", "December 24, 2026"),
        ("'2026-12-24'|date", "de", "24. Dezember 2026"),
        ("'2026-12-24'|date", "ro", "24 decembrie 2026"),
        ("'2026-12-24'|date", "ja", "2026年12月24日"),
        ("'2026-12-24'|date('short')", "de-AT", "24.12.26"),
        ("'2026-12-24T23:30:00+00:00'|date('short')", "en", "12/25/26"),
        ("'2026-12-24T23:30:00+00:00'|time", "de", "00:30"),
        ("'09:05'|time", "de", "09:05"),
        ("12000|number", "de", "12.000"),
        ("12000.5|number", "en", "12,000.5"),
        ("1|number(2)", "en", "1.00"),
        ("1200|money", "de", "1.200,00\xa0€"),
        ("1200|money('USD')", "en", "$1,200.00"),
        ("'1200 CHF'|money", "en", "CHF1,200.00"),
        ("10|percent", "en", "10%"),
        ("12.5|percent(1)", "de", "12,5\xa0%"),
        ("score", "en", "52"),
        ("true", "de", "ja"),
        ("['a', 'b']", "en", "a, b"),
        ("'x' ~ 1 ~ 'y'", "en", "x1y"),
        ("lead.nothing|default('there')", "en", "there"),
        ("lead.empty|default('there')", "en", "there"),
        ("'yes' if lead.nothing else 'no'", "en", "no"),
        ("'yes' if lead.nothing == 'DE' or lead.nothing > 3 or 'a' in lead.nothing else 'no'", "en", "no"),
        ("(7 * 3 - 1) / 2", "en", "10"),
        ("lead.items", "en", "three"),
        ("'ada lovelace'|title|truncate(5)", "en", "Ada…"),
    ],
)
def test_values_follow_the_language(expression: str, language: str, expected: str) -> None:
    lead = {"items": "three", "empty": ""}
    assert (
        shown(expression, language, lead=lead, score=52.0, zone="Europe/Berlin").replace("\u202f", "\xa0") == expected
    )


@pytest.mark.parametrize(
    ("language", "lead", "expected"),
    [
        ("en", {"first_name": "Ada", "last_name": "Lovelace"}, "Hello Ada"),
        ("en", {}, "Hello"),
        ("fr", {"first_name": "Ada"}, "Hello Ada"),
        ("de", {"first_name": "Ada", "last_name": "Lovelace"}, "Guten Tag Ada Lovelace"),
        ("de", {}, "Guten Tag"),
        ("ro", {"first_name": "Ada"}, "Bună ziua, Ada"),
        ("ro", {"last_name": "Popescu"}, "Bună ziua"),
        ("ja", {"first_name": "太郎", "last_name": "田中"}, "田中 太郎 様"),
        ("ja", {"last_name": "田中"}, "田中 様"),
        ("ja", {}, "お客様"),
        ("en", {"first_name": "Anne-Marie O’Hara"}, "Hello Anne-Marie O’Hara"),
        ("en", {"first_name": "Win at http://evil.example"}, "Hello"),
        ("en", {"first_name": "evil.example"}, "Hello"),
        ("en", {"first_name": "12345"}, "Hello"),
        ("en", {"first_name": "x" * 61}, "Hello"),
        ("en", {"first_name": 7}, "Hello"),
    ],
)
def test_greetings(language: str, lead: dict[str, Any], expected: str) -> None:
    templates = {
        **PLAIN_LAYOUT,
        **{f"a{mark}.md": "---\nsubject: S\n---\n{{ greeting }}" for mark in ("", ".de", ".ro", ".ja")},
    }
    mail = Renderer(templates, WORKSPACE).render("a", Context(lead=lead, language=language))
    assert mail.text.strip() == expected


# ── languages ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_version_of_the_language_or_the_first_one() -> None:
    templates = {
        "a.md": "---\nsubject: English\n---\n{% include '_sign.md' %}", "_sign.md": "regards",
        "a.de.md": "---\nsubject: Deutsch\n---\n{% include '_sign.md' %}", "_sign.de.md": "grüße",
    }  # fmt: skip
    renderer = Renderer(templates, WORKSPACE)
    found = {tag: renderer.render("a", Context(language=tag)) for tag in ("", "en", "en-GB", "de", "de_AT", "ja", "xx")}
    assert {tag: mail.subject for tag, mail in found.items()} == {
        "": "English", "en": "English", "en-GB": "English", "de": "Deutsch", "de_AT": "Deutsch", "ja": "English",
        "xx": "English",
    }  # fmt: skip
    assert "grüße" in found["de_AT"].html
    assert "regards" in found["ja"].text
    assert (found["de_AT"].language, found["ja"].language) == ("de", "en")


def test_the_footer_speaks_the_language_of_the_text() -> None:
    templates = {"a.md": "---\nsubject: E\n---\nx", "a.de.md": "---\nsubject: D\n---\nx"}
    renderer = Renderer(templates, WORKSPACE)
    german = renderer.render("a", Context(language="de", unsubscribe_url="https://x.example/u"))
    assert "Abmelden" in german.html
    assert "Abmelden: https://x.example/u" in german.text
    assert '<html lang="de">' in german.html


# ── parts and layouts ────────────────────────────────────────────────────────────────────────────────────────────────
def test_markdown_stands_in_the_layout_with_its_styles_inlined() -> None:
    mail = rendered("# Title\n\nSome *text*.", unsubscribe_url="https://x.example/u")
    assert re.search(r'<h1 style="[^"]*font-size: 26px', mail.html)
    assert "prefers-color-scheme: dark" in mail.html
    assert ADDRESS in mail.html
    assert ADDRESS in mail.text
    assert mail.text.startswith("Title\n\nSome text.\n")


def test_a_bold_link_alone_is_a_button() -> None:
    html = rendered("**[Go](https://x.example/)**\n\nor **[go](https://x.example/)** now").html
    assert len(re.findall(r'<p class="button"', html)) == 1


def test_statements_stand_between_blocks_and_lists_stay_whole() -> None:
    body = (
        "{% if lead.city %}\nIn {{ lead.city }}\n{% else %}\nNowhere\n{% endif %}\n\n"
        "{% for i in range(3) %}\n- item {{ i }}\n{% endfor %}\n"
    )
    mail = rendered(body, {"city": "Voerde"}, parts=PLAIN_LAYOUT)
    assert (
        body_of(mail.html).replace("\n", "") == "<p>In Voerde</p><ul><li>item 0</li><li>item 1</li><li>item 2</li></ul>"
    )
    assert mail.text == "In Voerde\n\n  * item 0\n  * item 1\n  * item 2\n"


def test_macros_includes_and_inheritance() -> None:
    parts = {
        **PLAIN_LAYOUT,
        "_base.html": "<html><body>{% block body %}base{% endblock %}<p>{{ workspace.name }}</p></body></html>",
        "_macros.html": '{% macro button(url, label) %}<a href="{{ url }}" class="b">{{ label }}</a>{% endmacro %}',
    }
    body = (
        '{% extends "_base.html" %}{% import "_macros.html" as m %}'
        '{% block body %}{{ m.button("https://x.example/?a=1&b=2", lead.city) }}{% endblock %}'
    )
    mail = rendered(body, {"city": "<Voerde>"}, path="a.html", parts=parts)
    assert (
        mail.html == '<html><head></head><body><a href="https://x.example/?a=1&amp;b=2" class="b">&lt;Voerde&gt;</a>'
        "<p>Acme Pumps</p></body></html>"
    )
    assert mail.text == "<Voerde> <https://x.example/?a=1&b=2>\n\nAcme Pumps\n"


def test_rows_of_a_table_may_be_made_in_a_loop() -> None:
    body = "<html><body><table>{% for i in range(2) %}<tr><td>{{ i }}</td></tr>{% endfor %}</table></body></html>"
    html = rendered(body, path="a.html").html
    assert html.count("<tr><td>") == 2
    assert re.search(r"<table>.*<tr><td>0</td></tr><tr><td>1</td></tr>.*</table>", html)


def test_a_text_of_ones_own_wins_and_still_gets_address_and_unsubscribe_link() -> None:
    mail = rendered(
        "Long story",
        {"city": "Voerde"},
        parts={"a.txt": "Short {{ lead.city }}"},
        unsubscribe_url="https://x.example/u",
    )
    assert mail.text.startswith("Short Voerde\n\n--\n")
    assert "https://x.example/u" in mail.text
    assert "Long story" in mail.html


@pytest.mark.parametrize("lacks", ["", "workspace.address", "unsubscribe_url"])
@pytest.mark.parametrize("path", ["a.md", "a.html"])
def test_a_text_that_has_its_address_and_its_link_gets_no_second(path: str, lacks: str) -> None:
    names = [name for name in ("workspace.address", "unsubscribe_url") if name != lacks]
    own = "Short\n" + "\n".join(f"{{{{ {name} }}}}" for name in names)
    text = rendered("Long", path=path, parts={"a.txt": own}, unsubscribe_url="https://x.example/u").text
    assert text.count("\n--\n") == bool(lacks)
    layout = {"a.txt": own, "_layout.txt": "{{ content }}\n--\nA layout of ours"}
    assert "of ours" in rendered("Long", path=path, parts=layout, unsubscribe_url="https://x.example/u").text


def test_a_layout_of_the_workspaces_own() -> None:
    parts = {
        "_layout.html": "<html><head><style>.x p { color: red }</style></head>"
        "<body class=x>{{ content }}<i>{{ preheader }}</i></body></html>"
    }
    templates = {"a.md": "---\nsubject: S\npreheader: Pre {{ lead.city }}\n---\nHello", **parts}
    html = Renderer(templates, WORKSPACE).render("a", Context(lead={"city": "<V>"})).html
    assert '<p style="color: red;">Hello</p>' in html
    assert "<i>Pre &lt;V&gt;</i>" in html


def test_style_sheets_are_never_fetched() -> None:
    body = '<html><head><link rel="stylesheet" href="file:///etc/passwd"></head><body>x</body></html>'
    assert "root:" not in rendered(body, path="a.html").html


def test_front_matter_is_the_rest_of_the_line() -> None:
    templates = {"a.md": '\ufeff---\r\nsubject: "A: B # c"\r\nsender: Ada <ada@acme.example>\r\n---\r\nx'}
    mail = Renderer(templates, WORKSPACE).render("a", Context())
    assert (mail.subject, mail.sender) == ("A: B # c", "Ada <ada@acme.example>")


def test_a_note_is_plain_text_with_names() -> None:
    renderer = Renderer({}, WORKSPACE)
    context = Context(lead={"company": "A & <B>"}, interests=["Pumps", "Seals"])
    assert renderer.render_text("{{ lead.company }}: {{ interests }}", context) == "A & <B>: Pumps, Seals"
    with pytest.raises(TemplateError):
        renderer.render_text("{{ lead.city }}", context)


def test_given_names_do_not_hide_others() -> None:
    mail = rendered(
        "{{ discount }} {{ score }}", given={"discount": 10, "score": 99, "content": "x"}, score=1, parts=PLAIN_LAYOUT
    )
    assert mail.text == "10 1\n"


def test_a_workspace_without_languages_speaks_english() -> None:
    renderer = Renderer({"a.md": "---\nsubject: S\n---\n{{ greeting }}"}, Workspace(name="W", languages=()))
    assert "Hello" in renderer.render("a", Context(language="de")).text

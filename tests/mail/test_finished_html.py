"""HTML that other tools have made: its rules stay, and what has no effect is warned of with its place."""

from __future__ import annotations

import re

import pytest

from engine.mail.convert import page_of
from engine.mail.flaws import flaws_of
from engine.mail.mjml import to_html
from engine.mail.source import read_source
from tests.mail.samples import rendered
from tests.mail.test_check import checked

PAGE = """<html><head>{style}</head><body id="body"><p class="x">Hi {{{{ lead.city }}}} <a href="https://a.example">b</a>
</p></body></html>"""


def page(css: str, attributes: str = "") -> str:
    body = PAGE.format(style=f"<style{attributes}>{css}</style>")
    return rendered(body, path="a.html", lead={"city": "V"}).html


def head(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)))


@pytest.mark.parametrize(
    "rule",
    [
        "[data-ogsc] .x { color: #fff; }",
        "[data-ogsb] .x { color: #fff !important; }",
        "a[x-apple-data-detectors] { color: inherit !important; }",
        "u + #body a { color: red; }",
        "#MessageViewBody a { color: inherit; }",
        ".ExternalClass * { line-height: 100%; }",
        "a:hover { color: blue; }",
        "a:visited { color: blue; }",
        "p::first-line { color: red; }",
        "@media (max-width: 600px) { .x { width: 100% } }",
        "@media (prefers-color-scheme: dark) { .x { color: #fff !important } }",
        "@font-face { font-family: X; src: url(https://a.example/x.woff) }",
        "@supports (display: grid) { .x { color: red } }",
        "div.added-by-the-client > p { margin: 0; }",
    ],
)
def test_a_rule_for_what_is_not_there_yet_stays_in_the_head(rule: str) -> None:
    made = page(f".x {{ color: green }} {rule}")
    assert rule in head(made)
    assert '<p class="x" style="color: green;">Hi V' in made
    assert ".x { color: green" not in head(made)


def test_of_a_rule_for_both_each_gets_its_part() -> None:
    made = page("a:hover, .x, [data-ogsc] p { color: red }")
    assert '<p class="x" style="color: red;">' in made
    assert ".x" not in head(made)
    assert {"a:hover", "[data-ogsc] p"} <= set(re.findall(r"[a\[][^{,]*[^ {,]", head(made)))


@pytest.mark.parametrize(
    ("attributes", "inlined"),
    [("", True), (' media="all"', True), (" media=screen", True), (' type="text/css"', True),
     (' media="print"', False), (' media="(max-width: 600px)"', False), (" media=print type=text/css", False)],
)  # fmt: skip
def test_a_style_sheet_for_other_media_is_not_written_into_elements(attributes: str, inlined: bool) -> None:
    made = page("p { display: none }", attributes)
    assert ('style="display: none;"' in made) is inlined
    assert ("display: none" in head(made)) is not inlined


def test_the_built_in_layout_keeps_nothing_that_every_content_has_in_its_elements() -> None:
    css = head(rendered("# A\n\n- [b](https://a.example)").html)
    outside = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", css)
    assert outside.strip() == ""


def test_a_layout_keeps_its_rules_for_what_clients_add_and_parts_bring() -> None:
    layout = (
        "<html><head><style>p { margin: 0 } .own { color: red } [data-ogsc] p { color: #fff }</style></head>"
        "<body>{{ content }}<p>{{ workspace.address }}</p></body></html>"
    )
    made = rendered("x", parts={"_layout.html": layout}).html
    assert "[data-ogsc] p { color: #fff; }" in head(made)
    assert ".own { color: red; }" in head(made)
    assert "p { margin" not in head(made)
    assert made.count('style="margin: 0;"') == 2
    assert "<blockquote" not in made


def test_inline_rules_of_mjml_that_fit_no_element_stay() -> None:
    text = (
        "<mjml><mj-head><mj-style inline='inline'>.n div { top: 0 } .n a:hover { color: blue }</mj-style></mj-head>"
        "<mj-body><mj-section><mj-column><mj-text css-class='n'>a &lt; <a href='https://a.example'>b</a></mj-text>"
        "</mj-column></mj-section></mj-body></mjml>"
    )
    made = to_html(text, "en", "t", "")
    assert ".n a:hover { color: blue; }" in head(made)
    assert re.search("top: ?0", made)
    assert ".n div" not in head(made)
    assert "data-css-inline" not in made


@pytest.mark.parametrize(
    "css",
    ["@media screen{#body{color:red}}", "p{color:red}@media print{#body{color:red}}", "@supports (a:b){#x{c:d}}"],
)
@pytest.mark.parametrize("ending", ["html", "md", "mjml"])
def test_a_brace_before_an_id_is_no_comment(css: str, ending: str) -> None:
    tag = "mj-style" if ending == "mjml" else "style"
    source = read_source(f"a.{ending}", f"<{tag}>{css}</{tag}><p>{{# a comment #}}x</p>")
    assert css.replace("{#", "{ #") in page_of(source).html
    assert "comment" not in page_of(source).html


def test_a_comment_in_a_style_sheet_is_one() -> None:
    source = read_source("a.html", "<style>p { {# mine #}color: red }</style>")
    assert page_of(source).html == "<style>p { color: red }</style>"


def flaws(body: str, ending: str = "html") -> list[tuple[str, int, int, str]]:
    found = flaws_of(read_source(f"a.{ending}", f"---\nsubject: S\n---\n{body}"))
    return [(one.code, one.place.line, one.place.column, one.message) for one in found]


@pytest.mark.parametrize(
    ("css", "line", "column", "written"),
    [
        ("p { color red }", 4, 12, "color red"),
        ("\np { color: red;\n  *zoom: 1; }", 6, 3, "*zoom: 1"),
        ("/* a { b } */ p { broken; margin: 0 }", 4, 26, "broken"),
        ("@media print { p { color: red } a { 7: b } }", 4, 44, "7: b"),
        ("p { color: {{ lead.city }}; x }", 4, 36, "x"),
        ("p { color: }", 4, 12, "color:"),
    ],
)
def test_a_declaration_that_is_dropped_is_named_with_its_place(css: str, line: int, column: int, written: str) -> None:
    message = f"`{written}` is not a declaration of style, and is dropped"
    assert flaws(f"<style>{css}</style>") == [("W701", line, column, message)]


@pytest.mark.parametrize(
    "css",
    [
        "p { color: red }", "p {}", "p { color: red;; }", "p { background: url(data:image/png;base64,aa) }",
        "p { content: 'a;b' ; -webkit-x: y; --own: {{ score }}; mso-line-height-rule: exactly; _height: 1px }",
        "{% if score %}p { color: red }{% endif %}", "p { {% if score %}a: b;{% endif %} {{ lead.city }} }",
        "/* x; y */ p { /* z */ a: b }", "@import url(a;b);",
    ],
)  # fmt: skip
def test_what_can_be_read_is_not_warned_of(css: str) -> None:
    assert flaws(f"<style>{css}</style>") == []


@pytest.mark.parametrize(
    ("body", "column", "name"),
    [
        ("<row><p>x</p></row>", 2, "row"), ("<p>x</p><columns large='6'>x</columns>", 10, "columns"),
        ("<spacer size='16'></spacer>", 2, "spacer"), ("<tabel>x</tabel>", 2, "tabel"), ("<my-card>x", 2, "my-card"),
        ("<Row>x", 2, "Row"),
    ],
)  # fmt: skip
def test_elements_that_no_client_knows(body: str, column: int, name: str) -> None:
    message = f"`<{name}>` is not an element that email clients know"
    assert flaws(body) == [("W702", 4, column, message)]
    assert flaws(body, "md") == [("W702", 4, column, message)]


def test_an_address_where_nothing_can_be_clicked() -> None:
    message = "`<button>` has an `href`, but clicking it does nothing"
    assert flaws('<button class="x" href="https://a.example">x</button>') == [("W702", 4, 2, message)]


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ("<p>x<o:p></o:p></p><v:roundrect href='https://a.example'></v:roundrect><w:anchorlock/>", "html"),
        ("<!--[if mso]><xml><o:x></o:x></xml><row><![endif]--><!-- <row> -->", "html"),
        ("<svg><path d='x'/><use href='#a'/></svg><center>x</center><area href='https://a.example'>", "html"),
        ("<{{ lead.city }}>{% if a < b %}<p>{% endif %}", "html"),
        ("<https://a.example> <ada@a.example> `<row>`\n\n```\n<row>\n```\n", "md"),
        ("<mjml><mj-raw><p>x</p></mj-raw><mj-button href='https://a.example'>x</mj-button></mjml>", "mjml"),
    ],
)  # fmt: skip
def test_what_email_clients_know(body: str, ending: str) -> None:
    assert flaws(body, ending) == []


def test_flaws_are_warnings_of_the_check() -> None:
    body = "---\nsubject: S\n---\n<style>p { broken }</style><row>x</row> {{ nothing }}"
    found = checked(mail__md=body)
    assert [(one.code, one.severity, one.line) for one in found] == [
        ("W701", "warning", 4), ("W702", "warning", 4), ("E703", "error", 4),
    ]  # fmt: skip
    [_, inky, _] = found
    assert inky.help == "convert the template with Inky first, and save the HTML that comes out"

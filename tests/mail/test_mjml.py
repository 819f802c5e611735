"""Mails in MJML: what they become, where their faults are said to be, and that none of them ends the process."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest

from dsl.compile import compile_workspace
from engine.mail import mjml
from engine.mail.check import check_templates
from engine.mail.compose import Addressed, compose
from engine.mail.context import Context, Rendered
from engine.mail.errors import BadMjml, TemplateError
from engine.mail.render import Renderer
from engine.sending.preview import Draft
from tests.mail.samples import ADDRESS, NOW, TOKENS, WORKSPACE
from tests.mail.test_check import checked

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mail.md").read_text("utf-8")
DOCUMENTED, FOOT = re.findall(r"```mjml\n(.*?)```", PAGE, re.DOTALL)
HEAD = "---\nsubject: Hi {{ lead.first_name|default('you') }}\n---\n"


def whole(inside: str, head: str = "") -> str:
    """A mail with this in its one column, which stands in line 5 of the file."""
    return f"{HEAD}<mjml>{head}<mj-body><mj-section><mj-column>\n{inside}\n</mj-column></mj-section></mj-body></mjml>"


def made(text: str, first_name: str = "Ada", parts: dict[str, str] | None = None, **context: str) -> Rendered:
    renderer = Renderer({"a.mjml": text, **(parts or {})}, WORKSPACE)
    return renderer.render("a", Context(lead={"first_name": first_name}, **context))


def fault(text: str, parts: dict[str, str] | None = None) -> TemplateError:
    with pytest.raises(BadMjml) as caught:
        made(text, parts=parts)
    return caught.value


# ── what a mail becomes ──────────────────────────────────────────────────────────────────────────────────────────────
def test_the_documented_mail_is_a_page_with_its_text() -> None:
    mail = made(DOCUMENTED, parts={"_foot.mjml": FOOT}, unsubscribe_url="https://go.example/u/1")
    assert "<mj-" not in mail.html
    assert '<html lang="en"' in mail.html
    assert "<title>Your pump has arrived, Ada</title>" in mail.html
    assert "Three things to do before you switch it on</div>" in mail.html
    assert mail.html.count("mj-column-per-33-") >= 3, "the width of a column follows from their number"
    assert re.search(r"font-size: ?13px !important[^>]*>Acme Pumps GmbH", mail.html)
    assert mail.text == (
        "Hello Ada,\n\nyour pump has arrived. Three steps, and it runs.\n\nHow to start it <https://acme.example/start>\n\n"
        f"1\nFill it\n\n2\nVent it\n\n3\nSwitch it on\n\n{ADDRESS} · Unsubscribe <https://go.example/u/1>\n"
    )


@pytest.mark.parametrize("gap", ["\n", "\n      ", "\r\n\n", " "])
def test_what_stands_on_two_lines_is_two_words(gap: str) -> None:
    mail = made(
        whole(f'<mj-text><a href="https://a.example">Leave</a>{gap}<a href="https://b.example">Stay</a></mj-text>')
    )
    assert re.search(r"Leave</a>\s+<a", mail.html)
    assert "Leave <https://a.example> Stay <https://b.example>" in mail.text


def test_nothing_is_loaded_from_others() -> None:
    addresses = re.findall(r"https?://([^/\"')]+)", made(whole("<mj-text>x</mj-text>")).html)
    assert set(addresses) == {"www.w3.org"}


def test_its_own_language_title_and_preview_stay() -> None:
    head = "<mj-head><mj-title>Mine</mj-title><mj-preview>Seen first</mj-preview></mj-head>"
    text = whole("<mj-text>x</mj-text>", head).replace("<mjml>", '<mjml lang="fr">')
    mail = made(text.replace("---\n<mjml", "preheader: Other\n---\n<mjml"))
    assert ('<html lang="fr"' in mail.html, "<title>Mine<" in mail.html, "Seen first" in mail.html) == (
        True,
        True,
        True,
    )
    assert "Other" not in mail.html


def test_links_are_rewritten_and_the_pixel_ends_the_page() -> None:
    renderer = Renderer({"a.mjml": DOCUMENTED, "_foot.mjml": FOOT}, WORKSPACE)
    to = Addressed(UUID(int=1), UUID(int=2), "ada@lead.example", "marketing", "newsletter")
    done = compose(renderer, "a", Context(lead={}), to, TOKENS, "https://go.example", tracked=True)
    assert list(done.links.values()) == ["https://acme.example/start"]
    assert "https://acme.example/start" not in done.mail.html + done.mail.text
    assert re.search(r'<img src="https://go\.example/o/[^"]+\.gif"[^>]*></body>', done.mail.html)


def test_versions_parts_macros_and_bases() -> None:
    base = HEAD.replace("Hi", "Base") + "<mjml><mj-body>{% block body %}{% endblock %}</mj-body></mjml>"
    box = "<mj-section><mj-column><mj-text>[{{ word }}]</mj-text></mj-column></mj-section>"
    macro = f"{{% macro box(word) %}}{box}{{% endmacro %}}"
    body = "{% from '_m.mjml' import box %}{{ box('é') }}{{ box('b') }}"
    text = f"{{% extends '_base.mjml' %}}{{% block body %}}{body}{{% endblock %}}"
    parts = {"_base.mjml": base, "_m.mjml": macro, "a.de.mjml": whole("<mj-text>{% include '_s.md' %}</mj-text>")}
    parts["_s.md"] = "Viele **Grüße**"
    mail = made(HEAD + text, parts=parts)
    assert (mail.text, mail.html.count("[b]")) == ("[é]\n\n[b]\n", 1)
    german = made(HEAD + text, parts=parts, language="de")
    assert (german.language, german.text) == ("de", "Viele Grüße\n")
    assert "<strong>Grüße</strong>" in german.html


def test_markdown_wins_and_line_ends_do_not_matter() -> None:
    assert made(whole("<mj-text>x</mj-text>"), parts={"a.md": HEAD + "from Markdown"}).text.startswith("from Markdown")
    text = whole("<mj-text>one\ntwo</mj-text>")
    assert made("\ufeff" + text.replace("\n", "\r\n")) == made(text)


def test_a_layout_in_mjml_holds_markdown() -> None:
    layout = (
        "<mjml><mj-head><mj-style inline='inline'>.button a { color: red }</mj-style></mj-head><mj-body><mj-section>"
        "<mj-column>\n<mj-text>{{ content }}</mj-text>\n{% include '_foot.mjml' %}</mj-column></mj-section></mj-body>"
        "</mjml>"
    )
    foot = "<mj-text>{{ workspace.address }}</mj-text>"
    renderer = Renderer(
        {"b.md": HEAD + "a **b**<br>\n\n**[Go](https://acme.example)**", "_layout.mjml": layout, "_foot.mjml": foot},
        WORKSPACE,
    )
    mail = renderer.render("b", Context())
    assert re.search(r'class="button"><a href="https://acme\.example" style="color: ?red', mail.html)
    assert (mail.html.count("Hauptstr"), mail.html.count("<mj-")) == (1, 0)
    own = Renderer({**renderer.templates, "_layout.html": "<html><body>own {{ content }}</body></html>"}, WORKSPACE)
    assert own.render("b", Context()).html.startswith("<html><head></head><body>own ")


def test_preview_finds_it_and_warns_of_nothing() -> None:
    campaign = (
        'workspace "W"\n    address "Acme Pumps GmbH, Voerde"\n    sender "A <a@acme.example>"\n'
        '    topic "news" "News"\n'
        'form "f"\n    ask email required\n    consent "Yes" for topic "news"\n'
        'campaign "C"\n    starts when form "f" is submitted\n    topic "news"\n    flow\n        send "arrived"\n'
    )
    assets = {"templates/arrived.mjml": DOCUMENTED.encode(), "templates/_foot.mjml": FOOT.encode()}
    compiled = compile_workspace({"a.campaign": campaign}, assets)
    assert compiled.program is not None
    assert check_templates(compiled.program, assets) == []
    draft = Draft.of(compiled.program, assets, NOW, "https://go.example")
    assert "arrived" in draft.names()
    shown = draft.show("arrived", "en", None)
    assert (shown.file, shown.kind, shown.warnings) == ("templates/arrived.mjml", "marketing", ())


# ── what a lead has typed ────────────────────────────────────────────────────────────────────────────────────────────
HOSTILE = (
    "<mj-raw>", "</mj-text></mj-column><mj-raw><script>alert(1)</script></mj-raw>", "a --> b <!-- c", '" onload="x',
    "]]><![CDATA[", "<![endif]-->", "<mj-include path='/etc/passwd'/>", "é\x00\x01\uffff", "\ue0000:3\ue001\ue002lt;",
    "{{ lead.email }}{% raw %}", "&lt;b&gt;", "javascript:alert(1)",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("head", ["", "<mj-head><mj-style inline='inline'>b { color: red }</mj-style></mj-head>"])
def test_a_leads_data_is_text_and_nothing_else(name: str, head: str) -> None:
    inside = (
        "<!-- {{ lead.first_name }} -- x --><mj-text color='{{ lead.first_name }}'>{{ lead.first_name }}</mj-text>"
        "<mj-button href='{{ lead.first_name }}'>Go</mj-button>"
        "<mj-raw><b title='{{ lead.first_name }}'>{{ lead.first_name }}</b></mj-raw>"
    )
    mail, plain = made(whole(inside, head), name), made(whole(inside, head), "Ada")
    assert _built(mail.html) == _built(plain.html)
    assert re.findall("<[/!]?[a-z-]+", mail.html) == re.findall("<[/!]?[a-z-]+", plain.html), "nor inside an attribute"
    assert 'href="#"' in mail.html


def _built(html: str) -> list[object]:
    """The elements of a page with the names of their attributes."""
    found: list[object] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, values: found.append((tag, [name for name, _ in values]))  # type: ignore[method-assign]
    reader.handle_endtag = reader.handle_comment = found.append  # type: ignore[method-assign]
    reader.feed(html)
    return found


def test_an_error_says_nothing_of_the_lead() -> None:
    with pytest.raises(BadMjml) as caught:
        made(whole("<{{ lead.first_name }}>"), "secretive")
    assert "secretive" not in str(caught.value)
    assert caught.value.line == 5


# ── faults and their places ──────────────────────────────────────────────────────────────────────────────────────────
FAULTS = {
    "not closed": ("<mj-text>x", 5, "`<mj-text>` is not closed before `</mj-column>`"),
    "never closed": ("</mj-column></mj-section></mj-body></mjml>\n<mjml>\n<b>", 7, "is not closed before"),
    "closes nothing": ("</mj-column></mj-section></mj-body></mjml>\n</b>", 6, "closes nothing"),
    "unknown": ("\n<mj-txt>x</mj-txt>", 6, "`<mj-txt>` is unknown"),
    "misplaced": ("<mj-text>\n<mj-button>x</mj-button></mj-text>", 6, "`<mj-button>` is unknown, or not allowed here"),
    "a sign": ("<mj-text>\n1 < 2</mj-text>", 6, "as `&lt;`"),
    "no quotes": ("{# a\ncomment #}<mj-text color=red>x</mj-text>", 6, "put values in quotes"),
    "include": ("<mj-include path='/etc/passwd' />", 5, "`<mj-include>` is not available"),
    "pictures": ("<mj-social><mj-social-element name='facebook' href='https://a.example'/></mj-social>", 5, "a `src`"),
    "arrows": ("<mj-carousel><mj-carousel-image src='https://a.example/a.png'/></mj-carousel>", 5, "`left-icon`"),
    "outlook": ("<mj-text><!--[if mso]>\n<b><![endif]--></b></mj-text>", 6, "must enclose whole elements"),
    "outlook, open": ("<mj-text><!--[if mso]>x</mj-text>", 5, "never ends"),
    "in a loop": (
        "{% for i in [1, 2] %}\n<mj-text>{{ i }}{% if i > 1 %}\n<b>{% endif %}</mj-text>{% endfor %}",
        7,
        "`<b>`",
    ),
    "in a part": ("{% include '_p.mjml' %}", 3, "`<mj-text>` is not closed"),
    "deep": ("<mj-text>" + "\n<b>" * 100 + "</b>" * 100 + "</mj-text>", 61, "more than 60 deep"),
    "much": ("<mj-text>x</mj-text>\n" * 1_000, 1_001, "more than 1,000 elements"),
    "attributes": (f"<mj-text color='{'x' * 10_001}'>x</mj-text>", 5, "longer than 10,000 characters"),
    "gallery": ("<mj-carousel>" + "<mj-carousel-image src='a'/>\n" * 21 + "</mj-carousel>", 25, "20 pictures"),
}


@pytest.mark.parametrize(("inside", "line", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_has_its_line(inside: str, line: int, words: str) -> None:
    error = fault(whole(inside), {"_p.mjml": "\n\n<mj-text>\nx"})
    assert words in error.message
    assert (error.name, error.line) == ("_p.mjml" if "_p.mjml" in inside else "a.mjml", line)


DEFAULTS = f"<mj-head><mj-attributes><mj-text font-family='{'x' * 9_000}'/></mj-attributes></mj-head>"
RULES = f"<mj-head><mj-style inline='inline'>{'b{top:1px}' * 900}</mj-style></mj-head>"
OTHERS = {
    "text": ("hello", "one `<mjml>`"),
    "a page": ("<html><body>x</body></html>", "one `<mjml>`"),
    "another element": ("<mjml><p>x</p></mjml>", "`<p>` is not allowed here"),
    "after it": ("<mjml><mj-body></mj-body></mjml>x", "text outside"),
    "styles": (f"<mjml><mj-head><mj-style inline='inline'>{'a{}' * 4_000}</mj-style></mj-head></mjml>", "10,000"),
    "size": (whole("<mj-text>x</mj-text>" * 500, DEFAULTS).removeprefix(HEAD), "500,000"),
    "rules": (whole("<mj-text>" + "<b>x</b>" * 10_000 + "</mj-text>", RULES).removeprefix(HEAD), "too many rules"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), OTHERS.values(), ids=OTHERS.keys())
def test_a_fault_of_the_whole(text: str, words: str) -> None:
    assert words in fault(HEAD + text).message


def test_a_file_of_a_megabyte_is_refused() -> None:
    with pytest.raises(TemplateError, match="longer than 100,000 characters"):
        made(whole("<mj-text>" + "x" * 1_000_000 + "</mj-text>"))


def test_a_part_in_mjml_belongs_into_mjml() -> None:
    with pytest.raises(TemplateError, match="only an email in MJML can include"):
        Renderer({"b.md": HEAD + "{% include '_p.mjml' %}", "_p.mjml": "x"}, WORKSPACE).render("b", Context())


def test_both_halves_of_a_condition_are_checked() -> None:
    text = whole("{% if lead.company %}\n<mj-text>a</mj-text>\n{% else %}\n<mj-text>b\n{% endif %}")
    (found,) = checked(extra__mjml=text)
    assert (found.code, found.file, found.line) == ("E712", "templates/extra.mjml", 8)


# ── the process lives on ─────────────────────────────────────────────────────────────────────────────────────────────
DEADLY = r"""
import threading
from engine.mail.mjml import Malformed, to_html
N = 10_000
for inside in (
    "<mj-text>" + "<b>" * N + "</b>" * N + "</mj-text>",
    "<mj-text>" + "<b>" * 3 * N,
    "<mj-section><mj-column>" * N + "</mj-column></mj-section>" * N,
    "<mj-text>" + "<b title='</b>'>" * N + "</b>" * N + "</mj-text>",
    "<mj-text>" + "<b><!-- </b> -->" * N + "</b>" * N + "</mj-text>",
    "<mj-text>" + "<b><!--[if mso]></b><![endif]-->" * N + "</b>" * N + "</mj-text>",
    "<mj-text>" + "<!--<!" * 3 * N + "</mj-text>",
    "<mj-text>\u00e9\x01</mj-text>",
):
    text = f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"
    def convert():
        try:
            to_html(text, "en", "", "")
            print("made")
        except Malformed:
            print("refused")
    threading.stack_size(512 * 1024)
    one = threading.Thread(target=convert)
    one.start()
    one.join()
"""


def test_no_text_ends_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEADLY], capture_output=True, text=True, timeout=90, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["refused"] * 7 + ["made"]


def test_a_panic_of_the_converter_is_an_error_of_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def panics(*args: object, **options: object) -> str:
        raise PanicException

    monkeypatch.setattr(mjml, "mjml2html", panics)
    assert "the MJML converter cannot convert it" in fault(whole("<mj-text>x</mj-text>")).message


@pytest.mark.parametrize("name", ["background-url", "href", "src", "thumbnails-src", "icon-wrapped-url"])
def test_an_address_from_a_lead_must_be_one(name: str) -> None:
    section = f"<mjml><mj-body><mj-section {name}='{{{{ lead.first_name }}}}'></mj-section></mj-body></mjml>"
    renderer = Renderer({"a.mjml": HEAD + section}, WORKSPACE)
    filled = renderer.unit("a", "en").html.render(lead={"first_name": "javascript:alert(1)"})
    assert f'{name}="#"' in filled

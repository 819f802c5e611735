"""Links are found as an HTML parser finds them, and only those of the template."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.convert import page_of
from engine.mail.links import link_id, rewrite
from engine.mail.plain_text import text_of
from engine.mail.source import read_source


def clicked(url: str) -> str:
    return f"https://t.example/c/{link_id(url)}"


X = "https://x.example/a?b=1&c=2"


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://x.example/a?b=1&amp;c=2">x</a>',
        "<a href='https://x.example/a?b=1&c=2'>x</a>",
        "<A class=b HREF=https://x.example/a?b=1&amp;c=2 >x</A>",
        '<a\n  title="a > b"\n  href = "https://x.example/a?b=1&amp;c=2"\n>x</a>',
        '<a title="href=\'https://other.example\'" href="https://x.example/a?b=1&amp;c=2">x</a>',
        '<a/href="https://x.example/a?b=1&amp;c=2">x</a>',
        '<a title="x"href="https://x.example/a?b=1&amp;c=2">x</a>',
        '<a href=" https://x.example/a?b=1&amp;c=2 ">x</a>',
        '<!--[if mso]><a href="https://x.example/a?b=1&amp;c=2">x</a><![endif]-->',
        '<map name="m"><area shape="rect" coords="0,0,9,9" href="https://x.example/a?b=1&amp;c=2" alt="x"></map>',
        '<!--[if mso]><v:roundrect arcsize="10%" href="https://x.example/a?b=1&amp;c=2"><center>x</center><![endif]-->',
        '<v:rect xmlns:v="urn:schemas-microsoft-com:vml" href="https://x.example/a?b=1&amp;c=2"></v:rect>',
        '<V:Shape href="https://x.example/a?b=1&amp;c=2" />',
        '<a href="https://x.example/a\n?b=1&c=2">x</a>',
    ],
)
def test_every_way_to_write_a_link(html: str) -> None:
    asked: list[str] = []

    def link(url: str) -> str:
        asked.append(url)
        return clicked(url)

    changed, _ = rewrite(html, "", link)
    assert asked == [X]
    assert clicked(X) in changed
    assert X.replace("&", "&amp;") not in changed
    assert X not in changed


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:ada@acme.example">x</a>', '<a href="tel:+49">x</a>', '<a href="#top">x</a>', "<a>x</a>",
        '<a href="">x</a>', '<a href>x</a>', '<a name="https://x.example">x</a>', '<img src="https://x.example/i.png">',
        '<link href="https://x.example/s.css">', '<area data-untracked href="https://x.example/">', '<abbr href="https://x.example/">',
        '<a data-untracked href="https://x.example/">x</a>', '<a href="https://x.example/" DATA-UNTRACKED="">x</a>',
        '<a href="https://keep.example/u?a=1&amp;b=2">x</a>', "https://x.example/", "&lt;a href=\"https://x.example/\"&gt;",
    ],
)  # fmt: skip
def test_what_is_not_rewritten(html: str) -> None:
    assert rewrite(html, html, clicked, {"https://keep.example/u?a=1&b=2"}) == (html, html)


def test_a_word_that_looks_like_the_mark_does_not_exempt() -> None:
    html = '<a title="data-untracked" class="data-untracked" href="https://x.example/">x</a>'
    assert clicked("https://x.example/") in rewrite(html, "", clicked)[0]


def test_the_text_part_gets_the_links_of_the_html_part_and_no_others() -> None:
    html = '<a href="https://x.example/a">x</a> http://evil.example/'
    text = (
        "x <https://x.example/a>, https://x.example/a. (https://x.example/a) https://x.example/ab http://evil.example/"
    )
    new = clicked("https://x.example/a")
    assert rewrite(html, text, clicked)[1] == f"x <{new}>, {new}. ({new}) https://x.example/ab http://evil.example/"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://x.example/my file.pdf", "https://x.example/my%20file.pdf"),
        ("https://x.example/?a=1&copy=2&reg=3", "https://x.example/?a=1&copy=2&reg=3"),
        ("https://x.example/?q=&quot;a&quot;", "https://x.example/?q=%22a%22"),
        ("https://x.example/?q=<b>", "https://x.example/?q=%3Cb%3E"),
        ("https://x.example/ü?x=ß", "https://x.example/ü?x=ß"),
        ("https://x.example/a)", "https://x.example/a)"),
        ("https://x.example/?a=1&amp;b=&#50;&copy;&nosuch;", "https://x.example/?a=1&b=2©&nosuch;"),
        (" https://x.example/a\n", "https://x.example/a"),
    ],
)
def test_an_address_is_tracked_in_both_parts(written: str, url: str) -> None:
    html = f'<a href="{written}">x</a>'
    text = text_of(page_of(read_source("a.html", html)))
    changed, plain = rewrite(html, text, clicked)
    assert clicked(url) in changed
    assert plain == f"x <{clicked(url)}>"


def test_a_text_of_the_authors_own_may_have_spaces_in_its_addresses() -> None:
    html = '<a href="https://x.example/my file.pdf">x</a><a href="https://x.example/my file">y</a>'
    text = "x: https://x.example/my file.pdf, y: <https://x.example/my file>"
    files = clicked("https://x.example/my%20file.pdf"), clicked("https://x.example/my%20file")
    assert rewrite(html, text, clicked)[1] == "x: {}, y: <{}>".format(*files)


def test_the_same_address_is_asked_for_once() -> None:
    asked: list[str] = []

    def link(url: str) -> str:
        asked.append(url)
        return "https://t.example/1"

    rewrite('<a href="https://x.example">a</a>' * 3, "", link)
    assert asked == ["https://x.example"]


def test_a_link_id_is_short_and_stable() -> None:
    assert link_id("https://acme.example/") == link_id("https://acme.example/")
    assert link_id("https://acme.example/") != link_id("https://acme.example")
    assert len(link_id("https://acme.example/")) == 22


class Anchors(HTMLParser):
    """What Python's own parser sees."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(reversed(attrs))
        if tag == "a" and "data-untracked" not in values:
            value = values.get("href") or ""
            self.found += [value.replace('"', "%22")] if value.startswith("https://") else []


ATTRIBUTE = st.sampled_from(
    [
        ' href="https://x.example/"', " href='https://y.example/?a=\"b\"'", " href=https://z.example", ' title="a>b"',
        ' title="href=https://n.example"', " data-untracked", "\n id='<a href=https://m.example>'", " hidden",
        " class=c",
    ],
)  # fmt: skip
PIECE = st.one_of(
    st.lists(ATTRIBUTE, max_size=4).map(lambda parts: f"<a{''.join(parts)}>"),
    st.sampled_from(["</a>", "text", "<br/>", "<p title='<a'>", "a < b", "&lt;a", "<abbr>", '<img alt="<a href=x>">']),
)


@given(st.lists(PIECE, max_size=6).map("".join))
def test_it_agrees_with_an_html_parser(html: str) -> None:
    parser = Anchors()
    parser.feed(html)
    asked: list[str] = []

    def link(url: str) -> str:
        asked.append(url)
        return clicked(url)

    changed, _ = rewrite(html, "", link)
    assert asked == list(dict.fromkeys(parser.found))
    after = Anchors()
    after.feed(changed)
    assert after.found == [clicked(url) for url in parser.found]

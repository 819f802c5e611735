"""The plain-text part that is made from Markdown, HTML and MJML: what a reader without pictures and styles gets."""

from __future__ import annotations

from typing import Any

import pytest

from engine.mail.convert import page_of, tidy
from engine.mail.plain_text import DEPTH, text_of
from engine.mail.source import read_source
from tests.mail.samples import rendered

LAYOUT = {"_layout.html": "{{ content }}", "_layout.txt": "{{ content }}"}


def text(body: str, ending: str) -> str:
    return tidy(text_of(page_of(read_source(f"a.{ending}", body))))


def filled(body: str, ending: str = "html", **context: Any) -> str:
    return rendered(body, path=f"a.{ending}", parts=LAYOUT, **context).text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("# Title\n\nsome *text* in **bold**", "Title\n\nsome text in bold\n"),
        ("first\nstill first  \nsecond", "first still first\nsecond\n"),
        ("- a\n- b\n  - c\n    1. d\n    2. e\n- f", "  * a\n  * b\n    * c\n      1. d\n      2. e\n  * f\n"),
        ("3. a\n4. b", "  3. a\n  4. b\n"),
        ("- a\n\n  more of a\n\n- b", "  * a\n\n    more of a\n\n  * b\n"),
        ("> a\n>\n> b\n\nc", "> a\n>\n> b\n\nc\n"),
        ("> - a\n> - b", ">   * a\n>   * b\n"),
        ("a\n\n---\n\nb", "a\n\n* * *\n\nb\n"),
        ("    x  = 1\n\n    y", "    x  = 1\n\n    y\n"),
        ("`a_b` ~~9~~ 1*2*3 5 < 6 &amp; c", "`a_b` ~~9~~ 123 5 < 6 & c\n"),
        ("+1 here\n1\\. there\n\\- and", "+1 here 1. there - and\n"),
        ("| A | B | C |\n|---|---|---|\n| x |  | **z** |", "A: B | C\nx: | z\n"),
    ],
)
def test_markdown(body: str, expected: str) -> None:
    assert text(body, "md") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[Guide](https://a.example/x_y(z))", "Guide <https://a.example/x_y(z)>\n"),
        ("<https://a.example>", "<https://a.example>\n"),
        ("<a@b.example> [a@b.example](mailto:a@b.example)", "a@b.example a@b.example\n"),
        ("[write](mailto:a@b.example)", "write <mailto:a@b.example>\n"),
        (
            "- [a@b.example](mailto:a@b.example)\n- [x](https://a.example)",
            "  * a@b.example\n  * x <https://a.example>\n",
        ),
        ("> [a@b.example](mailto:a@b.example)", "> a@b.example\n"),
        ("[](https://a.example)", "<https://a.example>\n"),
        ("[![Logo](l.png)](https://a.example)", "Logo <https://a.example>\n"),
        ("![](l.png)x ![Pump](p.png).", "x Pump.\n"),
        ("see ([here](https://a.example)), now", "see (here <https://a.example>), now\n"),
    ],
)
def test_links_and_pictures(body: str, expected: str) -> None:
    assert text(body, "md") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>after", "A | B\n1 | 2\n\nafter\n"),
        ("<table><tr><td>left</td><td> </td><td>right</td></tr></table>", "left | right\n"),
        ("<table><tr><td><p>left</p></td><td><p>right</p></td></tr></table>", "left\n\nright\n"),
        ("<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>", "a | b\n"),
        ("<table><tr><td>&nbsp;</td></tr><tr><td>a</td></tr></table>", "a\n"),
        ("<p>a<p>b<div>c</div>d", "a\n\nb\n\nc\n\nd\n"),
        ("a<br>b<br/><br>c", "a\nb\n\nc\n"),
        ("<ul><li>a<li>b</ul><ol start=2><li><p>c</p></li></ol>", "  * a\n  * b\n\n  2. c\n"),
        ("<dl><dt>a</dt><dd>b</dd><dt>c<dd>d</dl>e", "a\n    b\nc\n    d\n\ne\n"),
        ("<a href=https://a.example><h2>A</h2><p>b</p></a>c", "A b <https://a.example>\n\nc\n"),
        ("<a href=https://a.example>a</a><a href=https://b.example>b</a>",
         "a <https://a.example> b <https://b.example>\n"),
        ("<a href=https://a.example>never closed <a href='#top'>top</a> <a name=x>x</a>",
         "never closed <https://a.example> top x\n"),
        ("<p>a</p><pre>\n x\n\n\n  y</pre>b", "a\n\n     x\n\n      y\n\nb\n"),
        ("<head><title>t</title></head>a<style>p{}</style><script>x()</script><p style='display: none'>p</p>", "a\n"),
        ("<q>a</q> <em>b</em><sup>2</sup> <!-- c --> <span title='t'>d</span>", '"a" b2 d\n'),
        ("a <a>b</a>c</b></td></ul></blockquote>d", "a bc\n\nd\n"),
        ("<div style='display:none'>x<div>y</div>z</div><p>seen</p>", "seen\n"),
        ("<div style='color: red; MAX-HEIGHT:0px; overflow: hidden'>x</div><p hidden>y</p>seen", "seen\n"),
        ("<a title='a > b' style='display : none'>x</a><p style='visibility:hidden'>y<p>seen", "seen\n"),
        ("<div style='max-height: 90px'>a</div><div style='display: none'>never closed", "a\n\nnever closed\n"),
        ("<!--[if mso]><div style='display:none'><![endif]--><p>a</p><img style='display:none' alt='b'>c", "a\n\nc\n"),
        ("<xml><o:Pixels>96</o:Pixels></xml><map><area href=https://a.example alt=A><area href=https://b.example></map>",
         "A <https://a.example>\n<https://b.example>\n"),
        ("<table><tr><td><a href=https://a.example><img alt=A></a></td><td>B</td></tr></table>",
         "A <https://a.example> | B\n"),
        ("<!--[if mso]><td><![endif]--><table><tr><td>a<br></td><td><span>b</span></td></tr></table>", "a\nb\n"),
    ],
)  # fmt: skip
def test_html(body: str, expected: str) -> None:
    assert text(body, "html") == expected


def test_what_a_loop_makes_of_a_table_has_no_empty_lines_between_its_rows() -> None:
    rows = (
        "<table><tr><th>n</th><th>x</th></tr>{% for i in range(3) %}\n<tr><td>{{ i }}</td><td>x</td></tr>{% endfor %}"
    )
    assert filled(f"{rows}</table><p>end</p>") == "n | x\n0 | x\n1 | x\n2 | x\n\nend\n"


@pytest.mark.parametrize(
    ("body", "city", "expected"),
    [
        ("<p>a</p>{% if lead.city %}<p>b</p>{% endif %}<p>c</p>", "V", "a\n\nb\n\nc\n"),
        ("<p>a</p>{% if lead.city %}<p>b</p>{% endif %}<p>c</p>", "", "a\n\nc\n"),
        ("<p>Hello{% if lead.city %} in {{ lead.city }}{% endif %}!</p>", "V", "Hello in V!\n"),
        ("<p>Hello{% if lead.city %} in {{ lead.city }}{% endif %}!</p>", "", "Hello!\n"),
        ("<tr><td>a</td>{% if lead.city %}<td>b</td>{% endif %}</tr>", "", "a\n"),
        ("<tr><td>a</td>{% if lead.city %}<td>b</td>{% endif %}</tr>", "V", "a | b\n"),
        ("<a href='https://a.example'>{% if lead.city %}b{% else %}c{% endif %}</a>", "", "c <https://a.example>\n"),
        ("a<!-- {% if lead.city %} --> b<!-- {% endif %} -->", "", "a\n"),
        ("<ul>{% for i in range(2) %}<li>{{ i }}</li>{% endfor %}</ul>z", "", "  * 0\n  * 1\n\nz\n"),
    ],
)
def test_statements_take_their_line_ends_with_them(body: str, city: str, expected: str) -> None:
    assert filled(body, lead={"city": city}) == expected


def test_no_sign_of_a_value_is_read_as_markup() -> None:
    value = "<b>&amp; *x* [y](z)"
    assert filled("<p>{{ lead.city }}</p>", lead={"city": value}) == f"{value}\n"


@pytest.mark.parametrize("nested", ["<ul><li>x", "<blockquote>x", "<table><tr><td>x", "<div>x", "<a href=y>x"])
def test_however_deep_it_is_nested_nothing_is_lost_and_indentation_ends(nested: str) -> None:
    made = text(nested * 3_000, "html")
    assert made.count("x") == 3_000
    assert max(len(line) - len(line.lstrip(" >")) for line in made.splitlines()) <= 2 * DEPTH + 4


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a\n\n{% include '_p.md' %}\n\nb", "a\n\npart\n\nb\n"),
        ("{% include '_p.md' %}\n\n{% if lead.none %}\nno\n{% endif %}\n\nb", "part\n\nb\n"),
        ("a\n\n{% include '_p.md' %}\n{% include '_p.md' %}\n\nb", "a\n\npart\n\npart\n\nb\n"),
        ("- {% include '_p.md' %}\n- b", "  * part\n  * b\n"),
        ("> {% include '_p.md' %}\n\nb", "> part\n\nb\n"),
        ("Hello {% include '_p.md' %} there", "Hello part there\n"),
    ],
)
def test_what_follows_a_part_stands_below_it(body: str, expected: str) -> None:
    assert rendered(body, path="a.md", parts={**LAYOUT, "_p.md": "part"}).text == expected

"""What a template may not do, what it may not use up, and how it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.context import Context
from engine.mail.errors import TemplateError
from engine.mail.render import Renderer
from tests.mail.samples import WORKSPACE, rendered
from tests.support.examples import examples

LEAD = {"first_name": "Geheimrat", "score_text": "12"}

FORBIDDEN = [
    "{{ ''.__class__ }}", "{{ lead.__class__ }}", "{{ lead['__class__'] }}", "{{ lead.first_name.__init__ }}",
    "{{ 'a'.upper() }}", "{{ 'a'.format }}", "{{ '{}'.format(1) }}", "{{ ('%s' % 1) }}",
    "{{ lead.first_name|attr('x') }}", "{{ lead.first_name|safe }}", "{{ lead|tojson }}", "{{ lead.items() }}",
    "{{ lead.update(a=1) }}", "{{ lead }}", "{% autoescape false %}{{ lead.first_name }}{% endautoescape %}",
    "{{ range.__globals__ }}", "{{ file_url.__code__ }}", "{{ self.__init__ }}", "{{ namespace.__mro__ }}",
    "{{ cycler }}", "{{ lipsum() }}", "{{ dict(a=1) }}", "{{ range }}",
    "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "{% for a in 'abc' %}x{% endfor %}", "{{ 2 ** 9 }}",
    "{{ 'a' * 5 }}", "{{ [1] * 5 }}", "{{ [1] + [2] }}", "{{ lead.first_name() }}", "{{ unknown.part }}",
    "{{ unknown }}", "{% include 'nothing.md' %}", "{% include '/etc/passwd' %}", "{% include '../secret' %}",
    "{{ file_url('x') }}", "{{ lead.first_name|nosuchfilter }}", "{% nosuchtag %}", "{{ (((( }}", "{{ 'x'|int }}",
    "{{ 'x'|date }}", "{{ 1 / 0 }}", "{{ lead.first_name > 3 }}", "{{ lead.missing }}", "{{ lead.missing|upper }}",
    "{{ lead.missing ~ 'x' }}", "{{ lead.missing + 1 }}", "{{ lead.missing.part }}",
    "{% import '_m.md' as m %}{{ m.nothing() }}",
]  # fmt: skip


@pytest.mark.parametrize("body", FORBIDDEN)
@pytest.mark.parametrize("path", ["a.md", "a.html"])
def test_it_is_refused_in_words_without_the_leads_data(body: str, path: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(f"one\n\ntwo {body}", LEAD, path=path, parts={"_m.md": "x"})
    assert "Geheimrat" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.message


ENDLESS = [
    "{% for a in range(100000) %}x{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}"
    + "{% set a = 'aaaaaaaaaa' %}"
    + "{% set a = d(a) %}" * 40
    + "{{ a }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a %}aaaaaaaaaa{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
    "{% set a = 99999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{% set a = 'a' %}" + "{% set a = a|replace('a', 'aaaaaaaaaa') %}" * 40 + "{{ a }}",
    "{% set a = ['a', 'a'] %}" + "{% set a = [a|join('aaaaaaaa'), a|join('aaaaaaaa')] %}" * 40 + "{{ a }}",
    "{% include 'a.md' %}",
    "{% extends 'a.md' %}",
    "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
    "{{ '%9999999999d' % 1 }}",
    "{{ 1|number(9999999999) }}",
    "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
    "{% if 1 %}" * 60 + "{% endif %}" * 60,
    "{{ lead.long }}" * 30_000,
    "x" * 200_000,
]


@pytest.mark.parametrize("body", ENDLESS, ids=[body[:40] for body in ENDLESS])
def test_what_would_not_end_or_not_fit_is_cut(body: str) -> None:
    try:
        mail = rendered(body, {"long": "x" * 1000})
    except TemplateError:
        return
    assert len(mail.html) < 600_000


def test_the_error_names_the_file_and_the_line() -> None:
    templates = {
        "a.md": "---\nsubject: S\n---\nfine\n\n{% if lead.city %}\nfine\n{% endif %}\n{{ lead.first_name }}\n\n"
        "- {{ lead.citty }}\n"
    }
    with pytest.raises(TemplateError) as caught:
        Renderer(templates, WORKSPACE).render("a", Context(lead=LEAD))
    assert (caught.value.name, caught.value.line) == ("a.md", 11)
    assert "`citty` has no value here" in caught.value.message


def test_the_error_names_the_part_and_its_line() -> None:
    templates = {
        "a.md": "---\nsubject: S\n---\nfine\n\n{% include '_p.md' %}",
        "_p.md": "one\n\ntwo\n\n{{ lead.city }}",
    }
    with pytest.raises(TemplateError) as caught:
        Renderer(templates, WORKSPACE).render("a", Context(lead=LEAD))
    assert (caught.value.name, caught.value.line) == ("_p.md", 5)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\nsubject: S\n---\none\n{% if %}", 5),
        ("---\nsubject: {{ x\n---\none", 2),
        ("---\nsubject: {{ lead.city }}\n---\none", 2),
        ("---\nsubject: S\nsubjct: T\n---\none", 3),
        ("---\nsubject: S\nsubject: T\n---\none", 3),
        ("---\nsubject: S\none", 1),
        ("---\nsubject: S\n---\none\n\n{{ 'x'|nosuch }}", 6),
        ("one", 1),
    ],
)
def test_every_mistake_has_its_line(text: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Renderer({"a.md": text}, WORKSPACE).render("a", Context(lead=LEAD))
    assert (caught.value.name, caught.value.line) == ("a.md", line)


@pytest.mark.parametrize(
    ("templates", "words"),
    [({}, "no such template"), ({"a.de.md": "x"}, "no such template")],
)
def test_a_template_that_is_not_there(templates: dict[str, str], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        Renderer(templates, WORKSPACE).render("a", Context(language="en"))


def test_a_layout_without_content_is_an_error() -> None:
    with pytest.raises(TemplateError, match="a layout needs"):
        rendered("x", parts={"_layout.html": "<html><body>nothing</body></html>"})


def test_one_failed_mail_leaves_the_next_one_alone() -> None:
    renderer = Renderer({"a.md": "---\nsubject: S\n---\n{{ lead.city }}"}, WORKSPACE)
    with pytest.raises(TemplateError):
        renderer.render("a", Context())
    assert "Voerde" in renderer.render("a", Context(lead={"city": "Voerde"})).text


@examples(150)
@given(st.text(alphabet="{}%#-+ abif|\"'\n<>/=[]()*`1.", max_size=60))
def test_no_source_ends_in_anything_but_a_mail_or_a_template_error(body: str) -> None:
    told: list[str] = []
    for path in ("a.md", "a.html"):
        try:
            rendered(body, {"a": "x"}, path=path)
        except TemplateError as error:
            told.append(error.message)
    assert all(told)

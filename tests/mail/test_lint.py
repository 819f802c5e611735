"""What mail programs clip or break: each warning on a mail that earns it, and none on a mail that does not."""

from __future__ import annotations

import pytest

from engine.mail.lint import GMAIL_CLIPS, lint

TEXT = "Good day, here is the guide you asked for. " * 8
GOOD = (
    f'<html><body><p>{TEXT}</p><img src="https://a.example/p.png" alt="A pump">'
    '<a href="https://a.example/">x</a></body></html>'
)


def codes(
    html: str = GOOD, subject: str = "Your guide", preheader: str = "", text: str = TEXT, sent_bytes: int | None = None
) -> list[str]:
    return [one.code for one in lint(subject, preheader, html, text, sent_bytes)]


def test_a_sound_mail_has_nothing_to_warn_of():
    assert codes() == []
    assert codes(subject="x" * 60, preheader="x" * 100, sent_bytes=90_000) == []


def test_the_lengths_that_inboxes_cut():
    assert codes(subject="x" * 61) == ["subject-long"]
    assert codes(preheader="x" * 101) == ["preheader-long"]


def test_gmail_clips_by_the_size_that_leaves():
    assert codes(sent_bytes=GMAIL_CLIPS + 1) == ["gmail-clips"]
    assert codes(sent_bytes=GMAIL_CLIPS - 10) == ["gmail-near"]
    assert codes(GOOD + "<!--" + "x" * GMAIL_CLIPS + "-->") == ["gmail-clips"]
    [warned] = lint("s", "", GOOD, TEXT, 150_000)
    assert "150 KB" in warned.text


@pytest.mark.parametrize(
    ("piece", "code"),
    [
        ('<img src="https://a.example/b.png">', "no-alt"),
        ("<script>alert(1)</script>", "stripped"),
        ('<form action="https://a.example/"><input name="x"></form>', "stripped"),
        ('<iframe src="https://a.example/"></iframe>', "stripped"),
        ('<link rel="stylesheet" href="https://a.example/a.css">', "external-css"),
        ("<style>@import url(https://a.example/a.css);</style>", "external-css"),
        ('<table width="800"><tr><td>x</td></tr></table>', "wide"),
        ('<div style="color: red; min-width: 700px">x</div>', "wide"),
        ('<a href="http://a.example/">x</a>', "link-http"),
        ('<a href="/pumps">x</a>', "link-relative"),
        ('<a href="www.a.example">x</a>', "link-relative"),
        ('<a href="#">x</a>', "link-empty"),
        ('<img src="pictures/pump.png" alt="A pump">', "link-relative"),
        ("<p>Hello {{ lead.first_name }}</p>", "braces"),
        ("<row><columns>x</columns></row>", "unknown-element"),
        ('<map><area href="/pumps" alt="x"></map>', "link-relative"),
    ],
)
def test_what_mail_programs_break(piece: str, code: str):
    assert set(codes(GOOD.replace("<p>", piece + "<p>", 1))) == {code}


@pytest.mark.parametrize(
    "piece",
    [
        '<img src="https://a.example/o.gif" width="1" height="1">',
        '<div style="max-width: 900px">x</div>',
        '<table width="100%"><tr><td width="600">x</td></tr></table>',
        '<a href="mailto:a@a.example">x</a><a href="tel:+49281">x</a><a href="#contents">x</a>',
        '<a href="http://127.0.0.1:8000/u/x">x</a>',
        "<style>.a { width: 900px }</style>",
        "<p>x<o:p></o:p></p><svg><path d='M0 0'/></svg><center>x</center>",
    ],
)
def test_what_is_well_is_not_complained_of(piece: str):
    assert codes(GOOD.replace("<p>", piece + "<p>", 1)) == []


def test_pictures_without_text_and_mails_without_a_text_part():
    picture = '<img src="https://a.example/big.png" alt="Everything">'
    assert codes(f"<body>{picture}</body>") == ["little-text"]
    assert codes(text=" \n") == ["no-text"]
    assert codes(f"<body><p>{TEXT}</p>{picture}{picture}{picture}</body>") == ["little-text"]


def test_several_of_a_kind_are_one_warning_with_examples():
    many = "".join(f'<a href="http://a.example/{number}">x</a>' for number in range(9))
    [warned] = lint("s", "", GOOD + many, TEXT)
    assert warned.text.startswith("9 links or images use `http://`")
    assert warned.text.count("http://a.example/") == 3

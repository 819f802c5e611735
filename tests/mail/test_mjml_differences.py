"""What docs/mail.md says to differ from the reference converter. Where the library mends one, its row goes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.mail.mjml import Malformed, to_html

PAGE = (Path(__file__).parents[2] / "docs" / "mail.md").read_text("utf-8")
PICTURE = 'src="https://a.example/1.png"'


def html(section: str, head: str = "") -> str:
    text = f"<mjml><mj-head>{head}</mj-head><mj-body>{section}</mj-body></mjml>"
    return re.sub(r"\s*:\s*", ":", to_html(text, "en", "t", ""))


def column(inside: str) -> str:
    return html(f"<mj-section><mj-column>{inside}</mj-column></mj-section>")


HERO = (
    '<mj-hero {} background-width="600px" background-height="469px" padding="100px 0px"><mj-text>x</mj-text></mj-hero>'
)


def test_a_hero_of_fluid_height_is_one_of_fixed_height() -> None:
    assert "height:-200px" in html(HERO.format('mode="fluid-height"'))
    assert "padding-bottom:78%" not in html(HERO.format('mode="fluid-height"'))
    for mode in ("fluid", "fixed"):
        assert "height:269px" in html(HERO.format(f'mode="{mode}-height" height="469px"'))
    assert '`<mj-hero mode="fluid-height">`' in PAGE


@pytest.mark.parametrize(
    ("inside", "differs"),
    [
        (f"<mj-image {PICTURE}/>", r"<img(?![^>]*\balt=)[^>]*>"),
        ('<mj-button href="https://a.example" title="more">x</mj-button>', r"<a(?![^>]*title)[^>]*>"),
        (f'<mj-image {PICTURE} sizes="100vw" alt=""/>', r"<img(?![^>]*sizes)[^>]*>"),
        ('<mj-button width="200px" inner-padding="5px 6px" border="1px solid red">x</mj-button>', "width:188px"),
    ],
)
def test_small_differences(inside: str, differs: str) -> None:
    assert re.search(differs, column(inside))


def test_differences_of_sections() -> None:
    section = (
        '<mj-section full-width="full-width" background-color="#eee" border-radius="4px"><mj-column/></mj-section>'
    )
    made = html(section)
    assert 'bgcolor="#eee"' in made
    assert re.search(r"<table[^>]*background:#eee[^>]*border-radius:4px", made)


def test_attributes_of_html_are_refused() -> None:
    head = '<mj-html-attributes><mj-selector path=".a"><mj-html-attribute name="b">c</mj-html-attribute></mj-selector>'
    with pytest.raises(Malformed):
        html("<mj-section/>", f"{head}</mj-html-attributes>")

"""Languages: which one a visitor gets."""

from __future__ import annotations

import pytest

from web.http.words import TRACKING_VERSION, Words, preferred

SPOKEN = ("en", "de", "ro")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("fr, ro;q=0.3, de;q=0.7", "de"),
        ("ja", "en"),
        ("de;q=0, ro;q=0.1", "ro"),
        ("de;q=nonsense, ro", "ro"),
        ("*", "en"),
        (",;;q=," * 1_000, "en"),
    ],
)
def test_preferred(header: str, language: str) -> None:
    assert preferred(header, SPOKEN) == language


def test_a_language_without_words_reads_english() -> None:
    assert Words("ro")("send") == "Send"
    assert Words("ro").language == "en"
    assert Words("de")("send") == "Absenden"


def test_labels_of_fields_that_have_none() -> None:
    assert Words("de").label("first_name") == "Vorname"
    assert Words("de").label("company_size") == "Company size"


def test_an_earlier_wording_of_a_consent_is_kept() -> None:
    assert Words("en").tracking(1) == "You may measure which of your emails and pages I use."
    assert Words("en").tracking() == Words("en").tracking(TRACKING_VERSION) == Words("en")("track")
    assert Words("en").tracking() == "You may track which of your emails, links, and pages I open."
    assert Words("de").tracking(1) == Words("de").tracking() == Words("de")("track")

"""Values as people read them: the same in emails and on pages."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.wording.values import country_name, moment, readable

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("kind", "value", "locale", "text"),
    [
        ("country", "DE", "en", "Germany"),
        ("country", "de", "de", "Deutschland"),
        ("country", "XX", "en", "XX"),
        ("language", "pt", "de", "Portugiesisch"),
        ("language", "zz", "en", "zz"),
        ("date", "2026-09-01", "en", "Sep 1, 2026"),
        ("date", "2026-09-01", "de", "01.09.2026"),
        ("date", "2026-09-01", "en-GB", "1 Sept 2026"),
        ("date", "soon", "en", "soon"),
        ("moment", "2026-09-01T07:00:00+00:00", "de", "Di., 01.09.2026, 09:00 CEST"),
        ("moment", "2026-09-01T07:00", "en", "2026-09-01T07:00"),
        ("number", 12000, "de", "12.000"),
        ("number", 0.5, "en", "0.5"),
        ("number", "1e999999", "en", "1e999999"),
        ("number", "many", "en", "many"),
        ("money", 1200, "en", "€1,200.00"),
        ("yes/no", True, "en", "yes"),
        ("yes/no", False, "de", "no"),
        ("choices", ["Seals", "Service"], "en", "Seals, Service"),
        ("text", "12", "de", "12"),
        ("text", 1984, "de", "1984"),
    ],
)
def test_readable(kind: str, value: object, locale: str, text: str) -> None:
    assert readable(kind, value, locale, BERLIN, "EUR") == text


def test_a_language_that_nobody_knows_reads_english() -> None:
    assert country_name("AT", "tlh-KL") == "Austria"
    assert moment(datetime(2026, 9, 1, 7, tzinfo=UTC), "tlh", BERLIN).startswith("Tue, Sep 1, 2026, 9:00")

"""What people type and paste becomes the value that they meant, or is asked back."""

from __future__ import annotations

import pycountry
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import FreeMail, LeadField, Program, Workspace
from engine.model.lead import Facts
from engine.rules.conditions.conditions import holds
from engine.rules.leads.countries import code_of, country_names
from engine.rules.leads.numbers import Unclear, number_of
from engine.rules.leads.values import Context, Refused, clean, empty, parse_field

PROGRAM = Program(workspace=Workspace(name="Acme", languages=("en", "de"), currency="EUR"))


def read(type: str, text: str, language: str | None = "en") -> object:
    return parse_field(LeadField(name="x", type=type), [text], Context(PROGRAM, language=language))


@pytest.mark.parametrize(
    ("pasted", "value"),
    [
        ("\ufeffAda\u200b", "Ada"), ("\u200eAda\u200f", "Ada"), ("\tAda\n", "Ada"), ("Ada\r\n", "Ada"), ("A\tda",
        "A da"),
        ("\u2028Ada\u2029", "Ada"), ("\u202aAda\u202c", "Ada"), ("\u202egpj.exe", "gpj.exe"), ("a\u00adda", "ada"),
        ("\u2067Ada\u2069 ", "Ada"),
        (" \u200b \ufeff Ada \u200d", "Ada"), ("می\u200cخواهم", "می\u200cخواهم"), ("\u00a0Ada\u202f", "Ada"),
    ],
)  # fmt: skip
def test_what_nobody_sees_is_taken_away(pasted: str, value: str) -> None:
    assert clean(pasted) == value


@pytest.mark.parametrize(
    ("type", "pasted", "value"),
    [
        ("phone", "\u202a+49 30 123456\u202c", "+4930123456"),
        ("number", "\u200e250\n", 250),
        ("money", "1.200,50\u00a0€", 1200.5),
        ("date", "\ufeff2026-12-24", "2026-12-24"),
        ("url", "https://acme.example/a\u200b\r\n", "https://acme.example/a"),
        ("country", "\u200bDE\t", "DE"),
        ("yes/no", "yes\u200f", True),
    ],
)
def test_in_every_type(type: str, pasted: str, value: object) -> None:
    assert read(type, pasted, "de") == value


def test_nothing_visible_is_nothing() -> None:
    assert empty("\ufeff\u200b \t\r\n\u200d")
    assert read("text", "\u200b\n") is None


@given(st.text(max_size=40))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    try:
        once = clean(text)
    except Refused:
        return
    assert clean(once) == once


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
        ("\n\n one  \n\n\n\n\ttwo\u200b \n", "one\n\n two"),
        ("a\u2028b\u202ec", "a\nbc"),
        (" \n\u200b\r\n", None),
    ],
)
def test_long_text(typed: str, value: str | None) -> None:
    assert read("long text", typed) == value


@pytest.mark.parametrize(("typed", "code"), [("a\n\x00", "lines"), ("a\x1bb", "lines"), ("ab\n" * 5_000, "long")])
def test_no_long_text(typed: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read("long text", typed)
    assert refused.value.problem.code == code
    assert read("long text", "x" * 10_000) == "x" * 10_000


@pytest.mark.parametrize(
    ("text", "english", "german"),
    [
        ("1200", 1200, 1200), ("1.200", "ambiguous", 1200), ("1,200", 1200, "ambiguous"), ("1.2", 1.2, 1.2),
        ("1,2", "number", 1.2), ("1.200,50", 1200.5, 1200.5), ("1,200.50", 1200.5, 1200.5),
        ("1.200.000", 1200000, 1200000),
        ("1,200,000", 1200000, 1200000), ("1 200", 1200, 1200), ("1\u202f200,5", 1200.5, 1200.5), ("1'200", 1200, 1200),
        ("0.125", 0.125, 0.125), ("-1.5", -1.5, -1.5), ("−3", -3, -3), ("+7", 7, 7), (".5", 0.5, 0.5), ("12.", 12, 12),
        ("1.20.300", "number", "number"), ("1,2,3", "number", "number"), ("1e5", "number", "number"),
        ("--1", "number", "number"), ("1.2.3", "number", "number"), ("٣", "number", "number"), ("0,5", "number", 0.5),
        ("1234.567", 1234.567, 1234.567), ("1234,567", "number", 1234.567),
    ],
)  # fmt: skip
def test_numbers_follow_the_language_or_are_asked_back(text: str, english: object, german: object) -> None:
    for language, expected in (("en", english), ("de", german)):
        if isinstance(expected, str):
            with pytest.raises(Refused) as refused:
                read("number", text, language)
            assert refused.value.problem.code == expected
        else:
            assert read("number", text, language) == expected


def test_a_program_writes_numbers_with_a_point() -> None:
    assert number_of("1.200") == 1.2
    with pytest.raises(Unclear):
        number_of("1,2")


@given(st.decimals(0, 999_999, places=3), st.sampled_from(["en", "de", "fr", "pl", "de-CH"]))
def test_no_number_is_ever_read_as_a_thousandth(value: object, language: str) -> None:
    """With one mark before three digits: the thousand, or a question."""
    text = f"{value:f}"
    if text.startswith("0") or len(text.partition(".")[0]) > 3:
        return
    for written in (text, text.replace(".", ",")):
        try:
            found: object = number_of(written, language)
        except Unclear as unclear:
            found = unclear.ambiguous
        assert found in (True, int(text.replace(".", "")))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("€1,200.50", 1200.5),
        ("1200 EUR", 1200),
        ("EUR 99", 99),
        ("1.200,50 €", 1200.5),
        ("-5 eur", -5),
        ("12.5€", 12.5),
    ],
)
def test_money(text: str, value: float) -> None:
    assert read("money", text) == value


@pytest.mark.parametrize("text", ["12 USD", "$12", "EUR", "12 EUR 5", "12 apples", "1,200.5.5"])
def test_no_money(text: str) -> None:
    with pytest.raises(Refused):
        read("money", text)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Turkey", "TR"), ("Türkiye", "TR"), ("Türkei", "TR"), ("Great Britain", "GB"), ("UK", "GB"), ("U.K.", "GB"),
        ("The Netherlands", "NL"), ("netherlands", "NL"), ("Holland", "NL"), ("Die Niederlande", "NL"),
        ("Ivory Coast", "CI"),
        ("Cote d'Ivoire", "CI"), ("Elfenbeinküste", "CI"), ("USA", "US"), ("U.S.A.", "US"), ("U.S.", "US"),
        ("United States of America", "US"), ("the United States", "US"), ("Vereinigte Staaten", "US"), ("Burma", "MM"),
        ("Czech Republic", "CZ"), ("Czechia", "CZ"), ("Tschechien", "CZ"), ("South Korea", "KR"), ("Russia", "RU"),
        ("Iran", "IR"), ("Syria", "SY"), ("Vietnam", "VN"), ("Viet Nam", "VN"), ("Bolivia", "BO"), ("Tanzania", "TZ"),
        ("Macedonia", "MK"), ("Swaziland", "SZ"), ("Cape Verde", "CV"), ("East Timor", "TL"), ("Vatican City", "VA"),
        ("Palestine", "PS"), ("Hong Kong", "HK"), ("Macau", "MO"), ("Taiwan", "TW"), ("UAE", "AE"), ("Moldova", "MD"),
        ("Saint Lucia", "LC"), ("St. Lucia", "LC"), ("St Lucia", "LC"), ("Bosnia and Herzegovina", "BA"),
        ("DR Congo", "CD"),
        ("Bosnia & Herzegovina", "BA"), ("Bosnien und Herzegowina", "BA"), ("Trinidad and Tobago", "TT"), ("ET", "ET"),
        ("Bundesrepublik Deutschland", "DE"), ("Deutschland", "DE"), ("die Schweiz", "CH"), ("España", "ES"),
        ("Espana", "ES"), ("Österreich", "AT"), ("Weißrussland", "BY"), ("Republic of Ireland", "IE"), ("ST", "ST"),
        ("Polska", "PL"), ("Laos", "LA"), ("Brunei", "BN"), ("Kyrgyzstan", "KG"), ("The Gambia", "GM"), ("Bahamas",
        "BS"),
    ],
)  # fmt: skip
def test_countries_by_every_common_name(name: str, code: str) -> None:
    assert code_of(name, ("en", "de")) == code
    assert read("country", f" {name.upper()} ") == code


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "nl", "pl", "ja"])
def test_every_name_that_the_tables_have(language: str) -> None:
    for code, name in country_names(str(Locale.parse(language))).items():
        assert code_of(name, (language,)) == code, name
    assert {code_of(one.alpha_3, (language,)) for one in pycountry.countries} == {
        one.alpha_2 for one in pycountry.countries
    }


@pytest.mark.parametrize("name", ["Atlantis", "The", "de la", "Ja", "Congo Bongo", "", "&"])
def test_no_country(name: str) -> None:
    assert code_of(name, ("en", "de")) is None


@pytest.mark.parametrize(
    ("domain", "free"),
    [
        ("gmail.com", True), ("GMX.de", True), ("tuta.com", True), ("mailinator.com", True), ("10minutemail.com", True),
        ("guerrillamail.com", True), ("yopmail.com", True), ("acme.example", False), ("siemens.com", False),
    ],
)  # fmt: skip
def test_free_and_throw_away_addresses(domain: str, free: bool) -> None:
    assert holds(FreeMail(), Facts(fields={"email": f"a@{domain}"}, zone="UTC")) is free

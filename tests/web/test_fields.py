"""Form values: what is read, what is refused, and that nothing a visitor sends makes the reader fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import Ask, Consent, Form, LeadField, Program, Workspace
from tests.support.examples import examples
from web.http.fields import MAX_CHARS, Context, Refused, clean, parse_field, parse_form, safe_url
from web.http.words import ENGLISH, GERMAN, Words

PROGRAM = Program(
    workspace=Workspace(name="Acme", timezone="Europe/Berlin", languages=("en", "de"), currency="EUR"),
    fields=(
        LeadField(name="company_size", type="number"),
        LeadField(name="budget", type="money"),
        LeadField(name="area", type="choice", choices=("Pumps", "Valves")),
        LeadField(name="areas", type="choices", choices=("Pumps", "Valves")),
        LeadField(name="existing", type="yes/no"),
        LeadField(name="visit", type="moment"),
        LeadField(name="site", type="url"),
    ),
)
CONTEXT = Context(PROGRAM, "DE")


def read(name: str, *given: object) -> object:
    return parse_field(PROGRAM.all_fields[name], given, CONTEXT)


def form(*asks: Ask, **more: object) -> Form:
    return Form(name="demo", asks=asks, source="forms.campaign:1", **more)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("first_name", "  Zoë  ", "Zoë"),
        ("first_name", "Zoe\u0308", "Zoë"),
        ("first_name", "مهدی\u200cزاده", "مهدی\u200cزاده"),
        ("email", "Ada@Firm.Example", "Ada@Firm.Example"),
        ("company_size", "250", 250),
        ("company_size", "12.5", 12.5),
        ("company_size", 250.0, 250),
        ("budget", "1200.50 EUR", 1200.5),
        ("budget", "eur 99", 99),
        ("area", "pumps", "Pumps"),
        ("existing", "on", True),
        ("existing", "nein", False),
        ("existing", False, False),
        ("birthday", "1984-02-29", "1984-02-29"),
        ("visit", "2026-07-01T09:30", "2026-07-01T09:30:00"),
        ("visit", "2026-07-01T09:30+02:00", "2026-07-01T07:30:00+00:00"),
        ("visit", "2026-07-01T09:30:00Z", "2026-07-01T09:30:00+00:00"),
        ("country", "de", "DE"),
        ("country", "Deutschland", "DE"),
        ("country", "Germany", "DE"),
        ("country", "DEU", "DE"),
        ("country", "UK", "GB"),
        ("language", "de-AT", "de"),
        ("language", "Deutsch", "de"),
        ("language", "română", "ro"),
        ("timezone", "europe/berlin", "Europe/Berlin"),
        ("phone", "030 123456", "+4930123456"),
        ("phone", "+44 20 7946 0018", "+442079460018"),
        ("site", "https://firm.example/a?b=c", "https://firm.example/a?b=c"),
    ],
)
def test_reads(name: str, given: object, value: object) -> None:
    found = read(name, given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("first_name", "a\r\nBcc: b@firm.example", "control"),
        ("first_name", "two\nlines", "control"),
        ("first_name", "nul\0", "control"),
        ("first_name", "bell\x07", "control"),
        ("first_name", "line\u2028break", "control"),
        ("first_name", "\ud800", "control"),
        ("first_name", "x" * (MAX_CHARS + 1), "long"),
        ("first_name", 7, "type"),
        ("first_name", True, "type"),
        ("first_name", {"a": 1}, "type"),
        ("first_name", ["a"], "several"),
        ("email", "ada", "email"),
        ("email", "a@firm.example, b@firm.example", "email"),
        ("email", "Ada <ada@firm.example>", "email"),
        ("company_size", "1,200", "number"),
        ("company_size", "1e9", "number"),
        ("company_size", "nan", "number"),
        ("company_size", float("nan"), "number"),
        ("company_size", float("inf"), "number"),
        ("company_size", 10**400, "number"),
        ("company_size", "٣", "number"),
        ("company_size", True, "type"),
        ("budget", "12 USD", "money"),
        ("budget", "a lot", "money"),
        ("budget", "1.2.3", "money"),
        ("area", "Tubes", "choice"),
        ("existing", "perhaps", "yes/no"),
        ("existing", 1, "type"),
        ("birthday", "29.02.1984", "date"),
        ("birthday", "2023-02-29", "date"),
        ("visit", "tomorrow", "moment"),
        ("visit", "0001-01-01T00:00+23:59", "moment"),
        ("country", "Atlantis", "country"),
        ("language", "Klingon", "language"),
        ("timezone", "Mars/Olympus", "timezone"),
        ("timezone", "../../etc/passwd", "timezone"),
        ("phone", "12", "phone"),
        ("phone", "call me", "phone"),
        ("site", "javascript:alert(1)", "url"),
        ("site", "ftp://firm.example", "url"),
        ("site", "https://user@firm.example", "url"),
        ("site", "https://", "url"),
    ],
)
def test_refuses(name: str, given: object, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(name, given)
    assert refused.value.problem.code == code


@pytest.mark.parametrize("name", sorted(PROGRAM.all_fields))
@pytest.mark.parametrize("given", [(), ("",), ("   ",), (None,)])
def test_nothing_given_is_no_value(name: str, given: tuple[object, ...]) -> None:
    assert read(name, *given) is None


def test_two_values_for_one_field_are_refused() -> None:
    with pytest.raises(Refused, match="several"):
        read("email", "a@firm.example", "b@firm.example")


def test_choices_are_a_list_in_any_shape() -> None:
    assert read("areas", "pumps", "Valves", "Pumps") == ["Pumps", "Valves"]
    assert read("areas", ["Valves"]) == ["Valves"]
    with pytest.raises(Refused):
        read("areas", "Pumps", "Tubes")


def test_a_national_phone_number_is_read_in_the_country_of_the_same_form() -> None:
    both = form(Ask(field="email"), Ask(field="phone"), Ask(field="country"))
    raw = {"email": ["a@firm.example"], "phone": ["044 668 18 00"], "country": ["Schweiz"]}
    assert parse_form(both, PROGRAM, raw).values["phone"] == "+41446681800"
    without = parse_form(both, PROGRAM, {**raw, "country": [""]})
    assert without.problems["phone"].code == "phone"


def test_a_form_takes_what_it_declares_and_ignores_the_rest() -> None:
    demo = form(
        Ask(field="email"),
        Ask(field="company", required=True),
        Ask(field="area", required=True),
        hidden=(("product", "Pumps"),),
        consents=(Consent(wording="News", topic="newsletter"), Consent(wording="Tips", topic="tips")),
    )
    raw = {
        "email": ["a@firm.example"],
        "company": ["Firm"],
        "area": ["Valves"],
        "product": ["Everything"],
        "stage": ["Customer"],
        "owner": ["me@evil.example"],
        "consent": ["Newsletter", "invented"],
    }
    parsed = parse_form(demo, PROGRAM, raw)
    assert parsed.values == {"email": "a@firm.example", "company": "Firm", "area": "Valves", "product": "Pumps"}
    assert parsed.topics == ("newsletter",)
    assert parsed.problems == {}


def test_a_hidden_field_without_a_value_is_filled_by_the_page_and_read_like_an_asked_one() -> None:
    signup = form(Ask(field="email", required=True), filled=("area", "company_size"), hidden=(("city", "Cork"),))
    raw = {"email": ["ada@firm.example"], "area": ["pumps"], "city": ["Rome"], "budget": ["9"]}
    assert parse_form(signup, PROGRAM, raw).values == {"email": "ada@firm.example", "area": "Pumps", "city": "Cork"}
    refused = parse_form(signup, PROGRAM, {**raw, "area": ["Boats"], "company_size": ["many"]})
    assert {name: problem.code for name, problem in refused.problems.items()} == {
        "area": "choice", "company_size": "number",
    }  # fmt: skip


def test_all_problems_at_once() -> None:
    demo = form(
        Ask(field="email"), Ask(field="company", required=True), Ask(field="area", required=True), Ask(field="phone")
    )
    parsed = parse_form(demo, PROGRAM, {"phone": ["x"]})
    assert {name: problem.code for name, problem in parsed.problems.items()} == {
        "email": "required", "company": "required", "area": "choose", "phone": "phone",
    }  # fmt: skip


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=60),
    st.lists(st.text(max_size=5), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@examples(150)
@given(name=st.sampled_from(sorted(PROGRAM.all_fields)), given_=st.lists(ANYTHING, max_size=3))
def test_no_input_makes_a_reader_fail(name: str, given_: list[object]) -> None:
    try:
        value = read(name, *given_)
    except Refused as refused:
        for language in ("en", "de"):
            sentence = Words(language).problem(refused.problem)
            assert "{" not in sentence
        return
    assert value is None or isinstance(value, bool | int | float | str | list)
    if isinstance(value, str):
        value.encode("utf-8")
        assert clean(value) == value


@pytest.mark.parametrize(
    "url",
    ["https://a.example\\@b.example", "https://a.example:99999", "//a.example", "https://a.example/ b",
     "data:text/html,x", "https://[", "HTTPS://", "https://a.example/\tb"],
)  # fmt: skip
def test_unsafe_addresses(url: str) -> None:
    assert safe_url(url) is None


def test_both_languages_say_everything() -> None:
    assert set(ENGLISH) == set(GERMAN)

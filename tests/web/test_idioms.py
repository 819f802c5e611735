"""What HTML forms and their tools do with names and boxes is understood; what is not is named, never dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.web.conftest import PROGRAM
from web.http.fields import Parsed, parse_form

Stored = Callable[[str], Awaitable[Any]]
WHITEPAPER = PROGRAM.forms[0]
BASIC: dict[str, list[object]] = {"email": ["a@firm.example"], "company": ["F"]}


def parsed(**raw: list[object]) -> Parsed:
    return parse_form(WHITEPAPER, PROGRAM, {**BASIC, **raw})


@pytest.mark.parametrize(
    "posted",
    [
        {"consent": ["newsletter"]}, {"consent": ["on"]}, {"consent[]": ["newsletter"]}, {"consent[]": ["on"]},
        {"consent": ["0", "1"]}, {"consent": ["0", "newsletter"]}, {"consent": [True]}, {"consent[newsletter]": ["1"]},
        {"consent": [{"newsletter": True}]}, {"consent": [["newsletter"]]}, {"Consent": ["Newsletter "]},
        {"consent[0]": ["newsletter"]}, {"consent": ["newsletter", "newsletter"]},
    ],
)  # fmt: skip
def test_a_ticked_box(posted: dict[str, list[object]]) -> None:
    found = parsed(**posted)
    assert (found.topics, found.ignored) == (("newsletter",), ())


@pytest.mark.parametrize(
    "posted", [{"consent": ["0"]}, {"consent": [False]}, {"consent": [""]}, {"consent[newsletter]": ["0"]}, {}]
)
def test_a_box_that_is_not_ticked(posted: dict[str, list[object]]) -> None:
    found = parsed(**posted)
    assert (found.topics, found.ignored) == ((), ())


def test_on_is_unclear_where_there_are_two_boxes() -> None:
    two = WHITEPAPER.model_copy(
        update={"consents": (*WHITEPAPER.consents, WHITEPAPER.consents[0].model_copy(update={"topic": "product"}))}
    )
    found = parse_form(two, PROGRAM, {**BASIC, "consent": ["on"]})
    assert (found.topics, found.ignored) == ((), ("consent",))
    assert parse_form(two, PROGRAM, {**BASIC, "consent[product]": ["on"]}).topics == ("product",)


@pytest.mark.parametrize(
    ("posted", "field", "value"),
    [
        ({"interests[]": ["Seals", "Service"]}, "interests", ["Seals", "Service"]),
        ({"interests[0]": ["Seals"], "interests[1]": ["Service"]}, "interests", ["Seals", "Service"]),
        ({"interests[Seals]": ["1"], "interests[Service]": ["0"]}, "interests", ["Seals"]),
        ({"interests": ["0", "Seals"]}, "interests", ["Seals"]),
        ({"interests": [{"Seals": True, "Service": False}]}, "interests", ["Seals"]),
        ({"existing": ["0", "1"]}, "existing", True),
        ({"existing": ["true", "false"]}, "existing", True),
        ({"existing": ["0"]}, "existing", False),
        ({"existing[]": ["on"]}, "existing", True),
        ({"first_name": ["Ada", "", "Ada"]}, "first_name", "Ada"),
        ({"First_Name": ["Ada"]}, "first_name", "Ada"),
        ({"company_size": [250, 250]}, "company_size", 250),
    ],
)
def test_fields(posted: dict[str, list[object]], field: str, value: object) -> None:
    found = parsed(**posted)
    assert (found.values[field], found.problems, found.ignored) == (value, {}, ())


def test_two_different_values_are_asked_back() -> None:
    assert parsed(first_name=["Ada", "Eva"]).problems["first_name"].code == "several"


def test_what_means_nothing_is_named() -> None:
    found = parsed(emial=["x"], city=["Rome"], **{"lead[email]": ["b@firm.example"], "company[name]": ["G"]})
    assert found.ignored == ("emial", "city", "lead[email]", "company[name]")
    assert parsed(consent=["newsletters"]).ignored == ("consent",)
    assert parsed(cf_page=["x"], cf_landing=["x"], cf_referrer=["x"], utm_source=["x"], next=["/"]).ignored == ()
    many = parsed(**{f"x{number}": ["1"] for number in range(50)}).ignored
    assert len(many) == 20


async def test_json_names_it_and_the_log_counts_it(http: httpx.AsyncClient, stored: Stored) -> None:
    with capture_logs() as logged:
        taken = await http.post("/f/whitepaper", json={"email": "typo@firm.example", "company": "F", "phnoe": "1"})
        wrong = await http.post("/f/whitepaper", json={"emial": "typo@firm.example", "company": "F"})
    assert taken.json()["ignored"] == ["phnoe"]
    assert (wrong.status_code, wrong.json()["ignored"]) == (422, ["emial"])
    counted = [(line["form"], line["count"]) for line in logged if line["event"] == "form values ignored"]
    assert counted == [("Whitepaper", 1), ("Whitepaper", 1)]
    assert "ignored" not in (await http.post("/f/whitepaper", json={"email": "c@firm.example", "company": "F"})).json()
    assert (await stored("typo@firm.example")).fields["company"] == "F"


async def test_a_page_that_comes_back_keeps_what_was_ticked(http: httpx.AsyncClient) -> None:
    back = await http.post("/f/whitepaper", data={"email": "x", "consent": "on", "interests[]": "Seals"})
    assert back.status_code == 422
    assert 'value="newsletter" checked' in back.text
    assert 'value="Seals" checked' in back.text

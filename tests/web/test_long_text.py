"""A field of several lines on the hosted page and in posts."""

from __future__ import annotations

from dsl.plan import CustomEvent, LeadField, Program, Workspace
from engine.platform.clock import FixedClock
from tests.web.conftest import PROGRAM
from web.api.events import read_event
from web.api.leads import read_lead
from web.http.answers import pages
from web.http.words import Words
from web.public.hosted import Filled, shown

LONG = PROGRAM.model_copy(update={"fields": (*PROGRAM.fields, LeadField(name="message", type="long text"))})


def test_the_page_has_a_text_area_with_what_was_typed() -> None:
    ask = PROGRAM.forms[0].asks[1].model_copy(update={"field": "message", "required": True})
    field = shown(ask, LONG, "en", Words("en"), Filled({"message": ["</textarea>\none"]}))
    assert field.widget == "area"
    page = pages.get_template("form.html").render(
        words=Words("en"), company="Acme", title="Contact", intro="", button="Send",
        action="/f/contact", fields=[field], hidden=[], consents=[],
        whole="", nonce="n", honeypot="cf_website", nonce_name="cf_nonce", embedded=False, look=None,
    )  # fmt: skip
    assert "<textarea" in page
    assert "\n&lt;/textarea&gt;\none</textarea>" in page


def test_other_systems_send_it() -> None:
    lead = {"email": "a@firm.example", "fields": {"message": "one\r\ntwo "}}
    assert read_lead(lead, LONG)[1] == {"message": "one\ntwo"}
    event = CustomEvent(name="review", data=(("words", "long text"), ("title", "text")))
    program = Program(workspace=Workspace(name="Acme"), events=(event,))
    found = read_event(
        {"event": "review", "email": "a@firm.example", "data": {"words": "one\r\ntwo", "title": "T"}},
        FixedClock().now(), program,
    )  # fmt: skip
    assert (found.data["words"], found.data["title"]) == ("one\ntwo", "T")

"""A composed mail carries what law and providers ask for, and tracks only who agreed."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from dsl.plan import Workspace
from engine.mail.compose import Addressed, Composed, compose, marketing_gap
from engine.mail.context import Context, Rendered
from engine.mail.errors import Incomplete
from engine.mail.guard import problem
from engine.mail.links import link_id
from engine.mail.render import Renderer
from engine.rules.tracking.hits import HIDDEN
from tests.mail.samples import ADDRESS, TOKENS, WORKSPACE

MESSAGE, LEAD = UUID(int=7), UUID(int=8)
BODY = (
    "[Read](https://acme.example/a?x=1&y=2) [Leave]({{ unsubscribe_url }}) [Ok]({{ confirm_url }}) "
    "[mail](mailto:a@b.example)"
)


def composed(kind: str = "marketing", *, tracked: bool = True, workspace: Workspace = WORKSPACE, body: str = BODY,
             parts: dict[str, str] | None = None, **front: str) -> Composed:  # fmt: skip
    lines = "\n".join(f"{key}: {value}" for key, value in {"subject": "Hi {{ lead.first_name }}", **front}.items())
    renderer = Renderer({"t/a.md": f"---\n{lines}\n---\n{body}", **(parts or {})}, workspace)
    context = Context(
        lead={"first_name": "Ada", "email": "ada@acme.example"}, confirm_url="https://t.example/confirm/1"
    )
    message = Addressed(MESSAGE, LEAD, "ada@acme.example", kind, "newsletter")  # type: ignore[arg-type]
    return compose(renderer, "t/a", context, message, TOKENS, "https://t.example/", tracked=tracked)


def test_a_marketing_mail_can_be_left_with_one_click() -> None:
    mail = composed().mail
    found = re.fullmatch(r"<https://t\.example/u/([\w-]+)>", mail.headers["List-Unsubscribe"])
    assert found is not None
    assert TOKENS.read("unsubscribe", found[1]) == (str(LEAD), "newsletter")
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["X-Coldframe-Message"] == str(MESSAGE)
    assert f'href="https://t.example/u/{found[1]}"' in mail.html
    assert f"https://t.example/u/{found[1]}" in mail.text
    assert ADDRESS in mail.html
    assert ADDRESS in mail.text
    assert problem(mail) is None


def test_links_are_signed_and_their_targets_returned() -> None:
    made = composed()
    url = "https://acme.example/a?x=1&y=2"
    assert made.links == {link_id(url): url}
    tokens = [re.findall(r"https://t\.example/c/([\w-]+)", part) for part in (made.mail.html, made.mail.text)]
    own, hidden = (str(MESSAGE), link_id(url)), (str(MESSAGE), HIDDEN)
    assert [[TOKENS.read("click", token) for token in part] for part in tokens] == [[own, hidden], [own]]
    assert "acme.example/a?" not in made.mail.html + made.mail.text
    assert 'href="https://t.example/confirm/1"' in made.mail.html
    assert 'href="mailto:a@b.example"' in made.mail.html


def test_the_pixel_is_signed_and_last() -> None:
    html = composed().mail.html
    found = re.search(r'<img src="https://t\.example/o/([\w-]+)\.gif"[^>]*></body>', html)
    assert found is not None
    assert TOKENS.read("open", found[1]) == (str(MESSAGE),)


def test_the_hidden_link_is_seen_heard_and_reached_by_nobody() -> None:
    html = composed().mail.html
    [anchor] = re.findall(r"<a [^>]*display:none[^>]*>(.*?)</a>", html)
    [attributes] = re.findall(r"<a ([^>]*display:none[^>]*)>", html)
    assert anchor == ""
    assert {'rel="nofollow"', 'aria-hidden="true"', 'tabindex="-1"'} <= set(attributes.split())
    assert "display:none" not in composed("transactional").mail.html


@pytest.mark.parametrize(("kind", "tracked"), [("marketing", False), ("transactional", False), ("staff", True)])
def test_without_consent_there_is_no_trace(kind: str, tracked: bool) -> None:
    made = composed(kind, tracked=tracked)
    assert made.links == {}
    assert "https://t.example/c/" not in made.mail.html + made.mail.text
    assert "<img" not in made.mail.html
    assert 'href="https://acme.example/a?x=1&amp;y=2"' in made.mail.html


@pytest.mark.parametrize("kind", ["transactional", "staff"])
def test_other_mails_carry_no_list_headers(kind: str) -> None:
    assert set(composed(kind).mail.headers) == {"X-Coldframe-Message"}
    assert "/u/" not in composed(kind).mail.html


def test_nothing_but_the_recipient_holds_the_address() -> None:
    mail = composed().mail
    assert mail.to == "ada@acme.example"
    assert "ada@acme.example" not in f"{mail.html}{mail.text}{mail.headers}{mail.subject}{mail.category}{mail.sender}"


def test_who_the_sender_is() -> None:
    assert composed().mail.sender == "Acme Pumps <hello@acme.example>"
    assert composed(sender="Ada <ada@acme.example>").mail.sender == "Ada <ada@acme.example>"


LACKING = {
    "no link in the page": {"_layout.html": "<html><body>{{ content }} {{ workspace.address }}</body></html>"},
    "no address in the page": {"_layout.html": "<html><body>{{ content }} {{ unsubscribe_url }}</body></html>"},
    "no link in the text": {"_layout.txt": "{{ content }} {{ workspace.address }}"},
    "no address in the text": {"_layout.txt": "{{ content }} {{ unsubscribe_url }}"},
}


@pytest.mark.parametrize("parts", LACKING.values(), ids=LACKING.keys())
def test_a_marketing_mail_that_lacks_something_is_not_made(parts: dict[str, str]) -> None:
    with pytest.raises(Incomplete):
        composed(body="x", parts=parts)
    assert composed("transactional", body="x", parts=parts).mail.subject == "Hi Ada"


def test_a_workspace_without_an_address_cannot_do_marketing() -> None:
    with pytest.raises(Incomplete, match="the workspace has none"):
        composed(workspace=WORKSPACE.model_copy(update={"address": ""}))


def gap(**changes: Any) -> str | None:
    url = "https://t.example/u/1"
    values = {"html": f"<p>{ADDRESS} <a href='{url}'>", "text": f"{ADDRESS} {url}", **changes}
    return marketing_gap(Rendered("S", "", sender="", language="en", **values), ADDRESS, url)


def test_an_address_may_be_set_in_lines() -> None:
    lines = "Acme Pumps GmbH<br>Hauptstr.&nbsp;1<br>46562 Voerde<br>Germany https://t.example/u/1"
    assert gap() is None
    assert gap(html=lines) is None
    assert gap(text="Acme Pumps GmbH\nHauptstr. 1\n46562 Voerde\nGermany\nhttps://t.example/u/1") is None
    assert "postal address" in str(gap(html="Acme Pumps GmbH https://t.example/u/1"))

"""Forms end to end on a real database: what is stored, what is answered, and what never is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.tables import consents, leads
from engine.store.tables import events as event_rows
from tests.web.conftest import BASE, BUNDLE, PDF, SITE, client_of
from web.app import create_app
from web.http.limits import Budget, Budgets

Stored = Callable[[str], Awaitable[Any]]
Log = Callable[[UUID], Awaitable[list[Any]]]


async def count(rt: Runtime) -> tuple[int, int]:
    async with rt.db.engine.connect() as connection:
        people = (await connection.execute(select(func.count()).select_from(leads))).scalar_one()
        happened = (await connection.execute(select(func.count()).select_from(event_rows))).scalar_one()
    return people, happened


async def test_a_plain_html_form(http: httpx.AsyncClient, stored: Stored, log: Log) -> None:
    answer = await http.post(
        "/f/whitepaper",
        data={"email": "Ada@firm.example", "company": "Fírma ☃", "interests": ["Seals", "service"], "stage": "Customer",
              "consent": "newsletter", "unknown": "x", "city": "Elsewhere", "country": "Deutschland",
              "phone": "030 123456"},
        headers={"origin": SITE, "referer": f"{SITE}/guide?utm_source=ads", "user-agent": "Browser"},
    )  # fmt: skip
    assert answer.status_code == 303
    lead = await stored("ada@firm.example")
    assert lead.fields == {
        "company": "Fírma ☃", "interests": ["Seals", "Service"], "city": "Voerde", "country": "DE",
        "phone": "+4930123456",
    }  # fmt: skip
    assert lead.topics == {"newsletter": "subscribed"}
    (event, *_) = await log(lead.id)
    assert (event.type, event.name) == ("form.submitted", "Whitepaper")
    page = await http.get(answer.headers["location"])
    assert page.status_code == 200
    file = re.search(r'href="(/d/[^"]+)"', page.text)
    assert file
    assert (await http.get(file[1])).content == PDF


async def test_the_proof_of_consent_keeps_where_it_came_from(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored
) -> None:
    data = {"email": "proof@firm.example", "company": "F", "consent": "newsletter"}
    headers = {"referer": f"{SITE}/guide", "user-agent": "B" * 900, "accept-language": "de"}
    await http.post("/f/whitepaper", data=data, headers=headers)
    lead = await stored("proof@firm.example")
    async with rt.db.engine.connect() as connection:
        row = (await connection.execute(select(consents).where(consents.c.lead_id == lead.id))).one()
    assert row.record["wording"] == "I would like news about pumps"
    assert row.record["page"] == f"{SITE}/guide"
    assert row.record["client"] == "127.0.0.1"
    assert row.record["language"] == "de"
    assert row.record["user_agent"] == "B" * 500


async def test_tracking_is_agreed_to_beside_the_topics(http: httpx.AsyncClient, stored: Stored) -> None:
    assert 'name="consent" value="@tracking"' in (await http.get("/f/whitepaper")).text
    for name, consent in (("both", ["newsletter", "@tracking"]), ("none", ["@other"])):
        await http.post("/f/whitepaper", json={"email": f"{name}@firm.example", "company": "F", "consent": consent})
    assert (await stored("both@firm.example")).topics == {"newsletter": "subscribed", "@tracking": "subscribed"}
    assert (await stored("none@firm.example")).topics == {}


MULTIPART = (
    b'--x\r\ncontent-disposition: form-data; name="email"\r\n\r\nparts@firm.example\r\n--x\r\n'
    b'content-disposition: form-data; name="company"\r\n\r\n%s\r\n--x--\r\n'
)


@pytest.mark.parametrize("charset", ["", "; charset=utf-16", "; charset=punycode", "; charset=unicode_escape"])
async def test_parts_are_utf_8_whatever_is_said_of_them(http: httpx.AsyncClient, stored: Stored, charset: str) -> None:
    """No codec of Python's is chosen by a request: `punycode` takes the square of its input's length."""
    headers = {"content-type": f"multipart/form-data; boundary=x{charset}"}
    email, company = f"parts{len(charset)}@firm.example", "Bücher \\u0041"
    body = MULTIPART.replace(b"parts@firm.example", email.encode()) % company.encode()
    assert (await http.post("/f/whitepaper", content=body, headers=headers)).status_code == 303
    assert (await stored(email)).fields["company"] == company


async def test_multipart_and_json(http: httpx.AsyncClient, stored: Stored) -> None:
    answer = await http.post("/f/whitepaper", files={"email": (None, "multi@firm.example"), "company": (None, "F")})
    assert answer.status_code == 303
    body = {
        "email": "json@firm.example",
        "company": "F",
        "company_size": 12,
        "existing": False,
        "consent": ["newsletter"],
    }
    answer = await http.post("/f/Whitepaper", json=body)
    assert answer.status_code == 200
    assert answer.json()["state"] == "submitted"
    assert answer.json()["thanks"].startswith(f"{BASE}/thanks/")
    assert (await http.get(answer.json()["file"])).content == PDF
    assert (await stored("multi@firm.example")).fields["company"] == "F"
    assert (await stored("json@firm.example")).fields == {
        "company": "F", "company_size": 12, "existing": False, "city": "Voerde",
    }  # fmt: skip


async def test_wrong_values_are_named_and_nothing_is_stored(http: httpx.AsyncClient, rt: Runtime) -> None:
    before = await count(rt)
    body = {"email": "ada", "company": "a\r\nb", "country": "Atlantis", "company_size": "many", "phone": {"x": 1}}
    answer = await http.post("/f/whitepaper", json=body, headers={"accept-language": "de"})
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {"email", "company", "country", "company_size", "phone"}
    assert answer.json()["errors"]["email"].startswith("Bitte")
    assert await count(rt) == before


async def test_a_page_comes_back_with_what_was_typed(http: httpx.AsyncClient) -> None:
    typed = '"><script>alert(1)</script>'
    data = {"email": "", "company": typed, "country": "DE", "interests": "Service", "consent": "newsletter"}
    answer = await http.post("/f/whitepaper", data=data)
    assert answer.status_code == 422
    assert "<script" not in answer.text
    assert "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert 'id="email-error"' in answer.text
    assert re.search(r'<option value="DE" selected>', answer.text)
    assert re.search(r'value="Service" checked', answer.text)
    assert re.search(r'name="consent" value="newsletter" checked', answer.text)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"email=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 300), "application/x-www-form-urlencoded", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b'{"email": "a@firm.example", "email": "b@firm.example"}', "application/json", 400),
        (b'{"company_size": NaN}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"company": ' + b"9" * 50_000 + b"}", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"nothing", "multipart/form-data", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (MULTIPART % b"\xfc", "multipart/form-data; boundary=x", 400),
        (MULTIPART % b"\xfc", "multipart/form-data; boundary=x; charset=latin-1", 400),
        (MULTIPART.replace(b"company", b"\xff") % b"a", "multipart/form-data; boundary=x", 400),
        (MULTIPART % b"a", "multipart/form-data; boundary=", 400),
        (MULTIPART % b"a", 'multipart/form-data; boundary="x\\""', 400),
        (b"email=a@firm.example", "text/plain", 415),
        (b"email=a@firm.example", "", 415),
    ],
)
async def test_bodies_that_cannot_be_read(
    http: httpx.AsyncClient, rt: Runtime, content: bytes, kind: str, status: int
) -> None:
    before = await count(rt)
    answer = await http.post("/f/whitepaper", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert await count(rt) == before


@pytest.mark.parametrize(
    "body",
    [
        {"email": "\ud800@firm.example", "company": "F"},
        {"email": "lone@firm.example", "company": "\ud800"},
        {"email": "nul@firm.example", "company": "\x00"},
        {"email": ["a@firm.example", "b@firm.example"], "company": "F"},
        {"email": "long@firm.example", "company": "x" * 2_001},
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_malicious_values(http: httpx.AsyncClient, rt: Runtime, body: dict[str, Any], accept: str) -> None:
    import json

    before = await count(rt)
    headers = {"accept": accept, "content-type": "application/json"}
    answer = await http.post("/f/whitepaper", content=json.dumps(body), headers=headers)
    assert answer.status_code == 422
    assert await count(rt) == before


async def test_a_file_is_no_value_and_an_undeclared_one_is_ignored(http: httpx.AsyncClient, stored: Stored) -> None:
    text = {"email": (None, "file@firm.example"), "company": (None, "F")}
    wrong = await http.post("/f/whitepaper", files={**text, "company": ("x.exe", b"MZ")})
    assert wrong.status_code == 422
    ignored = await http.post("/f/whitepaper", files={**text, "attachment": ("x.exe", b"MZ")})
    assert ignored.status_code == 303
    assert (await stored("file@firm.example")).fields["company"] == "F"


async def test_the_trap_looks_accepted_and_stores_nothing(http: httpx.AsyncClient, rt: Runtime) -> None:
    before = await count(rt)
    data = {"email": "bot@firm.example", "company": "F"}
    real = await http.post("/f/whitepaper", data=data, headers={"idempotency-key": "same"})
    between = await count(rt)
    assert between != before
    trapped = await http.post("/f/whitepaper", data={**data, "cf_website": "https://spam.example"})
    assert (trapped.status_code, len(trapped.headers["location"])) == (real.status_code, len(real.headers["location"]))
    page = await http.get(trapped.headers["location"])
    assert page.status_code == 200
    file = re.search(r'href="(/d/[^"]+)"', page.text)
    assert file
    assert (await http.get(file[1])).status_code == 404
    assert await count(rt) == between


async def test_the_same_post_twice_is_one_event(http: httpx.AsyncClient, stored: Stored, log: Log) -> None:
    data = {"email": "twice@firm.example", "company": "F"}
    first = await http.post("/f/whitepaper", data=data)
    second = await http.post("/f/whitepaper", data=data)
    assert first.headers["location"] == second.headers["location"]
    for company in ("G", "H"):
        await http.post("/f/whitepaper", data={**data, "company": company}, headers={"idempotency-key": "k-1"})
    found = [event for event in await log((await stored("twice@firm.example")).id) if event.type == "form.submitted"]
    assert [event.data["company"] for event in found] == ["F", "G"]


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\tbed"])
async def test_an_idempotency_key_that_cannot_be_one(http: httpx.AsyncClient, key: str) -> None:
    data = {"email": "key@firm.example", "company": "F"}
    assert (await http.post("/f/whitepaper", data=data, headers={"idempotency-key": key})).status_code == 400


async def test_answers_do_not_tell_whether_an_address_is_known(http: httpx.AsyncClient, stored: Stored) -> None:
    shapes = []
    for _ in range(2):
        body = {"email": "known@firm.example", "company": "Firm", "first_name": str(len(shapes))}
        for form in ("whitepaper", "opt in", "demo"):
            answer = await http.post(f"/f/{form}", json=body)
            shapes.append(
                (form, answer.status_code, answer.json()["state"], sorted(answer.json()), dict(answer.headers).keys())
            )
    assert shapes[:3] == shapes[3:]
    assert (await stored("known@firm.example")).fields["first_name"] == "0"


async def test_where_a_post_leads(http: httpx.AsyncClient) -> None:
    async def target(form: str, next_: str = "") -> str:
        data = {"email": "next@firm.example", "company": "F", "next": next_}
        return str((await http.post(f"/f/{form}", data=data)).headers["location"])

    assert await target("demo") == f"{SITE}/thanks?a=b"
    assert (await target("whitepaper")).startswith("/thanks/")
    assert await target("whitepaper", f"{SITE}/own?x=1") == f"{SITE}/own?x=1"
    for evil in ("https://evil.example", f"{SITE}.evil.example", "//evil.example", f"{SITE}@evil.example",
                 "javascript:1", f"{SITE}\\@evil.example", "/\\evil.example"):  # fmt: skip
        assert (await target("whitepaper", evil)).startswith("/thanks/")


async def test_cors(http: httpx.AsyncClient, rt: Runtime) -> None:
    asks = {"origin": SITE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    preflight = await http.options("/f/whitepaper", headers=asks)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == SITE
    assert "content-type" in preflight.headers["access-control-allow-headers"].lower()
    body = {"email": "cors@firm.example", "company": "F"}
    answer = await http.post("/f/whitepaper", json=body, headers={"origin": SITE})
    wrong = await http.post("/f/whitepaper", json={}, headers={"origin": SITE})
    for response in (answer, wrong):
        assert response.headers["access-control-allow-origin"] == SITE
        assert response.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in response.headers
    before = await count(rt)
    for origin in ("https://evil.example", "null", "http://acme.example"):
        assert (await http.options("/f/whitepaper", headers={**asks, "origin": origin})).status_code == 403
        foreign = await http.post("/f/whitepaper", json={**body, "email": "x@firm.example"}, headers={"origin": origin})
        assert foreign.status_code == 403
        assert "access-control-allow-origin" not in foreign.headers
    assert (await http.post("/f/demo", data={"email": "o@firm.example"}, headers={"origin": SITE})).status_code == 403
    assert await count(rt) == before
    assert (await http.post("/f/demo", data={"email": "o@firm.example"}, headers={"origin": BASE})).status_code == 303


async def test_the_hosted_page(http: httpx.AsyncClient) -> None:
    page = await http.get("/f/whitepaper", headers={"accept-language": "de"})
    assert page.status_code == 200
    assert '<html lang="de">' in page.text
    assert "Ihre Firmen-E-Mail" in page.text
    assert "Deutschland" in page.text
    assert "Acme &amp; Sons" in page.text
    english = (await http.get("/f/whitepaper?lang=en", headers={"accept-language": "de"})).text
    assert "Your work email" in english
    assert 'action="/f/Whitepaper?lang=en"' in english
    assert "Ihre Firmen-E-Mail" in (await http.get("/f/whitepaper?lang=de-AT")).text
    assert "<style" not in page.text + english
    assert "<script" not in page.text + english
    assert page.headers["referrer-policy"] == "same-origin"
    opt_in = await http.get("/f/opt%20in")
    assert "form-action 'self' https:;" in opt_in.headers["content-security-policy"]


async def test_every_control_of_the_page_has_a_label(http: httpx.AsyncClient) -> None:
    page = (await http.get("/f/whitepaper")).text
    ids = set(re.findall(r'<(?:input|select) id="([^"]+)"', page))
    assert ids == {"email", "first_name", "company", "country", "company_size", "phone"}
    assert ids == set(re.findall(r'<label for="([^"]+)"', page))
    assert len(re.findall(r"<fieldset", page)) == len(re.findall(r"<legend", page)) == 3


async def test_the_nonce_makes_one_post_of_two_and_stops_the_hasty(
    http: httpx.AsyncClient, clock: FixedClock, stored: Stored, log: Log
) -> None:
    nonce = re.search(r'name="cf_nonce" value="([^"]+)"', (await http.get("/f/whitepaper")).text)
    assert nonce
    data = {"email": "nonce@firm.example", "company": "F", "cf_nonce": nonce[1]}
    hasty = await http.post("/f/whitepaper", data=data)
    assert hasty.status_code == 422
    assert f'value="{nonce[1]}"' in hasty.text
    assert await stored("nonce@firm.example") is None
    clock.advance(timedelta(seconds=5))
    for company in ("F", "G"):
        assert (await http.post("/f/whitepaper", data={**data, "company": company})).status_code == 303
    found = [event for event in await log((await stored("nonce@firm.example")).id) if event.type == "form.submitted"]
    assert [event.data["company"] for event in found] == ["F"]


async def test_a_nonce_of_another_form_counts_for_nothing(http: httpx.AsyncClient, stored: Stored) -> None:
    nonce = re.search(r'name="cf_nonce" value="([^"]+)"', (await http.get("/f/demo")).text)
    assert nonce
    for value in (nonce[1], nonce[1][:-2], "x", ""):
        data = {"email": "foreign@firm.example", "company": "F", "cf_nonce": value}
        assert (await http.post("/f/whitepaper", data=data)).status_code == 303


async def test_budgets(rt: Runtime) -> None:
    app = create_app(rt, budgets=Budgets(per_client=Budget(3, 0.01), per_address=Budget(1, 0.01)))
    async with client_of(app) as http:
        first = await http.post("/f/demo", json={"email": "budget@firm.example"}, headers={"origin": BASE})
        again = await http.post("/f/demo", json={"email": "Budget@firm.example"}, headers={"origin": BASE})
        other = await http.post("/f/demo", json={"email": "other@firm.example"}, headers={"origin": BASE})
        spent = await http.post("/f/demo", json={"email": "third@firm.example"}, headers={"origin": BASE})
    assert [answer.status_code for answer in (first, again, other, spent)] == [200, 429, 200, 429]
    assert int(again.headers["retry-after"]) >= 1
    assert int(spent.headers["retry-after"]) >= 1
    assert spent.headers["access-control-allow-origin"] == BASE


async def test_double_opt_in_happens_at_the_button(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored, log: Log
) -> None:
    data = {"email": "opt@firm.example", "company": "F", "consent": "newsletter"}
    answer = await http.post("/f/opt%20in", json=data)
    assert answer.json() == {"state": "confirm", "thanks": f"{SITE}/thanks", "file": None}
    lead = await stored("opt@firm.example")
    assert lead.fields == {}
    (event,) = await log(lead.id)
    token = rt.tokens.sign("confirm", str(lead.id), str(event.seq))
    page = await http.get(f"/confirm/{token}")
    assert page.status_code == 200
    assert len(await log(lead.id)) == 1
    done = await http.post(f"/confirm/{token}")
    assert done.status_code == 303
    thanks = await http.get(done.headers["location"])
    assert "/d/" in thanks.text
    assert f'href="{SITE}/thanks"' in thanks.text
    assert (await stored("opt@firm.example")).topics == {"newsletter": "subscribed"}
    again = await http.post(f"/confirm/{token}")
    assert again.status_code == 303
    assert [event.type for event in await log(lead.id)].count("form.submitted") == 1


async def test_an_unknown_form_is_the_usual_404(http: httpx.AsyncClient) -> None:
    for answer in (await http.get("/f/none"), await http.post("/f/none", data={}), await http.options("/f/none")):
        assert answer.status_code == 404


async def test_a_form_deployed_a_moment_ago_is_served(app: FastAPI, rt: Runtime, clock: FixedClock) -> None:
    from engine.deploying.deploy import deploy
    from tests.web.conftest import PROGRAM

    newer = PROGRAM.forms[2].model_copy(update={"name": "brand new"})
    async with client_of(app) as http:
        assert (await http.get("/f/brand new")).status_code == 404
        program = PROGRAM.model_copy(update={"forms": (*PROGRAM.forms, newer)})
        await deploy(rt.db, clock, program, BUNDLE, "test")
        assert (await http.get("/f/brand new")).status_code == 200

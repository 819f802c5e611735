"""Forms on the company's pages: in a frame, and posted by a script; for those pages and nobody else."""

from __future__ import annotations

import httpx
import pytest

from tests.web.conftest import SITE

DATA = {"email": "frame@firm.example", "company": "F"}
SITES = f"frame-ancestors {SITE} https://www.acme.example"


async def test_allowed_origins_may_show_a_form_in_a_frame(http: httpx.AsyncClient) -> None:
    page = await http.get(f"/f/whitepaper?embed=1&cf_page={SITE}/a?b=c&lang=de")
    policy = page.headers["content-security-policy"]
    assert policy.endswith(SITES)
    assert "script-src 'self';" in policy
    assert "x-frame-options" not in page.headers
    assert 'action="/f/Whitepaper?lang=de&amp;embed=1"' in page.text
    assert f'name="cf_page" value="{SITE}/a?b=c"' in page.text
    script = page.text.partition('<script src="')[2].partition('"')[0]
    assert script.startswith("/static/embed.js?")
    assert "postMessage" in (await http.get(script)).text


async def test_nobody_else_may(http: httpx.AsyncClient) -> None:
    page = await http.get("/f/demo?embed=1")
    assert page.headers["content-security-policy"].endswith("frame-ancestors 'none'")
    assert page.headers["x-frame-options"] == "DENY"
    assert "<script" not in (await http.get("/f/whitepaper")).text
    assert "script-src" not in (await http.get("/f/whitepaper")).headers["content-security-policy"]


async def test_a_frame_goes_on_inside_the_page(http: httpx.AsyncClient) -> None:
    own = {"origin": "https://go.acme.example"}
    wrong = await http.post("/f/whitepaper?embed=1", data={"email": "x"}, headers=own)
    assert wrong.status_code == 422
    assert wrong.headers["content-security-policy"].endswith(SITES)
    assert "/static/embed.js" in wrong.text
    taken = await http.post("/f/whitepaper?embed=1", data=DATA, headers=own)
    assert taken.status_code == 303
    thanks = await http.get(taken.headers["location"])
    assert taken.headers["location"].endswith("?embed=1")
    assert thanks.headers["content-security-policy"].endswith(SITES)
    assert "/static/embed.js" in thanks.text
    other = await http.post("/f/opt%20in?embed=1", data={"email": "frame2@firm.example"}, headers=own)
    assert other.headers["location"].startswith("/thanks/")


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-mode": "cors"}])
async def test_a_script_may_read_where_it_is_redirected(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    page = {"origin": SITE, **headers}
    taken = await http.post("/f/whitepaper", files={name: (None, value) for name, value in DATA.items()}, headers=page)
    assert (taken.status_code, taken.headers["access-control-allow-origin"]) == (303, SITE)
    thanks = await http.get(taken.headers["location"], headers=page)
    assert (thanks.status_code, thanks.headers["access-control-allow-origin"]) == (200, SITE)
    asked = await http.options(taken.headers["location"], headers=page)
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (204, "GET")
    stranger = {"origin": "https://evil.example"}
    assert "access-control-allow-origin" not in (await http.get(taken.headers["location"], headers=stranger)).headers
    assert (await http.options(taken.headers["location"], headers=stranger)).status_code == 403


async def test_a_script_is_not_sent_to_another_origin(http: httpx.AsyncClient) -> None:
    data = {**DATA, "next": f"{SITE}/ready"}
    plain = await http.post("/f/whitepaper", data=data, headers={"origin": SITE})
    assert plain.headers["location"] == f"{SITE}/ready"
    script = await http.post("/f/whitepaper", data=data, headers={"origin": SITE, "sec-fetch-mode": "cors"})
    assert script.headers["location"].startswith("/thanks/")


async def test_headers_that_libraries_add_may_be_sent(http: httpx.AsyncClient) -> None:
    asked = "content-type, X-Requested-With, sentry-trace, baggage, traceparent, authorization, ba d, \u00fc"
    answer = await http.options(
        "/f/whitepaper", headers={"origin": SITE, "access-control-request-headers": asked.encode("latin-1")}
    )
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert allowed == [
        "content-type", "idempotency-key", "x-requested-with", "sentry-trace", "baggage", "traceparent",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("?product_area=Pumps", "Pumps"),
        (f"?embed=1&cf_page={SITE}/pricing%3Fa=1%26product_area=Valves%23top", "Valves"),
        (f"?embed=1&product_area=Pumps&cf_page={SITE}/pricing%3Fproduct_area=Valves", "Pumps"),
        (f"?cf_page={SITE}/pricing%3Fproduct_area=Valves", None),  # only a frame has a page around it
        ("?embed=1&cf_page=http://[%3Fcity=x", None),
    ],
)
async def test_the_page_carries_the_hidden_input_from_its_address(
    http: httpx.AsyncClient, query: str, value: str | None
) -> None:
    text = (await http.get(f"/f/signup{query}")).text
    found = f'<input type="hidden" name="product_area" value="{value}">'
    assert (found in text) is (value is not None)
    assert ('name="product_area"' in text) is (value is not None)

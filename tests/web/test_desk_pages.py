"""The desk over a whole company: what its pages show and refuse, and that no stored text becomes code."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from openpyxl import load_workbook
from sqlalchemy import text

from engine.charts.drawing import STYLE
from engine.deploying import pauses
from engine.reports.report import report
from engine.store import desk_log, gates, webhooks
from engine.store.desk_leads import SEARCHED
from tests.support.desk import HOSTILE, LONG, Filled, filled, link, pages
from tests.web.conftest import BASE, UNLIMITED, client_of
from tests.web.test_desk_sign_in import OURS, token_for
from web.app import create_app
from web.desk import home


@pytest_asyncio.fixture(scope="module")
async def found(database_url: str) -> AsyncIterator[Filled]:
    async with filled(database_url, BASE) as opened:
        yield opened


@pytest_asyncio.fixture
async def admin(found: Filled) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(found.rt, budgets=UNLIMITED)) as client:
        await client.post(await link(found.rt, "admin", "sales"), data={"go": "1"}, headers=OURS)
        yield client


async def send(client: httpx.AsyncClient, page: str, action: str, **given: Any) -> httpx.Response:
    """Send the form for `action` of a page."""
    shown = await client.get(page)
    token = token_for(html.unescape(shown.text), action)
    return await client.post(action, data={"csrf": token, **given}, headers=OURS)


def attributes(page: str) -> set[str]:
    """The names of all attributes, as a browser reads them."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Reader().feed(page)
    return found


async def test_every_page_shows_texts_as_texts_and_nothing_is_kept(admin: httpx.AsyncClient, found: Filled) -> None:
    seen = ""
    for page in pages(found):
        answer = await admin.get(page)
        assert answer.status_code == 200, page
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        seen += answer.text
        assert "<script>alert" not in answer.text, page
        assert "<img src=x" not in answer.text, page
        assert not [name for name in attributes(answer.text) if name == "style" or name.startswith("on")], page
        assert re.findall(r"<script[^>]*>", answer.text) == re.findall(
            r'<script src="/static/desk.js[^>]*>', answer.text
        )
    assert seen.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 20, "the attack was shown, as text"
    assert ">49<" not in seen


async def test_the_first_screen_is_small(admin: httpx.AsyncClient) -> None:
    first = await admin.get("/desk")
    sizes = [len(first.content)]
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', first.text):
        sizes.append(len((await admin.get(address)).content))
    assert len(sizes) == 5
    assert sum(sizes) <= 60_000


async def test_leads_are_found_filtered_and_paged(admin: httpx.AsyncClient, found: Filled) -> None:
    def ids(answer: httpx.Response) -> list[str]:
        return re.findall(r'<th scope="row"><a href="/desk/leads/([0-9a-f-]{36})">', answer.text)

    first = await admin.get("/desk/leads")
    assert len(ids(first)) == 50
    following = re.search(r'href="(/desk/leads\?[^"]*before[^"]*)">Next', first.text)
    assert following is not None
    second = await admin.get(html.unescape(following[1]))
    assert len(ids(second)) > 5
    assert not set(ids(first)) & set(ids(second)), "no lead is on two pages"
    async with found.rt.db.engine.connect() as connection:
        many = (await connection.execute(text("SELECT count(*) FROM leads WHERE merged_into IS NULL"))).scalar_one()
    assert len(ids(first)) + len(ids(second)) == many
    for asked in ({"q": "HOSTILE@lead"}, {"q": "maximiliana"}, {"q": "<script>"}, {"only": "attention"},
                  {"q": "hostile", "stage": "SQL"}):  # fmt: skip
        assert ids(await admin.get("/desk/leads", params=asked)) == [str(found.hostile)], asked
    for asked in ({"q": "h%e"}, {"q": "h_stile"}, {"stage": "None"}, {"q": "\\"}, {"list": "no"}, {"campaign": "no"}):
        nobody = await admin.get("/desk/leads", params=asked)
        assert (nobody.status_code, ids(nobody)) == (200, []), asked
        assert "No lead matches." in nobody.text
    for before in ("x", "2026-01-01~x", "2026-01-01T00:00:00~" + str(found.person), "~"):
        assert len(ids(await admin.get("/desk/leads", params={"before": before}))) == 50, before
    inside = await admin.get("/desk/leads", params={"campaign": "Nurture"})
    assert ids(inside)
    logged = await desk_log.page(found.rt.db, "leads listed", limit=1_000)
    assert any(one["data"] == {"count": 1, "filters": ["stage"], "searched": True} for one in logged)
    assert "hostile" not in json.dumps([one["data"] for one in logged], default=str).lower()


async def test_the_index_is_of_what_is_searched() -> None:
    from pathlib import Path

    from engine.store import migrations

    folder = Path(migrations.__path__[0]) / "versions"
    made = " ".join(next(folder.glob("*_desk_leads.py")).read_text("utf-8").split())
    assert " ".join(SEARCHED.split()) in made


async def test_one_lead_is_explained_exported_merged_and_erased(admin: httpx.AsyncClient, found: Filled) -> None:
    page = f"/desk/leads/{found.hostile}"
    shown = await admin.get(page)
    for said in ("Consents", "Touches", "Timeline", HOSTILE, LONG.strip()[:50], "Needs attention"):
        assert said in shown.text
    sent = re.findall(r'href="(/v/[^"]+)"', (await admin.get(f"/desk/leads/{found.person}")).text)
    for one in sent:
        assert (await admin.get(one)).status_code in (200, 410)
    told = await admin.get(f"{page}/why")
    assert "To sales" in told.text
    exported = await admin.get(f"{page}/export")
    assert exported.headers["content-disposition"] == f'attachment; filename="lead-{found.hostile}.json"'
    assert exported.json()["lead"]["email"] == HOSTILE
    for bad in ("/desk/leads/x", "/desk/leads/00000000-0000-4000-8000-000000000000", f"{page}x"):
        assert (await admin.get(bad)).status_code == 404
    await found.stage.post("in", email="twin@lead.example")
    refused = await send(admin, page, f"{page}/merge", other="nobody@lead.example")
    assert (refused.status_code, "no lead with this address" in refused.text) == (422, True)
    planned = await send(admin, page, f"{page}/merge", other="twin@lead.example")
    assert "becomes part of this lead" in planned.text
    sure = {"csrf": token_for(planned.text, f"{page}/merge"), "other": "twin@lead.example", "sure": "yes"}
    assert (await admin.post(f"{page}/merge", data=sure, headers=OURS)).status_code == 303
    assert "twin@lead.example" in (await admin.get(page)).text
    await found.stage.post("in", email="gone@lead.example")
    async with found.rt.db.engine.connect() as connection:
        gone = (
            await connection.execute(text("SELECT id FROM leads WHERE email_key = 'gone@lead.example'"))
        ).scalar_one()
    other = f"/desk/leads/{gone}"
    assert (await send(admin, other, f"{other}/erase", confirm="somebody@else.example")).status_code == 422
    assert (await send(admin, other, f"{other}/erase", confirm="GONE@lead.example")).status_code == 303
    assert (await admin.get(other)).status_code == 404
    actions = {(one["action"], one["subject"]) for one in await desk_log.page(found.rt.db, limit=1_000)}
    assert {("erased", str(gone)), ("merged", str(found.hostile)), ("exported", str(found.hostile))} <= actions


async def test_a_campaign_is_drawn_paused_and_resumed_with_a_reason(admin: httpx.AsyncClient, found: Filled) -> None:
    listed = await admin.get("/desk/campaigns")
    assert "/desk/campaigns/one?name=Nurture" in listed.text
    page, action = "/desk/campaigns/one?name=Nurture", "/desk/campaigns/state"
    shown = await admin.get(page)
    assert "In it now" in shown.text
    drawing = await admin.get("/desk/campaigns/drawing?name=nurture")
    assert (drawing.headers["content-type"], drawing.text[:4]) == ("image/svg+xml", "<svg")
    assert (await admin.get("/desk/campaigns/one?name=nothing")).status_code == 404
    without = await send(admin, page, action, name="Nurture", to="paused", reason=" ")
    assert (without.status_code, "Give a reason" in without.text) == (422, True)
    assert (await send(admin, page, action, name="Nurture", to="paused", reason="wrong <b>price")).status_code == 303
    held = {one["campaign"]: one for one in await pauses.held(found.rt.db)}
    assert (held["nurture"]["author"], held["nurture"]["reason"]) == ("eva@acme.example", "wrong <b>price")
    assert "wrong &lt;b&gt;price" in (await admin.get(page)).text
    twice = await send(admin, page, action, name="Nurture", to="paused", reason="again")
    assert (twice.status_code, "already paused" in twice.text) == (409, True)
    assert (await send(admin, page, action, name="Nurture", to="running")).status_code == 303
    assert await pauses.held(found.rt.db) == []
    unsure = await send(admin, page, action, name="Nurture", to="ended", reason="over", confirm="nurtur")
    assert (unsure.status_code, "enter its name" in unsure.text) == (422, True)
    assert (await send(admin, page, action, name="Nurture", to="sideways")).status_code == 422


async def test_operations_show_the_way_out(admin: httpx.AsyncClient, found: Filled) -> None:
    shown = await admin.get("/desk/operations")
    assert "Retry everything" in shown.text
    action = "/desk/operations/gate"
    assert (await send(admin, "/desk/operations", action, to="open", provider="mailbox")).status_code == 303
    assert await gates.closed(found.rt.db, found.rt.clock.real()) == []
    refused = await send(admin, "/desk/operations", action, to="closed", hours="3", reason="x")
    assert refused.status_code == 422
    assert (
        await send(admin, "/desk/operations", action, to="closed", hours="4", reason="Price is wrong")
    ).status_code == 303
    closed = await gates.closed(found.rt.db, found.rt.clock.real())
    assert closed[0]["until"] - found.rt.clock.real() == timedelta(hours=4)
    assert closed[0]["reason"].startswith("Price is wrong (")
    assert (await send(admin, "/desk/operations", "/desk/operations/retry")).status_code == 303
    async with found.rt.db.engine.connect() as connection:
        parked = text("SELECT count(*) FROM leads WHERE attention IS NOT NULL")
        assert (await connection.execute(parked)).scalar_one() == 0


async def test_sales_see_their_own_leads_and_no_others(admin: httpx.AsyncClient, found: Filled) -> None:
    everybody = await admin.get("/desk/sales")
    handoffs = set(re.findall(r'href="/desk/sales/([0-9a-f-]{36})"', everybody.text))
    async with client_of(create_app(found.rt, budgets=UNLIMITED)) as eva, client_of(create_app(found.rt)) as stranger:
        await stranger.post(
            await link(found.rt, "sales", email="stranger@acme.example"), data={"go": "1"}, headers=OURS
        )
        await eva.post(await link(found.rt, "sales", email="jonas@acme.example"), data={"go": "1"}, headers=OURS)
        nothing = await stranger.get("/desk/sales")
        assert "You are in no sales team." in nothing.text
        assert handoffs
        for one in handoffs:
            assert (await stranger.get(f"/desk/sales/{one}")).status_code == 403
        mine = set(re.findall(r'href="/desk/sales/([0-9a-f-]{36})"', (await eva.get("/desk/sales")).text))
        assert mine <= handoffs
        sheet = await eva.get(f"/desk/sales/{sorted(handoffs)[0]}")
        assert sheet.headers["location"].startswith("/h/")
        opened = await eva.get(sheet.headers["location"])
        assert opened.status_code in (200, 410)
        for page in ("/desk/leads", "/desk/campaigns", "/desk/reports", "/desk/operations", "/desk/users"):
            assert (await eva.get(page)).status_code == 403, page
            assert f'href="{page}"' not in (await eva.get("/desk/sales")).text


@pytest.mark.parametrize(("name", "part"), [("sources", "sources"), ("funnel", "flow"), ("campaigns", "campaigns")])
async def test_the_files_of_a_report_equal_the_screen(
    admin: httpx.AsyncClient, found: Filled, name: str, part: str
) -> None:
    words = urlencode({"from": "2026-01-01", "to": "2026-12-31"})
    shown = await admin.get(f"/desk/reports/{name}?{words}")
    sections = {match[1]: match[2] for match in re.finditer(r'<h2 id="([^"]+)">(.*?)</section>', shown.text, re.DOTALL)}
    assert part in sections
    on_screen = [
        [html.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(<td.*?)</tr>", sections[part])
    ]
    links = {kind: html.unescape(address) for address, kind in
             re.findall(r'href="([^"]+)">(CSV|XLSX|JSON)</a>', sections[part])}  # fmt: skip
    answer = await admin.get(links["JSON"])
    plain = answer.json()["tables"][0]
    rows = [*plain["rows"], *([plain["total"]] if plain["total"] else [])]
    assert len(on_screen) == len(rows) > 1
    shown_columns = [one for one in plain["columns"] if any(row[one["key"]] is not None for row in plain["rows"])]
    for screen, row in zip(on_screen, rows, strict=True):
        for cell, column in zip(screen, shown_columns, strict=True):
            if column["kind"] == "count" and row[column["key"]] is not None:
                assert cell.replace(",", "") == str(row[column["key"]])
            if column["kind"] == "text":
                assert cell == str(row[column["key"]] or "")
    table = list(csv.reader(io.StringIO((await admin.get(links["CSV"])).content.decode("utf-8-sig"))))
    assert len(table) == len(rows) + 1
    sheet = load_workbook(io.BytesIO((await admin.get(links["XLSX"])).content)).worksheets[0]
    assert sheet.max_row == len(rows) + 2
    keys = [one["key"] for one in plain["columns"]]
    for number, row in enumerate(rows):
        for place, column in enumerate(plain["columns"]):
            value = row[keys[place]]
            if column["kind"] == "count" and value is not None:
                assert table[number + 1][place] == str(value)
                assert sheet.cell(number + 3, place + 1).value == value


async def test_a_wrong_filter_answers_with_the_nearest_right_one(admin: httpx.AsyncClient) -> None:
    wrong = await admin.get("/desk/reports/sources?by=chanel")
    assert (wrong.status_code, "did you mean <code>channel</code>?" in wrong.text) == (422, True)
    assert (await admin.get("/desk/reports/nothing")).status_code == 404
    assert (await admin.get("/desk/reports/sources/file?part=x&as=csv")).status_code == 404
    assert (await admin.get("/desk/reports/sources/file?part=sources&as=exe")).status_code == 404


async def test_web_developers_see_how_a_visit_is_classified_and_nobodys_name(found: Filled) -> None:
    async with client_of(create_app(found.rt, budgets=UNLIMITED)) as client:
        await client.post(await link(found.rt, "developers", email="dev@acme.example"), data={"go": "1"}, headers=OURS)
        asked = {"url": "https://acme.example/a?utm_source=google&utm_medium=cpc", "referrer": ""}
        shown = await client.get("/desk/web", params=asked)
        assert "<strong>Paid Search</strong>" in shown.text
        assert "/cf.js" in shown.text
        assert "@firm.example" not in shown.text
        wrong = await client.get("/desk/web", params={"url": "javascript:alert(1)"})
        assert "whole address" in wrong.text
        home = await client.get("/desk")
        assert 'href="/desk/web"' in home.text
        assert "This month" not in home.text


async def test_home_has_what_each_role_starts_from(
    admin: httpx.AsyncClient, found: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def counted(db: Any, clock: Any, program: Any, query: Any) -> Any:
        asked.append(query.name)
        return await report(db, clock, program, query)

    monkeypatch.setattr(home, "report", counted)
    for _ in range(2):
        shown = (await admin.get("/desk")).text
    assert asked == ["sources"], "the month is read once a minute"
    for said in ("Your work list", "This month", "Operations</a> shows why"):
        assert said in shown


async def test_a_report_is_drawn_above_its_table_in_the_desks_own_style(admin: httpx.AsyncClient) -> None:
    shown = (await admin.get("/desk/reports/sources?from=2026-01-01&to=2026-12-31")).text
    drawn = re.search(r'<svg [^>]*role="img" aria-label="[^"]+".*?</svg>', shown, re.DOTALL)
    assert drawn is not None
    assert shown.index("<svg") < shown.index("<table>")
    assert "Paid Search" in drawn[0]
    assert "<style" not in drawn[0]
    assert STYLE.strip() in (await admin.get("/static/desk.css")).text


async def test_posts_are_shown_without_whom_they_are_about_and_replayed(
    admin: httpx.AsyncClient, found: Filled
) -> None:
    action = "/desk/web/replay"
    [one] = await webhooks.find(found.rt.db, many=9)
    async with client_of(create_app(found.rt, budgets=UNLIMITED)) as client:
        await client.post(await link(found.rt, "developers", email="dev2@acme.example"), data={"go": "1"}, headers=OURS)
        shown = (await client.get("/desk/web")).text
        assert str(one["id"]) in shown
        assert HOSTILE not in shown
        assert (await client.post(action, data={"id": str(one["id"])}, headers=OURS)).status_code == 403
        assert (await send(client, "/desk/web", action, id=str(one["id"]))).status_code == 303
        assert "Replayed by dev2@acme.example" in (await client.get("/desk/web")).text
    async with client_of(create_app(found.rt, budgets=UNLIMITED)) as client:
        await client.post(await link(found.rt, "marketing", email="mia@acme.example"), data={"go": "1"}, headers=OURS)
        assert action not in (await client.get("/desk/web")).text
    tried = await webhooks.read_one(found.rt.db, one["id"])
    assert tried is not None
    assert (tried["state"], tried["attempts"], tried["tries"][-1]["state"]) == (
        "failed",
        one["attempts"] + 1,
        "refused",
    )
    for wrong in ("", "x", "0" * 32):
        assert (await send(admin, "/desk/web", action, id=wrong)).status_code == 404

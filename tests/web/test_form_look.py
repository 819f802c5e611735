"""The look of a form's pages: its own sheet, its logo, and a policy that allows them and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import Ask, Form, FormStyle, Program, Workspace
from dsl.plan.colors import READABLE, VISIBLE, Color, color_of, contrast, written
from engine.deploying.deploy import deploy
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from tests.web.conftest import client_of
from web.app import create_app
from web.http.look import sheet_of

ASKS = (Ask(field="email", required=True),)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
CDN = "https://cdn.acme.example/logo.png?v=2&w=3"
ODD = "a/b #1? %2F \\ ö & <.."
FORMS = (
    Form(name="Contact us", style=FormStyle(color="#1f6f54", logo="acme.svg"), asks=ASKS, source="f:1"),
    Form(name="cdn", style=FormStyle(background="#111111", logo=CDN), asks=ASKS, confirm_with="c", source="f:2"),
    Form(name="logo alone", style=FormStyle(logo="acme.svg"), asks=ASKS, source="f:3"),
    Form(name="lost", style=FormStyle(logo="gone.png"), asks=ASKS, source="f:4"),
    Form(name="plain", asks=ASKS, source="f:5"),
    Form(name=ODD, style=FormStyle(color="#1f6f54", logo="acme.svg"), asks=ASKS, source="f:6"),
)
COLORS = st.tuples(*(st.integers(0, 255),) * 3)


@pytest_asyncio.fixture(scope="module", autouse=True)
async def deployed(rt: Runtime, clock: FixedClock) -> None:
    program = Program(workspace=Workspace(name="Acme <&> Sons"), forms=FORMS)
    await deploy(rt.db, clock, program, {"files/acme.svg": SVG, "templates/c.md": b"---\nsubject: c\n---\nc"}, "test")


@pytest_asyncio.fixture
async def http(rt: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(rt)) as opened:
        yield opened


def images(answer: httpx.Response) -> str:
    return answer.headers["content-security-policy"].partition("img-src ")[2].partition(";")[0]


async def test_sheet_and_logo_are_files_of_our_own(http: httpx.AsyncClient) -> None:
    page = await http.get("/f/contact%20us")
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)
    assert [sheet.partition("?")[0] for sheet in sheets] == ["/static/site.css", "/f/Contact%20us/style.css"]
    sheet = await http.get(sheets[1])
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "--accent: #1f6f54;" in sheet.text
    assert sheet.headers["cache-control"] == "public, max-age=86400"
    (logo,) = re.findall(r'<img class="logo" src="([^"]+)" alt="Acme &lt;&amp;&gt; Sons">', page.text)
    picture = await http.get(logo)
    assert (picture.content, picture.headers["content-type"]) == (SVG, "image/svg+xml")
    assert picture.headers["content-security-policy"].endswith("; sandbox")
    assert images(page) == "'self'"
    assert " style=" not in page.text


async def test_a_form_is_found_whatever_its_name_is(http: httpx.AsyncClient) -> None:
    start = (await http.get("/")).text
    (link,) = [one for one in re.findall(r'href="(/f/[^"]+)"', start) if "%231" in one]
    page = await http.get(link)
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', page.text)
    answer = await http.post(action, json={"email": "odd@name.example"})
    assert (page.status_code, answer.json()["state"]) == (200, "submitted")
    assert (await http.get(answer.json()["thanks"])).status_code == 200
    for path in re.findall(r'(?:href|src)="(/f/[^"]+)"', page.text):
        assert (await http.get(path)).status_code == 200, path


async def test_a_logo_elsewhere_is_all_that_the_policy_adds(http: httpx.AsyncClient) -> None:
    page = await http.get("/f/cdn")
    assert f'src="{CDN.replace("&", "&amp;")}"' in page.text
    assert images(page) == "'self' https://cdn.acme.example"
    plain = await http.get("/f/plain")
    allowed = page.headers["content-security-policy"].replace(" https://cdn.acme.example", "")
    assert allowed == plain.headers["content-security-policy"]


async def test_the_pages_after_a_form_look_the_same(http: httpx.AsyncClient, rt: Runtime) -> None:
    taken = await http.post("/f/cdn", data={"email": "look@firm.example"})
    lead, name, state = rt.tokens.read("thanks", taken.headers["location"].rpartition("/")[2]) or ("", "", "")
    confirming = rt.tokens.sign("confirm", lead, state.rpartition(":")[2])
    assert name == "cdn"
    for address in (taken.headers["location"], f"/confirm/{confirming}"):
        page = await http.get(address)
        assert page.status_code == 200
        assert "/f/cdn/style.css?" in page.text
        assert "cdn.acme.example/logo.png" in page.text
        assert images(page) == "'self' https://cdn.acme.example"


async def test_a_mistake_shows_the_form_again_as_it_looked(http: httpx.AsyncClient) -> None:
    page = await http.post("/f/contact%20us", data={"email": "nobody"})
    assert page.status_code == 422
    assert "/f/Contact%20us/style.css?" in page.text


@pytest.mark.parametrize(
    "path",
    ["/f/plain/style.css", "/f/plain/logo", "/f/logo%20alone/style.css", "/f/lost/logo", "/f/cdn/logo", "/f/no/logo"],
)
async def test_what_a_form_does_not_have(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


async def test_a_logo_that_is_not_there_leaves_the_name(http: httpx.AsyncClient) -> None:
    page = await http.get("/f/lost")
    assert '<p class="company">Acme &lt;&amp;&gt; Sons</p>' in page.text


def variables(sheet: str) -> dict[str, Color]:
    return {name: color_of(value) or (0, 0, 0) for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", sheet)}


@given(st.none() | COLORS, st.none() | COLORS)
def test_what_is_derived_can_be_read(background: Color | None, color: Color | None) -> None:
    style = FormStyle(
        color=written(color) if color else "", background=written(background) if background else "", text=""
    )
    found = variables(sheet_of(style))
    if not background and not color:
        assert found == {}
        return
    ground = found["card"]
    for name in ("ink", "soft", "bad", "good"):
        assert contrast(found[name], ground) >= READABLE
    assert contrast(found["field"], ground) >= VISIBLE
    assert contrast(found["accent-ink"], found["accent"]) >= READABLE

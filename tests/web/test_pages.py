"""The start page, health and figures; and the application opening its own runtime."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from engine.model.ports import Wake
from engine.runtime.runtime import Runtime
from tests.web.conftest import client_of, make_settings
from web.app import create_app

ROOT = Path(__file__).parents[2]


async def test_the_start_page(http: httpx.AsyncClient) -> None:
    page = (await http.get("/")).text
    assert "Acme &amp; Sons" in page
    assert 'href="/f/opt%20in"' in page
    assert "Nurture" in page
    assert 'href="/mailbox"' in page


async def test_health_and_readiness(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).text == "ok\n"
    await http.get("/")
    assert (await http.get("/readyz")).json() == {"ready": True, "deployment": 1}


async def test_figures_name_routes_and_nobody(http: httpx.AsyncClient) -> None:
    await http.get("/f/whitepaper?email=secret@firm.example")
    await http.get("/c/secret-token")
    await http.get("/secret-path")
    await http.request("SECRETMETHOD", "/secret-path")
    figures = (await http.get("/metrics")).text
    assert 'coldframe_web_requests_total{method="GET",route="/f/{form}",status="200"}' in figures
    assert 'route="/c/{token}",status="404"' in figures
    assert 'coldframe_web_requests_total{method="any",route="other",status="404"}' in figures
    assert "secret" not in figures.lower()


class Runs:
    async def deliver(self, wake: Wake) -> None:
        raise AssertionError("nothing was enrolled")


async def test_the_application_opens_and_closes_its_own_runtime(rt: Runtime, tmp_path: Path) -> None:
    assert rt.settings.database_url
    app = create_app(runs=Runs(), settings=make_settings(rt.settings.database_url, tmp_path))
    async with app.router.lifespan_context(app), client_of(app) as http:
        assert isinstance(app.state.rt, Runtime)
        assert (await http.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", sorted((ROOT / "web").glob("**/*.py")), ids=lambda path: path.stem)
def test_no_module_knows_the_workflows(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "workflows" not in text
    assert "temporalio" not in text


def test_the_web_process_starts_without_temporal() -> None:
    code = "import sys, web.app; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "'starlette'" in found
    assert "'workflows'" not in found
    assert "'temporalio'" not in found

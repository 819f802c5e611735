"""What a wheel and an image are made of: metadata, one version, files, licences. `.ci/wheel` builds and uses one."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings
from typer.testing import CliRunner

import engine
from engine.cli import lsp
from engine.cli.common import Stop
from engine.cli.demo import CAMPAIGNS
from engine.cli.main import app
from tests.support.examples import examples

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


# ── one version ──────────────────────────────────────────────────────────────────────────────────────────────────────
def versions() -> Iterator[tuple[str, str]]:
    """Every place that shows the version, and what it shows."""
    yield "coldframe --version", CliRunner().invoke(app, ["--version"]).stdout.strip()
    yield "editors/vscode/package.json", json.loads(text("editors/vscode/package.json"))["version"]
    for path in (
        "editors/vscode/README.md",
        *(str(one.relative_to(ROOT)) for one in (ROOT / "deploy").rglob("*.yaml")),
    ):
        for found in re.findall(r"coldframe[-:](\d+\.\d+\.\d+)", text(path)):
            yield path, found
    first = re.search(r"^## (\d+\.\d+\.\d+)", text("CHANGELOG.md"), re.MULTILINE)
    yield "CHANGELOG.md", first[1] if first else ""


def test_every_place_that_shows_the_version_shows_the_same() -> None:
    shown = list(versions())
    assert {place for place, version in shown if version != PROJECT["version"]} == set()
    assert len(shown) >= 7


def test_code_reads_the_version_and_does_not_repeat_it() -> None:
    files = [path for folder in ("dsl", "engine", "web", "workflows") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 300
    assert [path.name for path in files if f'"{PROJECT["version"]}"' in path.read_text("utf-8")] == []


# ── metadata and files ───────────────────────────────────────────────────────────────────────────────────────────────
def test_the_metadata_are_complete() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert {"Homepage", "Documentation", "Source", "Changelog"} <= PROJECT["urls"].keys()
    assert len(PROJECT["keywords"]) > 3
    assert "Operating System :: POSIX :: Linux" in PROJECT["classifiers"]
    assert "Programming Language :: Python :: 3.11" in PROJECT["classifiers"]
    for name in (PROJECT["readme"], *PROJECT["license-files"]):
        assert (ROOT / name).stat().st_size > 1_000
    assert "Version 2.0, January 2004" in text("LICENSE")


def test_the_demo_finds_its_campaigns_where_a_wheel_puts_them() -> None:
    setuptools = PYPROJECT["tool"]["setuptools"]
    assert "campaigns" in setuptools["packages"]["find"]["include"]
    assert setuptools["package-data"]["campaigns"] == ["**/*"]
    assert Path(engine.__file__ or "").parents[1] / "campaigns" == CAMPAIGNS
    assert list(CAMPAIGNS.glob("*.campaign"))


def test_the_image_is_given_everything_that_the_wheel_is_built_from() -> None:
    copied = set(re.findall(r"[\w./-]+", " ".join(re.findall(r"^COPY (?!--)(.*)", text("deploy/Containerfile"), re.M))))
    packages = {name.removesuffix("*") for name in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    modules = {f"{name}.py" for name in PYPROJECT["tool"]["setuptools"]["py-modules"]}
    assert packages | modules | {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]} <= copied


# ── extras ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_without_its_extra_the_language_server_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lsp, "find_spec", lambda _: None)
    with pytest.raises(Stop, match=re.escape("pip install 'coldframe[editor]'")) as caught:
        lsp.lsp()
    assert caught.value.code == 2
    assert any(name.startswith("pygls") for name in PROJECT["optional-dependencies"]["editor"])


def test_every_target_of_make_is_listed_with_what_it_does() -> None:
    makefile = text("Makefile")
    targets = set(re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[0].split())
    assert targets == set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    pattern = re.search(r"sed -n 's/\^\\\((\[.*?\]\*)\\\)", makefile)
    assert pattern
    assert all(re.fullmatch(pattern[1], target) for target in targets)


def test_the_deep_profile_multiplies_what_a_property_names() -> None:
    at = settings().max_examples
    assert examples(8).max_examples == 8 * at // 100
    assert settings.get_profile("ci").max_examples == 60
    assert settings.get_profile("deep").max_examples == 2_000
    assert [settings.get_profile(name).derandomize for name in ("ci", "deep")] == [True, False]
    assert "--hypothesis-profile deep" in text("Makefile")


# ── licences ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ROOT / ".ci" / "licences.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "licence", "allowed"),
    [
        ("a", "MIT", True), ("a", "MIT License; Apache Software License", True), ("a", "MIT OR GPL-3.0-only", True),
        ("a", "MPL-2.0 AND (Apache-2.0 OR MIT)", True), ("a", "MIT AND PSF-2.0", True),
        ("a", "GPL-3.0-or-later OR (BSD-2-Clause AND MIT)", True), ("psycopg", "LGPL-3.0-only", True),
        ("a", "GPL-3.0-or-later", False), ("a", "AGPL-3.0-only", False), ("a", "UNKNOWN", False), ("a", "", False),
        ("a", "LGPL-3.0-only", False), ("psycopg", "GPL-3.0-only", False), ("a", "MIT AND GPL-2.0-only", False),
        ("a", "MIT License; GNU General Public License v3 (GPLv3)", False), ("a", "Proprietary", False),
        ("a", "MIT AND (GPL-2.0-only OR AGPL-3.0-only)", False), ("a", "GPL-2.0-only OR MIT AND AGPL-3.0-only", False),
    ],
)  # fmt: skip
def test_the_gate_lets_in_what_is_permissive_and_what_is_named(
    licences: ModuleType, name: str, licence: str, allowed: bool
) -> None:
    assert bool(licences.problems([licences.Package(name, licence)])) is not allowed


def test_everything_installed_is_allowed_and_notice_names_what_an_image_carries(licences: ModuleType) -> None:
    packages = licences.installed()
    assert len(packages) > 60
    assert licences.problems(packages) == []
    assert licences.notice(packages) == text("NOTICE"), "run `make notice`"
    assert all(reason for _, reason in licences.NAMED.values())

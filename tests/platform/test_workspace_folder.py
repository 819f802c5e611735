"""A folder that is not a workspace itself: every command names the one that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import GOOD, Run, command_line, write

INNER = {f"first/{name}": text for name, text in GOOD.items()}
COMMANDS = (
    ("check",), ("check", "--json"), ("deploy",), ("plan",), ("graph", "Guide"), ("preview", "welcome"),
    ("simulate", "Guide", "--path"), ("rehearse",), ("new", "campaign", "webinar"),
)  # fmt: skip


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command_line(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_workspace_one_level_deeper_is_named(command: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    write(tmp_path / "shop", INNER)
    done = command(*words, "shop")
    assert done.returncode == 2
    assert done.stderr.strip() == "error: shop is not a workspace folder, but shop/first is; pass shop/first"
    assert done.stdout == ""


def test_two_levels_deeper_and_several_at_once(command: Run, tmp_path: Path) -> None:
    for name in ("a/one", "b", "c"):
        write(tmp_path / "all" / name, GOOD)
    assert "pass one of all/a/one, all/b, all/c" in command("check", "all").stderr


def test_the_folder_one_is_in(command: Run, tmp_path: Path) -> None:
    write(tmp_path, INNER)
    assert "pass first" in command("check", ".").stderr
    assert "pass first" in command("check", "frist").stderr
    assert command("check", "first").returncode == 0


@pytest.mark.parametrize("given", ["shop/campaigns", "shop/campaigns/spring"])
def test_a_folder_inside_the_workspace(command: Run, tmp_path: Path, given: str) -> None:
    moved = {f"{given}/{name}" if name.endswith(".campaign") else f"shop/{name}": text for name, text in GOOD.items()}
    write(tmp_path, moved)
    assert f"{given} is not a workspace folder, but shop is; pass shop" in command("check", given).stderr
    assert command("check", "shop").returncode == 0


@pytest.mark.parametrize("given", ["shop/templates", "shop/templates/spring"])
def test_a_folder_without_campaigns_inside_the_workspace(command: Run, tmp_path: Path, given: str) -> None:
    write(tmp_path / "shop", {**GOOD, "templates/spring/hello.md": "---\nsubject: Hello\n---\nHello\n"})
    assert f"{given} is not a workspace folder, but shop is; pass shop" in command("check", given).stderr


def test_templates_of_something_else_do_not_hide_it(command: Run, tmp_path: Path) -> None:
    write(tmp_path, {**INNER, "templates/base.html": "<p>of a web site</p>"})
    assert "pass first" in command("check", ".").stderr


def test_a_workspace_with_errors_of_its_own_is_still_checked(command: Run, tmp_path: Path) -> None:
    write(tmp_path / "shop", {"shop.campaign": GOOD["shop.campaign"]})
    assert "no template" in command("check", "shop").stdout
    write(tmp_path / "shop", {**GOOD, "more/other.campaign": "# nothing yet\n"})
    assert command("check", "shop").returncode == 0


def test_formatting_reaches_every_file_below(command: Run, tmp_path: Path) -> None:
    write(tmp_path / "shop", INNER)
    assert command("fmt", "shop", "--check").returncode == 0

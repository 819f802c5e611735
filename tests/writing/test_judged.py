"""What an editor says of templates is what `coldframe check` says, whatever was typed before."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from engine.cli.workspace import examine
from engine.writing.mails import Mails
from engine.writing.project import Project
from tests.support.editor import ROOT

EDITS = (
    ("lead.", "lead.no_"), ("{{", "{{ lead.last_name }}{{"), ("}}", "|upper }}"), ("subject:", "subjct:"),
    ("{%", "{% x "), (".md", ".mmd"), ("greeting", "greetin"), ("{% if", "{% if not"), ("event.", "event.no_"),
    ("", "{{ event.x }}"),
)  # fmt: skip


def settle(project: Project) -> int:
    return sum(1 for _ in project.look_at_mails())


def told(project: Project) -> list[tuple[str, str, int, int, int, str]]:
    found = [(p, shown) for shown, problems in project.diagnostics().items() for p in problems]
    return sorted(
        (p.code, shown.removeprefix("campaigns/"), p.line, p.column, p.end_column, p.message)
        for p, shown in found
        if "/templates/" in shown
    )


def checked(folder: Path) -> list[tuple[str, str, int, int, int, str]]:
    return sorted(
        (p.code, Path(p.file).relative_to(folder).as_posix(), p.line, p.column, p.end_column, p.message)
        for p in examine(folder).diagnostics
        if "/templates/" in p.file
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(ROOT / "campaigns", tmp_path / "campaigns")
    project = Project(tmp_path / "campaigns")
    project.refresh()
    settle(project)
    return project


def test_it_is_what_the_command_says_after_any_edits(project: Project) -> None:
    choose = random.Random(7)
    wrong = 0
    for _ in range(6):
        path = choose.choice(sorted(project.templates))
        old, new = choose.choice(EDITS)
        shown = project.shown_template(path)
        text = project.text(shown).replace(old, new, 1)
        project.write(shown, text)
        project.path(shown).write_text(text, "utf-8")
        settle(project)
        expected = checked(project.root)
        assert told(project) == expected
        wrong += bool(expected)
    assert wrong > 2


def test_a_keystroke_looks_at_what_it_touches_only(project: Project) -> None:
    looked = settle(project)
    assert looked == 2, "nothing but the two times of telling"
    own = next(path for path in sorted(project.templates) if "/" in path and "_" not in path)
    project.write(project.shown_template(own), project.text(project.shown_template(own)) + "\nMore.\n")
    assert 1 <= settle(project) - looked <= 2, "the template, and perhaps its version in another language"


def test_whoever_is_interrupted_goes_on_where_it_was(project: Project) -> None:
    project.mails = Mails()
    whole = settle(project)
    project.mails = Mails()
    steps = project.look_at_mails()
    for _ in range(whole // 2):
        next(steps)
    assert settle(project) <= whole - whole // 2 + 2

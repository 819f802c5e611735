"""Reading a workspace's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsl.compile import compile_workspace
from dsl.workspace import misnamed, read_workspace


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_names_that_only_nearly_end_as_a_campaign_files_does_are_found(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    for name in ("a.campaign", "b.campaigns", "c.campaign.txt", "d.campain", "notes.md", "templates/x.txt", ".e.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in misnamed(tmp_path)] == ["b.campaigns", "c.campaign.txt", "d.campain"]


def test_campaigns_templates_and_files_are_found(tmp_path: Path) -> None:
    write(tmp_path / "a.campaign", "lifecycle")
    write(tmp_path / "deep" / "er" / "b.campaign", "x")
    write(tmp_path / "templates" / "a" / "b.de.md", "Hallo")
    write(tmp_path / "files" / "guide.pdf", b"%PDF")
    write(tmp_path / ".draft" / "c.campaign", "x")
    write(tmp_path / "notes.txt", "x")
    found = read_workspace(tmp_path)
    assert found.files == {(tmp_path / "a.campaign").as_posix(): "lifecycle",
                           (tmp_path / "deep/er/b.campaign").as_posix(): "x"}  # fmt: skip
    assert found.assets == {"templates/a/b.de.md": b"Hallo", "files/guide.pdf": b"%PDF"}
    assert found.diagnostics == ()


def test_what_is_not_utf8_is_a_diagnostic(tmp_path: Path) -> None:
    write(tmp_path / "a.campaign", b'workspace "W"\n    sender "M\xfcller"\n')
    found = read_workspace(tmp_path)
    (problem,) = found.diagnostics
    assert (problem.code, problem.line, problem.column) == ("E014", 2, 14)
    assert found.files == {}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside.campaign", "x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.campaign").symlink_to(tmp_path / "outside.campaign")
    assert read_workspace(tmp_path / "in").files == {}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        read_workspace(tmp_path / "nowhere")


def test_the_campaigns_of_this_project_compile() -> None:
    found = read_workspace(Path(__file__).parents[2] / "campaigns")
    compiled = compile_workspace(found.files, found.assets)
    assert [(d.code, d.message) for d in (*found.diagnostics, *compiled.diagnostics)] == []
    assert compiled.program is not None
    names = {campaign.campaign for campaign in compiled.program.campaigns}
    assert names == {
        "Abandoned cart", "Birthday", "Product information", "Renewal", "Wake up", "Webinar", "Whitepaper nurture",
        'confirm form "whitepaper"',
    }  # fmt: skip

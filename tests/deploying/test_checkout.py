"""Deployments of the desk in the workspace's folder: files, commits, and what others have changed there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.deploying.checkout import find_outside, read_folder, write_deployment

OLD = {"a.campaign": b"one\n", "templates/x.md": b"x\n", "files/old.pdf": b"%PDF-"}
NEW = {"a.campaign": b"two\n", "templates/x.md": b"x\n", "templates/new/y.md": "ü\n".encode()}
AUTHOR = ("Ada <Lovelace>", "ada@acme.example")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "campaigns"
    for path, body in OLD.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(body)
    (place / "notes.txt").write_text("mine", "utf-8")
    (place / ".hidden.campaign").write_text("no", "utf-8")
    (place / "out.campaign").symlink_to("/etc/hostname")
    return place


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=Bo", "-c", "user.email=bo@acme.example", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(folder: Path) -> Path:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "begin")
    return folder


def test_the_folder_is_read_as_a_workspace(folder: Path) -> None:
    assert read_folder(folder) == OLD


def test_a_deployment_is_written_without_git(folder: Path) -> None:
    assert write_deployment(folder, OLD, NEW, 2, AUTHOR, "note").problem == ""
    assert read_folder(folder) == NEW
    assert (folder / "notes.txt").read_text("utf-8") == "mine"
    assert find_outside(folder, NEW).files == {}


def test_a_deployment_is_a_commit_with_its_author_and_note(checkout: Path) -> None:
    (checkout / "notes.txt").write_text("changed and staged", "utf-8")
    git(checkout, "add", "notes.txt")
    written = write_deployment(checkout, OLD, NEW, 2, AUTHOR, "A longer wait")
    assert (len(written.commit) >= 7, written.problem) == (True, "")
    told = git(checkout, "log", "-1", "--format=%an|%ae|%s|%(trailers:key=Coldframe-Deployment,valueonly)").strip()
    assert told == "Ada Lovelace|ada@acme.example|A longer wait|2"
    changed = git(checkout, "-c", "core.quotePath=false", "show", "--name-status", "--format=").split()
    assert changed == ["M", "a.campaign", "D", "files/old.pdf", "A", "templates/new/y.md"]
    assert git(checkout, "status", "--porcelain").strip() == "M  notes.txt"
    assert write_deployment(checkout, OLD, NEW, 3, AUTHOR, "again").commit == ""


def test_what_others_have_changed_is_never_overwritten(checkout: Path) -> None:
    (checkout / "a.campaign").write_bytes(b"theirs\n")
    written = write_deployment(checkout, OLD, NEW, 2, AUTHOR, "")
    assert written.problem == "campaigns has changes of its own in a.campaign, so nothing was written there."
    assert (checkout / "a.campaign").read_bytes() == b"theirs\n"
    assert not (checkout / "templates/new").exists()
    git(checkout, "commit", "-qam", "Outside")
    outside = find_outside(checkout, OLD)
    assert outside.files == {"a.campaign": b"theirs\n"}
    assert outside.commit.endswith(" by Bo: Outside")


def test_a_commit_that_git_refuses_is_told(checkout: Path) -> None:
    hook = checkout / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'not today' >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    written = write_deployment(checkout, OLD, NEW, 2, AUTHOR, "")
    assert written.problem == "The files were written to campaigns, but not committed: not today"
    assert read_folder(checkout) == NEW


def test_a_folder_that_is_not_there_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert find_outside(tmp_path / "gone", {}).files == {}


def test_a_file_that_is_too_large_to_be_read_has_not_been_deleted(folder: Path) -> None:
    large = b"%PDF-" + bytes(6_000_000)
    (folder / "files/large.pdf").write_bytes(large)
    live = {**OLD, "files/large.pdf": large, "files/gone.pdf": b"%PDF-"}
    assert find_outside(folder, live).files == {"files/gone.pdf": None}

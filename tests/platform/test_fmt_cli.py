"""`coldframe fmt`: what it changes, what it only shows, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app, main

UGLY = b"\xef\xbb\xbfform  \xe2\x80\x9cguide\xe2\x80\x9d\r\n  ask   email\r\n"
NICE = b'form "guide"\n    ask email\n'


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["fmt", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_files_are_rewritten_and_keep_their_mode(tmp_path: Path) -> None:
    file = write(tmp_path / "a" / "b.campaign", UGLY)
    other = write(tmp_path / "templates" / "x.campaign", UGLY)
    file.chmod(0o640)
    code, _, told = run(tmp_path)
    assert (code, file.read_bytes(), other.read_bytes()) == (0, NICE, UGLY)
    assert file.stat().st_mode & 0o777 == 0o640
    assert "1 file checked: 1 file changed" in told
    before = file.stat().st_mtime_ns
    assert "all already formatted" in run(tmp_path)[2]
    assert file.stat().st_mtime_ns == before


def test_check_and_diff_change_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "b.campaign", UGLY)
    code, shown, _ = run(file, "--check")
    assert code == 1
    assert "b.campaign would change" in shown
    code, shown, _ = run(file, "--diff")
    assert code == 0
    assert '+form "guide"' in shown
    assert "-\\ufeffform  “guide”\\r" in shown
    assert run(file, "--diff", "--check")[0] == 1
    assert file.read_bytes() == UGLY
    write(file, NICE)
    assert run(file, "--check", "--diff")[:2] == (0, "")


def test_what_cannot_be_read_safely_is_left_alone_and_the_rest_done(tmp_path: Path) -> None:
    tabs = write(tmp_path / "a.campaign", b'form "x"\n\task email\n')
    latin = write(tmp_path / "b.campaign", b'form "\xfc"\n  ask email\n')
    fine = write(tmp_path / "c.campaign", UGLY)
    code, shown, told = run(tmp_path)
    assert code == 1
    assert "error[E020]" in shown
    assert "error[E014]" in shown
    assert "3 files checked: 1 file changed, 2 files skipped" in told
    assert tabs.read_bytes().startswith(b'form "x"\n\t')
    assert latin.read_bytes() == b'form "\xfc"\n  ask email\n'
    assert fine.read_bytes() == NICE


def test_only_campaign_files_are_formatted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "hello.md", b"# Hello")
    with pytest.raises(SystemExit) as end:
        main(["fmt", str(file)])
    assert end.value.code == 2
    assert "must end in .campaign" in capsys.readouterr().err.replace("\n", " ")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = write(tmp_path / "real.campaign", UGLY)
    link = tmp_path / "link.campaign"
    link.symlink_to(real)
    assert run(link)[0] == 0
    assert link.is_symlink()
    assert real.read_bytes() == NICE


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_it_says_when_it_could_not_look(tmp_path: Path, name: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fmt", str(tmp_path / name)])
    assert end.value.code == 2

"""The command line as tests use it: a small sound workspace, and a way to run commands like the program does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from engine.cli.main import main

GOOD = {
    "shop.campaign": """
        workspace "Acme"
            timezone "Europe/Berlin"
            languages "en"
            sender "Acme <hello@acme.example>"
            address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
            mail is allowed until opt-out

        form "guide"
            ask email required

        campaign "Guide"
            starts when form "guide" is submitted
            flow
                send "welcome"
        """,
    "templates/welcome.md": """
        ---
        subject: Your guide
        ---
        Good day! Here is the guide.
        """,
}

Run = Callable[..., "Done"]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), "utf-8")
    return folder


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line as the program does, in a thread of its own, since commands bring their own event loop."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object, **environment: str) -> Done:
        codes: list[object] = []

        def inside() -> None:
            try:
                main([str(argument) for argument in arguments])
            except SystemExit as end:
                codes.append(end.code)

        world = {
            "COLDFRAME_HOME": str(tmp_path / "home"),
            "COLDFRAME_SECRET": "s" * 32,
            "COLDFRAME_PEPPER": "p" * 32,
            **environment,
        }
        with monkeypatch.context() as patch:
            for name, value in world.items():
                patch.setenv(name, value)
            thread = threading.Thread(target=inside)
            thread.start()
            thread.join(60)
        (code,) = codes
        assert isinstance(code, int)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return command

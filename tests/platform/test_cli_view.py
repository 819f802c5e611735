"""The commands that show: a campaign drawn, a mail previewed, and what they say when something is not there."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.common import Stop
from engine.cli.graph import file_name
from engine.cli.main import app

CAMPAIGN = """
workspace "Acme"
    languages "en", "de"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, Voerde"
    mail is allowed until opt-out
form "guide"
    ask email required
campaign "Guide & more"
    starts when form "guide" is submitted
    flow
        send "welcome"
        wait 2 days
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "campaigns" / "templates").mkdir(parents=True)
    (tmp_path / "campaigns" / "shop.campaign").write_text(CAMPAIGN, "utf-8")
    (tmp_path / "campaigns" / "templates" / "welcome.md").write_text("---\nsubject: Hi\n---\nGood day!\n", "utf-8")
    return tmp_path


def run(*arguments: str) -> str:
    """What the command printed. Raises Stop as the command does."""
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_campaign_is_drawn_into_a_file_of_its_name(folder: Path):
    run("graph", "guide & MORE")
    root = ET.parse(folder / "guide-more.svg").getroot()
    assert "campaigns/shop.campaign:12" in "".join(root.itertext())
    assert run("graph", "Guide & more", "--mermaid").startswith("flowchart TD\n")
    found = json.loads(run("graph", "Guide & more", "--json"))
    assert [step["words"] for step in found["steps"]] == ['send "welcome"', "wait 2 days"]
    assert found["steps"][0]["exits"] == [{"label": "", "target": found["steps"][1]["id"]}]


def test_a_file_name_keeps_letters_of_any_script():
    assert file_name("Größe / 大: No. 1!") == "grösse-大-no-1"
    assert file_name("…") == "campaign"


def test_a_mail_is_previewed_and_saved(folder: Path):
    printed = run("preview", "welcome")
    assert "Hi" in printed
    assert "Good day!" in printed
    run("preview", "templates/welcome.md", "--save", "drafts")
    saved = {path.name for path in (folder / "drafts").iterdir()}
    assert saved == {
        "welcome.en.html", "welcome.en.txt", "welcome.en.bare.html", "welcome.en.bare.txt", "welcome.overview.html",
    }  # fmt: skip
    assert run("preview", "welcome", "--text", "--language", "DE").count("Good day!") == 2
    assert [one["variant"] for one in json.loads(run("preview", "welcome", "--json"))] == [
        "everything known", "only what every lead has",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("graph", "Gide & more"), "did you mean `Guide & more`?", 1),
        (("graph", "Guide & more", "nowhere"), "nowhere", 2),
        (("graph", "Guide & more", "-o", "no/such/folder/a.svg"), "cannot write", 2),
        (("preview", "welcom"), "did you mean `welcome`?", 1),
        (("preview", "welcome", "--language", "fr"), "use one of en, de", 1),
        (("preview", "welcome", "nowhere"), "nowhere", 2),
        (("preview", "welcome", "--save", "campaigns/shop.campaign"), "is a file, and --output needs a folder", 2),
        (
            ("simulate", "--script", "submits form guide", "--save", "campaigns/shop.campaign"),
            "is a file, and --output needs a folder",
            2,
        ),
    ],
)
def test_what_is_not_there_is_said_with_what_is(folder: Path, arguments: tuple[str, ...], said: str, code: int):
    with pytest.raises(Stop) as stopped:
        run(*arguments)
    assert said in str(stopped.value)
    assert stopped.value.code == code


@pytest.mark.parametrize("command", [("graph", "Guide & more"), ("preview", "welcome")])
def test_a_broken_workspace_is_told_as_check_tells_it(folder: Path, command: tuple[str, ...]):
    (folder / "campaigns" / "shop.campaign").write_text(CAMPAIGN.replace('form "guide" is', 'form "giude" is'), "utf-8")
    done = CliRunner().invoke(app, [*command, "--json"])
    assert (done.exit_code, [problem["line"] for problem in json.loads(done.stdout)]) == (1, [10])
    done = CliRunner().invoke(app, list(command))
    assert (done.exit_code, "campaigns/shop.campaign:10:" in done.stdout) == (1, True)


def test_a_template_that_cannot_be_rendered_ends_with_its_line(folder: Path):
    broken = folder / "campaigns" / "templates" / "welcome.md"
    broken.write_text("---\nsubject: Hi\n---\nGood day!\n\n{{ lead.nonsense }}\n", "utf-8")
    with pytest.raises(Stop, match=r"templates/welcome\.md:6") as stopped:
        run("preview", "welcome")
    assert stopped.value.code == 1

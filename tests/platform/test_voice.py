"""How the product speaks, as far as a machine can hear it: help, results, errors of the command line, pages, emails.

`docs/voice.md` has the rules; here are the forms that a native reader trips over, as patterns, and the texts they are
looked for in. A text inside backticks is code, and code is not looked at.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from engine.cli.main import app
from engine.wording.event_types import COMPLAINED, CONFIRMED, NOTES, PHRASES, REACTIVATED
from web.http.answers import REFUSALS
from web.http.words import ENGLISH

ROOT = Path(__file__).resolve().parents[2]
GROUP = typer.main.get_command(app)
FORBIDDEN = {
    "mail as a noun": r"\bmails\b|\b(?:a|one|no|the|this|each|every|another) mail\b(?! (?:provider|server))|\bmailed\b",
    "an indefinite person": r"\b(?:nobody|somebody|everybody|whoever)\b",
    "is no …": r"(?<!there )\b(?:is|are) no (?!longer\b)",
    "by itself": r"\bby (?:itself|themselves|hand)\b",
    "go on": r"\b(?:go|goes|going|went) on\b",
    "into force": r"\b(?:in|into|out of) force\b",
    "parked": r"\bparked?\b(?! domain)",
    "a percentage with a space": r"\d %",
    "may not": r"\bmay not\b(?! (?:be set|have)\b)",
    "is called": r"\bis called\b",
    "at once": r"\bat once\b",
    "anew": r"\banew\b",
    "meanwhile": r"\bmeanwhile\b",
    "for ever": r"\bfor ever\b",
    "come to": r"\bcom(?:es?|ing) to (?:it|an? (?:step|end))\b|\bcame to (?:it|an? (?:step|end))\b",
    "inside": r"\bleads? inside\b",
    "stands": r"\bstands? (?:in|under|below|behind|twice)\b",
    "exists already": r"\b(?:exists?|is|are|was|were) already$|\bexists already\b",
    "to mend": r"\bmend(?:s|ed)?\b|\bput(?:s)? right\b",
    "invented": r"\binvented\b",
    "colleagues": r"\bcolleagues?\b",
    "an exclamation mark": r"!$",
}  # fmt: skip
LONGEST_HELP = 72
"""Characters of the first line of a command's help."""


def forbidden(text: str) -> list[str]:
    said = re.sub(r"`[^`]*`", "`…`", text)
    return [name for name, pattern in FORBIDDEN.items() if re.search(pattern, said, re.IGNORECASE)]


# ── help ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def commands(group: TyperGroup, path: str = "coldframe") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    for name, command in group.commands.items():
        assert isinstance(command, TyperCommand | TyperGroup)
        yield f"{path} {name}", command
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")


assert isinstance(GROUP, TyperGroup)
COMMANDS = dict(commands(GROUP))


def helps() -> Iterator[tuple[str, str]]:
    yield "coldframe", GROUP.help or ""
    for name, command in COMMANDS.items():
        yield name, command.help or ""
        for parameter in command.params:
            yield f"{name} {parameter.name}", getattr(parameter, "help", "") or ""


@pytest.mark.parametrize(("name", "text"), tuple(helps()), ids=lambda one: one if " " in one and len(one) < 40 else "")
def test_help_has_none_of_the_forbidden_forms(name: str, text: str) -> None:
    assert forbidden(text) == [], f"{name}: {text}"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_line_of_help_is_one_short_sentence(name: str) -> None:
    first, *_ = (COMMANDS[name].help or "").splitlines()
    assert len(first) <= LONGEST_HELP
    assert first.endswith(".")
    verb = first.split()[0].rstrip(",")
    assert (verb[0].isupper(), verb.endswith("s")) == (True, False), "it starts with an imperative"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_phrase_of_its_own(name: str) -> None:
    for parameter in COMMANDS[name].params:
        text = getattr(parameter, "help", None)
        assert text, f"{name} {parameter.name}"
        assert text[0].isupper() or text[0] == "`", f"{name} {parameter.name}: {text}"
        assert re.search(r"[.\])]$|[.] \[.*\]$", text), f"{name} {parameter.name}: {text}"


def test_commands_are_in_the_panels_of_the_field() -> None:
    panels = {command.rich_help_panel for command in GROUP.commands.values() if not command.hidden}  # type: ignore[attr-defined]
    assert panels == {"Write", "Deploy", "Monitor", "Run locally", "Run in production"}


# ── texts in the code ────────────────────────────────────────────────────────────────────────────────────────────────
SPEAKING = [
    *sorted((ROOT / "engine" / "cli").glob("*.py")), *sorted((ROOT / "engine" / "why").glob("*.py")),
    *sorted((ROOT / "engine" / "wording").glob("*.py")), *sorted((ROOT / "engine" / "demo").glob("*.py")),
    ROOT / "engine/deploying/pauses.py", ROOT / "engine/deploying/history.py", ROOT / "engine/deploying/deploy.py",
    ROOT / "engine/simulation/timeline.py", ROOT / "engine/simulation/story.py", ROOT / "engine/simulation/doors.py",
    ROOT / "engine/mail/lint.py", ROOT / "engine/writing/rename.py", ROOT / "engine/simulation/rehearsal.py",
    ROOT / "engine/reports/campaign_numbers.py", ROOT / "engine/embedded/postgres.py",
    ROOT / "web/api/events.py", ROOT / "web/api/leads.py", ROOT / "web/api/provider.py", ROOT / "web/desk/handoff.py",
]  # fmt: skip
STORED = {
    "nobody to notify", "a mail is on its way", 'it stands under "needs attention": the database was restored',
    "invented",
}  # fmt: skip
"""Reasons and words as the database or an earlier version has them: they keep their spelling."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file that a person may read: no docstrings, SQL, names, or patterns."""
    tree = ast.parse(path.read_text("utf-8"))
    unread = {
        id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
    }
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in one.values]
            unread |= {id(part) for part in one.values}
            yield one.lineno, "".join(map(str, parts))
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in unread:
            yield one.lineno, one.value


def is_read(text: str) -> bool:
    return (
        " " in text and not re.search(r"\b(?:SELECT|UPDATE|INSERT|FROM|WHERE)\b|\(\?|\\b", text) and text not in STORED
    )


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_file_says_has_none_of_the_forbidden_forms(path: Path) -> None:
    assert [(line, text, forbidden(text)) for line, text in texts(path) if is_read(text) and forbidden(text)] == []


AT_HOME = ("engine/wording/events.py", "engine/cli/script.py")
"""The quotes of pages, and those that a script may have."""


def test_names_have_straight_quotes_outside_of_pages() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): [text for _, text in texts(path) if re.search("[“”„]", text)]
        for path in sorted((ROOT / "engine").rglob("*.py"))
    }
    assert {path: said for path, said in found.items() if said and path not in AT_HOME} == {}


# ── pages, emails, events ────────────────────────────────────────────────────────────────────────────────────────────
_MARKUP = (
    r"\{[%#].*?[%#]\}|\{\{ words\([^}]*\}\}|\{\{[^\"{}]*\}\}"
    r"|<[^>]*(?:class|name|href|id|for|role)=[^>]*>"
)
"""Tags and variables of a template; texts inside them stay."""


def page_texts() -> Iterator[tuple[str, str]]:
    for code, text in ENGLISH.items():
        yield f"words {code}", text
    for status, (title, text) in REFUSALS.items():
        yield f"answer {status}", title
        yield f"answer {status} text", text
    for path in [*(ROOT / "web/templates").glob("*.html"), *(ROOT / "engine/mail/builtin/internal").glob("*.md")]:
        plain = re.sub(_MARKUP, " ", path.read_text("utf-8"))
        yield path.name, " ".join(plain.split())
    for type, phrase in [*PHRASES.items(), *NOTES.items(), ("", CONFIRMED), ("", COMPLAINED), ("", REACTIVATED)]:
        yield f"phrase {type}", f"{phrase.subject} {phrase.then}{phrase.rest}"
        yield f"phrase {type} now", f"{phrase.subject} {phrase.now}{phrase.rest}"


@pytest.mark.parametrize(("name", "text"), tuple(page_texts()), ids=lambda one: one[:40])
def test_pages_emails_and_events_have_none_of_the_forbidden_forms(name: str, text: str) -> None:
    assert [one for one in forbidden(text) if one != "an exclamation mark" or name != "words thanks"] == [], text


@pytest.mark.parametrize(
    "text",
    [
        "3 mails sent", "no mail leaves", "nobody has it", "whoever gets it", "`x` is no unit of time",
        "it ends by itself", "they go on", "put into force", "the parked step", "95 % of leads", "for ever",
        "a campaign is called so", "3 leads inside wait", "it exists already", "tried again at once",
    ],
)  # fmt: skip
def test_a_forbidden_form_is_heard(text: str) -> None:
    assert forbidden(text)


@pytest.mark.parametrize(
    "text",
    [
        "3 emails sent", "no emails go out", "`mails` is not an option", "if there are no errors",
        "the mail provider reports bounces",
        "95% of leads", "the mailbox", "a shell variable may not be set", "it is no longer deployed",
    ],
)  # fmt: skip
def test_what_is_well_said_is_let_through(text: str) -> None:
    assert forbidden(text) == []


# ── the changelog ────────────────────────────────────────────────────────────────────────────────────────────────────
READERS = ["Marketers", "Operators", "Web developers", "Engineers"]
LONGEST_CHANGE = 300
"""Characters of one change."""


def test_the_changelog_is_ordered_by_reader_and_short() -> None:
    """After a merge that brought old lines back: take the file of main, and add your line under its reader."""
    unreleased = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## ")[1]
    assert re.findall(r"^### (.+)$", unreleased, re.MULTILINE) == READERS
    changes = [" ".join(one.split()) for one in re.split(r"\n- ", unreleased.replace("\n\n", "\n- "))]
    assert [one for one in changes if len(one) > LONGEST_CHANGE] == []
    assert [one for one in changes if changes.count(one) > 1] == []
    assert {one: forbidden(one) for one in changes if forbidden(one)} == {}

"""What docs/voice.md asks of a message, as far as a machine can check it: headlines, help lines and hints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl.explain import explanations
from dsl.names.events import EVENTS
from dsl.problems.messages import ENTRIES
from dsl.problems.usage import ADVICE
from dsl.text import hints
from engine.writing import guide, mail_guide
from tests.dsl.harness import CASES

GOLDENS = "".join(path.read_text("utf-8") for path in sorted((CASES / "bad").glob("*.txt")))
HEADLINES = sorted(set(re.findall(r"^(?:error|warning)\[\w+\]: (.+)$", GOLDENS, re.MULTILINE)))
HELPS = sorted(set(re.findall(r"^help: (.+)$", GOLDENS, re.MULTILINE)))
NOTES = sorted(set(re.findall(r"^note: (.+)$", GOLDENS, re.MULTILINE)))
EVERY = [*HEADLINES, *HELPS, *NOTES]

IMPERATIVES = (
    "add", "change", "check", "choose", "compare", "create", "declare", "delete", "give", "indent", "join", "keep",
    "lower", "move", "name", "put", "remove", "rename", "save", "set", "shorten", "split", "start", "use", "wait",
    "write",
)  # fmt: skip
NEVER = (
    r"\bmails?\b", r"\bnobody\b", r"\bsomebody\b", r"\beverybody\b", r"\bwhoever\b", r"(?<!there )\bis no\b",
    r"\bis called\b", r"\bcarr(y|ies)\b", r"\bat once\b", r"\bby itself\b", r"\bstands? (in|on|below|behind|here)\b",
    r"\bsaid twice\b", r"\bput into force\b", r"\bin force\b", r"\bgoes? on\b", r"\bfor ever\b", r"\bbelongs? into\b",
    r"\bmend\b", r"\bdatum\b", r"\barms?\b", r"\bpromises?\b", r"\bhandover\b", r"\bhand-off\b", r"\bcolleagues?\b",
    r"\bprospects?\b", r"\bjourneys?\b", r"\benrol?ments?\b", r"\bparked\b",
    r"\bcolour|\bfavour|\bbehaviour|\bcentre\b|\bcancelled\b|\blabelled\b|\b\w+ise[sd]?\b(?<!otherwise)(?<!exercise)",
)  # fmt: skip
"""Words of docs/voice.md that no text uses, as patterns."""
LONG = ("W102", "W105")
"""Two headlines that need a second clause: what is missing, and what leads will see for that reason."""


def prose(text: str) -> str:
    """The text without what stands in backticks or quotes: the author's own words, and examples."""
    return re.sub(r'`[^`]*`|"[^"]*"', "…", re.sub(r"\]\([^)]*\)", "]", text))


def words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+|…", prose(text))


@pytest.mark.parametrize("code", ENTRIES)
def test_a_headline_states_one_fault(code: str) -> None:
    headline = ENTRIES[code].headline
    assert not headline.endswith((".", "?", "!", ":"))
    assert "?" not in headline
    assert ";" not in headline
    plain = re.sub(r"\{\w+\}", "…", prose(headline))
    assert plain[0].islower() or not plain[0].isalpha(), headline
    assert len(words(plain.split(": ")[0])) <= (21 if code in LONG else 12), headline


@pytest.mark.parametrize("headline", HEADLINES)
def test_a_headline_of_the_corpus_is_short(headline: str) -> None:
    """With its blanks filled and the reason behind a colon, where there is one."""
    assert not headline.endswith((".", "?", "!"))
    assert len(words(headline)) <= 21


@pytest.mark.parametrize("help", HELPS)
def test_a_help_line_is_an_instruction(help: str) -> None:
    """The one question that may be asked is for a near name."""
    if help.startswith("did you mean `"):
        assert help.endswith("?") or "? It is declared in " in help
        return
    assert words(help)[0] in IMPERATIVES, help
    assert not help.endswith((".", "?", "!"))
    assert prose(help).count(";") <= 1


@pytest.mark.parametrize(
    "help", [*ADVICE.values(), *(advice for _, advice in hints.PHRASES)], ids=lambda text: text[:40]
)
def test_a_hint_is_an_instruction(help: str) -> None:
    assert words(help)[0] in IMPERATIVES, help
    assert "`" in help


@pytest.mark.parametrize("pattern", NEVER)
def test_words_that_no_text_uses(pattern: str) -> None:
    """In the messages as they are shown, and in the patterns of those that the corpus shows only in part."""
    patterns = [text for entry in ENTRIES.values() for text in entry]
    every = [*EVERY, *patterns, *ADVICE.values(), *(advice for _, advice in hints.PHRASES)]
    assert [text for text in every if re.search(pattern, prose(text), re.IGNORECASE)] == []


def test_texts_use_the_serial_comma_and_one_kind_of_dash() -> None:
    assert [text for text in EVERY if " - " in prose(text) or "--" in prose(text)] == []


def test_events_in_help_lines_are_of_the_language() -> None:
    nouns = {noun for noun, _ in EVENTS}
    found = next(text for text in HELPS if text.startswith("start the event with one of "))
    listed = set(re.findall(r"\w+", found.removeprefix("start the event with one of ")))
    assert nouns <= listed


def test_the_page_about_voice_names_the_same_swaps() -> None:
    page = (Path(__file__).parents[2] / "docs" / "voice.md").read_text("utf-8")
    for swap in ("put into force", "for ever", "is no X", "at once", "belong into"):
        assert swap in page


# ── what the editor and `coldframe explain` show ─────────────────────────────────────────────────────────────────────
SHOWN = {
    **{f"line {name}": text for name, text in guide.LINES.items()},
    **{f"word {name}": text for name, text in guide.WORDS.items()},
    **{f"name {name}": text for name, text in mail_guide.NAMES.items()},
    **{f"filter {name}": text for name, text in mail_guide.FILTERS.items()},
    **{one.code: f"{one.title}. {one.text}" for one in explanations().values()},
}


@pytest.mark.parametrize("pattern", NEVER)
def test_words_that_no_hover_and_no_explanation_uses(pattern: str) -> None:
    assert [name for name, text in SHOWN.items() if re.search(pattern, prose(text), re.IGNORECASE)] == []


@pytest.mark.parametrize("name", SHOWN)
def test_sentences_are_short(name: str) -> None:
    """About 25 words; sentences that list fields or verbs may be longer."""
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", prose(SHOWN[name])) if not re.search(r"(, \w+){6}", one)]
    assert [one for one in sentences if len(words(one)) > 28] == []

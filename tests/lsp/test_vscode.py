"""The VS Code folder fits the language: its colours know every word of the grammar."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from dsl.names.events import DATES, DEEDS, EVENTS, NOUNS
from dsl.names.scope import FIELD_TYPES
from dsl.text.parse import grammar
from dsl.text.values import UNITS, WEEKDAYS
from dsl.text.vocabulary import ALL_HEADS
from engine.mail.check import FILES
from tests.dsl.harness import CASES
from tests.support.editor import ROOT

FOLDER = ROOT / "editors" / "vscode"


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


RULES: dict[str, Any] = read("syntaxes/coldframe.tmLanguage.json")["repository"]


def words(rule: str, group: int = 1) -> list[str]:
    """The alternatives in a group of a rule's pattern."""
    groups = re.findall(r"(?<!\\)\((?!\?)([^()]*)\)", RULES[rule]["match"])
    return str(groups[group - 1]).split("|")


def test_every_keyword_of_the_grammar_has_its_colour() -> None:
    keywords = {t.pattern.value for t in grammar().terminals if t.pattern is not None}
    assert words("keywords") == sorted(word for word in keywords if word.isalpha())


def test_every_first_word_of_a_line_has_its_colour() -> None:
    assert words("heads") == sorted(head for head in ALL_HEADS if head.isalpha())


def test_events_units_days_and_types_have_their_colours() -> None:
    assert words("nouns") == sorted({*NOUNS, *DATES})
    verbs = {verb for _, said in EVENTS for verb in said.split()} | {verb for verb, _ in DEEDS}
    assert words("verbs") == sorted(verbs)
    assert words("units") == sorted({word for unit in UNITS for word in (unit, f"{unit}s")})
    assert words("days") == list(WEEKDAYS)
    assert set(words("types", 3)) == set(FIELD_TYPES)


def test_patterns_are_patterns_and_every_rule_is_used() -> None:
    whole = read("syntaxes/coldframe.tmLanguage.json")
    assert {pattern["include"].removeprefix("#") for pattern in whole["patterns"]} == set(RULES)
    for rule in RULES.values():
        for pattern in (rule, *rule.get("patterns", ())):
            for key in ("match", "begin", "end"):
                re.compile(pattern.get(key, ""))


@pytest.mark.parametrize("case", sorted((CASES / "good").glob("*.campaign")), ids=lambda path: path.stem)
def test_the_first_word_of_every_line_is_recognised(case: Any) -> None:
    """Except in segments, whose lines are conditions."""
    open_bracket = segment = False
    for line in case.read_text("utf-8").removeprefix("\ufeff").split("\n"):
        code = re.sub(r'"[^"]*"', '""', line).split("#")[0]
        segment = code.startswith("segment") or (segment and code[:1] in ("", " "))
        if code.strip() and not open_bracket and (not segment or code[0] != " "):
            assert any(re.match(RULES[rule]["match"], line) for rule in ("heads", "amount")), line
        open_bracket = (
            (open_bracket or "(" in code)
            and code.count("(") >= code.count(")")
            and (code.count("(") > code.count(")") or (open_bracket and ")" not in code))
        )


def test_the_extension_starts_the_server_and_names_what_it_needs() -> None:
    package = read("package.json")
    (language,) = package["contributes"]["languages"]
    assert language["extensions"] == [".campaign"]
    assert package["contributes"]["configuration"]["properties"]["coldframe.command"]["default"] == ["coldframe", "lsp"]
    for path in (package["main"], language["configuration"], package["contributes"]["grammars"][0]["path"]):
        assert (FOLDER / path).is_file()
    script = (FOLDER / "extension.js").read_text("utf-8")
    needed = set(re.findall(r'require\("([^"/]+)', script)) - {"vscode"}
    assert {name for name in needed if not name.startswith("node:")} == set(package["dependencies"])


def test_the_extension_sends_templates_too_where_there_are_campaigns() -> None:
    assert read("package.json")["activationEvents"] == ["workspaceContains:**/*.campaign"]
    (pattern,) = re.findall(r'pattern: "(.*)"', (FOLDER / "extension.js").read_text("utf-8"))
    folder, _, endings = pattern.partition("*.{")
    assert folder == "**/templates/**/"
    assert {f".{ending}" for ending in endings.rstrip("}").split(",")} == set(FILES)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_extension_can_be_read() -> None:
    subprocess.run(["node", "--check", str(FOLDER / "extension.js")], check=True, timeout=60)


def test_blocks_are_indented_as_in_the_language() -> None:
    rules = read("language-configuration.json")["indentationRules"]
    increase = re.compile(rules["increaseIndentPattern"])
    for line in (
        'campaign "x"',
        "    flow",
        "        otherwise",
        "    if score >= 5",
        '  or for form "x" is submitted',
    ):
        assert increase.match(line)
    for line in ('        send "x"', "    enters once", '    topic "x"'):
        assert not increase.match(line)

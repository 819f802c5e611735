"""The formatter changes how a file looks and nothing else: same tokens in the same blocks, same comments, one style."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from dsl.fmt import format_text
from dsl.problems.problems import Problems
from dsl.text.lines import Line, read_lines
from dsl.text.source import normalise
from tests.dsl.harness import ASSETS, CASES, files_of
from tests.dsl.test_corpus import cases, compare
from tests.dsl.test_fuzz import GOOD, ODD, WORDS, accident
from tests.support.examples import examples

CHOICES = st.integers(0, 2**32).map(random.Random)
SPACES = (" ", "  ", "    ", "\u00a0", " \u00a0 ")


def tidy(text: str) -> str:
    formatted = format_text("x.campaign", text)
    assert formatted.text is not None, formatted.diagnostics
    return formatted.text


def forest(text: str) -> list[Any]:
    """Tokens and blocks, without places."""

    def shape(line: Line) -> Any:
        return [(token.type, str(token)) for token in line.tokens], [shape(child) for child in line.children]

    problems = Problems()
    return [shape(line) for line in read_lines(normalise("x", text, problems), problems)]


def comments(text: str) -> list[str]:
    """Every comment in the order of the file. What stands between tokens and is no space is one."""
    found = []
    source = normalise("x", text, Problems())
    ends: dict[int, int] = {}

    def walk(lines: list[Line]) -> None:
        for line in lines:
            for token in line.tokens:
                ends[token.line or 0] = token.end_pos or 0
            walk(line.children)

    walk(read_lines(source, Problems()))
    for number, line in enumerate(source.lines, 1):
        if comment := line[ends.get(number, 0) :].strip():
            found.append(comment)
    return found


def meaning(files: dict[str, str]) -> Any:
    """The whole plan without places in the source."""

    def without_places(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: without_places(value) for key, value in data.items() if key != "source"}
        return [without_places(value) for value in data] if isinstance(data, list) else data

    program = compile_workspace(files, ASSETS).program
    assert program is not None
    return without_places(program.model_dump(mode="json"))


def prove(text: str) -> str:
    """Formats and checks what must hold for any file that can be read."""
    once = tidy(text)
    assert tidy(once) == once
    assert forest(once) == forest(text)
    assert comments(once) == comments(text)
    assert not any(line != line.rstrip() for line in once.split("\n"))
    return once


@pytest.mark.parametrize("case", cases("good"), ids=lambda path: path.stem)
def test_a_good_file_is_formatted_and_means_the_same(case: Path, update_goldens: bool) -> None:
    files = files_of(case)
    formatted = {path: prove(text) for path, text in files.items()}
    assert meaning(formatted) == meaning(files)
    mine = [text for path, text in formatted.items() if path != "campaigns/base.campaign"]
    compare(case.with_suffix(".fmt"), "\n".join(mine), update_goldens)


@pytest.mark.parametrize("case", cases("bad"), ids=lambda path: path.stem)
def test_a_bad_file_is_formatted_safely_or_left_alone(case: Path) -> None:
    for path, text in files_of(case).items():
        formatted = format_text(path, text)
        if formatted.text is None:
            assert formatted.diagnostics
        else:
            prove(text)


def messed(text: str, choose: random.Random, *, gaps: bool) -> str:
    """The same tokens with other spaces, indentation, quotes and line ends; with `gaps` also other blank lines."""
    problems = Problems()
    source = normalise("x", text, problems)
    result: list[str] = []

    def write(lines: list[Line], indent: int) -> None:
        deeper = indent + choose.choice((1, 2, 3, 4, 8))
        for line in lines:
            while len(result) < line.span.line - 1:
                result.append(" " * indent if choose.random() < 0.5 else "")
            if gaps and choose.random() < 0.2:
                result.extend([""] * choose.randrange(1, 4))
            result.append(" " * indent + join(line) + choose.choice(("", "", "  ", "\u00a0")))
            write(line.children, deeper)

    def join(line: Line) -> str:
        parts = []
        for token in line.tokens:
            written = source.lines[(token.line or 1) - 1][token.start_pos or 0 : token.end_pos]
            if token.type == "STRING" and not set('\\"“”„‟') & set(token) and choose.random() < 0.5:
                written = choose.choice(("“%s”", "„%s“", '"%s"')) % token
            parts += [written, choose.choice(SPACES)]
        return "".join(parts[:-1])

    write(read_lines(source, problems), 0)
    end = choose.choice(("\n", "\r\n", "\r"))
    return choose.choice(("", "\ufeff")) + end.join(result) + choose.choice(("", end, end * 3))


@examples(60)
@given(st.sampled_from(sorted(GOOD)), CHOICES)
def test_however_it_was_spaced_it_comes_out_the_same(name: str, choose: random.Random) -> None:
    whole = prove(messed(GOOD[name], random.Random(0), gaps=False))
    text = prove(messed(GOOD[name], choose, gaps=True))
    assert [line for line in text.split("\n") if line] == [line for line in whole.split("\n") if line]


@examples(60)
@given(st.sampled_from(sorted(GOOD)), CHOICES, st.integers(1, 6))
def test_comments_anywhere_stay(name: str, choose: random.Random, times: int) -> None:
    lines = messed(GOOD[name], choose, gaps=True).removeprefix("\ufeff").splitlines()
    for _ in range(times):
        index = choose.randrange(len(lines) + 1)
        lines.insert(index, " " * choose.randrange(14) + choose.choice(("# a", "#b", '# "', "#", "# é  “x” ")))
    at = choose.randrange(len(lines))
    lines[at] += " # at the end"
    prove("\n".join(lines))


@examples(100)
@given(st.sampled_from(sorted(GOOD)), CHOICES, st.integers(1, 8))
def test_files_with_accidents_are_safe_or_left_alone(name: str, choose: random.Random, times: int) -> None:
    text = GOOD[name]
    for _ in range(times):
        text = accident(text, choose)
    if format_text("x", text).text is not None:
        prove(text)


@examples(100)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(ODD)), max_size=60), CHOICES)
def test_any_words_are_safe_or_left_alone(words: list[str], choose: random.Random) -> None:
    text = "".join(word + choose.choice([" ", " ", "\n", "\n    ", "\n        ", ""]) for word in words)
    if format_text("x", text).text is not None:
        prove(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\n\n# only\n\n\n# comments  \n\n", "# only\n\n# comments\n"),
        ('form“x”\n  ask   email  # a\n  ask first_name# b\n\n  ask city # c',
         'form "x"\n    ask email       # a\n    ask first_name  # b\n\n    ask city  # c\n'),
        ('if a=1 and(b  or not(c>=event . d))', "if a = 1 and (b or not (c >= event.d))\n"),
        ('field a choice("x" ,"y",)', 'field a choice ("x", "y",)\n'),
        ("scoring\n  +5 if vip\n  -15    if vip\n  +2000 if vip", "scoring\n    +5    if vip\n    -15   if vip\n"
         "    +2000 if vip\n"),
        ("split\n  50% “a”\n  50% “b”", 'split\n    50% "a"\n    50% "b"\n'),
        ("a\n      # of a\n    b\n    # of a too\n  # as well\n# of c\nc", "a\n    # of a\n    b\n    # of a too\n"
         "# as well\n# of c\nc\n"),
        ("a\n    b\n  # of a\n# left\n    c", "a\n    b\n    # of a\n    # left\n    c\n"),
        ("if x in (\n 'a'", None),
        ('if x in ( # here\n   “a”\n  ,“b” # there\n  , # and\n\n\n # more\n     (“c”\n ) )and y',
         'if x in (     # here\n        "a",\n        "b",  # there\n        # and\n\n        # more\n'
         '        ("c"\n    )) and y\n'),
    ],
)  # fmt: skip
def test_the_style(before: str, after: str | None) -> None:
    assert format_text("x", before).text == after


@pytest.mark.parametrize(
    "text",
    ["a\n\tb", 'send "x', "a\n      b\n  c", "  a", "a\u200b b", "<<<<<<< mine\na", "if a == b", "send 'x'", "if (a",
     "a" * 2_000_001],
    ids=["tab", "quote", "dedent", "indent", "zero-width", "merge", "operator", "single", "bracket", "large"],
)  # fmt: skip
def test_what_cannot_be_read_safely_is_left_alone(text: str) -> None:
    formatted = format_text("x", text)
    assert formatted.text is None
    assert all(problem.severity == "error" for problem in formatted.diagnostics)
    assert formatted.diagnostics


def test_the_base_is_in_the_style() -> None:
    text = (CASES / "base.campaign").read_text(encoding="utf-8")
    assert tidy(text) == text


@pytest.mark.parametrize("text", ["(\n" * 20_000, "if (\n" + "a,\n" * 20_000 + " )", "# x\n" * 50_000])
def test_long_files_take_no_longer_than_their_length(text: str) -> None:
    format_text("x", text)

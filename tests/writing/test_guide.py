"""Every line of the language has its sentence, and an example that can be read."""

from __future__ import annotations

import pytest

from dsl.text.vocabulary import CONTEXTS, heads
from engine.writing.guide import LINES, about_line, head_key, usage

KEYS = sorted({head_key(head, context) for context in CONTEXTS for head in heads(context)} | {"+", "segment line"})


@pytest.mark.parametrize("key", KEYS)
def test_every_line_says_what_it_does(key: str) -> None:
    assert LINES[key].endswith(".")
    about = about_line(key)
    assert about is not None
    assert usage(key) is None or f"```coldframe\n{usage(key)}" in about


def test_no_sentence_is_about_a_line_that_does_not_exist() -> None:
    assert set(LINES) == set(KEYS)

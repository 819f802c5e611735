"""What is wrong with a count such as `3 times` in a line that does not parse."""

from __future__ import annotations

from dsl.text.lexer import Lexeme
from dsl.text.parse import Failure

TIMES = ("times", "time")


def miscounted(tokens: list[Lexeme], failure: Failure) -> tuple[str, int, int] | None:
    """What is wrong with a count such as `3 times`: no time to count in, or nothing that can be counted."""
    index = failure.index
    if index >= 2 and _times(tokens, index - 2):
        return ("E017" if failure.keywords == ("within",) else "E018"), index - 2, index - 1
    if 1 <= index < len(tokens) and _times(tokens, index - 1):
        return "E018", index - 1, index
    return None


def _times(tokens: list[Lexeme], index: int) -> bool:
    """Whether a count stands there that is not of something else: `at least 2 times`, `up to 3 times`."""
    number, word = tokens[index : index + 2]
    alone = index == 0 or tokens[index - 1] not in ("least", "most", "to")
    early = index > 0 and tokens[index - 1] in ("when", "whenever", "for")
    return number.type == "NUMBER" and word.type == "NAME" and word in TIMES and alone and not early

"""How wide a text will be, without a font at hand, and how it breaks into lines."""

from __future__ import annotations

import unicodedata

_NARROW, _SLIM, _WIDE = "ijlI.,:;'|!`", 'ftr()[]{}/\\-" ', "mwMW@%"
_SHARES = {**dict.fromkeys(_NARROW, 0.33), **dict.fromkeys(_SLIM, 0.44), **dict.fromkeys(_WIDE, 1.0)}
"""In parts of the font's size, after the widest of the usual sans-serif fonts (DejaVu Sans, Verdana): a text may turn
out narrower, but never wider than its box."""


def width(text: str, size: float) -> float:
    return sum(_share(char) for char in text) * size


def _share(char: str) -> float:
    if char in _SHARES:
        return _SHARES[char]
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    return 0.78 if char.isupper() or not char.isascii() else 0.66


def wrapped(text: str, size: float, most: float, lines: int = 8) -> list[str]:
    """Lines no wider than `most`; a word that is too long is broken, and what exceeds `lines` ends in an ellipsis."""
    found: list[str] = []
    current = ""
    for word in _words(text, size, most):
        longer = f"{current} {word}".strip() if current else word
        if current and width(longer, size) > most:
            found.append(current)
            current = word
        else:
            current = longer
    found += [current] if current else []
    if len(found) > lines:
        found = [*found[: lines - 1], _cut(" ".join(found[lines - 1 :]), size, most)]
    return found or [""]


def _words(text: str, size: float, most: float) -> list[str]:
    pieces = []
    for word in text.split():
        while width(word, size) > most:
            fits = next(n for n in range(len(word), 0, -1) if n == 1 or width(word[:n], size) <= most)
            nice = max((word.rfind(mark, 0, fits) for mark in "/-_.,@"), default=-1) + 1
            at = nice if nice > fits // 2 else fits
            pieces.append(word[:at])
            word = word[at:]
            if not word:
                break
        pieces += [word] if word else []
    return pieces


def _cut(text: str, size: float, most: float) -> str:
    while text and width(text + "…", size) > most:
        text = text[:-1]
    return text.rstrip() + "…"

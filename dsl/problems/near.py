"""Near names, what somebody probably meant, and how names are offered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

MOST = 2
LONGEST = 60
SHORTEST = 4
"""Characters of names that can be told to be slips; shorter ones are all alike."""
LONGEST_VALUE = 80
"""Characters of what an author wrote, in a message."""


def near(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to two of `names` that look like `word`, nearest first; none when nothing is near."""
    wanted = word.casefold()[:LONGEST]
    allowed = max(1, len(wanted) // 3)
    scored = []
    for name in dict.fromkeys(names):
        candidate = name.casefold()[:LONGEST]
        if abs(len(candidate) - len(wanted)) > allowed and not _part_of(wanted, candidate):
            continue
        distance = 1 if _part_of(wanted, candidate) else _distance(wanted, candidate)
        if distance <= allowed:
            scored.append((distance, name))
    return tuple(name for _, name in sorted(scored)[:MOST])


def slip(a: str, b: str) -> bool:
    """Whether two names differ by one slip of the fingers. Names that differ in their numbers do not."""
    one, other = a.casefold(), b.casefold()
    if min(len(one), len(other)) < SHORTEST or [c for c in one if c.isdigit()] != [c for c in other if c.isdigit()]:
        return False
    return abs(len(one) - len(other)) <= 1 and _distance(one[:LONGEST], other[:LONGEST]) == 1


def _part_of(wanted: str, candidate: str) -> bool:
    """A path whose end was written, `welcome` for `whitepaper/welcome`, or the reverse."""
    return len(wanted) > 2 and (candidate.endswith("/" + wanted) or wanted.endswith("/" + candidate))


def _distance(a: str, b: str) -> int:
    """Edits between two words: insert, delete, replace, swap neighbours."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before_last, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
    return row[-1]


# ── in a message ─────────────────────────────────────────────────────────────────────────────────────────────────────
def clean(value: str, longest: int = LONGEST_VALUE) -> str:
    """What an author wrote, fit for one line of a message."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in value)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def did_you_mean(close: Iterable[str]) -> str:
    """The question behind a name that is not known; empty without near names."""
    shown = " or ".join(f"`{clean(name)}`" for name in close)
    return f"did you mean {shown}?" if shown else ""


def one_of(names: Collection[object]) -> str:
    """What follows "use": `one of a, b`, or the only one."""
    return ("one of " if len(names) > 1 else "") + ", ".join(f"`{clean(str(name))}`" for name in names)


def near_or_known(word: str, names: Sequence[str], most: int = 10) -> str:
    """What follows "no … named …": near names, else the first ones and how many more there are."""
    if close := did_you_mean(near(word, names)):
        return close
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return f"use {one_of(names[:most])}{more}" if names else "there are none yet"

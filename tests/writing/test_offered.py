"""What can be written at the cursor, in the process: the style of forms, and the properties of events."""

from __future__ import annotations

import pytest

from dsl.compile import parse_file, whole
from dsl.names.scope import scope_of
from engine.writing.completion import complete
from engine.writing.positions import Positions
from tests.dsl.harness import ASSETS, CASES

BASE = parse_file("base.campaign", (CASES / "base.campaign").read_text("utf-8"))


def offered(text: str) -> list[str]:
    """The labels at the `|`."""
    before, _, rest = text.partition("|")
    parsed = parse_file("a.campaign", before + rest)
    scope = scope_of(whole([parsed, BASE]), ASSETS)
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    return [item.label for item in complete("a.campaign", Positions(before + rest), scope, line, column)]


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ("style |", ["color", "background", "text", "logo"]),
        ('style color "#123", |', ["background", "text", "logo"]),
        ("style color |", []),
        ("style logo |", ['"acme.svg"', '"pump-guide.pdf"']),
        ('style logo "|', ["acme.svg", "pump-guide.pdf"]),
        ('style color "|', []),
    ],
)
def test_the_style_of_a_form(line: str, labels: list[str]) -> None:
    assert offered(f'form "x"\n    {line}') == labels


@pytest.mark.parametrize("start", ['event "invoice" has', "deal has", "order has number text,"])
def test_the_properties_of_an_event(start: str) -> None:
    assert offered(f"{start} |") == []
    assert {"text", "money", "yes/no"} <= set(offered(f"{start} amount |"))
    assert offered(f"{start} amount money |") == ["optional"]
    assert offered(f"{start} amount money op|") == ["optional"]

"""`coldframe schema`: the API as the workspace makes it, without a server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import GOOD, Run, write


def test_schema(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "campaigns", GOOD)
    names = run("schema").stdout.split()
    assert {"DealWon", "Lead", "Post", "AnyEvent"} <= set(names)
    one = json.loads(run("schema", "dealwon").stdout)
    assert (one["title"], one["properties"]["type"]) == ("DealWon", {"const": "deal.won"})
    assert json.loads(run("schema", "--json").stdout).keys() == set(names)
    assert json.loads(run("schema", "--openapi").stdout)["openapi"] == "3.1.0"
    wrong = run("schema", "DealWun")
    assert (wrong.returncode, "did you mean `DealWon`?" in wrong.stderr) == (1, True)

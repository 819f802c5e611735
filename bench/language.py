"""`coldframe check` against a bare parser: `python -m bench.language --json`.

The same thousand campaigns of sixty lines, read by both in one run, in turns. `check`: everything that the command
does, from the folder to the diagnostics, with tree, names, checks, plan and templates. The floor: Lark's own LALR
parser with its own lexer and nothing else, on the project's grammar with a rule that joins lines to files; it makes a
tree and forgets it. Times are CPU time, so other work on the machine counts little; only the ratio means anything.

With `--keystroke` the editor's keystroke (`bench.keystroke`) is measured too.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lark import Lark

from bench import keystroke
from bench.workspace import write_workspace
from dsl.text.parse import GRAMMAR
from engine.cli.workspace import examine
from tests.support.editor import ROOT

CAMPAIGNS = 1000
ROUNDS = 5

FLOOR = r"""
file: _NL? (line _NL)*
_NL: /(\n *(#[^\n]*)?)+/
NAME: /yes\/no\b|[^\W\d](\w|-(?=\w))*/
STRING: /"(\\.|[^"\\\n])*"/
NUMBER: /[+\-]?\d([\w:%]|[.,\/\-](?=\w))*/
AND_THEN.2: /and +then\b/
INTEREST_IN.2: /interest +in\b/
GT: ">"
LT: "<"
GE: ">="
LE: "<="
EQ: "="
_LPAR: "("
_RPAR: ")"
_COMMA: ","
_DOT: "."
%ignore / +/
%ignore /#.*/
"""


def floor_parser() -> Lark:
    """The project's grammar with Lark's contextual lexer, for a whole file."""
    text = re.sub(r"^%declare.*$", "", GRAMMAR.read_text("utf-8"), flags=re.MULTILINE)
    return Lark(text + FLOOR, parser="lalr", start="file", maybe_placeholders=True)


def measure(campaigns: int = CAMPAIGNS, rounds: int = ROUNDS) -> dict[str, Any]:
    """CPU seconds of both, each the least of all rounds, as a shared machine can only add to them; their `ratio`; and
    the largest resident memory of the command in megabytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "campaigns"
        texts = list(write_workspace(folder, campaigns).values())
        parser = floor_parser()

        def floor() -> None:
            for text in texts:
                parser.parse(text)

        def check() -> None:
            assert examine(folder).program is not None

        parser.parse(texts[0])
        times: dict[str, list[float]] = {"floor": [], "check": []}
        for _ in range(rounds):
            times["floor"].append(_cpu(floor))
            times["check"].append(_cpu(check))
        memory = _memory(folder)
    floor_s, check_s = (min(times[what]) for what in ("floor", "check"))
    return {
        "campaigns": campaigns,
        "lines": sum(text.count("\n") for text in texts),
        "floor_s": round(floor_s, 2),
        "check_s": round(check_s, 2),
        "ratio": round(check_s / floor_s, 2),
        "memory_mb": round(memory),
    }


def _cpu(run: Callable[[], None]) -> float:
    gc.collect()
    start = time.process_time()
    run()
    return time.process_time() - start


def _memory(folder: Path) -> float:
    """Of a process of its own that runs the command."""
    script = (
        "import resource, sys\nfrom engine.cli.main import main\n"
        "try: main(['check', sys.argv[1], '--json'])\n"
        "finally: sys.stderr.write(f'\\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stderr.split("peak ")[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keystroke", action="store_true", help="measure the editor's keystroke too")
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS)
    asked = parser.parse_args()
    found = measure(asked.campaigns)
    if asked.keystroke:
        found["keystroke"] = keystroke.measure()
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"check of {found['campaigns']} campaigns, {found['lines']} lines: {found['check_s']} s, "
        f"{found['ratio']} times the bare parse ({found['floor_s']} s), {found['memory_mb']} MB at most"
    )
    if asked.keystroke:
        print(f"a keystroke: median {found['keystroke']['median_ms']} ms, p95 {found['keystroke']['p95_ms']} ms")


if __name__ == "__main__":
    main()

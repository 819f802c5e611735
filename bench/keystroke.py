"""An editor's keystroke in a workspace of 300 campaigns: `python -m bench.keystroke --json`.

A warm language server over stdio; one keystroke is a `didChange` with the whole text of a file, answered by the
diagnostics that are new because of it. Every second keystroke breaks a word, every other mends it, in another campaign
each time, so that each has an answer. The pause in which the server waits for more keystrokes is part of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.workspace import write_workspace
from tests.support.editor import Editor, editor

CAMPAIGNS = 300
KEYSTROKES = 100
WARM = 10
BREAK = ("\n    flow\n", "\n    flwo\n")


def measure(campaigns: int = CAMPAIGNS, keystrokes: int = KEYSTROKES) -> dict[str, Any]:
    """Milliseconds from a keystroke to its diagnostics: `median_ms`, `p95_ms` and `worst_ms`; `first_ms` is the
    opening of the first file, with everything read and checked for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "campaigns"
        write_workspace(root, campaigns)
        first, times = asyncio.run(_type(root, keystrokes))
    times = sorted(times[WARM:])
    return {
        "campaigns": campaigns,
        "keystrokes": len(times),
        "first_ms": round(first, 1),
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(len(times) * 0.95) - 1], 1),
        "worst_ms": round(times[-1], 1),
    }


async def _type(root: Path, keystrokes: int) -> tuple[float, list[float]]:
    times = []
    async with editor(root) as ed:
        names = [f"c{number:04}.campaign" for number in range(0, CAMPAIGNS, 7)]
        start = time.perf_counter()
        ed.open(names[0])
        await ed.ask("textDocument/documentSymbol", {"textDocument": {"uri": ed.uri(names[0])}})
        first = (time.perf_counter() - start) * 1000
        for number in range(keystrokes + WARM):
            name = names[number // 2 % len(names)]
            if number % 2 == 0:
                if ed.uri(name) not in ed.texts:
                    ed.open(name)
                good = ed.texts[ed.uri(name)]
                times.append(await _keystroke(ed, name, good.replace(*BREAK, 1)))
            else:
                times.append(await _keystroke(ed, name, good))
            await asyncio.sleep(0.05)
    return first, times


async def _keystroke(ed: Editor, name: str, text: str) -> float:
    start = time.perf_counter()
    ed.type(name, text)
    await ed.problems_of(name)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    found = measure()
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        print(
            f"a keystroke among {found['campaigns']} campaigns: median {found['median_ms']} ms, "
            f"p95 {found['p95_ms']} ms, worst {found['worst_ms']} ms; the first look {found['first_ms']} ms"
        )


if __name__ == "__main__":
    main()

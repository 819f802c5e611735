"""An editor's keystroke in a workspace of 300 campaigns and 300 mails: `python -m bench.keystroke --json`.

A warm language server over stdio; one keystroke is a `didChange` with the whole text of a file, answered by the
diagnostics that are new because of it. Every second keystroke breaks a word, every other mends it, in another file
each time, so that each has an answer. The pause in which the server waits for more keystrokes is part of the time.
`cpu_ms` is what the server used for the median keystroke and what follows it, without that pause and without what
other programs do on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.workspace import write_workspace
from tests.support.editor import Editor, editor

CAMPAIGNS = 300
KEYSTROKES = 100
WARM = 10
BREAK = ("\n    flow\n", "\n    flwo\n")
BREAK_MAIL = ("lead.first_name", "lead.frst_name")
CALM = 2.0
"""Seconds without any work after which the server has looked at everything."""


@dataclass
class Times:
    """Milliseconds of each keystroke."""

    answered: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def told(self) -> dict[str, float]:
        times = sorted(self.answered[WARM:])
        return {
            "median_ms": round(statistics.median(times), 1),
            "p95_ms": round(times[int(len(times) * 0.95) - 1], 1),
            "worst_ms": round(times[-1], 1),
            "cpu_ms": round(statistics.median(self.cpu[WARM:]), 1),
        }


def measure(campaigns: int = CAMPAIGNS, keystrokes: int = KEYSTROKES) -> dict[str, Any]:
    """`median_ms`, `p95_ms`, `worst_ms` and `cpu_ms` of keystrokes in campaigns, and under `mail` of those in
    templates; `first_ms` is the opening of the first file, with everything read for the first time, `all_mails_s` the
    time until the last template has been looked at."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "campaigns"
        names = [name for name in write_workspace(root, campaigns, own_mails=True) if "/c" in name]
        first, calm, typed, mailed = asyncio.run(_type(root, [Path(name).stem for name in names[::7]], keystrokes))
    return {
        "campaigns": campaigns,
        "keystrokes": keystrokes,
        "first_ms": round(first, 1),
        "all_mails_s": round(calm, 1),
        **typed.told(),
        "mail": mailed.told(),
    }


async def _type(root: Path, names: Sequence[str], keystrokes: int) -> tuple[float, float, Times, Times]:
    async with editor(root) as ed:
        files, mails = [f"{name}.campaign" for name in names], [f"templates/own/{name}.md" for name in names]
        start = time.perf_counter()
        ed.open(files[0])
        await ed.ask("textDocument/documentSymbol", {"textDocument": {"uri": ed.uri(files[0])}})
        first = (time.perf_counter() - start) * 1000
        calm = await _until_calm(ed)
        typed = await _in_turn(ed, files, BREAK, keystrokes)
        mailed = await _in_turn(ed, mails, BREAK_MAIL, keystrokes)
    return first, calm, typed, mailed


async def _in_turn(ed: Editor, names: Sequence[str], broken: tuple[str, str], keystrokes: int) -> Times:
    times = Times()
    for number in range(keystrokes + WARM):
        name = names[number // 2 % len(names)]
        if ed.uri(name) not in ed.texts:
            ed.open(name)
        good = ed.texts[ed.uri(name)]
        used, start = _cpu(ed), time.perf_counter()
        text = good.replace(*broken, 1) if number % 2 == 0 else good.replace(*reversed(broken), 1)
        ed.type(name, text)
        await ed.problems_of(name)
        times.answered.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0.15)
        times.cpu.append((_cpu(ed) - used) * 1000)
    return times


def _cpu(ed: Editor) -> float:
    """Seconds of CPU that the server has used; 0 where the system does not tell."""
    stat = Path(f"/proc/{ed.process.pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _until_calm(ed: Editor) -> float:
    """Seconds until the server has nothing more to do."""
    start = last = time.perf_counter()
    used = _cpu(ed)
    while time.perf_counter() - last < CALM:
        await asyncio.sleep(0.1)
        if (now := _cpu(ed)) - used > 0.02:
            used, last = now, time.perf_counter()
    return last - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    found = measure()
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for where, told in (("a campaign", found), ("a template", found["mail"])):
        print(
            f"a keystroke in {where}, among {found['campaigns']} of each: median {told['median_ms']} ms, "
            f"p95 {told['p95_ms']} ms, worst {told['worst_ms']} ms, {told['cpu_ms']} ms of CPU"
        )
    print(f"the first look {found['first_ms']} ms, at all templates {found['all_mails_s']} s")


if __name__ == "__main__":
    main()

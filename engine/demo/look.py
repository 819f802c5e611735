"""Where to look when the demo is over: pages while it runs, and commands that tell of its leads, now and later."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from engine.store.db import Database

_EXAMPLES = text("""
SELECT DISTINCT ON (what) what, email, campaign FROM (
    SELECT CASE v.type WHEN 'handoff.assigned' THEN 'reassigned' ELSE split_part(v.type, '.', 2) END AS what,
        l.email, e.campaign, min(v.at) AS at, count(DISTINCT v.data->>'member') AS members, v.type
    FROM events v JOIN leads l ON l.id = v.lead_id
    JOIN handoffs h ON h.lead_id = v.lead_id AND h.id::text = v.data->>'handoff'
    JOIN enrolments e ON e.id = h.enrolment_id
    WHERE v.type IN ('handoff.accepted', 'handoff.rejected', 'handoff.overdue', 'handoff.assigned')
    GROUP BY v.type, l.email, e.campaign, h.id) told
WHERE type <> 'handoff.assigned' OR members > 1 ORDER BY what, at""")

_TOLD: Mapping[str, str] = {
    "accepted": "sales accepted this lead", "rejected": "sales rejected this lead",
    "reassigned": "another team member got this lead", "overdue": "sales never answered",
}  # fmt: skip
_ELSEWHERE = ("DATABASE_URL", "TEMPORAL_ADDRESS", "SENDGRID_API_KEY", "COLDFRAME_CLOCK")
"""Variables that would lead a command away from the demo's own servers."""


@dataclass(frozen=True)
class Look:
    """Something to open or to run, and what it shows."""

    what: str
    shows: str


def environment(home: Path) -> str:
    """What a command line begins with to use the demo's data, as the environment is now."""
    others = [name for name in _ELSEWHERE if name in os.environ]
    unset = "env " + "".join(f"-u {name} " for name in others) if others else ""
    return f"{unset}COLDFRAME_HOME={shlex.quote(str(near(home)))} {program()}"


def program() -> str:
    """How this very program is called."""
    given = Path(sys.argv[0])
    if given.name != "coldframe":
        return "coldframe"
    return "coldframe" if shutil.which("coldframe") == str(given) else str(near(given))


def near(path: Path) -> Path:
    """The path as seen from here."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path


def pages(base_url: str) -> list[Look]:
    """What a browser can open while the stack runs."""
    return [
        Look(f"{base_url}/mailbox", "every email; those to sales have a link to the lead's page"),
        Look(f"{base_url}/f/whitepaper", "a form: submit it with your own address, then look into the mailbox"),
    ]


async def commands(db: Database, begins: str, campaigns: Path, *, running: bool) -> list[Look]:
    """What to run for the demo's data, with leads of this story as examples. `running`: the stack stays."""
    async with db.engine.connect() as connection:
        found: Sequence[tuple[str, str, str]] = [(*row,) for row in await connection.execute(_EXAMPLES)]
    looks = [Look(f"{begins} status", "where every lead is")]
    looks += [Look(f"{begins} why {email} {shlex.quote(campaign)}", _TOLD[what]) for what, email, campaign in found]
    if not running:
        again = "starts everything again: open /mailbox and /f/whitepaper at the address it prints"
        looks.append(Look(f"{begins} dev {shlex.quote(str(near(campaigns)))}", again))
    return looks

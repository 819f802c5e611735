"""`coldframe leads`: two leads become one and two again, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.leads.test_merge import ANN, BEN, WORKSPACE, happen, id_of
from tests.support.stage import open_stage


def command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    secrets = {"COLDFRAME_SECRET": "s" * 32, "COLDFRAME_PEPPER": "p" * 32, "DATABASE_URL": url}
    words = [sys.executable, "-m", "engine.cli.main", "leads", *arguments]
    return subprocess.run(words, env=os.environ | secrets, capture_output=True, text=True, stdin=subprocess.DEVNULL)


async def test_merge_and_split(fresh_database_url: str) -> None:
    async with open_stage(fresh_database_url, WORKSPACE) as stage:
        await stage.post("paper", email=ANN)
        await stage.post("paper", email=BEN)
        await happen(stage, "page.visited", "/pricing", BEN)
        ben = await id_of(stage, BEN)
        dry = command(fresh_database_url, "merge", ANN.upper(), str(ben), "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert "score: 25" in dry.stdout
        assert 'the newer run in "Welcome" ends' in dry.stdout
        asked = command(fresh_database_url, "merge", ANN, BEN)
        assert (asked.returncode, "pass --yes" in asked.stderr) == (2, True)
        done = command(fresh_database_url, "merge", ANN, BEN, "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["scores"] == {"": 25.0}
        again = command(fresh_database_url, "merge", ANN, BEN, "--yes")
        assert (again.returncode, "are one lead already" in again.stderr) == (1, True)
        for words in (("split", ANN), ("split", ANN, "--lead", BEN, "--visitor", str(ben))):
            wrong = command(fresh_database_url, *words)
            assert (wrong.returncode, "--lead ADDRESS" in wrong.stderr) == (2, True)
        back = command(fresh_database_url, "split", ANN, "--lead", BEN, "--yes")
        assert back.returncode == 0, back.stderr
        assert "score: 15; the other lead: 10" in back.stdout
        assert await id_of(stage, BEN) == ben
        none = command(fresh_database_url, "split", ANN, "--lead", BEN, "--yes")
        assert (none.returncode, "was not merged into" in none.stderr) == (1, True)
        nobody = command(fresh_database_url, "merge", ANN, "x")
        assert (nobody.returncode, "no lead `x`" in nobody.stderr) == (1, True)

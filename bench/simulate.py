"""Reference journeys a second on one core, without servers: `python -m bench.simulate --json`.

The journey is that of bench.journey: enter on a form → send → wait up to 3 days for a click → branch on score → send →
leave, with points and look-back, half of the leads clicking. It runs as the population mode of `coldframe simulate`
does: the same interpreter, ledger and judge of mails as in production, nothing rendered. Counted is the process's own
time (user and system), so that other work on the machine matters less; the figure is the best of the rounds.

`--profile` says where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.workspace import MORE, REFERENCE, SMALL_TEMPLATES
from dsl.compile import compile_workspace
from engine.platform.memory import settle_memory
from engine.rules.runs.enrolment import Enrolment
from engine.runtime.catalog import Deployment
from engine.simulation.doors import Doors
from engine.simulation.person import Letter, Person
from engine.simulation.simulation import Simulation, deployment_of
from engine.simulation.watcher import Watcher

START = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
MANY = 3000
"""Leads in a round."""


class Clickers(Watcher):
    """Every second lead clicks in the first mail a day later. Counts what has finished and what was sent."""

    def __init__(self) -> None:
        self.finished = self.mails = self.number = 0
        self.sim: Simulation
        self.doors: Doors

    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        self.mails += 1
        if letter.send.template == "first":
            self.number += 1
            if self.number % 2:
                at = self.sim.now + timedelta(days=1)
                self.sim.at(at, self.doors.mail_event, person, letter, "email.clicked", MORE)

    def ended(self, person: Person, run: Enrolment, outcome: str) -> None:
        self.finished += 1


def deployed() -> Deployment:
    compiled = compile_workspace({"bench.campaign": REFERENCE}, SMALL_TEMPLATES)
    assert compiled.program is not None
    return deployment_of(compiled.program)


def journeys(deployment: Deployment, many: int) -> Clickers:
    """So many leads, one a minute, until all have finished."""
    clickers = Clickers()
    sim = clickers.sim = Simulation(deployment, START, clickers)
    doors = clickers.doors = Doors(sim)
    form = deployment.forms["enter"]
    values = {"first_name": "Ann", "company": "Ann Ltd"}

    def enter(number: int) -> None:
        email = f"ann{number}@bench.example"
        doors.submit(sim.person(email), form, {"email": email, **values}, ("news",), new=True)

    for number in range(many):
        sim.at(START + timedelta(minutes=number), enter, number)
    sim.run(START + timedelta(minutes=many) + timedelta(days=4))
    return clickers


def measure(rounds: int, many: int) -> dict[str, Any]:
    """The rates of all rounds, after one to warm up, and the best."""
    deployment, rates = deployed(), []
    journeys(deployment, 200)
    settle_memory()
    for _ in range(rounds):
        before = time.process_time()
        done = journeys(deployment, many)
        rates.append(many / (time.process_time() - before))
        assert (done.finished, done.mails) == (many, many + many // 2), "a journey has not come to its end"
    return {
        "journeys_per_second_per_core": round(max(rates)), "aim": 10_000, "rounds": [round(one) for one in rates],
        "leads_per_round": many, "microseconds_per_journey": round(1_000_000 / max(rates), 1),
        "python": sys.version.split()[0],
    }  # fmt: skip


def profile(many: int) -> None:
    """Print where the time goes, by function."""
    deployment = deployed()
    journeys(deployment, 200)
    settle_memory()
    profiler = cProfile.Profile()
    profiler.runcall(journeys, deployment, many)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--leads", type=int, default=MANY, help="leads in a round")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead of numbers")
    given = parser.parse_args()
    if given.profile:
        return profile(given.leads)
    found = measure(given.rounds, given.leads)
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"{found['journeys_per_second_per_core']:,} journeys a second on one core (aim {found['aim']:,})")


if __name__ == "__main__":
    main()

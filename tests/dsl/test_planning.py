"""Plans for editors: the same as those that are deployed, and the last sound ones while someone writes."""

from __future__ import annotations

import pytest

from dsl.compile import compile_workspace
from dsl.editor.checker import Checker
from dsl.editor.planner import Planned, Planner
from dsl.plan import Plan
from tests.dsl.harness import ASSETS, CASES, files_of

GOOD = sorted(path for path in (CASES / "good").iterdir() if path.is_dir() or path.suffix == ".campaign")
BASE = (CASES / "base.campaign").read_text("utf-8")
ONE = 'campaign "One"\n    starts when form "demo" is submitted\n    flow\n        send "pricing/help"\n'
TWO = 'campaign "Two"\n    starts when form "demo" is submitted\n    flow\n        send "forms/confirm"\n'


class Desk:
    """Somebody who writes."""

    def __init__(self) -> None:
        self.checker, self.planner = Checker(), Planner()

    def write(self, *files: str, base: str = BASE) -> Planned | None:
        texts = {f"campaigns/{number}.campaign": text for number, text in enumerate(files)}
        for _ in self.planner.steps(self.checker.check({**texts, "campaigns/base.campaign": base}, ASSETS)):
            pass
        return self.planner.planned


def mails(planned: Planned | None) -> list[tuple[str, str]]:
    assert planned is not None
    return sorted(
        (plan.campaign, step.template) for plan in planned.plans for step in plan.steps if step.kind == "send"
    )


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.stem)
def test_plans_are_those_that_are_deployed(case: object) -> None:
    files = files_of(case)  # type: ignore[arg-type]
    planner = Planner()
    for _ in planner.steps(Checker().check(files, ASSETS)):
        pass
    program = compile_workspace(files, ASSETS).program
    assert program is not None
    assert planner.planned is not None

    def in_order(plans: tuple[Plan, ...]) -> list[Plan]:
        return sorted(plans, key=lambda plan: plan.campaign)

    assert in_order((*planner.planned.company.campaigns, *planner.planned.plans)) == list(program.campaigns)
    company = program.model_copy(update={"campaigns": planner.planned.company.campaigns, "reasons": ()})
    assert planner.planned.company == company
    assert planner.planned.whole
    assert not planner.planned.stale


def test_a_campaign_with_a_mistake_counts_as_it_was() -> None:
    desk = Desk()
    desk.write(ONE, TWO)
    planned = desk.write(ONE.replace("pricing/help", "pricing/halp"), TWO.replace("forms/confirm", "wake-up/news"))
    assert mails(planned) == [("One", "pricing/help"), ("Two", "wake-up/news")]
    assert planned is not None
    assert (planned.stale, planned.whole) == (frozenset({"campaigns/0.campaign"}), True)
    assert mails(desk.write(ONE.replace('campaign "One"', 'campaign "One'), TWO))[0] == ("One", "pricing/help")
    assert mails(desk.write(TWO)) == [("Two", "forms/confirm")]


def test_a_campaign_that_was_never_sound_is_missing() -> None:
    planned = Desk().write(ONE.replace("pricing/help", "pricing/halp"), TWO)
    assert mails(planned) == [("Two", "forms/confirm")]
    assert planned is not None
    assert not planned.whole


def test_declarations_with_a_mistake_count_as_they_were() -> None:
    desk = Desk()
    assert desk.write(ONE, base=BASE.replace("timezone", "timezoen")) is None
    sound = desk.write(ONE)
    assert sound is not None
    planned = desk.write(ONE.replace("pricing/help", "wake-up/news"), base=BASE.replace("timezone", "timezoen"))
    assert planned is not None
    assert planned.company == sound.company
    assert mails(planned) == [("One", "pricing/help")]
    assert planned.stale == {"campaigns/0.campaign", "campaigns/base.campaign"}

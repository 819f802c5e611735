"""A checked `crm` declaration becomes the plan's."""

from __future__ import annotations

from typing import Any, cast

from dsl import plan
from dsl.tree import declarations as tree


def lower_crm(written: tree.Crm) -> plan.Crm:
    wins = {field.value: winner.value for field, winner in written.conflicts}
    reads = (
        plan.CrmRead(field=field.value, remote=remote.value, wins=cast(Any, wins.get(field.value, "theirs")))
        for field, remote in written.reads
    )
    ends = {end: tuple(stage.value for stage, said in written.deals if said.value == end) for end in ("won", "lost")}
    outcomes = (
        plan.CrmOutcome(
            outcome=cast(Any, one.outcome.value), remote=one.field.value, value=one.value.value,
            because=one.because.value if one.because else None,
        )
        for one in written.outcomes
    )  # fmt: skip
    return plan.Crm(
        name=written.name.value,
        provider=cast(Any, written.provider.value),
        stage=written.stage.value if written.stage else "",
        sends=tuple(_sent(one) for one in written.sends),
        reads=tuple(reads),
        won=ends["won"],
        lost=ends["lost"],
        outcomes=tuple(outcomes),
        source=written.span.source,
    )


def _sent(one: tree.CrmSent) -> plan.CrmSent:
    match one.what:
        case tree.Score(model=model):
            return plan.CrmSent(kind="score", name=model.value if model else "", to=one.to.value)
        case tree.InterestCount(name=profile):
            return plan.CrmSent(kind="interest", name=profile.value, to=one.to.value)
        case tree.Word(name="stage"):
            return plan.CrmSent(kind="stage", to=one.to.value)
        case tree.Word(name=name):
            return plan.CrmSent(kind="field", name=name, to=one.to.value)
        case _:
            raise AssertionError("the checks refuse what else could be sent")

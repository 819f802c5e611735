"""Steps of one kind in all campaigns, remembered campaign by campaign."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from dsl.names.scope import Scope
from dsl.names.walk import all_statements
from dsl.tree import declarations as tree
from dsl.tree.declarations import Campaign

Step = TypeVar("Step")


def find_steps(scope: Scope, campaign: Campaign, kind: type[Step]) -> tuple[Step, ...]:
    """The campaign's steps of this kind, in their order."""
    return scope.memory.keep(kind.__name__, campaign, None, partial(_find, campaign, kind))


def _find(campaign: Campaign, kind: type[Step]) -> tuple[Step, ...]:
    return tuple(one for one in all_statements(campaign) if isinstance(one, kind))


def find_entered(scope: Scope) -> frozenset[str]:
    """The folded names of campaigns that a step enters, or a stage's silence."""
    keys = {
        step.campaign.key for campaign in scope.program.campaigns for step in find_steps(scope, campaign, tree.Enter)
    }
    for lifecycle in scope.program.lifecycles:
        keys |= {stage.reactivate.campaign.key for stage in lifecycle.stages if stage.reactivate}
    return frozenset(keys)

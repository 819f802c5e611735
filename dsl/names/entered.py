"""Which campaigns leads are sent into by steps and stages, and not only by starts."""

from __future__ import annotations

from functools import partial

from dsl.names.scope import Scope
from dsl.names.walk import all_statements
from dsl.tree import declarations as tree
from dsl.tree.declarations import Campaign


def find_entered(scope: Scope) -> frozenset[str]:
    """The folded names of campaigns that a step enters, or a stage's silence."""
    keys: set[str] = set()
    for campaign in scope.program.campaigns:
        keys |= scope.memory.keep("enters", campaign, None, partial(_enters, campaign))
    for lifecycle in scope.program.lifecycles:
        keys |= {stage.reactivate.campaign.key for stage in lifecycle.stages if stage.reactivate}
    return frozenset(keys)


def _enters(campaign: Campaign) -> frozenset[str]:
    return frozenset(one.campaign.key for one in all_statements(campaign) if isinstance(one, tree.Enter))

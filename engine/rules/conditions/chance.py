"""Chance that stays: a lead's share under some name is the same every time, and even over all leads."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

from dsl.plan import Plan, Split, Target, VariantTest


def share(lead: UUID, *names: str) -> float:
    """Where in 0 ≤ x < 100 the lead falls under these names; under others it falls elsewhere."""
    key = b"\0".join([lead.bytes, *(name.casefold().encode() for name in names)])
    place = int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
    return (place >> 11) * 100 / 2**53


def in_control(plan: Plan, lead: UUID) -> bool:
    """Whether the lead is in the campaign's control group, which gets no mail, handoff or list."""
    return plan.control is not None and share(lead, plan.campaign, "control group") < plan.control


def arm_of(split: Split, plan: Plan, lead: UUID) -> Target:
    """The way a lead goes at a split."""
    place, reached = share(lead, plan.campaign, split.id), 0.0
    for arm in split.arms:
        reached += arm.percent
        if place < reached:
            return arm.target
    return split.arms[-1].target if split.arms else None


def variant_of(test: VariantTest, plan: Plan, lead: UUID) -> str | None:
    """The variant a lead tries while the test lasts; None: not among those it is tried on."""
    if not test.variants or share(lead, plan.campaign, test.name, "test") >= test.percent:
        return None
    return _one_of([one.name for one in test.variants], lead, plan.campaign, test.name, "variant")


def subject_of(subjects: tuple[str, ...], plan: Plan, step: str, lead: UUID) -> str:
    """The subject line a lead gets, empty when none is under test."""
    return _one_of(subjects, lead, plan.campaign, step, "subject") if subjects else ""


def _one_of(choices: tuple[str, ...] | list[str], lead: UUID, *names: str) -> str:
    return choices[min(int(share(lead, *names) * len(choices) / 100), len(choices) - 1)]


def way_of_variant(test: VariantTest, chosen: str | None) -> Target:
    """Where the variant of that name leads; without one, the first."""
    first = test.variants[0].target if test.variants else None
    return next((one.target for one in test.variants if one.name == chosen), first)

"""Remembering what is worked out of a whole plan. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

from dsl.plan import Plan

T = TypeVar("T")


class _Key:
    """A plan as a cache key: by digest, since hashing a whole plan is slow."""

    __slots__ = ("plan",)

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __hash__(self) -> int:
        return hash(self.plan.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.plan.digest == self.plan.digest


def per_plan(work: Callable[[Plan], T]) -> Callable[[Plan], T]:
    """`work`, done once for each of the last 1,024 plans."""

    @lru_cache(maxsize=1024)
    def done(key: _Key) -> T:
        return work(key.plan)

    @wraps(work)
    def answer(plan: Plan) -> T:
        return done(_Key(plan))

    return answer

"""Remembering what is worked out of a whole plan. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from dsl.plan import Plan

T = TypeVar("T")
MOST = 1024


def per_plan(work: Callable[[Plan], T]) -> Callable[[Plan], T]:
    """`work`, done once for each plan, while there are no more than `MOST` of them."""
    done: dict[str, T] = {}

    @wraps(work)
    def answer(plan: Plan) -> T:
        try:
            return done[plan.digest]
        except KeyError:
            if len(done) >= MOST:
                done.clear()
            found = done[plan.digest] = work(plan)
            return found

    return answer

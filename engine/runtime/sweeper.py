"""What a process does beside its calls: jobs that come round. Each is safe in any number of processes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from engine.runtime.runtime import Runtime

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recurring:
    """Something to do again `every` so many seconds (real time)."""

    every: float
    work: Callable[[Runtime], Awaitable[object]]


async def run(rt: Runtime, jobs: Sequence[Recurring]) -> None:
    """Do the jobs side by side until cancelled; one that fails is tried again when its time comes."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(rt, job))


async def _repeat(rt: Runtime, job: Recurring) -> None:
    while True:
        try:
            await job.work(rt)
        except Exception as problem:
            log.warning("sweep.failed", job=getattr(job.work, "__name__", ""), kind=type(problem).__name__)
        await asyncio.sleep(job.every)

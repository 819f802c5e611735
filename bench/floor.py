"""The floor: the barest workflow that does what the reference journey needs from Temporal."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Floor:
    """Two no-op activities, between them a signal or a timer of three days."""

    def __init__(self) -> None:
        self.told = False

    @workflow.signal
    def go(self) -> None:
        self.told = True

    @workflow.run
    async def run(self, key: str) -> None:
        await workflow.execute_activity("nothing", key, start_to_close_timeout=timedelta(seconds=60))
        await workflow.wait_condition(lambda: self.told, timeout=timedelta(days=3))
        await workflow.execute_activity("nothing", key, start_to_close_timeout=timedelta(seconds=60))

"""The workflow of a handoff: one lead's way through a sales team, carried by the loop."""

from temporalio import workflow

from workflows.contracts import RunInput
from workflows.ids import ADVANCE_HANDOFF, HANDOFF
from workflows.loop import Loop


@workflow.defn(name=HANDOFF)
class Handoff(Loop):
    @workflow.init
    def __init__(self, start: RunInput) -> None:
        super().__init__(start, ADVANCE_HANDOFF)

    @workflow.run
    async def run(self, start: RunInput) -> None:
        await self.carry()

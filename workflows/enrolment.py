"""The workflow of an enrolment: one lead's way through one campaign, carried by the loop."""

from temporalio import workflow

from workflows.contracts import RunInput
from workflows.ids import ADVANCE_ENROLMENT, ENROLMENT
from workflows.loop import Loop


@workflow.defn(name=ENROLMENT)
class Enrolment(Loop):
    @workflow.init
    def __init__(self, start: RunInput) -> None:
        super().__init__(start, ADVANCE_ENROLMENT)

    @workflow.run
    async def run(self, start: RunInput) -> None:
        await self.carry()

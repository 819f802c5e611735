"""Every history that was ever recorded replays on today's workflows. None is recorded again to make this pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from workflows.converter import data_converter
from workflows.workers import WORKFLOWS, runner

HISTORIES = sorted((Path(__file__).parent.parent / "histories").glob("*.json"))


def replayer() -> Replayer:
    return Replayer(workflows=WORKFLOWS, workflow_runner=runner(), data_converter=data_converter)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer().replay_workflow(WorkflowHistory.from_json("replayed", path.read_text("utf-8")))  # noqa: ASYNC240


def test_each_path_through_the_loop_has_been_recorded() -> None:
    from tests.histories.record import PATHS

    assert {path.stem for path in HISTORIES} >= set(PATHS)


async def test_a_history_of_other_commands_is_refused() -> None:
    """The replay would notice: the same history with its first activity on another queue's kind of call."""
    path = next(path for path in HISTORIES if path.stem == "enrolment-1-click")
    history = json.loads(path.read_text("utf-8"))
    scheduled = next(event for event in history["events"] if "activityTaskScheduledEventAttributes" in event)
    scheduled["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "another"
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(WorkflowHistory.from_json("replayed", history))

"""Which worker of `pytest -n` takes which test files, so that those that wait and those that compute share the cores.

A test with real servers and processes waits half of its time. The first worker begins with the files that have a whole
stack of their own under fire, the second with the other folders that wait, and every further one with what only
computes; whoever is done helps with the rest. So no two of those stacks compete for long, and no core is idle while
another worker waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

STACKS = tuple(
    f"tests/faults/test_{name}.py" for name in ("storm", "whole_language", "temporal_down", "real_stack", "provider")
)
"""In the order of how long they take."""
FOLDERS = ("platform", "workflows", "browser", "faults")


def lane_of(file: str) -> int:
    """The number of the worker that begins with it; 2 for one that only computes."""
    parts = file.split("/")
    return 0 if file in STACKS else 1 if len(parts) > 2 and parts[1] in FOLDERS else 2


def choose(files: Sequence[str], worker: int) -> str:
    """The next of these files for that worker: of its own lane, else one that only computes, else the first."""
    lane = min(worker, 2)
    own = [file for file in files if lane_of(file) == lane]
    if lane == 0:
        own.sort(key=STACKS.index)
    elif lane == 1:
        own.sort(key=lambda file: FOLDERS.index(file.split("/")[1]))
    return next((file for file in [*own, *files] if lane_of(file) in (lane, 2)), files[0])


class Lanes(LoadFileScheduling):
    """Whole files, as `--dist loadfile` hands them out, in the order that suits the worker."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        worker = int(node.gateway.id.removeprefix("gw"))
        self.workqueue.move_to_end(choose(tuple(self.workqueue), worker), last=False)
        super()._assign_work_unit(node)

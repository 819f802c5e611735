"""Which worker of `pytest -n` takes which test files, so that those that wait and those that compute share the cores.

A test with real servers and processes waits half of its time. The first worker begins with `faults`, the second with
the other folders that wait, and every further one with what only computes; whoever is done helps with the rest. So no
two stacks of `faults` compete, and no core is idle while another worker waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

LANES = (("faults",), ("platform", "workflows", "browser"))
"""Folders of tests/ by the number of the worker that begins with them."""
WAITING = tuple(folder for lane in LANES for folder in lane)


def folder_of(file: str) -> str:
    """The folder below tests/ in which it lies; empty for one in tests/ itself."""
    parts = file.split("/")
    return parts[1] if len(parts) > 2 else ""


def choose(files: Sequence[str], worker: int) -> str:
    """The next of these files for that worker: of its own lane, else one that only computes, else the first."""
    lane = LANES[worker] if worker < len(LANES) else ()
    own = (file for file in files if folder_of(file) in lane)
    computing = (file for file in files if folder_of(file) not in WAITING)
    return next(own, None) or next(computing, files[0])


class Lanes(LoadFileScheduling):
    """Whole files, as `--dist loadfile` hands them out, in the order that suits the worker."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        worker = int(node.gateway.id.removeprefix("gw"))
        self.workqueue.move_to_end(choose(tuple(self.workqueue), worker), last=False)
        super()._assign_work_unit(node)

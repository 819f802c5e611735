"""The Temporal workers of one process: what polls which queue, with which limits."""

from __future__ import annotations

import os
import py_compile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import workflows
from workflows import enrolment, handoff
from workflows.activities import Activities
from workflows.enrolment import Enrolment
from workflows.handoff import Handoff
from workflows.options import Queues

log = structlog.get_logger(__name__)

WORKFLOWS: Final = (Enrolment, Handoff)

PASSED_THROUGH: Final = ("workflows.contracts", "workflows.ids", "workflows.options", "workflows.loop")
"""What the sandbox does not load again for each run: plain data, and the loop, which imports nothing to misuse."""


@dataclass(frozen=True)
class Limits:
    """How much one process does at once."""

    cores: int = os.cpu_count() or 1
    cached_runs: int = 2000
    """About 90 KB each."""
    local_activities: int = 50
    db_activities: int = 20
    mail_activities: int = 20
    drain: timedelta = timedelta(seconds=30)

    @property
    def workflow_tasks(self) -> int:
        """Near the number of cores: a task that starves for 2 s is taken for a deadlock."""
        return max(2, 2 * self.cores)


def runner() -> SandboxedWorkflowRunner:
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def compile_sandboxed() -> None:
    """Leave byte code for the modules that the sandbox loads for each run, where the folder can be written."""
    for module in (workflows, enrolment, handoff):
        try:
            py_compile.compile(str(module.__file__), quiet=2)
        except OSError:
            log.info("bytecode.not_kept", module=module.__name__)


def versioning(build_id: str | None) -> WorkerDeploymentConfig:
    """With a build id runs move to the newest build on their own; without one the server routes as it always did."""
    version = WorkerDeploymentVersion(deployment_name="coldframe", build_id=build_id or "unversioned")
    behaviour = VersioningBehavior.AUTO_UPGRADE if build_id else VersioningBehavior.UNSPECIFIED
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=build_id is not None, default_versioning_behavior=behaviour
    )


def main_worker(
    client: Client, queues: Queues, activities: Activities, limits: Limits, build_id: str | None = None,
    workflow_types: Sequence[type] = WORKFLOWS,
) -> Worker:  # fmt: skip
    """Workflow tasks and the local activities they ask for."""
    compile_sandboxed()
    return Worker(
        client,
        task_queue=queues.main,
        workflows=workflow_types,
        activities=activities.all,
        workflow_runner=runner(),
        no_remote_activities=True,
        max_cached_workflows=limits.cached_runs,
        max_concurrent_workflow_tasks=limits.workflow_tasks,
        max_concurrent_local_activities=limits.local_activities,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=limits.drain,
        deployment_config=versioning(build_id),
    )


def db_worker(
    client: Client, queues: Queues, activities: Activities, limits: Limits, build_id: str | None = None
) -> Worker:
    """What a local activity could not finish."""
    return Worker(
        client,
        task_queue=queues.db,
        activities=activities.all,
        max_concurrent_activities=limits.db_activities,
        graceful_shutdown_timeout=limits.drain,
        deployment_config=versioning(build_id),
    )


def mail_worker(
    client: Client, queues: Queues, activities: Activities, limits: Limits, build_id: str | None = None
) -> Worker:
    """What may send. Eager execution stays off: it would pass by the queue, and the gate that stops its polling.

    Mails are metered by the domain, before each claim, since one call may send several or none.
    """
    return Worker(
        client,
        task_queue=queues.mail,
        activities=activities.sending().all,
        max_concurrent_activities=limits.mail_activities,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=limits.drain,
        deployment_config=versioning(build_id),
    )

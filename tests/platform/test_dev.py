"""`coldframe dev` runs until Ctrl-C, ends with code 0 and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from engine.embedded import postgres, temporal
from engine.embedded.process import free_port
from tests.support.cli import GOOD, write

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
            "COLUMNS": "60",
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
    assert re.search(r"[Dd]eployment 1 is live", text), text
    desk = re.search(r"^Desk +(\S+/desk/link/\S+) \(signs you in, once\)$", text, re.MULTILINE)
    assert desk, text
    assert httpx.get(desk[1], trust_env=False, timeout=60).status_code == 200
    assert httpx.get(f"{match[1]}/readyz", trust_env=False, timeout=60).status_code == 200
    form = re.search(r"Form\s+(\S+)", text)
    assert form, text
    assert httpx.get(form[1], trust_env=False, timeout=60).status_code == 200
    metrics = re.search(r"Metrics\s+(\S+/metrics), (\S+/metrics)", text)
    assert metrics, text
    assert metrics.groups() == (f"{match[1]}/metrics", f"http://127.0.0.1:{port}/metrics")
    for address in metrics.groups():
        assert "# HELP" in httpx.get(address, trust_env=False, timeout=60).text
    assert postgres.running(home) is not None
    child.send_signal(signal.SIGINT)
    rest = child.stdout.read()
    child.stdout.close()
    assert child.wait(60) == 0, rest
    assert rest.endswith("stopped\n")
    assert postgres.running(home) is None
    assert temporal.running(home) is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{match[1]}/readyz", trust_env=False, timeout=60)


@pytest.mark.timeout(300)
def test_emails_that_are_held_are_named_and_the_time_never_runs_backward(home: Path, tmp_path: Path) -> None:
    dev = Dev(home, tmp_path)
    text = dev.begin("--at", "2031-03-05 02:00", "--speed", "2")
    try:
        assert re.search(r"Time\s+Wed 2031-03-05 02:\d\d \(Europe/Berlin\), 2 times as fast as real time", text), text
        dev.post(text)
        assert dev.child.stdout is not None
        line = next(line for line in dev.child.stdout if "is held until" in line)
        said = r'· 02:\d\d: the email to ada@lead.example in "Guide" is held until Wed 2031-03-05 09:\d\d .*: '
        assert re.match(said + "the campaign sends on weekdays between 09:00 and 17:00", line), line
        asked = dev.command("status")
        assert "2031-03-05 08:" in asked.stdout, asked
        assert "sends on weekdays between 09:00 and 17:00" in asked.stdout
    finally:
        rest = dev.end()
    assert "the time stops at Wed 2031-03-05 02:" in rest
    refused = dev.command("dev", str(dev.workspace), "--at", "2031-03-05 01:00")
    assert refused.returncode == 2
    assert "time cannot run backward; add --fresh" in refused.stderr


@pytest.mark.timeout(300)
def test_a_time_within_the_window_lets_the_first_email_leave_immediately(home: Path, tmp_path: Path) -> None:
    dev = Dev(home, tmp_path)
    text = dev.begin("--at", "2031-03-05 09:30")
    try:
        base = dev.post(text)
        desk = re.search(r"Desk\s+(http://127\.0\.0\.1:\d+/desk/link/\S+) \(signs you in, once\)", text)
        assert desk is not None, text
        assert "signs you in as admin@desk.example" in httpx.get(desk[1], trust_env=False, timeout=60).text
        mails: list[dict[str, str]] = []
        for _ in range(100):
            answer = httpx.get(f"{base}/mailbox", headers={"Accept": "application/json"}, trust_env=False, timeout=60)
            mails = answer.json()["mails"]
            if mails:
                break
            time.sleep(0.5)
        assert [one["subject"] for one in mails] == ["Your guide"]
    finally:
        dev.end()


class Dev:
    """`coldframe dev` on a workspace that sends on weekdays between 09:00 and 17:00."""

    child: subprocess.Popen[str]

    def __init__(self, home: Path, folder: Path) -> None:
        window = "            sends on weekdays between 09:00 and 17:00\n            flow\n"
        campaign = GOOD["shop.campaign"].replace("            flow\n", window)
        self.folder, self.workspace = folder, write(folder / "shop", {**GOOD, "shop.campaign": campaign})
        self.environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "COLDFRAME_HOME": str(home), "COLUMNS": "200",
            "COLDFRAME_WEB_PORT": str(free_port()),
        }  # fmt: skip

    def begin(self, *words: str) -> str:
        """Start it and read to the end of the addresses."""
        self.child = subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", "dev", str(self.workspace), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder, env=self.environment,
        )  # fmt: skip
        assert self.child.stdout is not None
        said = []
        for line in self.child.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        return "".join(said)

    def post(self, text: str) -> str:
        """Post the form, at the address that was printed, which is handed back."""
        address = re.search(r"Coldframe\s+(http://127\.0\.0\.1:\d+)", text)
        assert address, text
        answer = httpx.post(f"{address[1]}/f/guide", json={"email": "ada@lead.example"}, trust_env=False, timeout=60)
        assert answer.status_code == 200
        return address[1]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "engine.cli.main", *words],
            capture_output=True, text=True, cwd=self.folder, env=self.environment, timeout=200,
        )  # fmt: skip

    def end(self) -> str:
        self.child.send_signal(signal.SIGINT)
        assert self.child.stdout is not None
        rest = self.child.stdout.read()
        self.child.stdout.close()
        assert self.child.wait(60) == 0, rest
        return rest

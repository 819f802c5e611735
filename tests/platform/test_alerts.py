"""The alert rules ask for figures that exist, and Prometheus itself finds them sound where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import web.app
import web.http.heads

DEPLOY = Path(__file__).parents[2] / "deploy"
ASKED = re.compile(r"(?:increase\()?\b(coldframe_\w+)(?:\{(\w+)(=~|!=|=)\"([^\"]+)\"\})?")


def expressions() -> list[str]:
    return re.findall(r"^\s+expr: (.+)$", (DEPLOY / "alerts.yaml").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("expression", expressions())
def test_the_figures_exist_before_anything_happens(expression: str) -> None:
    """`increase` of a series that begins with its first occurrence is 0."""
    assert web.app.create_app
    match = ASKED.search(expression)
    assert match is not None
    name, label, operator, value = match.groups()
    found = [sample.labels for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name]
    wanted = value.split("|") if label and operator != "!=" else []
    assert found
    assert {labels[label] for labels in found if label} >= set(wanted)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("command", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")])
def test_prometheus_finds_them_sound(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], cwd=DEPLOY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

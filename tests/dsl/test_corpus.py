"""Good files keep their plan, bad files their diagnostics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsl.compile import compile_workspace
from dsl.problems.diagnostics import as_text
from tests.dsl.harness import ASSETS, CASES, files_of


def cases(kind: str) -> list[Path]:
    return sorted(path for path in (CASES / kind).iterdir() if path.is_dir() or path.suffix == ".campaign")


def without_empty(data: Any) -> Any:
    """Goldens say what is there; every `kind` stays."""
    if isinstance(data, dict):
        return {key: without_empty(value) for key, value in data.items() if value not in (None, False, "", [], {})}
    if isinstance(data, list):
        return [without_empty(value) for value in data]
    return data


def compare(golden: Path, text: str, update: bool) -> None:
    if update:
        golden.write_text(text, encoding="utf-8")
    assert golden.exists(), f"{golden.name} is missing; run with --update-goldens and read it"
    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("case", cases("good"), ids=lambda path: path.stem)
def test_a_good_file_keeps_its_plan(case: Path, update_goldens: bool) -> None:
    files = files_of(case)
    compiled = compile_workspace(files, ASSETS)
    assert as_text(compiled.diagnostics, files) == ""
    assert compiled.program is not None
    whole = without_empty(compiled.program.model_dump(mode="json"))
    shown = {"campaigns": whole["campaigns"]} if "campaigns/base.campaign" in files else whole
    compare(case.with_suffix(".json"), json.dumps(shown, indent=1, ensure_ascii=False) + "\n", update_goldens)


@pytest.mark.parametrize("case", cases("bad"), ids=lambda path: path.stem)
def test_a_bad_file_keeps_its_diagnostics(case: Path, update_goldens: bool) -> None:
    files = files_of(case)
    compiled = compile_workspace(files, ASSETS)
    assert compiled.program is None
    compare(case.with_suffix(".txt"), as_text(compiled.diagnostics, files), update_goldens)


def test_every_golden_belongs_to_a_case(update_goldens: bool) -> None:
    kinds = (("good", ".json"), ("good", ".fmt"), ("bad", ".txt"))
    names = {case.with_suffix(suffix) for kind, suffix in kinds for case in cases(kind)}
    orphans = {path for kind, suffix in kinds for path in (CASES / kind).glob(f"*{suffix}")} - names
    if update_goldens:
        for orphan in orphans:
            orphan.unlink()
    else:
        assert not orphans


def test_there_are_enough_mistakes_in_the_corpus() -> None:
    assert len(cases("bad")) >= 120

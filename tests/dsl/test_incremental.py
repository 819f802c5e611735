"""Checking again after a change says what checking everything anew says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compile import compile_workspace
from dsl.editor.checker import Checker
from tests.dsl.harness import ASSETS, CASES, files_of
from tests.dsl.test_corpus import cases
from tests.dsl.test_fuzz import accident
from tests.support.examples import examples

FILES = {
    f"{case.stem}/{path}": text for case in (*cases("good"), *cases("bad")) for path, text in files_of(case).items()
}


@pytest.mark.parametrize("case", [*cases("good"), *cases("bad")], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_file_by_file_says_the_same(case: Path) -> None:
    files = files_of(case)
    assert Checker().check(files, ASSETS).diagnostics == compile_workspace(files, ASSETS).diagnostics


@examples(40)
@given(st.integers(0, 2**32).map(random.Random))
def test_after_any_change_it_says_the_same(choose: random.Random) -> None:
    files = {"base": (CASES / "base.campaign").read_text(encoding="utf-8")}
    names = sorted(FILES)
    files |= {name: FILES[name] for name in choose.sample(names, 3)}
    checker, assets = Checker(), ASSETS
    for _ in range(6):
        name = choose.choice(sorted(files))
        kind = choose.randrange(5)
        if kind == 0 and len(files) > 1:
            del files[name]
        elif kind == 1:
            added = choose.choice(names)
            files[added] = FILES[added]
        elif kind == 2:
            assets = choose.sample(ASSETS, len(ASSETS) - 1)
        else:
            files[name] = accident(files[name], choose)
        assert checker.check(files, assets).diagnostics == compile_workspace(files, assets).diagnostics


def test_only_the_changed_file_is_read_again() -> None:
    files = files_of(CASES / "good" / "two-files")
    checker = Checker()
    first = checker.check(files, ASSETS)
    changed = next(path for path in files if path.endswith("a.campaign"))
    second = checker.check({**files, changed: files[changed] + "# more\n"}, ASSETS)
    assert {path for path in files if second.files[path] is not first.files[path]} == {changed}

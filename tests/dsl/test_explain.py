"""Every code is explained, with an example that has this problem and one that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsl.compile import compile_workspace
from dsl.explain import Example, Explanation, as_page, explanations
from dsl.problems.diagnostics import Diagnostic, as_text
from dsl.problems.messages import ENTRIES
from engine.cli.script import read_script
from engine.mail.check import CODES, check_templates
from tests.dsl.harness import ASSETS, CASES, surroundings

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
LONG = {
    "E007": "# " + "x" * 2_100_000 + "\n",
    "E009": "if " + "(" * 40 + "score >= 50" + ")" * 40 + "\n    stop\n",
    "E148": f'form "{"x" * 201}"\n    ask email required\n',
    "E023": "".join("    " * depth + "if score >= 1\n" for depth in range(60)),
}
"""What the abridged examples stand for. E014 is found where files are read (tests/dsl/test_workspace.py)."""
SECRET = "SG." + "a" * 22 + "." + "b" * 43
"""Nothing in the repository may look like a key, so the example says only where it stood."""


def problems(example: Example, code: str) -> tuple[tuple[Diagnostic, ...], dict[str, str]]:
    if example.kind in ("template", "layout", "confirmation", "mjml", "version", "clicked"):
        return of_template(example), {}
    if example.kind == "script":
        return of_script(example), {}
    long = Example(LONG[code], "file" if code in ("E007", "E148") else "") if example.kind == "abridged" else example
    text = long.campaign.replace("SECRET_EXAMPLE", SECRET)
    parts = text.split("# in another file\n") if example.kind == "files" else [text]
    files = {f"example{number or ''}.campaign": part for number, part in enumerate(parts)}
    if example.kind != "alone":
        files["surroundings.campaign"] = surroundings(text)
    return compile_workspace(files, ASSETS).diagnostics, files


def of_script(example: Example) -> tuple[Diagnostic, ...]:
    text = Example('send "whitepaper/welcome"\n', "").campaign
    program = compile_workspace({"a.campaign": text, "b.campaign": surroundings(text)}, ASSETS).program
    assert program is not None
    return read_script(example.text, program).diagnostics


def of_template(example: Example) -> tuple[Diagnostic, ...]:
    name = {"layout": "_layout.html", "mjml": "example.mjml", "version": "news.de.md"}.get(example.kind, "example.md")
    if example.kind == "confirmation":
        text = (
            'form "guide"\n    ask email required\n    ask company\n    confirm with "example"\n'
            'campaign "Example"\n    starts when form "guide" is submitted\n    flow\n        send "other"\n'
        )
    else:
        text = (
            'campaign "Example"\n    starts when form "whitepaper" is submitted\n    flow\n        send "other"\n'
            '        send "example"\n        send "example" with discount = 10\n'
        )
        if example.kind == "clicked":
            text += '        wait up to 4 days for email "example" is clicked\n'
    assets = {
        "templates/whitepaper/_footer.md": b"Bye", "templates/other.md": b"---\nsubject: Other\n---\nHello\n",
        "templates/example.md": b"---\nsubject: Example\n---\nHello\n",
    }  # fmt: skip
    if example.kind == "mjml":
        del assets["templates/example.md"]
    assets[f"templates/{name}"] = example.text.encode()
    files = {"example.campaign": text, "surroundings.campaign": surroundings(text)}
    compiled = compile_workspace(files, [*assets, *ASSETS])
    assert compiled.program is not None, as_text(compiled.diagnostics, files)
    return tuple(check_templates(compiled.program, assets))


@pytest.mark.parametrize("one", explanations().values(), ids=lambda one: one.code)
def test_the_wrong_example_is_wrong_and_the_right_one_is_right(one: Explanation) -> None:
    if one.code != "E014":
        found, files = problems(one.wrong, one.code)
        assert one.code in {problem.code for problem in found}, as_text(found, files)
    found, files = problems(one.right, one.code)
    left = [problem for problem in found if problem.severity == "error" or problem.code == one.code]
    assert not left, as_text(left, files)


def test_every_code_is_explained_and_no_other() -> None:
    assert set(explanations()) == {*ENTRIES, *CODES, "S001", "S002", "S003", "S004", "S005"}


def test_the_page_is_current(update_goldens: bool) -> None:
    if update_goldens:
        PAGE.write_text(as_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == as_page()


def test_the_base_of_the_examples_is_sound() -> None:
    files = {"base.campaign": (CASES / "base.campaign").read_text(encoding="utf-8")}
    assert compile_workspace(files, ASSETS).program is not None

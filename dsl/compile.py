"""The compiler, from text to a program: each phase in its order.

text ─ normalise ─ lines and indentation ─ LALR parse of each line ─ tree ─ names ─ checks ─ plan
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dsl.build import build
from dsl.checks import advice, audiences, conditions, declarations, events, flows, references, sales, steps
from dsl.diagnostics import Diagnostic, in_order
from dsl.echoes import without_echoes
from dsl.lines import read_lines
from dsl.lower import lower
from dsl.plan import Program
from dsl.problems import MOST, Problems
from dsl.reader import Reader
from dsl.scope import Scope, scope_of
from dsl.source import normalise

CHECKS: tuple[Callable[[Scope], list[Diagnostic]], ...] = (
    declarations.check_names,
    declarations.check_single,
    declarations.check_workspace,
    declarations.check_fields,
    declarations.check_forms,
    declarations.check_consent,
    sales.check_lifecycle,
    sales.check_scoring,
    sales.check_teams,
    events.check_events,
    conditions.check_conditions,
    references.check_references,
    audiences.check_segments,
    audiences.check_interests,
    audiences.check_declared_events,
    audiences.check_lookalikes,
    audiences.check_entries,
    steps.check_steps,
    steps.check_campaign_lines,
    flows.check_labels,
    flows.check_reachable,
    flows.check_side_blocks,
    flows.check_circles,
    flows.check_sending,
    flows.check_entrances,
    advice.check_stages,
    advice.check_topics,
    advice.check_efforts,
    advice.check_thresholds,
    advice.check_frequency,
)
"""Independent of each other; each looks at the whole program."""


@dataclass(frozen=True)
class Compiled:
    """`program` is None when any diagnostic is an error."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]


def compile_workspace(files: Mapping[str, str], assets: Collection[str]) -> Compiled:
    """Compile all files of a workspace as one program.

    `files` maps the path shown to the author to the text; `assets` are the paths of templates and downloads inside the
    workspace, `templates/whitepaper/welcome.md`, `files/pump-guide.pdf`. Never raises: what is wrong is a diagnostic.
    """
    problems = Problems()
    sources = [normalise(path, files[path], problems) for path in sorted(files)]
    lines = [read_lines(source, problems) for source in sources]
    reader = Reader(problems)
    scope = scope_of(build(lines, reader), assets)
    found = [*problems.found, *(diagnostic for check in CHECKS for diagnostic in check(scope))]
    told = in_order(without_echoes(found, lines, reader.damaged))
    errors = [diagnostic for diagnostic in told if diagnostic.severity == "error"]
    if errors:
        return Compiled(None, told if len(told) <= MOST else tuple(errors[:MOST]))
    return Compiled(lower(scope), told[:MOST])

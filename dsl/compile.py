"""The compiler, from text to a program: each phase in its order.

text ─ normalise ─ lines and indentation ─ LALR parse of each line ─ tree ─ names ─ checks ─ plan
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from dsl.build.program import declarations as file_declarations
from dsl.build.program import program_of
from dsl.checks import (
    advice,
    audiences,
    circles,
    clocks,
    conditions,
    crm,
    data,
    declarations,
    deliveries,
    effects,
    events,
    flows,
    idle,
    lookback,
    moments,
    newcomers,
    references,
    rounds,
    sales,
    sending_times,
    steps,
    styles,
    tracking,
)  # fmt: skip
from dsl.checks.echoes import without_echoes
from dsl.lower.program import lower
from dsl.names.scope import Scope, scope_of
from dsl.plan import Program
from dsl.problems.diagnostics import Diagnostic, in_order
from dsl.problems.problems import MOST, Problems
from dsl.text.lines import Line, read_lines
from dsl.text.reader import Reader
from dsl.text.source import normalise
from dsl.tree.declarations import Declaration
from dsl.tree.declarations import Program as Tree

Check = Callable[[Scope], list[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    declarations.check_names,
    declarations.check_single,
    declarations.check_consent,
    sales.check_lifecycle,
    sales.check_scoring,
    sales.check_teams,
    audiences.check_segments,
    flows.check_circles,
    circles.check_group_circles,
    effects.check_effects,
    idle.check_idle,
    moments.check_moments,
    newcomers.check_agreement,
    deliveries.check_deliveries,
    flows.check_sending,
    sending_times.check_sending_times,
    references.check_unmailed,
    flows.check_entrances,
    advice.check_stages,
    advice.check_topics,
    advice.check_thresholds,
    tracking.check_transactional,
    tracking.check_measuring,
    crm.check_crms,
)
"""Each looks at the whole program. Independent of each other, and of LOCAL."""

LOCAL: tuple[Check, ...] = (
    declarations.check_workspace,
    declarations.check_fields,
    declarations.check_forms,
    styles.check_styles,
    events.check_events,
    conditions.check_conditions,
    data.check_event_data,
    references.check_references,
    audiences.check_interests,
    audiences.check_declared_events,
    audiences.check_lookalikes,
    audiences.check_entries,
    steps.check_steps,
    rounds.check_rounds,
    steps.check_campaign_lines,
    flows.check_labels,
    flows.check_reachable,
    flows.check_side_blocks,
    flows.check_feeding,
    newcomers.check_newcomers,
    advice.check_efforts,
    advice.check_frequency,
    sending_times.check_within,
    clocks.check_clock_changes,
    lookback.check_lookback,
)
"""Each looks at one declaration after the other, and at campaigns elsewhere only by their names: what it says of a file
stays true until the file or another declaration changes. A test holds them to it; where in doubt, put a check into
CHECKS."""


@dataclass(frozen=True)
class Compiled:
    """`program` is None when any diagnostic is an error."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]


def compile_workspace(files: Mapping[str, str], assets: Collection[str], *, private: bool = False) -> Compiled:
    """Compile all files of a workspace as one program.

    `files` maps the path shown to the author to the text; `assets` are the paths of templates and downloads inside the
    workspace, `templates/whitepaper/welcome.md`, `files/pump-guide.pdf`. `private`: data may be posted to addresses in
    the own network. Never raises: what is wrong is a diagnostic.
    """
    parsed = [parse_file(path, files[path]) for path in sorted(files)]
    scope = scope_of(whole(parsed), assets)
    found = (diagnostic for check in (*CHECKS, *LOCAL) for diagnostic in check(scope))
    told = report(parsed, (one for one in found if not (private and one.code == "E635")))
    if any(diagnostic.severity == "error" for diagnostic in told):
        return Compiled(None, told)
    return Compiled(lower(scope), told)


@dataclass(frozen=True)
class Parsed:
    """One file, as far as it can be read without the others."""

    path: str
    text: str
    lines: list[Line]
    declared: tuple[Declaration, ...]
    unreadable: frozenset[str]
    damaged: tuple[Line, ...]
    problems: tuple[Diagnostic, ...]


def parse_file(path: str, text: str) -> Parsed:
    problems = Problems()
    lines = read_lines(normalise(path, text, problems), problems)
    reader = Reader(problems)
    declared = tuple(file_declarations(lines, reader))
    unreadable, damaged = frozenset(reader.unreadable), tuple(reader.damaged)
    return Parsed(path, text, lines, declared, unreadable, damaged, tuple(problems.found))


def whole(files: Collection[Parsed]) -> Tree:
    """All files as one program."""
    declared = (declaration for file in files for declaration in file.declared)
    return program_of(declared, (kind for file in files for kind in file.unreadable))


def report(files: Collection[Parsed], found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """What is told of the problems of the files and those that checks found: in order, without echoes, errors first
    when there are too many."""
    reading = (problem for file in files for problem in file.problems)
    damaged = (line for file in files for line in file.damaged)
    told = in_order(without_echoes([*reading, *found], (file.lines for file in files), damaged))
    errors = tuple(problem for problem in told if problem.severity == "error")
    return told[:MOST] if len(told) <= MOST or not errors else errors[:MOST]

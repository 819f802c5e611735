"""A workspace folder, read and examined as a whole: what `check`, `deploy` and `dev` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsl.compile import compile_workspace
from dsl.editor.checker import Checker
from dsl.editor.planner import Planner
from dsl.plan import Program, Workspace
from dsl.problems.diagnostics import Diagnostic, in_order, on_whole_lines
from dsl.workspace import Sources, read_workspace, workspaces_near
from engine.cli.common import Stop, load_settings
from engine.mail.check import check_templates
from engine.mail.errors import READING, UNSURE
from engine.platform.memory import no_collections


@dataclass(frozen=True)
class Examined:
    """`program` is None when there is an error.

    `files`: the text of every file a diagnostic can name, by the path it is shown under; `campaigns`: how many of them
    are campaign files; `assets`: templates and downloads by their path inside the workspace.
    """

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, str]
    campaigns: int
    assets: Mapping[str, bytes]


def examine(folder: Path) -> Examined:
    """Compile the workspace and check its templates. Raises Stop when there is no campaign file that can be read."""
    shown = _near(folder)
    sources = sources_in(shown)
    if not sources.files and not sources.diagnostics:
        raise Stop(f"no *.campaign file in {shown}")
    with no_collections():
        compiled = compile_workspace(sources.files, sources.assets, private=load_settings(reading=True).post_private)
        found = [*sources.diagnostics, *compiled.diagnostics]
        in_templates = _in_templates(compiled.program, sources)
        found += [on_whole_lines(_placed(problem, shown), sources.files) for problem in in_templates]
    diagnostics = in_order(found)
    sound = all(problem.severity == "warning" for problem in diagnostics)
    texts = {(shown / path).as_posix(): body.decode("utf-8", "replace") for path, body in _templates(sources.assets)}
    return Examined(
        compiled.program if sound else None, diagnostics, {**texts, **sources.files}, len(sources.files), sources.assets
    )


def _in_templates(program: Program | None, sources: Sources) -> list[Diagnostic]:
    """What is wrong with the templates. Beside a mistake in a campaign, what the other campaigns show is told as well;
    beside one in anything else, what can be told without them."""
    if program is not None:
        return check_templates(program, sources.assets, sources.files)
    planner = Planner()
    for _ in planner.steps(Checker().check(sources.files, sources.assets)):
        pass
    if (planned := planner.planned) is None:
        company = Program(workspace=Workspace(name=""))
        return [one for one in check_templates(company, sources.assets) if one.code in READING]
    campaigns = (*planned.company.campaigns, *planned.plans)
    company = planned.company.model_copy(update={"campaigns": campaigns})
    told = check_templates(company, sources.assets, sources.files)
    return told if planned.whole else [one for one in told if one.code not in UNSURE]


def sources_in(folder: Path) -> Sources:
    """The files of a workspace. Raises Stop when the folder cannot be read, or the workspace is another one."""
    try:
        found = read_workspace(folder)
    except NotADirectoryError:
        if folder.exists():
            raise Stop(f"{folder} is a file; name the folder it is in") from None
        here = _workspaces_here()
        known = f"pass {here[0]}" if len(here) == 1 else "pass the workspace folder"
        raise Stop(f"no folder {folder}; {known}, or create one with `coldframe new workspace {folder}`") from None
    except OSError as error:
        raise Stop(f"cannot read {folder}: {error.strerror or error}") from None
    wants_workspace(folder, found)
    return found


def wants_workspace(folder: Path, found: Sources) -> None:
    """Raises Stop, naming the workspaces that can be meant, when the folder is not one itself."""
    near = workspaces_near(folder, found.files.values())
    if len(near) == 1:
        raise Stop(f"{folder} is not a workspace folder, but {near[0]} is; pass {near[0]}")
    if near:
        some = ", ".join(map(str, near[:MOST_NAMED])) + (
            f", and {len(near) - MOST_NAMED} more" if near[MOST_NAMED:] else ""
        )
        raise Stop(f"{folder} is not a workspace folder, but it contains {len(near)} of them; pass one of {some}")


def _workspaces_here() -> list[Path]:
    """Workspaces in the current folder or right below it."""
    found = [path for pattern in ("*.campaign", "*/*.campaign") for path in Path(".").glob(pattern)]
    return sorted({path.parent for path in found if (path.parent / "templates").is_dir()})


MOST_NAMED = 5


def _templates(assets: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    return [(path, body) for path, body in assets.items() if path.startswith("templates/")]


def _placed(problem: Diagnostic, folder: Path) -> Diagnostic:
    """The templates' checker names files inside the workspace; people want the path from where they are."""

    def place(path: str) -> str:
        return (folder / path).as_posix() if path.startswith(("templates/", "files/")) else path

    related = tuple(other.model_copy(update={"file": place(other.file)}) for other in problem.related)
    return problem.model_copy(update={"file": place(problem.file), "related": related})


def _near(folder: Path) -> Path:
    """The folder as seen from here, so that a plan's source lines do not depend on where the checkout is."""
    try:
        return folder.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return folder

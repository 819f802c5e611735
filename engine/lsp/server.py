"""The language server: holds the projects, and publishes what is wrong while someone types."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from dsl.problems.diagnostics import Diagnostic
from engine.mail.check import FILES
from engine.platform.memory import settle_memory
from engine.writing.positions import Range
from engine.writing.project import Project, root_of
from engine.writing.session import Found, Session

PAUSE = 0.02
"""Seconds without a keystroke before the workspace is checked."""
SLICE = 0.01
"""Seconds after which the look at templates is interrupted for what the editor has said meanwhile."""
REST = 0.3
"""Seconds without a keystroke before templates are looked at that are not open."""


class Server(LanguageServer):
    """Texts come whole with each change: a line end is then the same to both sides, whatever characters it has."""

    def __init__(self) -> None:
        super().__init__("coldframe", version("coldframe"), lsp.TextDocumentSyncKind.Full)
        self.sessions: dict[Path, Session] = {}
        self._uris: dict[Path, str] = {}
        self._roots: dict[Path, Path | None] = {}
        self._published: dict[Path, dict[Path, tuple[Diagnostic, ...]]] = {}
        self._waiting: dict[Path, asyncio.TimerHandle] = {}

    def session_of(self, uri: str) -> tuple[Session, str] | None:
        """The workspace of a document, and the path it has there; None for what is neither a campaign file nor a
        template on disk."""
        name = to_fs_path(uri)
        if name is None or not name.endswith((".campaign", *FILES)):
            return None
        path = Path(name)
        if path not in self._roots:
            self._roots[path] = root_of(path, self._folders())
        root = self._roots[path]
        if root is None:
            return None
        if root not in self.sessions:
            session = self.sessions[root] = Session(root)
            session.project.refresh()
            session.project.checked  # noqa: B018 - read everything before memory is settled
            settle_memory()
        session = self.sessions[root]
        self._uris[path] = uri
        return session, session.project.shown(path)

    def _folders(self) -> list[Path]:
        return [Path(name) for folder in self.workspace.folders.values() if (name := to_fs_path(folder.uri))]

    def uri(self, path: Path) -> str:
        """As the editor writes it, where it has named the file."""
        return self._uris.get(path) or from_fs_path(path.as_posix()) or ""

    def look_again(self) -> None:
        """Files came and went on disk, and with them perhaps a workspace."""
        self._roots.clear()
        for session in self.sessions.values():
            session.project.refresh()
            self.check_soon(session.project)

    def check_soon(self, project: Project) -> None:
        """Check and publish once no more keystrokes come."""
        self._later(project, PAUSE, self._check, project)

    def _later(self, project: Project, seconds: float, what: Callable[..., None], *given: Any) -> None:
        """In the place of whatever waits for this project."""
        if waiting := self._waiting.pop(project.root, None):
            waiting.cancel()
        self._waiting[project.root] = asyncio.get_running_loop().call_later(seconds, what, *given)

    def _check(self, project: Project) -> None:
        """Campaign files at once, then templates bit by bit."""
        self._publish(project)
        self._look_on(project, project.look_at_mails())

    def _look_on(self, project: Project, steps: Iterator[bool]) -> None:
        until = time.perf_counter() + SLICE
        for told in steps:
            if told:
                self._publish(project)
                return self._later(project, REST, self._look_on, project, steps)
            if time.perf_counter() > until:
                return self._later(project, 0, self._look_on, project, steps)

    def _publish(self, project: Project) -> None:
        """Tell the editor of every file in which something has changed."""
        found = {project.path(shown): problems for shown, problems in project.diagnostics().items()}
        published = self._published.setdefault(project.root, {})
        for path in (*found, *(published.keys() - found.keys())):
            problems = found.get(path, ())
            if published.get(path, ()) != problems:
                told = [self.diagnostic(problem, project) for problem in problems]
                self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(self.uri(path), told))
        self._published[project.root] = found

    def diagnostic(self, problem: Diagnostic, project: Project) -> lsp.Diagnostic:
        """What `coldframe check` prints, as editors show it."""
        severity = lsp.DiagnosticSeverity.Error if problem.severity == "error" else lsp.DiagnosticSeverity.Warning
        related = [
            lsp.DiagnosticRelatedInformation(self._location(project, other.file, place), other.message)
            for other in problem.related
            for place in [project.positions(other.file).range(other)]
        ]
        return lsp.Diagnostic(
            range=told(project.positions(problem.file).range(problem)),
            message=f"{problem.message}\n{problem.help}" if problem.help else problem.message,
            severity=severity,
            code=problem.code,
            source="coldframe",
            related_information=related or None,
        )

    def location(self, session: Session, found: Found) -> lsp.Location:
        return self._location(session.project, found.file, found.range)

    def _location(self, project: Project, shown: str, place: Range) -> lsp.Location:
        return lsp.Location(self.uri(project.path(shown)), told(place))


def told(place: Range) -> lsp.Range:
    return lsp.Range(lsp.Position(*place.start), lsp.Position(*place.end))

"""The language server: holds the projects, and publishes what is wrong while someone types."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from dsl.diagnostics import Diagnostic
from engine.lsp.navigate import Index
from engine.lsp.positions import Place
from engine.lsp.project import Project, root_of
from engine.memory import settle_memory

PAUSE = 0.02
"""Seconds without a keystroke before the workspace is checked."""


class Server(LanguageServer):
    """Texts come whole with each change: a line end is then the same to both sides, whatever characters it has."""

    def __init__(self) -> None:
        super().__init__("coldframe", version("coldframe"), lsp.TextDocumentSyncKind.Full)
        self.projects: dict[Path, tuple[Project, Index]] = {}
        self._uris: dict[Path, str] = {}
        self._published: dict[Path, tuple[Diagnostic, ...]] = {}
        self._waiting: dict[Path, asyncio.TimerHandle] = {}

    def project_of(self, uri: str) -> tuple[Project, Index, str] | None:
        """The project of a document, and the path it has there; None for what is no campaign file on disk."""
        name = to_fs_path(uri)
        if name is None or not name.endswith(".campaign"):
            return None
        path = Path(name)
        root = root_of(path, self._folders())
        if root not in self.projects:
            project = Project(root)
            project.refresh()
            self.projects[root] = project, Index()
            project.checked  # noqa: B018 - read everything before memory is settled
            settle_memory()
        project, index = self.projects[root]
        self._uris[path] = uri
        return project, index, project.shown(path)

    def _folders(self) -> list[Path]:
        return [Path(name) for folder in self.workspace.folders.values() if (name := to_fs_path(folder.uri))]

    def uri(self, path: Path) -> str:
        """As the editor writes it, where it has named the file."""
        return self._uris.get(path) or from_fs_path(path.as_posix()) or ""

    def check_soon(self, project: Project) -> None:
        """Check and publish once no more keystrokes come."""
        if waiting := self._waiting.pop(project.root, None):
            waiting.cancel()
        self._waiting[project.root] = asyncio.get_running_loop().call_later(PAUSE, self._publish, project)

    def _publish(self, project: Project) -> None:
        """Tell the editor of every file in which something has changed."""
        self._waiting.pop(project.root, None)
        found = {project.path(shown): problems for shown, problems in project.diagnostics().items()}
        gone = [path for path in self._published if path.is_relative_to(project.root) and path not in found]
        for path in (*found, *gone):
            problems = found.get(path, ())
            if self._published.get(path, ()) != problems:
                self._published[path] = problems
                told = [self.diagnostic(problem, project) for problem in problems]
                self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(self.uri(path), told))

    def diagnostic(self, problem: Diagnostic, project: Project) -> lsp.Diagnostic:
        """What `coldframe check` prints, as editors show it."""
        severity = lsp.DiagnosticSeverity.Error if problem.severity == "error" else lsp.DiagnosticSeverity.Warning
        related = [
            lsp.DiagnosticRelatedInformation(self.location(project, other.file, other), other.message)
            for other in problem.related
        ]
        return lsp.Diagnostic(
            range=project.positions(problem.file).range(problem),
            message=f"{problem.message}\n{problem.help}" if problem.help else problem.message,
            severity=severity,
            code=problem.code,
            source="coldframe",
            related_information=related or None,
        )

    def location(self, project: Project, shown: str, place: Place) -> lsp.Location:
        return lsp.Location(self.uri(project.path(shown)), project.positions(shown).range(place))

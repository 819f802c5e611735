"""What an editor can ask for, each as one function, and the server that answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from dsl.fmt import format_text
from dsl.text.lexer import STRAIGHT
from engine.writing import navigate
from engine.writing import rename as new_names
from engine.writing.completion import complete
from engine.writing.mail_completion import complete_mail
from engine.writing.names import BARE, Mention
from engine.writing.navigate import Entry, Index
from engine.writing.positions import Positions
from engine.writing.project import Project
from engine.lsp.server import Server
from engine.mail.check import FILES

SYMBOLS = {
    "campaign": lsp.SymbolKind.Class, "form": lsp.SymbolKind.Interface, "team": lsp.SymbolKind.Module,
    "lifecycle": lsp.SymbolKind.Enum, "stage": lsp.SymbolKind.EnumMember, "field": lsp.SymbolKind.Field,
    "scoring": lsp.SymbolKind.Struct, "segment": lsp.SymbolKind.Struct, "workspace": lsp.SymbolKind.Package,
    "send": lsp.SymbolKind.Function, "flow": lsp.SymbolKind.Namespace, "topic": lsp.SymbolKind.Constant,
    "event": lsp.SymbolKind.Event,
}  # fmt: skip


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def opened(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    _hold(ls, params.text_document.uri, params.text_document.text)


def changed(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    _hold(ls, params.text_document.uri, ls.workspace.get_text_document(params.text_document.uri).source)


def closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    _hold(ls, params.text_document.uri, None)


def _hold(ls: Server, uri: str, text: str | None) -> None:
    if found := ls.project_of(uri):
        project, _, shown = found
        project.write(shown, text)
        ls.check_soon(project)


def disk_changed(
    ls: Server, params: lsp.DidChangeWatchedFilesParams | lsp.DidSaveTextDocumentParams | lsp.InitializedParams
) -> None:
    """Files were saved, or came and went behind the editor's back."""
    ls.look_again()


def initialized(ls: Server, params: lsp.InitializedParams) -> None:
    """Ask to be told of files that change outside the editor."""
    watching = ls.client_capabilities.workspace and ls.client_capabilities.workspace.did_change_watched_files
    if watching and watching.dynamic_registration:
        watchers = [lsp.FileSystemWatcher(f"**/{part}") for part in ("*.campaign", "templates/**", "files/**")]
        options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
        wanted = lsp.Registration("files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        ls.client_register_capability(lsp.RegistrationParams([wanted]))


# ── questions about a place ──────────────────────────────────────────────────────────────────────────────────────────
def completion(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    found = ls.project_of(params.text_document.uri)
    if found is None:
        return None
    project, _, shown = found
    positions = project.positions(shown)
    line, column = positions.place(params.position)
    if project.template(shown) is not None:
        items = complete_mail(project, shown, line, column)
    else:
        items = complete(shown, positions, project.checked.scope, line, column)
    return lsp.CompletionList(is_incomplete=False, items=items)


def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    found = ls.project_of(params.text_document.uri)
    if found is None:
        return None
    project, index, shown = found
    positions = project.positions(shown)
    about = navigate.hover(index, project, shown, *positions.place(params.position))
    if about is None:
        return None
    text, span = about
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), positions.range(span))


def _mention(ls: Server, params: Any) -> tuple[Project, Index, Mention] | None:
    found = ls.project_of(params.text_document.uri)
    if found is None:
        return None
    project, index, shown = found
    mention = index.at(project, shown, *project.positions(shown).place(params.position))
    return (project, index, mention) if mention else None


def definition(ls: Server, params: lsp.DefinitionParams) -> list[lsp.Location]:
    found = _mention(ls, params)
    if found is None:
        return []
    project, index, mention = found
    if mention.kind in ("template", "file", "part"):
        start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
        return [lsp.Location(ls.uri(path), start) for path in navigate.asset_paths(project, mention)]
    return [ls.location(project, span.file, span) for span in navigate.declared_at(index, project, mention)]


def references(ls: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    found = _mention(ls, params)
    if found is None:
        return []
    project, index, mention = found
    uses = index.uses(project, mention)
    return [
        ls.location(project, one.span.file, one.span)
        for one in uses
        if params.context.include_declaration or not one.declares
    ]


# ── rename ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def prepare_rename(ls: Server, params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
    found = _mention(ls, params)
    if found is None or not new_names.renamable(found[2]):
        return None
    project, _, mention = found
    place = project.positions(mention.span.file).range(mention.span)
    if mention.kind not in BARE:
        place.start.character += len(STRAIGHT)
        place.end.character -= len(STRAIGHT)
    return lsp.PrepareRenamePlaceholder(place, mention.name)


def rename(ls: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    found = _mention(ls, params)
    if found is None:
        return None
    project, index, mention = found
    try:
        edits = new_names.rename(index, project, mention, params.new_name)
    except new_names.Refused as reason:
        raise JsonRpcException(str(reason), code=lsp.LSPErrorCodes.RequestFailed.value) from None
    changes: dict[str, list[lsp.TextEdit]] = {}
    for edit in edits:
        place = project.positions(edit.span.file).range(edit.span)
        changes.setdefault(ls.uri(project.path(edit.span.file)), []).append(lsp.TextEdit(place, edit.text))
    return lsp.WorkspaceEdit(changes)


# ── whole files ──────────────────────────────────────────────────────────────────────────────────────────────────────
def formatting(ls: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    """None when the file cannot be read safely: its diagnostics say why. Templates stay as they are."""
    if params.text_document.uri.endswith(FILES):
        return None
    document = ls.workspace.get_text_document(params.text_document.uri)
    formatted = format_text(params.text_document.uri, document.source).text
    if formatted is None:
        return None
    if formatted == document.source:
        return []
    return [lsp.TextEdit(Positions(document.source).everything(), formatted)]


def symbols(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
    found = ls.project_of(params.text_document.uri)
    if found is None:
        return None
    project, _, shown = found
    file = project.checked.files.get(shown)
    positions = project.positions(shown)
    return [_symbol(entry, positions) for entry in navigate.outline(file.lines)] if file else []


def _symbol(entry: Entry, positions: Positions) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        name=entry.title,
        kind=SYMBOLS.get(entry.head, lsp.SymbolKind.Event),
        range=positions.line_range(entry.span.line, entry.last),
        selection_range=positions.range(entry.span),
        children=[_symbol(child, positions) for child in entry.children],
    )


def workspace_symbols(ls: Server, params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
    wanted = params.query.casefold()
    return [
        lsp.WorkspaceSymbol(
            location=ls.location(project, one.span.file, one.span),
            name=one.name,
            kind=SYMBOLS.get(one.kind, lsp.SymbolKind.Constant),
            container_name=one.kind,
        )
        for project, index in ls.projects.values()
        for one in index.everywhere(project)
        if one.declares and wanted in one.name.casefold()
    ]


FEATURES: tuple[tuple[str, Callable[..., Any], Any], ...] = (
    (lsp.INITIALIZED, initialized, None),
    (lsp.TEXT_DOCUMENT_DID_OPEN, opened, None),
    (lsp.TEXT_DOCUMENT_DID_CHANGE, changed, None),
    (lsp.TEXT_DOCUMENT_DID_CLOSE, closed, None),
    (lsp.TEXT_DOCUMENT_DID_SAVE, disk_changed, None),
    (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, disk_changed, None),
    (lsp.TEXT_DOCUMENT_COMPLETION, completion, lsp.CompletionOptions(trigger_characters=['"', "/", ".", "{", "|"])),
    (lsp.TEXT_DOCUMENT_HOVER, hover, None),
    (lsp.TEXT_DOCUMENT_DEFINITION, definition, None),
    (lsp.TEXT_DOCUMENT_REFERENCES, references, None),
    (lsp.TEXT_DOCUMENT_PREPARE_RENAME, prepare_rename, None),
    (lsp.TEXT_DOCUMENT_RENAME, rename, lsp.RenameOptions(prepare_provider=True)),
    (lsp.TEXT_DOCUMENT_FORMATTING, formatting, None),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, symbols, None),
    (lsp.WORKSPACE_SYMBOL, workspace_symbols, None),
)


def create_server() -> Server:
    server = Server()
    for name, answer, options in FEATURES:
        server.feature(name, options)(answer)
    return server

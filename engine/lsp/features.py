"""What an editor can ask for, each as one function, and the server that answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from engine.lsp.server import Server, told
from engine.writing.offers import Offer
from engine.writing.positions import Positions
from engine.writing.session import Refused, Symbol, formatted

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
    if found := ls.session_of(uri):
        session, shown = found
        session.project.write(shown, text)
        ls.check_soon(session.project)


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
KINDS = {
    "keyword": lsp.CompletionItemKind.Keyword, "word": lsp.CompletionItemKind.Keyword,
    "field": lsp.CompletionItemKind.Field, "stage": lsp.CompletionItemKind.EnumMember,
    "unit": lsp.CompletionItemKind.Unit, "event": lsp.CompletionItemKind.Event,
    "type": lsp.CompletionItemKind.TypeParameter, "template": lsp.CompletionItemKind.File,
    "file": lsp.CompletionItemKind.File, "property": lsp.CompletionItemKind.Property,
    "function": lsp.CompletionItemKind.Function, "variable": lsp.CompletionItemKind.Variable,
}  # fmt: skip
PLAIN = ("value", "day", "data", "kind")
"""Words of their own; all other kinds are names of something."""


def completion(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    found = ls.session_of(params.text_document.uri)
    if found is None:
        return None
    session, shown = found
    items = [_item(one) for one in session.offers(shown, params.position)]
    return lsp.CompletionList(is_incomplete=False, items=items)


def _item(one: Offer) -> lsp.CompletionItem:
    other = lsp.CompletionItemKind.Value if one.kind in PLAIN else lsp.CompletionItemKind.Reference
    about = lsp.MarkupContent(lsp.MarkupKind.Markdown, one.about) if one.about else None
    return lsp.CompletionItem(
        one.label, kind=KINDS.get(one.kind, other), detail=one.detail or None, documentation=about,
        text_edit=lsp.TextEdit(told(one.range), one.insert),
    )  # fmt: skip


def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    found = ls.session_of(params.text_document.uri)
    about = found[0].about(found[1], params.position) if found else None
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, about[0]), told(about[1])) if about else None


def definition(ls: Server, params: lsp.DefinitionParams) -> list[lsp.Location]:
    found = ls.session_of(params.text_document.uri)
    return [ls.location(found[0], one) for one in found[0].definition(found[1], params.position)] if found else []


def references(ls: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    found = ls.session_of(params.text_document.uri)
    if found is None:
        return []
    session, shown = found
    uses = session.references(shown, params.position, declarations=params.context.include_declaration)
    return [ls.location(session, one) for one in uses]


# ── rename ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def prepare_rename(ls: Server, params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
    found = ls.session_of(params.text_document.uri)
    name = found[0].name_at(found[1], params.position) if found else None
    return lsp.PrepareRenamePlaceholder(told(name[1]), name[0]) if name else None


def rename(ls: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    found = ls.session_of(params.text_document.uri)
    if found is None:
        return None
    session, shown = found
    try:
        edits = session.renamed(shown, params.position, params.new_name)
    except Refused as reason:
        raise JsonRpcException(str(reason), code=lsp.LSPErrorCodes.RequestFailed.value) from None
    if edits is None:
        return None
    changes: dict[str, list[lsp.TextEdit]] = {}
    for edit in edits:
        uri = ls.uri(session.project.path(edit.file))
        changes.setdefault(uri, []).append(lsp.TextEdit(told(edit.range), edit.text))
    return lsp.WorkspaceEdit(changes)


# ── whole files ──────────────────────────────────────────────────────────────────────────────────────────────────────
def formatting(ls: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    """None when the file cannot be read safely: its diagnostics say why. Templates stay as they are."""
    document = ls.workspace.get_text_document(params.text_document.uri)
    text = formatted(params.text_document.uri, document.source)
    if text is None or text == document.source:
        return text if text is None else []
    return [lsp.TextEdit(told(Positions(document.source).everything()), text)]


def symbols(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
    found = ls.session_of(params.text_document.uri)
    entries = found[0].outline(found[1]) if found else None
    return None if found is None else [_symbol(entry) for entry in entries or ()]


def _symbol(entry: Symbol) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        name=entry.title,
        kind=SYMBOLS.get(entry.kind, lsp.SymbolKind.Event),
        range=told(entry.range),
        selection_range=told(entry.name_at),
        children=[_symbol(child) for child in entry.children],
    )


def workspace_symbols(ls: Server, params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
    wanted = params.query.casefold()
    return [
        lsp.WorkspaceSymbol(
            location=ls.location(session, found),
            name=one.name,
            kind=SYMBOLS.get(one.kind, lsp.SymbolKind.Constant),
            container_name=one.kind,
        )
        for session in ls.sessions.values()
        for one, found in session.declared(lambda name: wanted in name.casefold())
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

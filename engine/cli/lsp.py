"""`coldframe lsp`: the language server that editors start."""

from __future__ import annotations

from importlib.util import find_spec

from engine.cli.common import Stop


def lsp() -> None:
    """Run the language server for an editor.

    It reports problems as you type and offers completion, hover, definitions, references, rename, formatting, and an
    outline for `*.campaign` files. Your editor starts it; `docs/editor.md` explains the setup.

    Example: set `coldframe lsp` as the server command in your editor
    """
    if find_spec("pygls") is None:
        raise Stop("the language server is not installed; run `pip install 'coldframe[editor]'`")
    from engine.lsp.features import create_server

    create_server().start_io()

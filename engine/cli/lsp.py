"""`coldframe lsp`: the language server that editors start."""

from __future__ import annotations

from importlib.util import find_spec

from engine.cli.common import Stop


def lsp() -> None:
    """Serve an editor over standard input and output, by the Language Server Protocol.

    Diagnostics while you type, completion, hover, definitions, references, rename, formatting and outline for
    `*.campaign` files. You do not start it yourself: the editor does. `docs/editor.md` says how to set one up.

    Example: `coldframe lsp`, where an editor asks for the server's command
    """
    if find_spec("pygls") is None:
        raise Stop("the language server is not installed; run `pip install 'coldframe[editor]'`")
    from engine.lsp.features import create_server

    create_server().start_io()

"""`coldframe leads`: look at leads, and correct what is known of them."""

from __future__ import annotations

import typer

from engine.cli import leads_erase, leads_look, leads_merge, leads_split
from engine.cli.aliases import Command

app = typer.Typer(no_args_is_help=True)


@app.callback()
def leads() -> None:
    """Look at leads, and correct what is known of them."""


app.command("list", cls=Command)(leads_look.list_)
app.command("show", cls=Command)(leads_look.show)
app.command("export", cls=Command)(leads_look.export)
app.command("merge", cls=Command)(leads_merge.merge)
app.command("erase", cls=Command)(leads_erase.erase)
app.command("split", cls=Command)(leads_split.split)

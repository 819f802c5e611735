"""`coldframe schema`: what goes in and out of the API, as JSON Schema, for the workspace in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, out, print_json


def schema(
    name: Annotated[
        str | None, typer.Argument(help="One schema, such as DealWon or Lead; without it, all names.")
    ] = None,
    path: Annotated[Path | None, typer.Option(help="The workspace; by default COLDFRAME_CAMPAIGNS.")] = None,
    openapi: Annotated[bool, typer.Option("--openapi", help="Print the whole API as OpenAPI 3.1.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all schemas as JSON.")] = False,
) -> None:
    """Print the JSON Schema of events, leads, costs, and outgoing posts.

    The schemas have the fields and events that the workspace declares. A running web process answers with the same at
    `/openapi.json`.

    Example: `coldframe schema DealWon`
    """
    whole = _described(path)
    found: dict[str, Any] = whole["components"]["schemas"]
    if openapi:
        print_json(whole)
        return
    if name is None and not as_json:
        for one in found:
            out.print(one, markup=False)
        return
    if name is None:
        print_json(found)
        return
    chosen = next((one for one in found if one.casefold() == name.casefold()), None)
    if chosen is None:
        from dsl.problems.near import near_or_known

        raise Stop(f"no schema named `{name}`; {near_or_known(name, list(found))}", FAILED)
    print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": chosen, **found[chosen]})


def _described(path: Path | None) -> dict[str, Any]:
    from engine.cli.common import load_settings
    from engine.cli.workspace import examine
    from web.api.description import describe

    settings = load_settings(reading=True)
    found = examine(path or settings.campaigns)
    if found.program is None:
        raise Stop("the workspace has errors; `coldframe check` reports them", FAILED)
    return describe(found.program, settings.base_url)

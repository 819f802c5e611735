"""`coldframe migrate`: bring the database to this version's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import Stop, load_settings, out, print_json


def migrate(
    as_json: Annotated[bool, typer.Option("--json", help="Print the schema revision as JSON.")] = False,
) -> None:
    """Update the database schema to this version.

    You can run it from several machines at the same time and more than once, and all data stays. Run it before you
    start the processes of a new version. Without `DATABASE_URL`, it updates the embedded database in `COLDFRAME_HOME`.
    If `DATABASE_URL` is a pooler, `MIGRATION_DATABASE_URL` can name the server itself.

    Example: `DATABASE_URL=postgresql://app@db/coldframe coldframe migrate`
    """
    from sqlalchemy.exc import OperationalError

    from engine.embedded import postgres
    from engine.store import migrate as store

    settings = load_settings()
    try:
        if settings.database_url is None:
            with postgres.embedded_postgres(settings.home) as server:
                revision = store.migrate(server.url())
        else:
            revision = store.migrate(settings.migration_database_url or settings.database_url)
    except store.TooOld as problem:
        raise Stop(str(problem)) from None
    except OperationalError:
        raise Stop("cannot connect to the database in DATABASE_URL") from None
    if as_json:
        print_json({"revision": revision})
    else:
        out.print(f"the database is at schema revision {revision}")

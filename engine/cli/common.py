"""What all commands share: settings, the database, output for people and for programs, and ends without tracebacks."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from rich.console import Console

from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from pathlib import Path

    from engine.model.ports import Clock
    from engine.platform.settings import Settings
    from engine.store.db import Database

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=True)
"""Standard output: what a command was asked for."""
err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Standard error: progress and problems."""

FAILED = 1
COULD_NOT_LOOK = 2


class Stop(Exception):
    """A command cannot go on for a reason its user can act on. `code` is the exit code."""

    def __init__(self, message: str, code: int = COULD_NOT_LOOK) -> None:
        super().__init__(message)
        self.code = code


def load_settings(*, reading: bool = False, **changes: Any) -> Settings:
    """The settings of the environment; `reading`: nothing is kept. Raises Stop, naming each variable that cannot be
    meant."""
    from pydantic import ValidationError

    from engine.platform.settings import ReadingSettings, Settings

    try:
        return (ReadingSettings if reading else Settings)(
            **{name: value for name, value in changes.items() if value is not None}
        )
    except ValidationError as error:
        lines = [
            f"{_variable(problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_input=False)
            if problem["type"] != "default_factory_not_called"
        ]
        raise Stop("invalid settings:\n  " + "\n  ".join(lines)) from None
    except OSError as error:
        raise Stop(f"could not store secrets in COLDFRAME_HOME: {error.strerror or error}") from None


def need_secrets(settings: Settings) -> None:
    """Raises Stop unless every secret is set, or kept from an earlier start on this machine."""
    if unset := settings.unset_secrets:
        raise Stop(
            f"set {' and '.join(unset)}: with DATABASE_URL set, no secrets are generated, because every machine "
            "needs the same ones; `openssl rand -hex 32` makes one"
        )


def _variable(place: tuple[int | str, ...]) -> str:
    name = str(place[0]) if place else ""
    return name if name.isupper() else f"COLDFRAME_{name.upper()}"


def no_database(settings: Settings) -> bool:
    """Whether the embedded database, which is meant, was never made."""
    return settings.database_url is None and not (settings.home / "postgres").exists()


@contextmanager
def database(settings: Settings, *, make: bool = False) -> Iterator[str]:
    """The address of a database at this version's schema.

    The one that is set, the embedded one that runs, or one started for as long as the command runs. Only with `make` is
    one made that is not there. Raises Stop when it cannot be used.
    """
    from sqlalchemy.exc import OperationalError

    from engine.embedded import postgres
    from engine.store.migrate import current_revision, migrate, newest_revision

    if no_database(settings) and not make:
        raise Stop(f"{NOTHING_DEPLOYED} (there is no database in {settings.home})", FAILED)
    try:
        if settings.database_url is None:
            with postgres.embedded_postgres(settings.home) as server:
                migrate(server.url())
                yield server.url()
            return
        if current_revision(settings.database_url) != newest_revision():
            raise Stop("the database schema does not match this version; run `coldframe migrate`")
    except OperationalError:
        raise Stop("cannot connect to the database in DATABASE_URL") from None
    yield settings.database_url


def wants_folder(place: Path) -> None:
    """Raises Stop if the folder for emails is a file."""
    if place.exists() and not place.is_dir():
        raise Stop(f"{place} is a file, and --output needs a folder")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def guarded(run: Any) -> NoReturn:
    """Run a command line and end the process: problems of the user's world become one line and an exit code."""
    code = 0
    warnings.showwarning = _warn
    try:
        run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else FAILED
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = FAILED
    except Exception as error:
        code = _explained(error)
    try:
        if not sys.stdout.closed:  # the language server closes it with its connection
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter must not complain about it on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or FAILED
    sys.exit(code)


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    err.print("[bold yellow]warning:[/] ", end="")
    err.print(str(message), markup=False)


def _explained(error: Exception) -> int:
    from engine.embedded.process import EmbeddedError
    from engine.platform.log import hide_in_text

    if isinstance(error, Stop):
        _problem(str(error))
        return error.code
    if isinstance(error, EmbeddedError):
        _problem(str(error))
        return COULD_NOT_LOOK
    if os.environ.get("COLDFRAME_LOG_LEVEL") == "debug":
        err.print_exception(show_locals=False)
    _problem(
        f"internal error: {type(error).__name__}: {hide_in_text(str(error))}\n"
        "This is a bug in Coldframe, not in your files. Set COLDFRAME_LOG_LEVEL=debug to see where it happened."
    )
    return COULD_NOT_LOOK


def _problem(text: str) -> None:
    err.print("[bold red]error:[/] ", end="")
    err.print(text, markup=False)


def with_database(work: Callable[[Database, Clock, Settings], Awaitable[T]], *, make: bool = False) -> T:
    """What `work` finds in the database of the settings; `make` and what it raises as in `database`."""
    import asyncio

    settings = load_settings()

    async def opened(url: str) -> T:
        from engine.platform.clock import parse_clock
        from engine.store.db import Database

        db = Database(url, size=2)
        try:
            return await work(db, parse_clock(settings.clock), settings)
        finally:
            await db.close()

    with database(settings, make=make) as url:
        return asyncio.run(opened(url))

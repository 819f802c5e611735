"""A real PgBouncer before the tests' PostgreSQL, as Debian installs it, in either of its pool modes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from engine.embedded import account
from engine.embedded.postgres import USER, PostgresServer
from engine.embedded.process import Child, free_port, wait_until_ready

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

_CONFIGURATION = """
[databases]
* = host={server} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 300
server_login_retry = 1
"""


@contextmanager
def pooler(server: PostgresServer, folder: Path, mode: str, *, size: int) -> Iterator[int]:
    """The port it listens on. `mode`: transaction or session; `size`: connections to the server for each database."""
    assert PROGRAM is not None
    port = free_port()
    uid = server.data.stat().st_uid if os.geteuid() == 0 else None
    account.own_folder(folder, uid)
    text = _CONFIGURATION.format(server=server.socket, user=USER, port=port, mode=mode, size=size)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(text, "utf-8")
    configuration.chmod(0o644)
    child = Child("PgBouncer", [PROGRAM, str(configuration)], folder.parent / f"pgbouncer-{port}.log", uid=uid,
                  cwd=Path("/"))  # fmt: skip

    def accepts() -> bool:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=USER, dbname="postgres", connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    child.start()
    try:
        wait_until_ready(child, accepts)
        yield port
    finally:
        child.stop(seconds=5)


def pooled(url: str, port: int) -> str:
    """The same database of the tests' server, through the pooler."""
    name = url.partition("@/")[2].partition("?")[0]
    return f"postgresql+psycopg://{USER}@127.0.0.1:{port}/{name}"

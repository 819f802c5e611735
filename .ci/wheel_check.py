"""Uses an installed Coldframe like a newcomer: from a folder of its own, with nothing of the checkout within reach.

`.ci/wheel` runs it with the Python of the fresh environment. Ends with 0 if every command does what it should.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import engine
from engine.embedded import postgres, temporal
from engine.embedded.process import free_port

COMMAND = str(Path(sys.executable).parent / "coldframe")
PATIENCE = 120
"""Seconds until something that should happen counts as failed."""


class Failed(Exception):
    """A command did not do what it should; the message says which, with the end of its output."""


def run(folder: Path, *arguments: str, code: int = 0, **variables: str) -> str:
    """The output of a command that should end with this code."""
    print("coldframe", *arguments, flush=True)
    done = subprocess.run(
        [COMMAND, *arguments], cwd=folder, env=environment(**variables), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5 * PATIENCE,
    )  # fmt: skip
    if done.returncode != code:
        raise Failed(f"{arguments} ended with {done.returncode} instead of {code}:\n{done.stdout[-3000:]}")
    return done.stdout


@contextmanager
def running(folder: Path, *arguments: str, **variables: str) -> Iterator[Callable[[], str]]:
    """A command that stays, stopped by Ctrl-C, which it should take well. Gives a function that reads its output."""
    print("coldframe", *arguments, flush=True)
    log = folder / f"{arguments[0]}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [COMMAND, *arguments], cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def said() -> str:
        if process.poll() is not None:
            raise Failed(f"{arguments} ended with {process.returncode}:\n{log.read_text()[-3000:]}")
        return log.read_text()

    try:
        yield said
        said()
        process.send_signal(signal.SIGINT)
        if (code := process.wait(PATIENCE)) != 0:
            raise Failed(f"{arguments} ended with {code} after Ctrl-C:\n{log.read_text()[-3000:]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def environment(**variables: str) -> dict[str, str]:
    """As little as a shell has; nothing that was set for another Coldframe."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **variables}


def until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise Failed(f"in vain: {what}")
        time.sleep(0.2)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def write_and_check(folder: Path) -> None:
    run(folder, "--version")
    run(folder, "new", "workspace", "campaigns", "--name", "First Company", "--with", "welcome,whitepaper")
    run(folder, "check")
    run(folder, "check", "nowhere", code=2)
    if "coldframe[editor]" not in run(folder, "lsp", code=2):
        raise Failed("`coldframe lsp` without its extra does not say what to install")


def try_locally(folder: Path) -> None:
    """The short story to its end, and the stack that stays."""
    run(folder, "demo", "--leads", "6", "--speed", "3")
    port = str(free_port())
    with running(folder, "dev", COLDFRAME_WEB_PORT=port) as said:
        until("dev prints its addresses", lambda: "Ctrl-C stops everything" in said())
        until("dev serves the form", lambda: bool(said()) and answers(f"http://127.0.0.1:{port}/f/newsletter?lang=en"))


def run_in_production(folder: Path) -> None:
    """`web` and `worker` on servers of their own."""
    home = folder / "servers"
    home.mkdir(mode=0o711)
    with postgres.embedded_postgres(home, settings=postgres.NOT_DURABLE) as database:
        server = temporal.start(home, in_memory=True)
        try:
            web, metrics = str(free_port()), str(free_port())
            world = {
                "DATABASE_URL": database.url(), "TEMPORAL_ADDRESS": server.address, "COLDFRAME_SECRET": "s" * 32,
                "COLDFRAME_PEPPER": "p" * 32, "COLDFRAME_METRICS_PORT": metrics,
            }  # fmt: skip
            run(folder, "migrate", **world)
            with running(folder, "web", "--port", web, **world) as said:
                until("web answers", lambda: bool(said()) and answers(f"http://127.0.0.1:{web}/healthz"))
            with running(folder, "worker", **world) as said:
                said()
                until("the worker is ready", lambda: answers(f"http://127.0.0.1:{metrics}/readyz"))
        finally:
            server.stop()


def main() -> None:
    work = Path(sys.argv[1])
    place = Path(engine.__file__ or "")
    if work not in place.parents:
        raise Failed(f"this is not the installed Coldframe, but {place}")
    folder = work / "first"
    folder.mkdir(mode=0o711)
    write_and_check(folder)
    try_locally(folder)
    run_in_production(folder)
    print("the wheel works")


if __name__ == "__main__":
    try:
        main()
    except Failed as problem:
        sys.exit(str(problem))

"""Starts a child that cannot outlive its parent and never runs as root: `launch.py PARENT SIGNAL UID CWD COMMAND…`.

Runs as a script, with nothing but the standard library, and then becomes the command, which keeps this process's id.
Linux delivers SIGNAL when the parent dies; elsewhere the parent's own clean-up has to be enough.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def launcher(*, signal: int, uid: int | None = None, cwd: Path | str | None = None) -> list[str]:
    """What to put before a command so that it starts through this script. `signal` is what ends it in good order."""
    own = "-" if uid is None else str(uid)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(signal), own, str(cwd or "-")]


def main(arguments: list[str]) -> None:
    parent, signal, uid, cwd, *command = arguments
    os.umask(0o077)
    if cwd != "-":
        os.chdir(cwd)
    if uid != "-":
        os.setgroups([])
        os.setgid(pwd.getpwuid(int(uid)).pw_gid)
        os.setuid(int(uid))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal))
    if os.getppid() != int(parent):
        raise SystemExit("the process that asked for this one is gone")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])

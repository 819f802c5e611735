"""The process in which one person's draft is checked, drawn and played through: `python -m engine.editing.process`.

It reads requests from its standard input and answers on its standard output, one line of JSON each: `{"id": 1, "do":
"type", "path": …}` is answered by `{"id": 1, "ok": …}` or `{"id": 1, "wrong": "…"}`. The draft lies in a folder that
goes with the process. Memory is bounded, so that a text that takes too much ends this process and no other.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, BinaryIO

MEMORY = 1024**3
"""Bytes of memory that a draft may take."""
NICE = 5
"""So much further back in the queue for the processor than whoever answers forms."""


def main() -> None:
    """Until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers goes to whoever reads them
    with tempfile.TemporaryDirectory(prefix="coldframe-draft-") as place:
        os.chdir(place)
        _serve(sys.stdin.buffer, answers, Path(place) / (sys.argv[1] if len(sys.argv) > 1 else "campaigns"))


def _serve(requests: BinaryIO, answers: BinaryIO, folder: Path) -> None:
    from engine.editing.room import COMMANDS, Room, Wrong

    folder.mkdir()
    room = Room(folder)
    for line in requests:
        asked: dict[str, Any] = json.loads(line)
        number, what = asked.pop("id"), asked.pop("do")
        try:
            answer = {"id": number, "ok": COMMANDS[what](room, **asked)}
        except Wrong as wrong:
            answer = {"id": number, "wrong": str(wrong)}
        except (MemoryError, RecursionError):
            answer = {"id": number, "wrong": "The draft is too large to be looked at."}
        except Exception as error:
            traceback.print_exc(limit=-6)
            answer = {"id": number, "failed": type(error).__qualname__}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()

"""The command itself: an editor starts it, says good-bye, and it ends well."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def framed(**message: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_it_ends_without_a_word_when_the_editor_closes() -> None:
    said = (
        framed(id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}})
        + framed(method="initialized", params={})
        + framed(id=2, method="shutdown")
        + framed(method="exit")
    )
    command = [sys.executable, "-m", "engine.cli.main", "lsp"]
    done = subprocess.run(command, input=said, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"hoverProvider"' in done.stdout

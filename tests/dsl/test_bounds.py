"""Hostile files are answered within a measured amount of memory and processor time, whatever the machine's speed.

Each is read in a process of its own, whose limits the kernel keeps: beyond them it is killed or out of memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEGABYTE = 1 << 20
MEMORY = 1_000 * MEGABYTE
"""Of address space, the interpreter and its libraries included."""
SECONDS = 120
"""Of the processor's time; a few are used."""

BEGIN = 'campaign "x"\n    starts when form "demo" is submitted\n    flow\n'
HOSTILE = {
    "10 MB of text": ("'a ' * 5_000_000", "E007"),
    "10 MB of lines": ("'        send \"x\"\\n' * 600_000", "E007"),
    "10 MB in one string": ("BEGIN + '        send \"' + 'x' * 10_000_000 + '\"\\n'", "E007"),
    "10 MB of letters of four bytes": ("'🙂' * 2_600_000", "E007"),
    "many lines of junk": ("'abc def\\n' * 30_000", "E401"),
    "many steps": ("BEGIN + '        wait 1 day\\n' * 10_000", "E501"),
    "as many blocks as fit": (
        "BEGIN + ''.join(' ' * (8 + depth) + 'if score >= 5\\n' for depth in range(1900))",
        "E023",
    ),
    "as many blocks of four spaces as fit": ("''.join('    ' * depth + 'if vip\\n' for depth in range(700))", "E023"),
    "10,000 brackets": (
        "BEGIN + '        if ' + '(' * 10_000 + 'vip' + ')' * 10_000 + '\\n            stop\\n'",
        "E009",
    ),
    "10,000 open brackets": ("BEGIN + '        if (\\n' * 10_000", "E015"),
    "10,000 times not": ("BEGIN + '        if ' + 'not ' * 10_000 + 'vip\\n            stop\\n'", ""),
    "10,000 conditions": ("BEGIN + '        if ' + ' or '.join(['vip'] * 10_000) + '\\n            stop\\n'", "E101"),
    "10,000 ways": ("BEGIN + '        if vip\\n            stop\\n' + CHAIN * 10_000", "E101"),
    "NUL": ("BEGIN + '        wait 1 \\0day\\n' * 10_000", "E002"),
    "bidi": ("BEGIN + '        wait 1 \\u202eday\\n' * 10_000", "E002"),
    "zero width": ("BEGIN + '        wa\\u200bit 1 day\\n' * 10_000", "E002"),
    "other digits": ("BEGIN + '        wait ١٥ days\\n' * 10_000", "E202"),
    "merge marks": ("'<<<<<<< HEAD\\n=======\\n>>>>>>> draft\\n' * 10_000", "E006"),
    "tabs": ("'campaign \"x\"\\n' + '\\tflow\\n' * 10_000", "E020"),
    "combining marks": ("'campaign \"' + 'a' + '\\u0301' * 500_000 + '\"\\n'", "E501"),
    "half a letter": ("BEGIN + '        send \"\\ud800\"\\n' * 1_000", ""),
}
NURSERY = """
import json, os, resource, sys, traceback
from dsl.compile import compile_workspace
from dsl.problems.diagnostics import as_json, as_text
from dsl.fmt import format_text

BEGIN = {begin!r}
CHAIN = "        otherwise if vip\\n            stop\\n"

def answer(expression):
    text = eval(expression)
    files = {{"campaigns/x.campaign": text}}
    found = compile_workspace(files, ())
    shown = len(as_text(found.diagnostics, files)), len(as_json(found.diagnostics))
    format_text("campaigns/x.campaign", text)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return json.dumps([sorted({{one.code for one in found.diagnostics}}), len(found.diagnostics), shown, peak])

def child(expression, out):
    resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
    resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
    try:
        said, code = answer(expression), 0
    except BaseException:
        said, code = traceback.format_exc()[-2000:], 1
    os.write(out, said.encode())
    os._exit(code)

for line in sys.stdin:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(json.loads(line), write)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps([status, text]), flush=True)
"""


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    """A process that has the compiler loaded, and forks for each text: an interpreter takes as long to start
    as most of the texts need."""
    script = NURSERY.format(begin=BEGIN, memory=MEMORY, seconds=SECONDS)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_answered_in_bounds(nursery: subprocess.Popen[str], text: str, code: str) -> None:
    assert nursery.stdin
    assert nursery.stdout
    print(json.dumps(text), file=nursery.stdin, flush=True)
    status, said = json.loads(nursery.stdout.readline())
    assert status == 0, said
    codes, count, (shown, data), peak = json.loads(said)
    assert 0 < count <= 500
    assert not code or code in codes
    assert shown < 2 * MEGABYTE
    assert data < 2 * MEGABYTE
    assert peak < 500_000, "kilobytes at the peak"


def test_whoever_takes_more_memory_is_stopped(nursery: subprocess.Popen[str]) -> None:
    assert nursery.stdin
    assert nursery.stdout
    print(json.dumps("'a' * 1_200_000_000"), file=nursery.stdin, flush=True)
    status, said = json.loads(nursery.stdout.readline())
    assert status != 0
    assert "MemoryError" in said

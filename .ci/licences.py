"""Licences of everything that is installed. Run it with the environment's Python, as `make licences` does.

Without arguments it fails, with one line for each package, if a licence is not allowed here. With `--notice` it prints
the file NOTICE: what an image carries beside Coldframe, and what wheels need.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "PostgreSQL",
    "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
    # The same in the words of older metadata.
    "3-Clause BSD License", "Apache License 2.0", "Apache Software License", "BSD License", "ISC License (ISCL)",
    "MIT License", "Mozilla Public License 2.0 (MPL 2.0)", "Python Software Foundation License",
    "The Unlicense (Unlicense)", "DFSG approved",
}  # fmt: skip
"""Permissive licences, and MPL-2.0, whose conditions end at its own files."""
NAMED = {
    "psycopg": ("LGPL-3.0-only", "imported as a separate library, unmodified; anyone can replace it"),
    "psycopg-binary": ("LGPL-3.0-only", "the same, with libpq as shared objects of its own"),
    "psycopg-pool": ("LGPL-3.0-only", "the same"),
    "pycountry": ("LGPL-2.1-only", "imported as a separate library, unmodified; anyone can replace it"),
}
"""The weak copyleft that is allowed: for this package, with this licence, and why."""
HEAD = """Coldframe
Copyright 2026 The Coldframe authors

Licensed under the Apache License, Version 2.0; the file LICENSE has its text.

Wheels of Coldframe carry no Python code of others. An image built from `deploy/Containerfile` carries Python, the
system of its base image, and the packages below, each with its licence in its own folder `*.dist-info`. Wheels need
the same packages, which the installer fetches. `make notice` writes this file.

Wheels and images that were built where npm is installed carry one script made of CodeMirror 6 (MIT) in
`web/static/built/editor.js`. The file `editor.licenses.txt` beside it names its packages, with their licences.

"""


class Package(NamedTuple):
    """An installed package: its name in lower case with hyphens, and its licence as its metadata say."""

    name: str
    licence: str


def installed() -> list[Package]:
    """Everything in the environment, in the order of names."""
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--with-system"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = [Package(_plain(entry["Name"]), entry["License"].strip()) for entry in listed]
    return sorted(package for package in packages if package.name != "coldframe")


def problems(packages: list[Package]) -> list[str]:
    """A line for each package that may not be used here."""
    found = []
    for package in packages:
        licence, _ = NAMED.get(package.name, (None, ""))
        if package.licence != licence and not allowed(package.licence):
            found.append(f"{package.name}: {package.licence or 'UNKNOWN'} is not allowed")
    return found


def allowed(licence: str) -> bool:
    """Whether an SPDX expression, or a list of classifiers with `; ` between them, can be kept with what is allowed:
    of alternatives one suffices, and all that apply together must be allowed. Parentheses are read one level deep."""
    if licence in ALLOWED:
        return True
    for between, enough in (("; ", all), (" OR ", any), (" AND ", all)):
        parts = _split(licence, between)
        if len(parts) > 1:
            return enough(map(allowed, parts))
    return licence.startswith("(") and licence.endswith(")") and allowed(licence[1:-1])


def notice(packages: list[Package]) -> str:
    """The text of NOTICE for the packages of the production lock."""
    lock = (ROOT / "requirements-production.lock").read_text("utf-8")
    carried = {_plain(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    listed = [package for package in packages if package.name in carried]
    width = max(len(package.name) for package in listed)
    lines = [f"{package.name:<{width}}  {package.licence}" for package in listed]
    lgpl = [f"{package.name}: {NAMED[package.name][1]}" for package in listed if package.name in NAMED]
    return HEAD + "\n".join([*lines, "", "Under the LGPL:", "", *lgpl]) + "\n"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _split(licence: str, between: str) -> list[str]:
    """The parts outside of parentheses."""
    groups = re.findall(r"\([^()]*\)", licence)
    flat = re.sub(r"\([^()]*\)", "\0", licence)
    return [re.sub("\0", lambda _: groups.pop(0), part).strip() for part in flat.split(between)]


def main() -> int:
    packages = installed()
    if "--notice" in sys.argv[1:]:
        sys.stdout.write(notice(packages))
        return 0
    found = problems(packages)
    sys.stdout.write("".join(f"{line}\n" for line in found) or f"{len(packages)} packages, every licence is allowed\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""What HTML forms and their tools do with names and boxes, understood: `consent[]`, `interests[Seals]`, `consent=on`, a
hidden 0 before a box with 1. Pure. What is not understood is named, never dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from engine.rules.leads.values import no, yes

Raw = Mapping[str, Sequence[object]]
_INDEXED = re.compile(r"(?P<name>[^\[\]]+)\[(?P<key>[^\[\]]*)\]")
PLUMBING = ("cf_", "utm_", "_", "g-recaptcha", "h-captcha", "cf-turnstile")
"""How names begin that no form asks for and that mean nothing to us: our script's, advertising's, frameworks'."""
ALSO = frozenset({"consent", "next", "lang", "embed", "submit", "gclid", "msclkid", "fbclid"})
MOST_NAMED = 20


def tidied(raw: Raw, known: Collection[str], several: Collection[str]) -> dict[str, list[object]]:
    """The post with each name as the form has it. `several`: names that may have more than one value.

    `interests[]` and `interests[2]` are `interests`; `consent[newsletter]=1` and `{"consent": {"newsletter": true}}`
    are the value `newsletter`; capitals in a name do not count where the exact name is not posted.
    """
    names = {name.casefold(): name for name in (*known, *ALSO)}
    found: dict[str, list[object]] = {}
    for given, values in raw.items():
        name, key = given.strip(), ""
        if given not in known and (match := _INDEXED.fullmatch(name)) and match["name"].casefold() in names:
            name, key = match["name"], match["key"].strip()
        if given not in known:
            name = names.get(name.casefold(), given)
        if name != given and name in raw and not key and "[" not in given:
            name = given
        if key and not key.isdecimal():
            if name not in several:
                name = given
            else:
                values = [key if yes(value) else value for value in values if not no(value)]
        found.setdefault(name, []).extend(_boxes(values) if name in several else values)
    return found


def ignored(raw: Raw, known: Collection[str]) -> tuple[str, ...]:
    """The names that were posted and mean nothing here, in order and bounded."""
    used = {name for name in raw if name in known or name.casefold() in ALSO or name.lower().startswith(PLUMBING)}
    return tuple(name[:100].encode(errors="replace").decode() for name in raw if name not in used)[:MOST_NAMED]


def _boxes(values: Iterable[object]) -> Iterable[object]:
    """A JSON object of names and booleans is the list of those that are true."""
    for value in values:
        if isinstance(value, dict) and value and all(isinstance(one, bool) for one in value.values()):
            yield from (name for name, on in value.items() if on)
        else:
            yield value

"""What can be written at the cursor in a template, as completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsl.plan.carries import CARRIES
from engine.mail.context import LAYOUT_NAMES, NAMES
from engine.mail.source import FRONT_MATTER, MAX_SOURCE
from engine.writing import mail_guide
from engine.writing.mail_hover import uses_of_file
from engine.writing.markup import Tag, Word, kind_of_text, member_kind, tags_of
from engine.writing.offers import Offer
from engine.writing.positions import Range
from engine.writing.project import Project

Found = Iterator[tuple[str, str, str]]
"""What to write, its kind, and a word about it."""

_FRONT = {
    "subject": "the line in the inbox; every email needs one", "preheader": "shown after the subject in most inboxes",
    "sender": "Ada Ortiz <ada@acme.example>, instead of the campaign's",
}  # fmt: skip


def complete_mail(project: Project, shown: str, line: int, column: int) -> list[Offer]:
    """`line` and `column` count from 1; `column` is the one that would be written next."""
    if len(project.text(shown)) > MAX_SOURCE:
        return []
    positions = project.positions(shown)
    before = positions.lines[line - 1][: column - 1]
    above = "\n".join([*positions.lines[: line - 1], before])
    tag = _open_tag(above)
    if tag is None:
        found, start = _front(positions.lines, line, before), 1
    else:
        words = tag.words
        text = _open_text(above, tag)
        last = words[-1] if words and words[-1].end == len(above) else None
        if text is not None:
            found, start = _texts(project, shown, words, text), column - (len(above) - text)
        elif last is not None and last.kind in ("name", "number"):
            found, start = _words(project, shown, tag, words[:-1]), column - len(last.text)
        else:
            found, start = _words(project, shown, tag, words), column
    place = Range(positions.position(line, max(start, 1)), positions.position(line, column))
    return [Offer(name, kind, name, place, about=about) for name, kind, about in found]


def list_variables(project: Project, shown: str) -> list[tuple[str, str]]:
    """What a template can show, as it is written between braces, with a word about each."""
    found = [(name, about) for name, _, about in _names(project, shown) if name not in _GROUPS]
    for group, kind in _GROUPS.items():
        found += [(f"{group}.{name}", about) for name, _, about in _members(project, shown, kind)]
    return found


_GROUPS = {"lead": "field", "event": "datum", "owner": "owner", "workspace": "company"}


def _open_tag(above: str) -> Tag | None:
    """The tag that the cursor, at the end of the text, is in."""
    last = None
    for last in tags_of(above):  # noqa: B007 - the last one is wanted
        pass
    return last if last is not None and not last.closed and "\n" not in above[last.end :] else None


def _open_text(above: str, tag: Tag) -> int | None:
    """Where the text in quotes begins that the cursor is in, without its quote."""
    opened = [word for word in tag.words if word.text in ("'", '"')]
    if not opened or "\n" in above[opened[0].start :]:
        return None
    return opened[0].end


def _front(lines: Sequence[str], line: int, before: str) -> Found:
    if line > 1 and lines[0].rstrip() == "---" and "---" not in (text.rstrip() for text in lines[1 : line - 1]):
        written = {text.partition(":")[0].strip() for number, text in enumerate(lines[1:], 2) if number != line}
        for name in FRONT_MATTER if before.strip().isalpha() or not before.strip() else ():
            if name not in written:
                yield f"{name}: ", "property", _FRONT[name]


def _texts(project: Project, shown: str, words: Sequence[Word], start: int) -> Found:
    index = next(index for index, word in enumerate(words) if word.end == start)
    kind = kind_of_text(words, index, words[index - 1].text if index else "")
    if kind == "part":
        for path in sorted(project.templates):
            if project.shown_template(path) != shown:
                yield path, "file", "part"
    elif kind == "file":
        for name in sorted(project.files):
            yield name, "file", "file"
    elif kind is not None:
        yield from _members(project, shown, kind)


def _words(project: Project, shown: str, tag: Tag, words: Sequence[Word]) -> Found:
    before = words[-1].text if words else ""
    if before == ".":
        kind = member_kind(words, len(words) - 2)
        yield from _members(project, shown, kind) if kind else ()
    elif before == "|":
        yield from _known(mail_guide.FILTERS, "function")
    elif before == "is" or (before == "not" and len(words) > 1 and words[-2].text == "is"):
        yield "defined", "keyword", "has a value"
    elif tag.statement and not words:
        yield from _known(mail_guide.STATEMENTS, "keyword")
    elif words and words[-1].kind in ("name", "text", "number") and before not in _OPERATORS:
        yield from ((word, "keyword", "") for word in ("and", "or", "if", "else", "is", "in"))
    else:
        yield from _names(project, shown)


_OPERATORS = ("if", "elif", "and", "or", "not", "in", "else", "include", "extends", "with", "from", "import")


def _known(names: Mapping[str, str], kind: str) -> Found:
    return ((name, kind, about) for name, about in names.items())


def _names(project: Project, shown: str) -> Found:
    path = project.template(shown) or ""
    layout = path.rpartition("/")[2].startswith("_layout")
    for name in sorted(LAYOUT_NAMES if layout else NAMES):
        yield name, "variable", mail_guide.NAMES[name]
    for name in sorted({name for use in uses_of_file(project, shown) for name in use.given}):
        yield name, "variable", "given by `with`"
    yield "range", "function", mail_guide.NAMES["range"]


def _members(project: Project, shown: str, kind: str) -> Found:
    scope = project.checked.scope
    match kind:
        case "field":
            for field in scope.fields.values():
                yield field.name, "field", field.type
        case "datum":
            yield from _data(project, shown)
        case "owner":
            yield from _known(mail_guide.OWNER, "field")
        case "company":
            yield from _known(mail_guide.COMPANY, "field")
        case _:
            pass


def _data(project: Project, shown: str) -> Found:
    """What the events carry that lead to the mail; where one may carry anything, or nothing is known, all there is."""
    uses = uses_of_file(project, shown)
    data = [data.possible for use in uses for data in use.events]
    if data and None not in data:
        names = frozenset[str]().union(*(possible or () for possible in data))
    else:
        names = frozenset(name for carried in CARRIES.values() for name in carried)
        scope = project.checked.scope
        declared = scope.declaring
        names |= {name.value for event in declared for name, _ in event.data or ()}
        names |= {ask.field.value for form in scope.forms.values() for ask in form.asks}
    for name in sorted(names):
        yield name, "field", "a property of an event that leads here"

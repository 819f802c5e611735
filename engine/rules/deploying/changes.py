"""What a deployment would change, for people: campaigns and their steps, declarations, templates and files. Pure.

Nothing at all differs exactly when two programs have the same digest and the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from dsl.plan import AnyStep, Frozen, Plan, Program, targets
from engine.rules.deploying.same_steps import relabelled, renamed
from engine.wording.changes import KINDS, attribute

Kind = Literal["added", "removed", "changed", "moved"]

DECLARATIONS = {
    "fields": "field", "lists": "list", "events": "event", "webinars": "webinar", "forms": "form",
    "scorings": "scoring", "interests": "interest", "segments": "segment", "stages": "stage", "teams": "team",
}  # fmt: skip
LINES = {
    "starts": "start", "leaves": "leaving line", "whenevers": "`whenever`", "reentry": "how often a lead may enter",
    "topic": "topic", "sender": "sender", "from_owner": "sender", "windows": "sending hours",
    "runs": "days on which leads may enter", "goal": "goal", "costs": "costs", "priority": "priority",
    "control": "control group",
}  # fmt: skip
BUILT = "how its blocks are nested"


@dataclass(frozen=True)
class Part:
    """One difference: of a step, a line, a rule. `old` and `new` are its places, `file:line`; empty: not there. `id`
    and `new_id` are a step's ids on either side."""

    kind: Kind
    what: str
    old: str = ""
    new: str = ""
    id: str | None = None
    new_id: str | None = None


@dataclass(frozen=True)
class Change:
    """A campaign or declaration, with its differences where it is there on both sides."""

    kind: Kind
    what: str
    name: str
    source: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Changes:
    campaigns: tuple[Change, ...] = ()
    declarations: tuple[Change, ...] = ()
    files: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.campaigns or self.declarations or self.files)


def compare(
    old: Program | None, new: Program, old_files: Mapping[str, str] | None = None,
    new_files: Mapping[str, str] | None = None,
) -> Changes:  # fmt: skip
    """The differences from `old` to `new`. Files are digests by path; without an old program everything is new."""
    before = {plan.campaign.casefold(): plan for plan in old.campaigns} if old else {}
    after = {plan.campaign.casefold(): plan for plan in new.campaigns}
    campaigns = [
        change
        for key in dict.fromkeys([*after, *before])
        if (change := _campaign(before.get(key), after.get(key))) is not None
    ]
    return Changes(tuple(campaigns), tuple(_declarations(old, new)), tuple(_files(old_files or {}, new_files or {})))


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _campaign(old: Plan | None, new: Plan | None) -> Change | None:
    if old is None or new is None:
        there = new or old
        assert there is not None, "it is on one side at least"
        return Change("removed" if new is None else "added", "campaign", there.campaign, there.source)
    if old.digest == new.digest or relabelled(old, renamed(old, new)).digest == new.digest:
        return None
    parts = (*_lines(old, new), *compare_steps(old, new))
    return Change("changed", "campaign", new.campaign, new.source, parts or (Part("changed", BUILT, "", new.source),))


def _lines(old: Plan, new: Plan) -> Iterator[Part]:
    for name, what in LINES.items():
        yield from _attribute(what, getattr(old, name), getattr(new, name), old.source, new.source)


def compare_steps(old: Plan, new: Plan) -> list[Part]:
    """The steps that differ, in the order of the text: the new plan's, each removed one before what follows it."""
    pairs, names = _pairs(old, new), renamed(old, new)
    news = {new_id: old_id for old_id, new_id in pairs.items()}
    stays = _in_place(old, new)
    parts: list[tuple[float, Part]] = []
    places = {step.id: float(place) for place, step in enumerate(new.steps)}
    last = -1.0
    for step in old.steps:
        if step.id in pairs:
            last = places[pairs[step.id]]
        else:
            parts.append((last + 0.5, Part("removed", KINDS[step.kind], step.source, id=step.id)))
    for step in new.steps:
        if (was := news.get(step.id)) is None:
            parts.append((places[step.id], Part("added", KINDS[step.kind], new=step.source, new_id=step.id)))
            continue
        before = old.by_id[was]
        kind: Kind | None = "changed" if names.get(was, was) != step.id or _content(before) != _content(step) else None
        if kind is None and step.id not in stays:
            kind = "moved"
        if kind is None and _leads_elsewhere(before, step, pairs, stays):
            kind = "moved"
        if kind is not None:
            parts.append(
                (places[step.id], Part(kind, KINDS[step.kind], before.source, step.source, before.id, step.id))
            )
    return [part for _, part in sorted(parts, key=lambda one: one[0])]


def _pairs(old: Plan, new: Plan) -> dict[str, str]:
    """Which step became which: the same id, or one of the same kind in the same place."""
    names = renamed(old, new)
    became = {step.id: names.get(step.id, step.id) for step in old.steps}
    pairs = {step.id: id for step in old.steps if (id := became[step.id]) in new.by_id and _alike(step, new.by_id[id])}
    for tag, a, b, c, d in _opcodes(old, new):
        if tag != "replace":
            continue
        free = [step for step in new.steps[c:d] if step.id not in pairs.values()]
        for step in old.steps[a:b]:
            match = next((one for one in free if _alike(one, step)), None)
            if step.id not in pairs and match is not None:
                pairs[step.id] = match.id
                free.remove(match)
    return pairs


def _in_place(old: Plan, new: Plan) -> set[str]:
    """The steps that stand in the same order on both sides."""
    return {step.id for tag, _, _, c, d in _opcodes(old, new) if tag == "equal" for step in new.steps[c:d]}


def _opcodes(old: Plan, new: Plan) -> Sequence[tuple[str, int, int, int, int]]:
    names = renamed(old, new)
    before, after = [names.get(step.id, step.id) for step in old.steps], [step.id for step in new.steps]
    return SequenceMatcher(None, before, after, autojunk=False).get_opcodes()


def _leads_elsewhere(old: AnyStep, new: AnyStep, pairs: Mapping[str, str], stays: set[str]) -> bool:
    """Whether another step follows although neither it nor the one before was added, removed or moved."""
    before = {pairs.get(target, "") for target in targets(old) if target}
    after = {target for target in targets(new) if target}
    return any(target in stays for target in before ^ after) and before <= stays and after <= stays


def _alike(one: AnyStep, other: AnyStep) -> bool:
    return one.kind == other.kind


def _content(step: AnyStep) -> Any:
    """What a step does, without its place and what follows it."""
    return _without(
        step.model_dump(mode="json"), ("id", "source", "next", "then", "missed", "otherwise", "target", "body")
    )


# ── declarations ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _declarations(old: Program | None, new: Program) -> Iterator[Change]:
    if old is not None:
        parts = tuple(_parts(old.workspace, new.workspace))
        if parts:
            yield Change("changed", "workspace", new.workspace.name, "", parts)
    for kind, what in DECLARATIONS.items():
        before = {one.name.casefold(): one for one in getattr(old, kind)} if old else {}
        after = {one.name.casefold(): one for one in getattr(new, kind)}
        for key in dict.fromkeys([*after, *before]):
            yield from _declared(what, before.get(key), after.get(key))
        if before.keys() == after.keys() and list(before) != list(after) and what == "stage":
            yield Change("moved", "stages", "", next(iter(after.values())).source)
    if old is not None and old.reasons != new.reasons:
        yield Change("changed", "reasons for rejecting a lead", "", "")


def _declared(what: str, old: Any, new: Any) -> Iterator[Change]:
    there = new if new is not None else old
    name, source = there.name or "score", _place(there)
    if old is None or new is None:
        yield Change("removed" if new is None else "added", what, name, source)
    elif parts := tuple(_parts(old, new)):
        yield Change("changed", what, name, source, parts)


def _place(declared: Any) -> str:
    rules = getattr(declared, "rules", ())
    return str(getattr(declared, "source", "") or (rules[0].source if rules else ""))


def _parts(old: Frozen, new: Frozen) -> Iterator[Part]:
    """The attributes that differ."""
    for name in type(new).model_fields:
        if name != "source":
            before, after = getattr(old, name), getattr(new, name)
            yield from _attribute(attribute(name), before, after, _place(old), _place(new))


def _attribute(what: str, old: Any, new: Any, old_place: str, new_place: str) -> Iterator[Part]:
    """Line by line where the value is lines of the file with places of their own, else as a whole."""
    if _bare(old) == _bare(new):
        return
    lines = [*_items(old), *_items(new)]
    if not lines or not all(hasattr(line, "source") for line in lines):
        yield Part("changed", what, old_place, new_place)
        return
    before, after = [_bare(one) for one in _items(old)], [_bare(one) for one in _items(new)]
    gone = [one for one, bare in zip(_items(old), before, strict=True) if bare not in after]
    fresh = [one for one, bare in zip(_items(new), after, strict=True) if bare not in before]
    yield from (Part("removed", what, one.source) for one in gone)
    yield from (Part("added", what, new=one.source) for one in fresh)
    if not gone and not fresh:
        yield Part("moved", what, old_place, new_place)


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)


def _bare(value: Any) -> Any:
    """Without places, and without what follows from other lines."""
    if isinstance(value, Frozen):
        value = value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [_bare(one) for one in value]
    return _without(value, ("source", "entry", "id"))


def _without(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, names) for key, one in value.items() if key not in names}
    if isinstance(value, list | tuple):
        return [_without(one, names) for one in value]
    return value


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            kind: Kind = "added" if path not in old else "removed" if path not in new else "changed"
            what, _, name = path.partition("/")
            yield Change(kind, what.removesuffix("s"), name, path)

"""Names are found where they stand: what the words around a text say is what the tree says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from dsl.compile import parse_file
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span, Text
from engine.writing.names import BARE, mentions
from tests.dsl.harness import CASES

KINDS = {
    ("Send", "template"): "template", ("Notify", "template"): "template", ("Form", "confirm_with"): "template",
    ("Form", "file"): "file", ("Form", "name"): "form", ("Consent", "topic"): "topic", ("Topic", "name"): "topic",
    ("Campaign", "name"): "campaign", ("Campaign", "topic"): "topic", ("Team", "name"): "team",
    ("Scoring", "name"): "scoring", ("ContactList", "name"): "list", ("CustomEvent", "name"): "event",
    ("Webinar", "name"): "webinar", ("Interest", "name"): "interest", ("Segment", "name"): "segment",
    ("Interest", "files"): "file", ("Interest", "emails"): "template", ("Workspace", "name"): "workspace",
    ("AddPoints", "model"): "scoring", ("Score", "model"): "scoring", ("InterestCount", "name"): "interest",
    ("ListStep", "name"): "list", ("TopicStep", "topic"): "topic", ("Subscribed", "topic"): "topic",
    ("HandOff", "team"): "team", ("Enter", "campaign"): "campaign", ("LeaveCampaign", "campaign"): "campaign",
    ("Reactivation", "campaign"): "campaign",
}  # fmt: skip
"""What the attributes of the tree with a text in quotes name; those left out are no names, or told by `special`."""


def special(node: Any) -> Iterator[tuple[str, Text]]:
    if isinstance(node, tree.Event) and node.name:
        kinds = {"email": "template", "score": "scoring"}
        kind = kinds.get(node.noun.value, node.noun.value)
        if kind not in ("link", "page", "video", "meeting"):
            yield kind, node.name
        if node.email:
            yield "template", node.email
    elif isinstance(node, tree.Event) and node.dated and node.dated.name:
        yield node.dated.word.value, node.dated.name
    elif isinstance(node, tree.FormStyle):
        yield from (("file", value) for name, value in node.parts if name.value == "logo")
    elif isinstance(node, tree.Workspace):
        yield from ((kind.value, name) for kind, name in node.unmailed)
    elif isinstance(node, tree.Membership):
        yield node.group.value, node.name
    elif isinstance(node, tree.Schedule):
        yield node.kind, node.audience
    elif isinstance(node, (tree.Receiver, tree.Action)):
        named = node.name if isinstance(node, tree.Receiver) else node.to
        if node.kind == "team" and named:
            yield "team", named


def told(node: Any) -> Iterator[tuple[str, str, Span]]:
    if isinstance(node, tuple):
        for item in node:
            yield from told(item)
    elif is_dataclass(node) and not isinstance(node, (Span, type)):
        yield from ((kind, text.value, text.span) for kind, text in special(node))
        for attribute in fields(node):
            if attribute.name == "statements":
                continue
            value = getattr(node, attribute.name)
            kind = KINDS.get((type(node).__name__, attribute.name))
            if kind:
                texts = value if isinstance(value, tuple) else (value,)
                yield from ((kind, text.value, text.span) for text in texts if text is not None)
            yield from told(value)


@pytest.mark.parametrize("case", sorted((CASES / "good").rglob("*.campaign")), ids=lambda path: path.stem)
def test_names_in_quotes_are_those_of_the_tree(case: Any) -> None:
    file = parse_file(case.name, case.read_text("utf-8"))
    found = {(one.kind, one.name, one.span) for one in mentions(file) if one.kind not in BARE}
    assert found == {item for declaration in file.declared for item in told(declaration)}

"""What each name and each filter of a template is, in a sentence: shown on hover and beside completions."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "lead": "The lead who gets the mail: `lead.FIELD`. A field without a value is false in an `if`, and needs a "
    "`default` where it is printed.",
    "greeting": "*Hello Ada*, *Guten Tag Ada Lovelace*, in the language of the text and without a comma; without a "
    "believable name just *Hello*.",
    "score": "The lead's score.",
    "stage": "The lead's stage.",
    "interests": "The interests that the lead has shown.",
    "owner": "The colleague the lead belongs to: `owner.name`, `owner.email`.",
    "event": "What the event carried that started or last woke this branch: `event.FIELD`.",
    "workspace": "As declared: `workspace.name`, `workspace.address`.",
    "unsubscribe_url": "Where the lead unsubscribes; empty in mails that are no marketing.",
    "preferences_url": "Where the lead chooses topics; empty in mails that are no marketing.",
    "confirm_url": "Where the button of a double opt-in leads; empty in other mails.",
    "view_url": "Where the mail can be read in a browser; empty where it cannot.",
    "file_url": '`file_url("guide.pdf")` is the address of a file, for this lead.',
    "content": "In a layout: the mail itself.",
    "subject": "In a layout: the mail's subject.",
    "preheader": "In a layout: what most inboxes show after the subject.",
    "language": "In a layout: the language of the text.",
    "words": "In a layout, in the language of the text: `words.unsubscribe`, `words.preferences`, `words.view`.",
    "range": "`range(3)` counts 0, 1, 2; at most 1,000 numbers.",
    "loop": "In a `for`: `loop.index`, `loop.first`, `loop.last`.",
}
OWNER: Mapping[str, str] = {
    "name": "The name of the lead's colleague.",
    "email": "The address of the lead's colleague.",
}
COMPANY: Mapping[str, str] = {"name": "The name of the workspace.", "address": "Your postal address, as declared."}

FILTERS: Mapping[str, str] = {
    "date": '`{{ lead.contract_end|date }}`: 24 December 2026, in the lead\'s language and zone; also `date("short")`, '
    "`medium` and `full`",
    "time": "`{{ event.start|time }}`: 10:00 AM, in the lead's language and zone",
    "number": "`{{ 12000|number }}`: 12,000; `number(2)` with two decimals",
    "money": '`{{ 1200|money }}`: €1,200.00, in the workspace\'s currency; `money("USD")`',
    "percent": "`{{ 10|percent }}`: 10%",
    "default": '`{{ lead.first_name|default("you") }}`: the text in brackets where there is no value',
    "d": "short for `default`",
    "upper": "in capitals",
    "lower": "in small letters",
    "title": "each word with a capital",
    "capitalize": "the first letter a capital",
    "trim": "without space around it",
    "truncate": "`truncate(40)`: at most 40 characters",
    "replace": '`replace("a", "b")`',
    "urlencode": "as part of an address",
    "join": '`join(", ")`: a list as one text',
    "first": "the first of a list",
    "last": "the last of a list",
    "length": "how many there are",
    "count": "how many there are",
    "sort": "a list in order",
    "unique": "a list without repetitions",
    "round": "`round(1)`: to one decimal",
    "int": "without decimals",
    "abs": "without its sign",
}

STATEMENTS: Mapping[str, str] = {
    "if": "{% if lead.company %}…{% endif %}", "elif": "a second condition", "else": "otherwise",
    "endif": "ends an `if`", "for": "{% for item in list %}…{% endfor %}", "endfor": "ends a `for`",
    "set": '{% set name = "…" %}', "include": '{% include "_signature.md" %}', "extends": '{% extends "_page.html" %}',
    "import": "macros of a file", "from": '{% from "_macros.html" import button %}',
    "block": "{% block name %}…{% endblock %}", "endblock": "ends a `block`",
    "macro": "{% macro name(value) %}…{% endmacro %}", "endmacro": "ends a `macro`", "with": "{% with a = 1 %}",
    "endwith": "ends a `with`", "raw": "text that is no template", "endraw": "ends a `raw`",
}  # fmt: skip

"""What each name and each filter of a template is, in a sentence: shown on hover and beside completions."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "lead": "The lead who gets the email: `lead.FIELD`. A field without a value is false in an `if`, and needs a "
    "`default` if it is printed.",
    "greeting": "*Hello Ada*, *Guten Tag Ada Lovelace*, in the language of the text and without a comma; without a "
    "plausible name just *Hello*.",
    "score": "The lead's score.",
    "stage": "The lead's stage.",
    "interests": "The interests that the lead has shown.",
    "owner": "The team member the lead belongs to: `owner.name`, `owner.email`.",
    "event": "A property of the event that started or last woke this branch: `event.FIELD`.",
    "workspace": "As declared: `workspace.name`, `workspace.address`.",
    "unsubscribe_url": "The address for unsubscribing; empty in emails that are not marketing.",
    "preferences_url": "The address for choosing topics; empty in emails that are not marketing.",
    "confirm_url": "The address of the button of a double opt-in; empty in other emails.",
    "view_url": "The address of the email in a browser; empty if there is none.",
    "file_url": '`file_url("guide.pdf")` is the address of a file, for this lead.',
    "content": "In a layout: the email itself.",
    "subject": "In a layout: the email's subject.",
    "preheader": "In a layout: the text that most inboxes show after the subject.",
    "language": "In a layout: the language of the text.",
    "words": "In a layout, in the language of the text: `words.unsubscribe`, `words.preferences`, `words.view`.",
    "range": "`range(3)` counts 0, 1, 2; at most 1,000 numbers.",
    "loop": "In a `for`: `loop.index`, `loop.first`, `loop.last`.",
}
OWNER: Mapping[str, str] = {
    "name": "The name of the lead's owner.",
    "email": "The address of the lead's owner.",
}
COMPANY: Mapping[str, str] = {"name": "The name of the workspace.", "address": "Your postal address, as declared."}

FILTERS: Mapping[str, str] = {
    "date": "`{{ lead.contract_end|date }}`: December 24, 2026, in the lead's language and zone; also "
    '`date("short")`, `medium` and `full`',
    "time": "`{{ event.start|time }}`: 10:00 AM, in the lead's language and zone",
    "number": "`{{ 12000|number }}`: 12,000; `number(2)` with two decimals",
    "money": '`{{ 1200|money }}`: €1,200.00, in the workspace\'s currency; `money("USD")`',
    "percent": "`{{ 10|percent }}`: 10%",
    "country": "`{{ lead.country|country }}`: Germany, in the lead's language",
    "default": '`{{ lead.first_name|default("you") }}`: the text in parentheses if there is no value',
    "d": "short for `default`",
    "upper": "in capital letters",
    "lower": "in lower case",
    "title": "each word with a capital",
    "capitalize": "the first letter a capital",
    "trim": "without surrounding spaces",
    "truncate": "`truncate(40)`: at most 40 characters",
    "replace": '`replace("a", "b")`',
    "urlencode": "encoded as part of an address",
    "join": '`join(", ")`: a list as one text',
    "first": "the first of a list",
    "last": "the last of a list",
    "length": "how many there are",
    "count": "how many there are",
    "sort": "a list in order",
    "unique": "a list without duplicates",
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
    "endwith": "ends a `with`", "raw": "text that is not a template", "endraw": "ends a `raw`",
}  # fmt: skip

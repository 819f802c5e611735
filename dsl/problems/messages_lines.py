"""The English of problems with declarations, campaigns and their steps; the rest stands in `dsl.problems.messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """A headline that stands alone, and help for when no near name is known. Both are `str.format` templates."""

    headline: str
    help: str = ""


BY_LINE: Mapping[str, Entry] = {
    # ── places ──
    "E401": Entry("`{text}` is not the beginning of any line {context}", "lines here begin with {allowed}"),
    "E402": Entry("`{text}` does not belong {context}", "{homes}"),
    "E403": Entry(
        "nothing can be indented below `{head}`", "move these lines to the left, to the same depth as `{head}`"
    ),
    "E404": Entry(
        "nothing is indented below `{head}`", "indent what belongs to it by four more spaces, or delete the line"
    ),
    "E405": Entry("`{what}` is said twice", "keep one of the two"),
    "E406": Entry("`{head}` belongs to nothing", "{hint}"),
    "E407": Entry("`{head}` after `otherwise` is never reached", "put it before `otherwise`"),
    "E408": Entry(
        "this wait never ends by itself, so `otherwise` is never reached", "give it a limit: `wait up to 4 days for …`"
    ),
    "E409": Entry(
        "a plain wait has no `otherwise`", "it always passes; `otherwise` goes with `wait up to … for` or `wait until`"
    ),
    "E410": Entry("a condition does not begin with `{text}` here", "leave it out: the lines are joined by `and`"),
    "E411": Entry(
        "a condition does not begin with `or`", "the lines are joined by `and`; write both sides of an `or` in one line"
    ),
    "E412": Entry("an arm of a split begins with its share", 'write `50% "{name}"`, with its steps below it'),
    # ── declarations ──
    "E501": Entry(
        "there is no workspace",
        'add a file with a line `workspace "Your company"` and the address that stands in every mail',
    ),
    "E502": Entry("only one {what} is possible", "put everything under one `{head}`, or delete one"),
    "E503": Entry("`{text}` is not an email address", 'write it like "ada@example.com"'),
    "E504": Entry("`{text}` is not a sender", 'write it like "Acme Pumps <hello@acme.example>"'),
    "E505": Entry("`{text}` is not a web address", 'write it in full, like "https://acme.example/thanks"'),
    "E506": Entry("`{text}` is more than a site", 'write only the beginning: "{meant}"'),
    "E507": Entry(
        "form `{name}` does not ask for an email address",
        "add `ask email required`; without it nobody can be written to",
    ),
    "E508": Entry(
        "{field} comes from the CRM, so a form cannot fill it", "delete the line, or take `from crm` from the field"
    ),
    "E509": Entry("`{name}` is not an intent", "intents are content, demo, help, event, newsletter and other"),
    "E510": Entry(
        "this lifecycle has {count}",
        "write at least two: the first for anonymous visitors, the second for people you know",
    ),
    "E511": Entry(
        "there is no lifecycle, so there is no stage `{name}`",
        "declare one: `lifecycle` with a line `stage {name}` below it",
    ),
    "E512": Entry("two teams take every lead nobody else takes", "keep `takes all other leads` in one of them"),
    "E513": Entry("leads that no team takes would be lost", "add a team with `takes all other leads`"),
    "E514": Entry("team `{name}` has no members", 'add a line such as `member "ada@example.com"`'),
    "E515": Entry(
        "team `{name}` does not say which leads it takes",
        'add `takes all other leads` or `takes leads where country is "DE"`',
    ),
    "E516": Entry(
        "there is no team to hand off to", 'declare one: `team "Sales"` with `takes all leads` and a `member`'
    ),
    "E517": Entry("two teams take leads where {field} is {value}", "leave it out in one of them"),
    "E518": Entry("`{text}` is not a way to assign leads", "ways are former owner, round robin and least busy"),
    "E519": Entry(
        "team `{other}` may take leads that team `{one}` takes",
        "add `and not (…)` with the condition of `{one}`, or write `takes all other leads` in one of the two",
    ),
    "E520": Entry("a team that is full cannot hand over to itself", "name another team, or write `when full, wait`"),
    "E521": Entry("adding 0 points does nothing", "delete it, or give it points"),
    "E522": Entry("a scoring rule cannot ask for a score", "ask for fields or the stage instead"),
    "E523": Entry("{what} cannot be `{text}`", "write {hint}"),
    "E524": Entry("a field of type {type} has a list of choices", 'write `field {name} {type} ("a", "b")`'),
    "E525": Entry("only choice and choices have a list in brackets", "write `field {name} {type}`"),
    "E527": Entry(
        'the label for "{language}" belongs to no language of the workspace',
        'add "{language}" to `languages`, or delete the label',
    ),
    "E528": Entry(
        "marketing mails must name your postal address",
        'add to the workspace: `address "Acme Pumps GmbH, Hauptstr. 1, 46562 Voerde, Germany"`',
    ),
    "E529": Entry("mails need a sender", 'add to the workspace: `sender "Acme Pumps <hello@acme.example>"`'),
    "E541": Entry("`{text}` is not the path of a page", 'write it from the first slash, like "/pumps*"'),
    # ── flows ──
    "E530": Entry(
        "topic `{name}` has no description",
        'say what people will get: `topic "{name}" "News about pumps, once a month"`',
    ),
    "E601": Entry("campaign `{name}` has no flow", "add `flow` with the steps below it"),
    "E602": Entry(
        "this step is never reached", "the steps before it always end the campaign; delete this one, or move it up"
    ),
    "E603": Entry("a campaign cannot enter itself", "to run it again, use `enters again after 90 days`"),
    "E604": Entry(
        "these campaigns enter each other without a pause: {path}",
        "put a `wait` before one of the steps or starts that enter the next campaign",
    ),
    "E605": Entry("`{what}` cannot stand in `{where}`", "it runs at once; put waits into the flow"),
    "E606": Entry(
        "a handoff in `{where}` has no cases", "it runs on its own; delete the lines below it, or hand off in the flow"
    ),
    "E607": Entry("a mail cannot be sent both `as {first}` and `as {second}`", "keep one of the two"),
    "E608": Entry("the suffix `{what}` is said twice", "keep one of the two"),
    "E609": Entry(
        "`{name}` is a part of templates, not a mail", "names that begin with `_` are only included by others"
    ),
    "E610": Entry(
        "this brings about what its own `whenever` waits for, again and again",
        "put a limit behind the event: `, once per 1 day`; or delete this line",
    ),
    "E611": Entry(
        "delivering this mail starts the campaign that sends it again, and so on without end: {path}",
        "say in `{name}`: `enters again after 30 days`; or put a `wait` of a day or more before this mail",
    ),
    "E620": Entry("a split needs at least two arms", 'add another one, like `50% "nothing"`, or take the split away'),
    "E622": Entry("a test needs at least two variants", 'add another one: `variant "b"` with its steps below it'),
    "E624": Entry("`{text}` cannot decide a test", "tests are decided by clicks, opens, replies or goal"),
    "E625": Entry(
        "this test is decided by the goal, and the campaign has none",
        "add to the campaign: `goal lead becomes SQL within 60 days`",
    ),
    "E626": Entry(
        "how often shall this be repeated?", "write `repeat up to 3 times …`; without a count it would never end"
    ),
    "E627": Entry(
        "all rounds of this repeat would run at once",
        "write `repeat up to 3 times every 14 days`, or put a `wait` into the block",
    ),
    "E628": Entry("a test of subjects needs at least two", 'write `testing subject "{text}" or "Another one"`'),
    "E629": Entry("adding 0 changes nothing", "delete the line, or add another number"),
    "E630": Entry("{field} cannot be set by a campaign", "{hint}"),
    "E631": Entry("{field} holds {holds}, and this is {value}", "set another field, or change the field's type"),
    "E632": Entry(
        "`{name}` holds {holds}, not a date", "a wait can count from a date only, like `7 days before contract_end`"
    ),
    "E633": Entry("data is sent to encrypted addresses only", 'write "{meant}"'),
    "E634": Entry("a lead is recycled for a reason", 'say why, like `because "no budget"`'),
    "E638": Entry("a campaign cannot leave itself like this", "write `stop`"),
    "E640": Entry("only a datum of the event can tell runs apart", "write `{meant}`"),
    "E641": Entry(
        "this is not how costs are written",
        "write `costs 5000 EUR`, `costs 1200 EUR per month` or `costs 6 hours per month at 60 EUR`",
    ),
    "E642": Entry("costs come once or per month, not per {text}", "write `per month`, or leave it out"),
    "E643": Entry("`{text}` is no cost", "costs are more than nothing; delete the line if there are none"),
    "E645": Entry(
        "only a segment, a list or a topic has present members",
        'write `starts when segment "Customers" is entered, including present members`',
    ),
    "E646": Entry("{event} does not carry `{name}`, so runs cannot be told apart by it", "it carries {names}"),
    "E647": Entry("`{text}` is not a priority", "priorities are high, normal and low"),
    "E648": Entry("a control group of 100% leaves nobody to write to", "write `control group 10%`"),
    "E649": Entry(
        "campaign `{name}` can never send: quiet hours from {hours} cover all its windows",
        "change `sends on …` or the quiet hours",
    ),
    # ── warnings ──
    "W101": Entry("nothing starts campaign `{name}`", "add `starts when …`, or enter it from another campaign"),
    "W102": Entry(
        "no form asks for consent to topic `{name}`: only who ticks it on the preference page gets these mails",
        'add to a form: `consent "…" for topic "{name}"`',
    ),
    "W103": Entry(
        "this score may be above {threshold} already, and then nothing comes",
        "ask with `if score >= {threshold}` before waiting",
    ),
    "W104": Entry("nothing leads to stage `{name}`", 'add below it, for example: `when form "demo" is submitted`'),
    "W105": Entry(
        "no form asks for consent to topic `{name}`: it stands on the preference page alone",
        'add to a form: `consent "…" for topic "{name}"`, or delete the topic',
    ),
    "W106": Entry(
        "{easy} earns {more} points, and {hard} only {less}", "the harder an action, the more it should earn"
    ),
    "W107": Entry("{what} cannot reach {threshold}: all rules together give {most}", "lower the number, or add rules"),
    "W108": Entry(
        "this is mail number {count} in a time for which the workspace allows {times}",
        "it will wait until the limit allows it, or be left out; put a longer wait before it",
    ),
    "E651": Entry(
        "`{field}` may be unknown or past here, and then the flow would continue immediately",
        "add `otherwise` below the wait with what happens then, such as `stop`, or put the wait below "
        "`if {field} is after today`",
    ),
    "W114": Entry(
        "this moment may have passed when a lead gets here, and then the flow continues immediately",
        "add `otherwise` below the wait with what happens then, such as `stop`",
    ),
    "E650": Entry("this step has no effect: {why}", "{hint}"),
    "W110": Entry(
        "{text} in {zone} {how}",
        "what falls on a skipped time is done an hour later, and of two equal times the first counts; a time like "
        "09:00 is never in doubt",
    ),
    "W111": Entry(
        "`{name}` is never {verb}: it is only sent as transactional, and such mails are not tracked",
        "take `as transactional` away if it is no answer to what the lead did, or wait for something else",
    ),
    "W112": Entry(
        "every lead enters here, also those who never heard of webinar `{name}`",
        'add `, only if has registered for webinar "{name}"`',
    ),
    "W113": Entry(
        "nobody enters on {date}: leads may enter from {first} to {last} only",
        "choose a day within, or change `runs from … to …`",
    ),
    "W109": Entry(
        "{kind} `{name}` is nearly {kind} `{other}`", "if they are the same, write `{other}`; if not, declare both"
    ),
}

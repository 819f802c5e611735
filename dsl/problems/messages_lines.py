"""The English of problems with declarations, campaigns and their steps; the rest is in `dsl.problems.messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """A headline that stands alone, and help for when no near name is known. Both are `str.format` templates."""

    headline: str
    help: str = ""


BY_LINE: Mapping[str, Entry] = {
    # ── places ──
    "E401": Entry("a line {context} cannot start with `{text}`", "start it with {allowed}"),
    "E402": Entry("`{text}` is not allowed {context}", "{homes}"),
    "E403": Entry("`{head}` cannot have lines below it", "move these lines to the left, to the same depth as `{head}`"),
    "E404": Entry("`{head}` needs lines below it", "indent its lines by four more spaces, or delete `{head}`"),
    "E405": Entry("duplicate `{what}`", "delete one of them"),
    "E406": Entry("`{head}` belongs to no line above it", "{hint}"),
    "E407": Entry("`{head}` after `otherwise` is never reached", "move it before `otherwise`"),
    "E408": Entry(
        "this wait has no time limit, so its `otherwise` can never run", "add a time limit: `wait up to 4 days for …`"
    ),
    "E409": Entry(
        "a wait for a time alone cannot have `otherwise`",
        "delete `otherwise`, or wait for an event: `wait up to 4 days for …`",
    ),
    "E410": Entry("a condition cannot start with `{text}` here", "delete it; these lines are joined by `and`"),
    "E411": Entry("a condition cannot start with `or`", "{hint}; lines are joined by `and`"),
    "E413": Entry("`{text}` is not how this line is written", "{hint}"),
    "E412": Entry("a branch of a split must start with its share", 'write `50% "{name}"`, with its steps below it'),
    # ── declarations ──
    "E501": Entry(
        "there is no workspace", 'add `workspace "Your company"` to a file, with your postal address below it'
    ),
    "E502": Entry("there can be only one {what}", "put everything under one `{head}`, or delete one"),
    "E503": Entry("`{text}` is not an email address", 'write it like this: "ada@example.com"'),
    "E504": Entry("`{text}` is not a sender", 'write it like this: "Acme Pumps <hello@acme.example>"'),
    "E505": Entry("`{text}` is not a web address", 'write it in full, like this: "https://acme.example/thanks"'),
    "E506": Entry("`{text}` is more than the address of a site", 'write only the start: "{meant}"'),
    "E507": Entry("form `{name}` does not ask for an email address", "add `ask email required`"),
    "E508": Entry(
        "{field} comes from the CRM, so a form cannot fill it", "delete the line, or remove `from crm` from the field"
    ),
    "E509": Entry("`{name}` is not an intent", "use one of content, demo, help, event, newsletter, other"),
    "E510": Entry(
        "a lifecycle needs at least two stages",
        "add `stage` lines: the first for visitors, the second for leads",
    ),
    "E511": Entry(
        "there is no lifecycle, so there is no stage `{name}`",
        "declare one: `lifecycle`, with a line `stage {name}` below it",
    ),
    "E512": Entry("two teams take all other leads", "keep `takes all other leads` in one of them"),
    "E513": Entry("leads that no team takes would be lost", "add a team with `takes all other leads`"),
    "E514": Entry("team `{name}` has no members", 'add a line such as `member "ada@example.com"`'),
    "E515": Entry(
        "team `{name}` does not say which leads it takes",
        'add `takes all other leads` or `takes leads where country is "DE"`',
    ),
    "E516": Entry(
        "there is no team to hand off to", 'declare one: `team "Sales"`, with `takes all leads` and a `member` below it'
    ),
    "E517": Entry("two teams take leads where {field} is {value}", "remove the value from one of them"),
    "E518": Entry("`{text}` is not a way to assign leads", "use one of former owner, round robin, least busy"),
    "E519": Entry(
        "team `{other}` may take leads that team `{one}` takes",
        "add `and not (…)` with the condition of `{one}`, or write `takes all other leads` in one of the two",
    ),
    "E520": Entry("a team that is full cannot pass leads to itself", "name another team, or write `when full, wait`"),
    "E521": Entry("adding 0 points has no effect", "delete the line, or add a number of points"),
    "E526": Entry("`{text}` is more points than a score can take", "write a number up to 100000"),
    "E522": Entry("a scoring rule cannot use a score", "use a field or the stage instead"),
    "E523": Entry("{what} cannot be `{text}`", "write {hint}"),
    "E524": Entry("a field of type {type} needs a list of choices", 'write `field {name} {type} ("a", "b")`'),
    "E525": Entry("only `choice` and `choices` can have a list in parentheses", "write `field {name} {type}`"),
    "E527": Entry(
        'the label for "{language}" is not in a language of the workspace',
        'add "{language}" to `languages`, or delete the label',
    ),
    "E528": Entry(
        "marketing emails must contain your postal address",
        'add to the workspace: `address "Acme Pumps GmbH, Hauptstr. 1, 46562 Voerde, Germany"`',
    ),
    "E529": Entry("emails need a sender", 'add to the workspace: `sender "Acme Pumps <hello@acme.example>"`'),
    "E556": Entry("a region cannot depend on `{name}`", 'use the country: `country in ("DE", "AT", "CH")`'),
    "E557": Entry("the country `{name}` is in two regions", "delete it from one of them"),
    "E559": Entry(
        "consent to `{topic}` has no wording in the first language",
        'write `consent "{language}" "I would like to receive these emails", … for topic "{topic}"`',
    ),
    "E560": Entry("`{text}` is not a CRM that Coldframe knows", "use hubspot or webhooks"),
    "E561": Entry(
        "this cannot be sent to a CRM",
        'write a field, `stage`, `score`, `score of "fit"`, or `interest in "Pumps"`, then `to "their_field"`',
    ),
    "E562": Entry(
        "`{name}` can change on both sides, and nothing says which value stands",
        "add `conflict {name} newest wins`, or add `from crm` to the field",
    ),
    "E563": Entry("only a rejection has a reason", "delete `because`, or write `rejected` instead of `{outcome}`"),
    "E564": Entry(
        "this CRM does not say which leads it gets", "add the line `sends leads from stage {stage}` below it"
    ),
    "E565": Entry("a CRM cannot write `{name}`", "delete it from the line"),
    "E566": Entry(
        "`{name}` is not read from this CRM, so no conflict is possible",
        'delete the line, or add `reads {name} from "their_field"`',
    ),
    "E541": Entry("`{text}` is not the path of a page", 'start it with a slash, like this: "/pumps*"'),
    "E542": Entry("`{text}` is not the host of a site", 'write it like this: "acme.example"'),
    "E543": Entry("a channel cannot depend on `{name}`", "use one of source, medium, campaign, keyword, content"),
    "E544": Entry("a form cannot fill `{name}`, which Coldframe measures", "delete the line"),
    "E545": Entry(
        "`{text}` cannot be forgotten",
        "use one of forget visitors after 13 months, forget events after 3 years, or "
        "forget leads without consent after 24 months",
    ),
    "E546": Entry("{what} cannot be forgotten after `{text}`", "{hint}"),
    "E547": Entry(
        "`{text}` is not a path of CSV files in the workspace", 'write it like this: `spend from "ads/*.csv"`'
    ),
    "E548": Entry("a form's style has no `{name}`", "use one of color, background, text, logo"),
    "E549": Entry("`{text}` is not a color", 'write it like this: `{name} "#1f6f54"`'),
    "E550": Entry(
        "`{text}` cannot be a logo",
        "use a .png, .jpg, .svg, .gif, .webp, or .avif file from `files/`, or an address that starts with `https://`",
    ),
    "E551": Entry(
        "the logo is on `{host}`, which is not a site of yours", 'add to the workspace: `own sites "{host}"`'
    ),
    # ── flows ──
    "E552": Entry(
        "`{name}` has no choices to label", 'declare it as `field {name} choice ("…", "…")`, or delete the line'
    ),
    "E553": Entry(
        "`{text}` would label both `{choice}` and `{other}`", "write another label, so that people can tell them apart"
    ),
    "E530": Entry(
        "topic `{name}` has no description",
        'add what subscribers get: `topic "{name}" "News about pumps, once a month"`',
    ),
    "E531": Entry(
        "{day} has business hours twice, from {first} and from {second}",
        "keep one of the two: leave {day} out of the other line, or let one span begin when the other has ended",
    ),
    "E532": Entry("a note cannot be a number or a date", 'write `note "Wants {{{{ event.wants }}}}"`'),
    "E601": Entry("campaign `{name}` has no flow", "add `flow`, with the steps below it"),
    "E602": Entry("this step is never reached", "delete it, or move it before the step that ends the campaign"),
    "E603": Entry("a campaign cannot enter itself", "use `enters again after 90 days` to let leads enter again"),
    "E604": Entry(
        "these campaigns enter each other without a pause: {path}",
        "add a `wait` before one of the steps or starts that enter the next campaign",
    ),
    "E605": Entry("`{what}` is not allowed in `{where}`", "move the wait to the flow; this block cannot wait"),
    "E606": Entry(
        "a handoff in `{where}` cannot have cases", "delete the lines below it, or move the handoff to the flow"
    ),
    "E607": Entry("an email cannot be sent both `as {first}` and `as {second}`", "keep one of the two"),
    "E608": Entry("duplicate `{what}`", "delete one of them"),
    "E609": Entry("`{name}` is a part of templates, not an email", "use a template whose name does not start with `_`"),
    "E610": Entry(
        "this step sets off its own `whenever`, so it would repeat forever",
        "add a limit after the event, such as `, once per 1 day`, or delete this line",
    ),
    "E612": Entry(
        "this step starts campaigns again and again: {path}",
        "add a `wait` of a day or more before this step, or delete `enters every time`",
    ),
    "E611": Entry(
        "delivering this email starts the campaign that sends it, without end: {path}",
        "write in `{name}`: `enters again after 30 days`; or add a `wait` of a day or more before this email",
    ),
    "E620": Entry("a split needs at least two branches", 'add another one, such as `50% "nothing"`, or delete it'),
    "E622": Entry("a test needs at least two variants", 'add another one: `variant "b"`, with its steps below it'),
    "E624": Entry("`{text}` cannot decide a test", "use one of clicks, opens, replies, goal"),
    "E625": Entry(
        "this test is decided by the goal, but the campaign has none",
        "add to the campaign: `goal lead becomes SQL within 60 days`",
    ),
    "E626": Entry("`repeat` needs a maximum number of rounds", "write `repeat up to 3 times …`"),
    "E627": Entry(
        "all rounds of this repeat would run at the same time",
        "write `repeat up to 3 times every 14 days`, or add a `wait` to the block",
    ),
    "E628": Entry("a test of subjects needs at least two", 'write `testing subject "{text}" or "Another one"`'),
    "E629": Entry("adding 0 has no effect", "delete the line, or add another number"),
    "E630": Entry("a campaign cannot set {field}", "{hint}"),
    "E631": Entry("{field} holds {holds}, but this is {value}", "set another field, or change the type of {field}"),
    "E632": Entry("`{name}` holds {holds}, not a date", "use a date field, as in `7 days before contract_end`"),
    "E633": Entry("data can be sent only to an encrypted address", 'write "{meant}"'),
    "E635": Entry(
        "data cannot be posted to an address in a private network",
        'write the public address of the system, such as "https://crm.acme.example/hooks"',
    ),
    "E634": Entry("a lead cannot be recycled without a reason", 'write `because "no budget"`'),
    "E638": Entry("a campaign cannot leave itself", "write `stop`"),
    "E640": Entry("`enters once per` needs a property of the event", "{hint}"),
    "E641": Entry(
        "these costs cannot be read",
        "write `costs 5000 EUR`, `costs 1200 EUR per month` or `costs 6 hours per month at 60 EUR`",
    ),
    "E642": Entry("costs cannot be per {text}", "write `per month`, or remove `per {text}`"),
    "E643": Entry("`{text}` is not a cost", "write an amount above zero, or delete the line"),
    "E645": Entry(
        "only a segment, a list or a topic has present members",
        'write `starts when segment "Customers" is entered, including present members`',
    ),
    "E646": Entry("{event} has no property `{name}`, so it cannot separate runs", "{hint}"),
    "E647": Entry("`{text}` is not a priority", "use one of high, normal, low"),
    "E648": Entry("a control group of 100% leaves no lead to write to", "write `control group 10%`"),
    "E649": Entry(
        "campaign `{name}` can never send: quiet hours from {hours} cover all its windows",
        "change `sends on …` or the quiet hours",
    ),
    # ── warnings ──
    "W101": Entry("no lead can enter campaign `{name}`", "add `starts when …`, or enter it from another campaign"),
    "W102": Entry(
        "no form asks for consent to topic `{name}`, so only leads who opt in on the preference page get these emails",
        'add to a form: `consent "…" for topic "{name}"`',
    ),
    "W103": Entry(
        "a lead already at {threshold} or more does not trigger this",
        "check `if {score} >= {threshold}` before the wait",
    ),
    "W104": Entry("no lead can reach stage `{name}`", 'add a line below it, such as `when form "demo" is submitted`'),
    "W105": Entry(
        "no form asks for consent to topic `{name}`, so it is only on the preference page",
        'add to a form: `consent "…" for topic "{name}"`; or delete the topic',
    ),
    "W106": Entry(
        "{easy} earns {more} points, but {hard} only {less}", "give more points to the action that takes more effort"
    ),
    "W107": Entry("{what} cannot reach {threshold}: all rules together give {most}", "lower the number, or add rules"),
    "W108": Entry(
        "email {count} in a period for which the workspace allows {times}",
        "add a longer wait before it; until the limit allows it, the email waits or is skipped",
    ),
    "E651": Entry(
        "this wait ends immediately if `{field}` is unknown or past",
        "add `or skip if past` to the line, or add `otherwise` below it with the steps for that case, such as `stop`",
    ),
    "W115": Entry(
        "leads created less than {length} ago fit as well",
        "add `and created is more than {length} ago`, or a date: `and created is before 2026-01-01`",
    ),
    "W116": Entry(
        "no form that starts this campaign asks for consent to `{topic}`",
        'add to form `{form}`: `consent "I would like to receive these emails" for topic "{topic}"`',
    ),
    "E652": Entry(
        "`send next of` needs rounds",
        "put it below `repeat up to {emails} times every 14 days`, or write one `send` for each email",
    ),
    "E653": Entry("`send next of` needs at least two emails", 'write `send "{name}"`, or add another email'),
    "E654": Entry(
        "{rounds} rounds, but only {emails} emails",
        "add `, then start again` or `, then send nothing`, or write `repeat up to {emails} times`",
    ),
    "W118": Entry(
        "`working days` here skips no holidays, because the workspace names none",
        'add to the workspace: `holidays "DE"`, or `closed from 2026-12-24 to 2027-01-01`',
    ),
    "E655": Entry(
        "the workspace can never send: quiet hours from {hours} cover all its windows",
        "change `sends on …` or the quiet hours of the workspace",
    ),
    "W119": Entry(
        "this email may come too late: sending can rest for {gap}",
        "write a `within` longer than {within}, or add days to `sends on`",
    ),
    "W117": Entry(
        "`then {then}` never happens: {rounds} rounds do not need more than {emails} emails",
        "delete `, then {then}`, or repeat more often",
    ),
    "W114": Entry(
        "this moment may have passed, so the wait may end immediately",
        "add `or skip if past` to the line, or add `otherwise` below it with the steps for that case, such as `stop`",
    ),
    "E650": Entry("this step has no effect: {why}", "{hint}"),
    "E656": Entry(
        "campaign `{name}` has no effect",
        "add a step that does something, such as `{example}`",
    ),
    "W110": Entry(
        "{text} in {zone} {how}",
        "use a time such as `09:00`; a skipped time runs one hour later, and a repeated time runs once, the first time",
    ),
    "W111": Entry(
        "`{name}` is never {verb}: transactional emails are not tracked",
        "remove `as transactional` if the lead did not ask for this email, or wait for another event",
    ),
    "W112": Entry(
        "every lead enters here, even if they never heard of webinar `{name}`",
        'add `, only if has registered for webinar "{name}"`',
    ),
    "W113": Entry(
        "no lead can enter on {date}: this campaign runs from {first} to {last}",
        "use a day in that period, or change `runs from … to …`",
    ),
    "W135": Entry(
        "leads that fit team `{one}` never reach team `{other}`",
        "write `takes other leads where …` if that is meant, or add `and not (…)`",
    ),
    "W136": Entry(
        "the other {rest} of leads wait for the winner of test `{name}`",
        "add `, rest waits` if that is meant, or `, rest does not wait` to send them the first variant immediately",
    ),
    "W137": Entry(
        "{what} is hard to read on {ground}: its contrast is {ratio}, and people need at least 4.5",
        'write `{name} "{better}"`, or change the other color',
    ),
    "W138": Entry(
        "this looks back {length}, but the workspace forgets events after {kept}",
        "write `{kept}` or less, or keep events longer: `forget events after {needed}`",
    ),
    "W109": Entry(
        "{kind} `{name}` is nearly the same as {kind} `{other}`",
        "write `{other}` if they are the same; if not, declare both",
    ),
}

"""Mails whose delivery starts the campaign that sends them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsl.checks.flows import cycles, has_way_past
from dsl.names.scope import Scope, matches
from dsl.names.walk import bodies
from dsl.plan import After, Duration
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Event, Span

DAY, HOUR = 24 * 60, 60


def check_deliveries(scope: Scope) -> list[Diagnostic]:
    """Campaigns that start themselves, or each other, by mails that leave before a day was waited."""
    problems = Problems()
    campaigns = [one for one in scope.program.campaigns if _again_at_once(one)]
    edges: dict[str, list[tuple[str, Span]]] = {one.name.key: [] for one in campaigns}
    delivered = [
        (one.name.key, start.event)
        for one in campaigns
        for start in one.starts
        if not start.only_if and _is_delivery(start.event)
    ]
    starts: dict[tuple[Span, str], Span] = {}
    for campaign in campaigns if delivered else ():
        for mail in _last_mails(campaign):
            for other, start in delivered:
                if start.name is None or matches(mail.template.key, start.name.key):
                    edges[campaign.name.key].append((other, mail.span))
                    starts[mail.span, other] = start.span
    for cycle in cycles(edges):
        names = [scope.campaigns[key].name.value for key in cycle]
        span = next(span for target, span in edges[cycle[0]] if target == cycle[1])
        related = [at("its delivery starts this campaign", starts[span, cycle[1]])]
        path = " → ".join(f"`{name}`" for name in names)
        problems.add("E611", span, path=path, name=names[0], related=related)
    return problems.found


def _again_at_once(campaign: Campaign) -> bool:
    """Whether a lead may enter again while deliveries of the last mails come in."""
    again = campaign.reentry
    return again.kind == "always" or (again.after is not None and _shorter(again.after, HOUR))


def _is_delivery(event: Event) -> bool:
    """Whether it is that a mail is delivered, each time."""
    simple = event.where is None and event.times is None and event.absent is None
    return simple and (event.noun.value, event.verb.value) == ("email", "delivered")


def _last_mails(campaign: Campaign) -> list[tree.Send]:
    """The mails that a lead can get within a day after entering, and with which the run ends: their deliveries find it
    over. Ways that hang on an event or on sales are not looked at."""
    last: list[tree.Send] = []

    def walk(block: Block, sent: Sequence[tree.Send]) -> Sequence[tree.Send] | None:
        """The mails since the last rest, at the end of the block; None where nobody gets there."""
        for statement in block:
            match statement:
                case tree.Send():
                    sent = [*sent, statement]
                case tree.Wait(arms=(), until=After(duration=duration)) if _shorter(duration, DAY):
                    sent = []
                case tree.Wait() | tree.HandOff() | tree.Repeat(every=Duration()):
                    return None
                case tree.Stop() | tree.Enter(move=True):
                    last.extend(sent)
                    return None
                case tree.If() | tree.Split() | tree.VariantTest() | tree.Repeat() | tree.NextOf():
                    ways = [walk(body, sent) for body in bodies(statement)]
                    if isinstance(statement, tree.NextOf) or has_way_past(statement):
                        ways.append(sent)
                    open_ways = [way for way in ways if way is not None]
                    if not open_ways:
                        return None
                    sent = _together(open_ways)
                case tree.AddPoints() | tree.SetField() | tree.ListStep() | tree.TopicStep() | tree.Qualify():
                    pass
                case tree.Recycle() | tree.Notify() | tree.Post() | tree.Enter() | tree.LeaveCampaign():
                    pass
        return sent

    last.extend(walk(campaign.flow, []) or ())
    return last


def _together(ways: Iterable[Sequence[tree.Send]]) -> list[tree.Send]:
    return list({mail.span: mail for way in ways for mail in way}.values())


def _shorter(duration: Duration, minutes: int) -> bool:
    """Business time is as long as it takes, so never."""
    return duration == Duration(minutes=duration.minutes) and duration.minutes < minutes

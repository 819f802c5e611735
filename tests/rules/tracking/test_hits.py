"""Person or machine: the labelled set with its precision and recall, and each rule at its edges."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.tracking.agents import agents, machine
from engine.rules.tracking.hits import (
    AROUND,
    BURST_WITHIN,
    HIDDEN,
    HIDDEN_WITHIN,
    HOLD,
    MANY_LEADS,
    MANY_WITHIN,
    SCANNED,
    SOON,
    Hit,
    holds,
    judge,
    words,
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[3]
SENT = datetime(2026, 9, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)


class Labelled(NamedTuple):
    scene: str
    who: str
    hit: Hit


def labelled() -> list[Labelled]:
    found, scene = [], ""
    for line in Path(__file__).with_name("hits.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            scene = line[3:]
        elif line and not line.startswith("#"):
            who, kind, after, client, lead, link, signs, agent = (cell.strip() for cell in line.split("|", 7))
            at, marks = SENT + int(after) * SECOND, tuple(signs.split())
            found.append(Labelled(scene, who, Hit(at, kind, client, agent, lead, link, marks, SENT)))
    return found


SET = labelled()


def judged(one: Labelled) -> str:
    others = [
        other.hit for other in SET
        if other.scene == one.scene and other.hit is not one.hit and abs(other.hit.at - one.hit.at) <= AROUND
    ]  # fmt: skip
    return "machine" if judge(one.hit, others) else "human"


def measured() -> dict[str, float]:
    counts = Counter((one.who, judged(one)) for one in SET)

    def share(who: str, of: tuple[tuple[str, str], ...]) -> float:
        return counts[who, who] / sum(counts[one] for one in of)

    machines, people = ("machine", "human"), ("human", "machine")
    return {
        "hits": len(SET),
        "recall of machines": share("machine", (("machine", "machine"), machines)),
        "precision of machines": share("machine", (("machine", "machine"), people)),
        "recall of people": share("human", (("human", "human"), people)),
        "precision of people": share("human", (("human", "human"), machines)),
    }


# ── the labelled set ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_set_is_large_and_names_its_sources() -> None:
    assert len(SET) >= 300
    assert min(Counter(one.who for one in SET).values()) >= 120
    assert len({tuple(one) for one in SET}) == len(SET)
    text = Path(__file__).with_name("hits.txt").read_text("utf-8")
    for scene in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        if re.search(r"^machine ", scene, re.MULTILINE) and not re.search(r"^human ", scene, re.MULTILINE):
            assert re.match(r".*\n# https://", scene), scene.splitlines()[0]


def test_machines_are_found_and_people_are_people() -> None:
    found = measured()
    assert found["recall of machines"] >= 0.95
    assert found["precision of people"] >= 0.98
    assert found["recall of people"] >= 0.95


def test_the_published_figures_are_those_of_the_set() -> None:
    page = (ROOT / "docs" / "mail.md").read_text("utf-8")
    for name, value in measured().items():
        shown = f"{value:,.0f}" if name == "hits" else f"{100 * value:.1f}%"
        assert re.search(rf"\| {name} \| {re.escape(shown)} \|", page), f"| {name} | {shown} |"


def test_each_scene_of_one_kind_is_judged_as_a_whole() -> None:
    """But for those that say that the rules are wrong about them, which the figures count."""
    wrong = [one for one in SET if judged(one) != one.who]
    assert {one.scene.partition(" the rules")[0] for one in wrong} == {"people", "machines"}


def test_each_row_of_agents_has_its_source() -> None:
    rows = [*agents("reader"), *agents("machine")]
    assert len({one.name for one in rows}) == len(rows)
    assert [one.name for one in rows if not one.source.startswith("https://")] == []


# ── the rules at their edges ─────────────────────────────────────────────────────────────────────────────────────────
def hit(
    after: float = 3600, link: str = "a", *, client: str = "c", lead: str = "l", agent: str = CHROME, **more
) -> Hit:
    kind = more.pop("kind", "click")
    return Hit(SENT + timedelta(seconds=after), kind, client, agent, lead, link, handed=SENT, **more)


def test_a_browser_that_clicks_an_hour_later_is_a_person() -> None:
    assert judge(hit()) == ()


@pytest.mark.parametrize(("after", "found"), [(9.999, ("soon",)), (10, ()), (-1, ("soon",))])
def test_how_soon_is_too_soon(after: float, found: tuple[str, ...]) -> None:
    assert SOON.total_seconds() == 10
    assert judge(hit(after)) == found


@pytest.mark.parametrize(("last", "found"), [(5, ("burst",)), (5.001, ())])
def test_the_span_of_a_burst(last: float, found: tuple[str, ...]) -> None:
    row = [hit(100, "a"), hit(102, "b"), hit(100 + last, "c")]
    assert BURST_WITHIN.total_seconds() == 5
    for number, one in enumerate(row):
        assert judge(one, row[:number] + row[number + 1 :]) == found


def test_what_is_no_burst() -> None:
    same = [hit(100 + n, "a") for n in range(5)]
    assert judge(same[0], same[1:]) == (), "one link, clicked again and again"
    two = [hit(100, "a"), hit(101, "b"), hit(102, "a")]
    assert judge(two[0], two[1:]) == ()
    others = [hit(101, "b", client="d"), hit(102, "c", client="e")]
    assert judge(hit(100, "a"), others) == (), "other clients"


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("apart", "found"), [(60, ("hidden link",)), (60.001, ())])
def test_how_near_the_hidden_link(apart: float, found: tuple[str, ...], sign: int) -> None:
    assert HIDDEN_WITHIN.total_seconds() == 60
    trap = hit(1000, HIDDEN)
    assert judge(trap) == ("hidden link",)
    assert judge(hit(1000 + sign * apart), [trap]) == found
    assert judge(hit(1000 + sign * apart, "", kind="open"), [trap]) == found
    assert judge(hit(1000 + sign * apart, client="d"), [trap]) == ()


@pytest.mark.parametrize(("many", "apart", "found"), [(5, 7.5, ("many leads",)), (4, 1, ()), (5, 7.6, ())])
def test_how_many_leads(many: int, apart: float, found: tuple[str, ...]) -> None:
    assert (MANY_LEADS, MANY_WITHIN.total_seconds()) == (5, 30)
    row = [hit(1000 + n * apart, lead=f"l{n}") for n in range(many)]
    assert judge(row[2], row[:2] + row[3:]) == found


def test_a_file_behind_the_click_of_a_machine_is_a_machines() -> None:
    early = hit(3, "a")
    file = Hit(SENT + 4 * SECOND, "download", "c", CHROME, "l", "guide.pdf")
    later = Hit(SENT + 9 * SECOND, "download", "c", CHROME, "l", "guide.pdf")
    assert judge(file, [early]) == ("click of a machine",)
    assert judge(later, [early]) == ()
    assert judge(file, [hit(60, "a")]) == ()


def test_a_reader_of_pictures_follows_no_links() -> None:
    proxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    assert judge(hit(100, "", kind="open", agent=proxy)) == ()
    assert judge(hit(100, agent=proxy)) == ("agent: a crawler",)


@pytest.mark.parametrize("agent", ["", " ", "mozilla/5.0", "CURL/8", "x" * 299 + "bot"])
def test_odd_agents_are_judged_without_fail(agent: str) -> None:
    assert isinstance(judge(hit(agent=agent)), tuple)
    assert machine(agent) is not None


# ── holding ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_click_is_held_while_gateways_check_and_its_client_is_new() -> None:
    assert holds(hit(60), [], None)
    assert not holds(hit(SCANNED.total_seconds()), [], None)
    assert not holds(hit(60, "", kind="open"), [], None)
    there = hit(60 - HOLD.total_seconds(), "", kind="open")
    assert not holds(hit(60), [there], None)
    assert holds(hit(60), [hit(59, "b")], None), "that may be the beginning of a burst"
    assert holds(hit(15), [hit(4, "", kind="open")], None), "that was a machine"
    assert holds(hit(60), [hit(20, "b", client="d")], None)


def test_a_click_is_not_held_beyond_the_end_of_a_wait() -> None:
    assert not holds(hit(60), [], SENT + 65 * SECOND)
    assert holds(hit(60), [], SENT + timedelta(hours=1))


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────────
KINDS, LINKS = st.sampled_from(["open", "click"]), st.sampled_from(["a", "b", "c", HIDDEN])
ANY = st.lists(
    st.builds(
        lambda after, kind, link, client, lead: hit(after, link, kind=kind, client=client, lead=lead),
        st.floats(0, 300), KINDS, LINKS, st.sampled_from("xy"), st.sampled_from("lm"),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(ANY, st.randoms())
def test_a_judgement_depends_neither_on_order_nor_on_other_clients(found: list[Hit], random) -> None:
    own, others = found[0], found[1:]
    expected = judge(own, others)
    shuffled = [*others]
    random.shuffle(shuffled)
    assert judge(own, shuffled) == expected
    assert judge(own, [one for one in others if one.client == own.client]) == expected


@given(ANY, st.integers(0, 12))
def test_more_hits_of_a_client_never_make_a_person_of_a_machine(found: list[Hit], many: int) -> None:
    own, others = found[0], found[1:]
    if judge(own, others[:many]):
        assert judge(own, others)


@given(ANY)
def test_every_reason_has_its_words(found: list[Hit]) -> None:
    for reason in judge(found[0], found[1:]):
        assert words(reason)

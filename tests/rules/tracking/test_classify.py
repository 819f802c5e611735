"""Where visits come from: the corpus of addresses and referrers, and what holds for any pair of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.tracking.classify import CHANNELS, OFFLINE, UNKNOWN, ChannelRule, Sites, channel_of, classify
from engine.rules.tracking.tables import MEDIA_OF_KIND, TABLES

SITES = Sites(own=("acme.example", "www.acme-shop.example"), ignored=("pay.example",))
PARTNERS = (ChannelRule("Partners", (("source", ("acme-dealer", "Lista")),)),)


def corpus() -> list[list[str]]:
    text = Path(__file__).with_name("corpus.txt").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return [[cell.strip() for cell in ("|".join(row)).split("|")] for row in rows]


CASES = corpus()


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(CASES) >= 200
    assert len({(row[0], row[1]) for row in CASES}) == len(CASES)


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row[0]} from {row[1]}"[:80])
def test_each_pair_has_its_channel(row: list[str]) -> None:
    address, referrer, channel, source, medium, *rest = row
    found = classify("https://www.acme.example" + address, referrer, SITES, PARTNERS)
    assert (found.channel, found.source, found.medium) == (channel, source, medium)
    if rest:
        assert found.campaign == rest[0]


def test_every_built_in_channel_is_in_the_corpus() -> None:
    by_hand = {"Offline", "Unknown"}
    assert {row[2] for row in CASES} == {*CHANNELS, "Partners"} - by_hand
    assert {OFFLINE.channel, UNKNOWN.channel} == by_hand
    assert {channel_of(OFFLINE), channel_of(UNKNOWN)} == by_hand


def test_keyword_content_and_click_are_kept() -> None:
    found = classify(
        "https://a.example/?utm_source=google&utm_medium=cpc&utm_term=Heat+Pump&utm_content=B&gclid=Cj0Kc", ""
    )
    assert (found.keyword, found.content, found.click) == ("heat pump", "b", ("gclid", "Cj0Kc"))


def test_a_rule_asks_for_every_attribute_it_names() -> None:
    rules = (ChannelRule("Fair", (("medium", ("print",)), ("campaign", ("ifat 2026", "hannover")))),)
    fair = classify("https://a.example/?utm_source=x&utm_medium=print&utm_campaign=IFAT+2026", "", SITES, rules)
    other = classify("https://a.example/?utm_source=x&utm_medium=print&utm_campaign=easter", "", SITES, rules)
    assert (fair.channel, other.channel) == ("Fair", "Other campaign")


def test_the_tables_agree_with_themselves() -> None:
    named = [name for kind in MEDIA_OF_KIND for name in TABLES.data[kind]]
    hosts = [host for kind in MEDIA_OF_KIND for hosts in TABLES.data[kind].values() for host in hosts]
    assert len(set(named)) == len(named)
    assert len(set(hosts)) == len(hosts)
    assert {*TABLES.data["apps"].values(), *TABLES.data["aliases"].values()} <= set(named)
    assert {source for source, _ in TABLES.clicks.values()} <= set(named)


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_makes_it_fail_and_all_values_are_bounded(query: str, referrer: str) -> None:
    for address in (query, f"https://a.example/?utm_source={query}&utm_campaign={query}"):
        found = classify(address, referrer, SITES, PARTNERS)
        assert found.channel in {*CHANNELS, "Partners"}
        for value in (found.source, found.medium, found.campaign, found.keyword, found.content):
            assert len(value) <= 200
            assert not any(ord(one) < 32 or ord(one) == 127 for one in value)


@given(st.sampled_from(CASES))
def test_what_was_stored_is_classified_as_the_visit_was(row: list[str]) -> None:
    found = classify("https://www.acme.example" + row[0], row[1], SITES, PARTNERS)
    assert channel_of(found, PARTNERS) == found.channel

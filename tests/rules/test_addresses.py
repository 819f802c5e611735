"""The addresses of pages: one form for what browsers send, what authors write, and what links say."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import Interest, Pattern
from engine.model.lead import Event
from engine.rules.conditions import addresses
from engine.rules.conditions.addresses import ascii_host, canonical_path, fits, page_name, path_of, readable, same
from engine.rules.conditions.conditions import matches
from engine.rules.leads.segments import counts_for

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
PATHS = st.text(st.sampled_from("aÜüuß/%2Ff.*-_ 日\u0308?#é"), max_size=24).map(lambda text: "/" + text)
TEXTS = st.text(max_size=20).map(lambda text: "/" + text)


@given(PATHS | TEXTS)
def test_doing_it_twice_changes_nothing(path: str) -> None:
    once = canonical_path(path)
    assert canonical_path(once) == once


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="/%?#\\*"), min_size=1, max_size=20))
def test_what_a_browser_sends_fits_what_an_author_writes(name: str) -> None:
    sent = "/" + quote(name)
    assert fits("/" + name, sent)
    assert fits("/" + name, sent + "/")
    assert fits("/" + name + "/", sent)
    assert fits("/" + name + "*", f"{sent}/more")
    assert fits("/" + name, page_name(f"https://acme.example{sent}/"), f"https://acme.example{sent}/?utm_source=x")


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/%C3%BCber-uns", "/über-uns"), ("/u%CC%88ber-uns/", "/über-uns"), ("/pricing/", "/pricing"),
        ("/", "/"), ("", "/"),
        ("/a%2Fb", "/a%2Fb"), ("/100%25", "/100%25"), ("/%fc", "/%FC"), ("/a%20b", "/a b"), ("/%7Euser", "/~user"),
        ("/a//", "/a//"), ("/%0d%0aX", "/%0D%0AX"), ("/%", "/%"),
    ],
)  # fmt: skip
def test_canonical_path(path: str, canonical: str) -> None:
    assert canonical_path(path) == canonical


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("/über-uns", "https://acme.example/%C3%BCber-uns", True),
        ("/%C3%BCber-uns", "https://acme.example/über-uns/", True),
        ("/pricing", "https://acme.example/pricing/?a=b#c", True),
        ("/pricing", "https://acme.example/pricing2", False),
        ("/pricing*", "https://acme.example/pricing/eu", True),
        ("/blog/*", "https://acme.example/blog/", True),
        ("/blog/*", "https://acme.example/blogs", False),
        ("/", "https://acme.example", True),
        ("*über*", "https://acme.example/%C3%9Cber/uns", True),
        ("https://shop.acme.example/pricing", "https://shop.acme.example:443/pricing/", True),
        ("https://shop.acme.example/pricing", "https://acme.example/pricing", False),
        ("shop.acme.example/*", "https://shop.acme.example/pricing", True),
        ("http://www.münchen.example/a", "https://xn--mnchen-3ya.example/a", True),
        ("https://xn--mnchen-3ya.example/a", "https://MÜNCHEN.example./a", True),
        ("*.acme.example/pricing", "https://shop.acme.example/pricing", True),
        ("/pricing?plan=pro", "https://acme.example/pricing?x=1&plan=pro", True),
        ("/pricing?plan=pro", "https://acme.example/pricing?plan=professional", False),
        ("/pricing?plan=*", "https://acme.example/pricing?plan=pro%20max", True),
        ("/pricing?größe=xl", "https://acme.example/pricing/?gr%C3%B6%C3%9Fe=XL", True),
    ],
)
def test_patterns(pattern: str, address: str, expected: bool) -> None:
    assert fits(pattern, page_name(address), address) is expected
    assert same(pattern, address) is (expected if not pattern.startswith("/") else same(pattern, address))
    event = Event(1, NOW, "page.visited", page_name(address), {"url": address})
    assert matches(Pattern(type="page.visited", name=pattern), event, zone="UTC") is expected
    assert counts_for(Interest(name="x", pages=(pattern,)), event) is expected


def test_visits_stored_before_still_fit() -> None:
    event = Event(1, NOW, "page.visited", "/%C3%BCber-uns/", {"url": "https://acme.example/%C3%BCber-uns/"})
    assert matches(Pattern(type="page.visited", name="/über-uns"), event, zone="UTC")


@pytest.mark.parametrize(
    ("pattern", "link", "expected"),
    [
        (
            "https://acme.example/pumpen-für-wien",
            "https://www.acme.example/pumpen-f%C3%BCr-wien/?utm_source=m",
            True,
        ),
        ("*pumpen-für*", "https://acme.example/pumpen-f%C3%BCr-wien", True),
        ("mailto:*", "mailto:eva@acme.example", True),
        ("https://acme.example/a", "mailto:a", False),
    ],
)
def test_links(pattern: str, link: str, expected: bool) -> None:
    event = Event(1, NOW, "email.clicked", "welcome", {"link": link})
    assert matches(Pattern(type="email.clicked", link=pattern), event, zone="UTC") is expected


def test_hosts_are_read_and_written() -> None:
    assert readable("xn--mnchen-pumpen-wob.example") == readable(ascii_host("münchen-pumpen.example"))
    assert ascii_host("straße.example") == "xn--strae-oqa.example"
    assert readable("xn--strae-oqa.example") == "straße.example"
    assert readable("xn--zzzzzz.example") == "xn--zzzzzz.example"
    assert addresses.host_of(urlsplit("https://xn--mnchen-3ya.EXAMPLE.:8443/a")) == "münchen.example"
    assert addresses.ascii_address("https://münchen.example:8443/über?a=b%20c") == (
        "https://xn--mnchen-3ya.example:8443/%C3%BCber?a=b%20c"
    )
    assert path_of("https://münchen.example/%C3%BC/") == "/ü"

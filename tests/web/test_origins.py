"""Which pages may post, told from the headers only a browser sets."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from engine.rules.conditions.addresses import ascii_host
from web.http.origins import admits, origin_of, origins_for_header

BASE = "https://go.acme.example"
ALLOWED = ("https://acme.example", "https://www.acme.example/shop/")


def request(origin: str | None, host: str = "go.acme.example") -> Request:
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return Request({"type": "http", "method": "POST", "path": "/f/x", "headers": headers})


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Acme.example/a", "https://acme.example"),
        ("https://acme.example:443", "https://acme.example"),
        ("http://acme.example:8080/", "http://acme.example:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://xn--mnchen-pumpen-wob.example", "https://münchen-pumpen.example"),
        ("null", None),
        ("https://", None),
        ("https://a.example:x", None),
        ("https://user@a.example", None),
        ("file:///etc/passwd", None),
    ],
)
def test_origin_of(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, True),
        ("https://acme.example", True),
        ("https://www.acme.example", True),
        (BASE, True),
        ("http://acme.example", False),
        ("https://acme.example.evil.example", False),
        ("https://evil.example", False),
        ("https://acme.example:8443", False),
        ("null", False),
        ("", False),
    ],
)
def test_admits(origin: str | None, expected: bool) -> None:
    assert admits(request(origin), ALLOWED, BASE) is expected


def test_international_hosts_are_the_same_however_they_are_written() -> None:
    sent = "https://" + ascii_host("münchen-pumpen.example")
    assert sent.isascii()
    for declared in ("https://münchen-pumpen.example", sent, "https://MÜNCHEN-pumpen.example."):
        assert admits(request(sent), (declared,), BASE)
        assert origins_for_header(declared, declared) == sent
    assert not admits(request("https://munchen-pumpen.example"), ("https://münchen-pumpen.example",), BASE)
    assert admits(request(sent, host=ascii_host("münchen-pumpen.example")), (), BASE)


def test_a_form_without_a_list_is_for_our_own_pages_only() -> None:
    assert admits(request(BASE), (), BASE)
    assert admits(request("http://127.0.0.1:8000", host="127.0.0.1:8000"), (), BASE)
    assert not admits(request("https://acme.example"), (), BASE)

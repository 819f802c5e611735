"""Tokens cannot be forged, borrowed or bent; addresses have one key each."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from engine.platform.tokens import MAX_TOKEN, Tokens, address_hash, email_key

TOKENS = Tokens(["the first secret of the tests"])
PART = st.one_of(st.uuids().map(str), st.text(max_size=60))


@given(st.lists(PART, max_size=4), st.sampled_from(["click", "unsubscribe", ""]))
def test_what_is_signed_is_read(parts: list[str], purpose: str) -> None:
    token = TOKENS.sign(purpose, *parts)
    assert TOKENS.read(purpose, token) == tuple(parts)
    assert TOKENS.read(purpose + "x", token) is None
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=200))
def test_garbage_says_nothing(text: str) -> None:
    assert TOKENS.read("click", text) is None


@given(st.data())
def test_no_single_character_can_change(data: st.DataObject) -> None:
    token = TOKENS.sign("click", str(UUID(int=data.draw(st.integers(0, 2**128 - 1)))), "x")
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz019-_=+/ \n").filter(lambda char: char != token[at]))
    assert TOKENS.read("click", token[:at] + other + token[at + 1 :]) is None
    assert TOKENS.read("click", token[:at]) is None


def test_no_other_spelling_is_accepted() -> None:
    token = TOKENS.sign("click", "a")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert TOKENS.read("click", base64.urlsafe_b64encode(raw).decode().rstrip("=")) == ("a",)
    for other in (token + "=", token + "A", "A" + token, token + "\n", " " + token):
        assert TOKENS.read("click", other) is None


def test_two_uuids_fit_into_seventy_characters() -> None:
    assert len(TOKENS.sign("click", str(uuid4()), str(uuid4()))) < 70


def test_a_uuid_comes_back_as_it_was_spelt() -> None:
    spelt = [str(uuid4()).upper(), f"{{{uuid4()}}}", uuid4().hex]
    assert TOKENS.read("x", TOKENS.sign("x", *spelt)) == tuple(spelt)


def test_a_new_secret_signs_and_the_old_one_still_reads() -> None:
    old, new = Tokens(["the older secret of these tests"]), Tokens(["a newer secret of these tests"])
    both = Tokens(["a newer secret of these tests", b"the older secret of these tests"])
    assert both.read("click", old.sign("click", "a")) == ("a",)
    assert new.read("click", both.sign("click", "a")) == ("a",)
    assert old.read("click", both.sign("click", "a")) is None


def test_limits() -> None:
    with pytest.raises(ValueError, match="bytes"):
        TOKENS.sign("x", "a" * 255)
    with pytest.raises(ValueError, match="too much"):
        TOKENS.sign("x", *["a" * 254] * 5)
    assert TOKENS.read("x", "A" * (MAX_TOKEN + 1)) is None
    for secrets in ([], ["short"], ["long enough for a secret", ""]):
        with pytest.raises(ValueError, match="secret"):
            Tokens(secrets)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ada.Lovelace+Pumps@ACME.example", "ada.lovelace+pumps@acme.example"),
        (" ada@acme.test ", "ada@acme.test"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("ａｄａ＠acme.example", "ada@acme.example"),
        ("ÜBER@acme.example", "über@acme.example"),
    ],
)
def test_one_key_for_each_address(address: str, key: str) -> None:
    assert email_key(address) == key
    assert email_key(key) == key


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "ada@", "@acme.example", "ada@acme", "ada@localhost", "a b@acme.example", "ada@acme..example",
        "Ada <ada@acme.example>", "<ada@acme.example>", "ada@acme.example, eve@acme.example", "ada@eve@acme.example",
        "ada@acme.example;eve@acme.example", "ada@acme.example\n", "ada\r\n@acme.example", "ada\0@acme.example",
        "ada\u200b@acme.example", "\u202eada@acme.example", "ada@[127.0.0.1]", '"a b"@acme.example', "ada@acme.invalid",
        "a" * 65 + "@acme.example", "ada@" + "a" * 250 + ".example", ".ada@acme.example", "ada@-acme.example",
    ],
)  # fmt: skip
def test_anything_else_is_no_address_and_is_not_repeated(address: str) -> None:
    with pytest.raises(ValueError, match=r"^not one plain e-mail address$"):
        email_key(address)


@given(
    st.from_regex(r"[a-zA-Z0-9.!+_-]{1,66}", fullmatch=True),
    st.sampled_from(["acme.example", "ACME.example", "xn--bcher-kva.example", "bücher.example", "acme", "-a.example",
                     "a.example.", "acme.invalid", f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 5}.example"]),
)  # fmt: skip
def test_a_plain_address_is_read_as_the_library_reads_it(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    try:
        found = validate_email(address.lower(), check_deliverability=False, test_environment=True)
        whole = "." in found.domain and len(found.local_part) <= 64
    except EmailNotValidError:
        whole = False
    if not whole:
        with pytest.raises(ValueError, match=r"^not one plain e-mail address$"):
            email_key(address)
        return
    assert email_key(address) == f"{found.local_part}@{found.ascii_domain}"


def test_a_domain_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def validate(address: str, **options: Any) -> Any:
        checked.append(address)
        return validate_email(address, **options)

    monkeypatch.setattr("engine.platform.tokens.validate_email", validate)
    for number in range(50):
        assert email_key(f"Lead.{number}@Once.Example") == f"lead.{number}@once.example"
    assert checked == ["a@once.example"]


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_a_plain_refusal(text: str) -> None:
    try:
        key = email_key(text)
    except ValueError as error:
        told = str(error)
    else:
        told = "" if email_key(key) == key else key
    assert told in ("", "not one plain e-mail address")


def test_the_hash_of_an_address_depends_on_the_pepper() -> None:
    first, second = address_hash("pepper", "ada@acme.example"), address_hash(b"other", "ada@acme.example")
    assert first != second
    assert first == address_hash(b"pepper", "ada@acme.example")
    assert "ada" not in first

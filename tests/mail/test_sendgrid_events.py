"""SendGrid's Event Webhook: which batches are genuine, and what their events say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.mail.sendgrid_events import AHEAD, OLDEST, SIGNATURE, TIMESTAMP, Malformed, genuine, read
from engine.model.ports import Report
from tests.support.provider import Provider, event

NOW = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
PROVIDER = Provider()
RAW = b'[{"event":"processed"}]'
GOOD = PROVIDER.signed(RAW, NOW)


def judged(raw: bytes = RAW, now: datetime = NOW, **changes: str) -> bool:
    signature, timestamp = changes.get("signature", GOOD[SIGNATURE]), changes.get("timestamp", GOOD[TIMESTAMP])
    return genuine(changes.get("key", PROVIDER.key), raw, signature, timestamp, now)


def test_what_the_provider_signed_is_genuine() -> None:
    assert judged()


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": ""}, {"signature": "x"}, {"signature": "AAAA"}, {"signature": "é"}, {"signature": "===="},
        {"signature": GOOD[SIGNATURE][:-8]}, {"signature": "AAAA" + GOOD[SIGNATURE]}, {"signature": "\x00"},
        {"timestamp": ""}, {"timestamp": "now"}, {"timestamp": GOOD[TIMESTAMP][:-1]}, {"timestamp": "-178827840"},
        {"timestamp": GOOD[TIMESTAMP] + "0"}, {"timestamp": f"{GOOD[TIMESTAMP]}\n"}, {"timestamp": "١٧٨٨٢٧٨٤٠٠"},
        {"timestamp": str(int(GOOD[TIMESTAMP]) + 1)}, {"key": Provider().key},
    ],
)  # fmt: skip
def test_anything_else_is_not(changes: dict[str, str]) -> None:
    assert not judged(**changes)


@pytest.mark.parametrize("raw", [b"", b"[]", RAW + b" ", RAW[:-1], b"\xff" + RAW, b"[\xff]"])
def test_no_other_bytes_are_genuine(raw: bytes) -> None:
    assert not judged(raw)


def test_digits_moved_between_timestamp_and_body_are_not_genuine() -> None:
    raw = b"1[]"
    headers = PROVIDER.signed(raw, NOW)
    assert not judged(raw, signature=headers[SIGNATURE], timestamp=headers[TIMESTAMP])
    assert not judged(b"[]", signature=headers[SIGNATURE], timestamp=headers[TIMESTAMP] + "1")
    short = datetime.fromtimestamp(999_999_999, UTC)
    moved = PROVIDER.signed(b"9[]", short)
    assert not judged(b"[]", short, signature=moved[SIGNATURE], timestamp="9999999999")


@pytest.mark.parametrize(
    ("late", "fresh"),
    [
        (-AHEAD, True), (-AHEAD - timedelta(seconds=1), False), (timedelta(hours=24), True), (OLDEST, True),
        (OLDEST + timedelta(seconds=1), False),
    ],
)  # fmt: skip
def test_a_batch_is_taken_for_as_long_as_the_provider_repeats_it(late: timedelta, fresh: bool) -> None:
    assert judged(now=NOW + late) is fresh


ID = uuid4()


@pytest.mark.parametrize(
    ("given", "fate"),
    [
        (event("processed", ID), "taken"), (event("deferred", ID), "taken"), (event("delivered", ID), "delivered"),
        (event("open", ID, sg_machine_open=True), "taken"), (event("click", ID, url="https://x.example"), "taken"),
        (event("bounce", ID), "bounced"), (event("bounce", ID, type="blocked"), "taken"),
        (event("bounce", ID, type="expired"), "taken"), (event("bounce", ID, status="4.2.2"), "soft"),
        (event("bounce", ID, status="5.2.2"), "soft"), (event("bounce", ID, type="blocked", status="5.1.1"), "taken"),
        (event("spamreport", ID), "complained"),
        (event("unsubscribe", ID), "unsubscribed"), (event("group_unsubscribe", ID), "unsubscribed"),
        (event("group_resubscribe", ID), "taken"),
    ],
)  # fmt: skip
def test_each_kind_of_event(given: dict[str, Any], fate: str) -> None:
    [one] = read(json.dumps([given]).encode()).reports
    assert (one.message_id, one.fate, one.reason, one.at) == (ID, fate, "", 1_788_000_000)


@pytest.mark.parametrize(
    ("status", "reply", "type", "fate"),
    [
        ("4.2.2", "452 4.2.2 The email account is over quota", "bounce", "soft"), ("4.2.2", "", None, "soft"),
        ("5.2.2", "552 5.2.2 Mailbox full", "bounce", "soft"), ("4.4.7", "expired", "", "soft"),
        ("5.0.0", "552 5.2.2 Mailbox full", "bounce", "soft"), ("", "550-5.1.1 gone", None, "bounced"),
        ("5.1.1", "", None, "bounced"), ("5.1.10", "", None, "bounced"), ("5.2.1", "", None, "bounced"),
        ("5.7.1", "550 5.7.1 listed by spamhaus", None, "taken"), ("5.6.0", "", None, "taken"),
        ("5.3.4", "", None, "taken"), ("5.7.1", "", "bounce", "bounced"), ("5.1.1", "", "blocked", "taken"),
        ("4.2.2", "", "blocked", "taken"), ("", "421 try later", None, "soft"), ("", "552 full", None, "soft"),
        ("", "550 from 10.4.2.2 rejected", None, "bounced"), (None, "550 gone", None, "bounced"),
    ],
)  # fmt: skip
def test_a_bounce_is_judged_by_its_type_and_its_status_code(
    status: str | None, reply: str, type: str | None, fate: str
) -> None:
    [one] = read(json.dumps([event("bounce", ID, status=status, reason=reply, type=type)]).encode()).reports
    assert one.fate == fate


@pytest.mark.parametrize("status", [None, "", "2.1.5", "soon", "5.1", ["5.1.1.1"]])
def test_without_type_and_code_nobody_knows_what_a_bounce_means(status: object) -> None:
    assert len(read(json.dumps([event("bounce", ID, status=status, reason=None, type=None)]).encode()).malformed) == 1


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("Bounced Address", "dropped by the provider: bounced address"),
        ("Spam Content (if Spam Checker app enabled)", "dropped by the provider: spam content"),
        ("ann@lead.example is not wanted", "dropped by the provider"), (None, "dropped by the provider"),
        (["x"], "dropped by the provider"),
    ],
)  # fmt: skip
def test_why_it_was_dropped_holds_no_address(reason: object, kept: str) -> None:
    [one] = read(json.dumps([event("dropped", ID, reason=reason)]).encode()).reports
    assert (one.fate, one.reason) == ("dropped", kept)


BROKEN: list[Any] = [
    None, 7, "bounce", [], event("bounce", "7"), event("bounce", ID, coldframe_message=7),
    event("bounce", ID, coldframe_message=None), event("bounce", ID, coldframe_message=["x"]),
    event("bounce", ID, event=None), event("bounce", ID, event=["bounce"]),
    event("bounce", ID, type=None, status=None, reason="no such user"),
    event("bounce", ID, timestamp="soon"), event("bounce", ID, timestamp=True), event("bounce", ID, timestamp=-1),
    event("bounce", ID, timestamp=1e300), event("bounce", ID, timestamp=None),
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_malformed_event_is_put_aside_and_the_rest_kept(broken: object) -> None:
    good = event("delivered", ID)
    batch = read(json.dumps([good, broken, good]).encode())
    assert [one.fate for one in batch.reports] == ["delivered"] * 2
    assert len(batch.malformed) == 1
    assert "lead.example" not in batch.malformed[0]


def test_what_is_not_about_a_mail_of_ours_is_foreign() -> None:
    batch = read(json.dumps([event("bounce", None), event("account_status_change", ID), {}]).encode())
    assert (batch.reports, batch.foreign, batch.malformed) == ((), 3, ())


@pytest.mark.parametrize("raw", [b"", b"{}", b"[", b"[1,]", b"[" * 100_000, b'"x"'])
def test_a_whole_batch_that_cannot_be_read(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read(raw)


def test_a_name_that_stands_twice_is_no_reason_to_lose_the_event() -> None:
    raw = json.dumps([event("delivered", ID)])[:-2] + f', "coldframe_message": "{ID}"}}]'
    assert read(raw.encode()).reports == (Report(ID, "delivered", at=1_788_000_000.0),)


def test_to_whom_the_mail_went_is_kept() -> None:
    raw = json.dumps([event("bounce", ID, email="ann@lead.example"), event("bounce", ID, email=7)]).encode()
    assert [one.address for one in read(raw).reports] == ["ann@lead.example", None]

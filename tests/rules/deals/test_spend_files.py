"""Exports of advertising networks, as they leave them: encodings, separators, preambles, totals, bad lines."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.deals.numerals import Unreadable, day_of, mark_of, number_of, order_of
from engine.rules.deals.rate_files import read_rates
from engine.rules.deals.sheets import BadFile
from engine.rules.deals.spend_files import SpendFile, read_spend

GOOGLE = """Campaign report
"September 1, 2026 - September 2, 2026"
Campaign state,Campaign,Day,Currency code,Cost,Clicks,Impr.
Enabled,Pumps DACH,2026-09-01,EUR,"1,234.50",120,"10,000"
Enabled,Pumps DACH,2026-09-02,EUR,0.07,1," --"
Total: Campaigns, --, --,EUR,"1,234.57",121,"10,000"
Total: Account, --, --,EUR,"1,234.57",121,"10,000"
"""
GOOGLE_DE = """Kampagnenbericht
1. September 2026 - 2. September 2026
Tag;Kampagne;Währungscode;Kosten;Klicks;Impressionen
01.09.2026;Pumpen;EUR;1.234,50;1.120;10.000
02.09.2026;Pumpen;EUR;0,07;1;9
"""
META = """Reporting starts,Reporting ends,Campaign name,Amount spent (USD),Impressions,Link clicks,Clicks (all)
2026-09-01,2026-09-02,,30.25,900,12,15
2026-09-01,2026-09-01,Seals,10.25,300,4,5
2026-09-02,2026-09-02,Seals,20.00,600,8,10
"""
LINKEDIN = """Campaign Performance Report (in UTC)
Report Start: September 1, 2026, 12:00 AM
Date Generated: September 3, 2026, 8:12 AM

Start Date (in UTC)\tAccount Name\tCurrency\tCampaign Group Name\tCampaign Name\tImpressions\tClicks\tTotal Spent
9/1/2026\tAcme\tEUR\tQ3\tEngineers\t1,200\t14\t140.50
9/13/2026\tAcme\tEUR\tQ3\tEngineers\t800\t9\t99.5
"""
MICROSOFT = """"Report Name: Campaign Performance"
"Report Time: 9/1/2026,9/14/2026"
"Rows: 2"

"Gregorian date","Account name","Currency code","Campaign name","Impressions","Clicks","Spend"
"9/1/2026","Acme","EUR","Pumps","100","3","4.20"
"9/14/2026","Acme","EUR","Pumps","200","5","6.30"

"©2026 Microsoft Corporation. All rights reserved."
"""
OWN = """day,source,medium,campaign,keyword,content,amount,currency,clicks,impressions
2026-09-01,trade-magazine,display,autumn,,banner,900,CHF,,
"""


def told(file: SpendFile) -> list[tuple[str, str, str, int, str, int | None, int | None]]:
    return [
        (str(one.day), one.source, one.campaign, one.amount, one.currency, one.clicks, one.impressions)
        for one in file.lines
    ]


@pytest.mark.parametrize(
    ("text", "network", "lines"),
    [
        (GOOGLE, "Google Ads", [("2026-09-01", "google", "Pumps DACH", 123_450, "EUR", 120, 10_000),
                                ("2026-09-02", "google", "Pumps DACH", 7, "EUR", 1, None)]),
        (GOOGLE_DE, "Google Ads", [("2026-09-01", "google", "Pumpen", 123_450, "EUR", 1120, 10_000),
                                   ("2026-09-02", "google", "Pumpen", 7, "EUR", 1, 9)]),
        (META, "Meta", [("2026-09-01", "facebook", "Seals", 1025, "USD", 4, 300),
                        ("2026-09-02", "facebook", "Seals", 2000, "USD", 8, 600)]),
        (LINKEDIN, "LinkedIn", [("2026-09-01", "linkedin", "Engineers", 14_050, "EUR", 14, 1200),
                                ("2026-09-13", "linkedin", "Engineers", 9950, "EUR", 9, 800)]),
        (MICROSOFT, "Microsoft Advertising", [("2026-09-01", "bing", "Pumps", 420, "EUR", 3, 100),
                                              ("2026-09-14", "bing", "Pumps", 630, "EUR", 5, 200)]),
        (OWN, "", [("2026-09-01", "trade-magazine", "autumn", 90_000, "CHF", None, None)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_each_network_is_recognised(text: str, network: str, lines: list[object], codec: str, ending: str) -> None:
    file = read_spend(text.replace("\n", ending).encode(codec), "EUR")
    assert (file.network, told(file), file.bad) == (network, lines, ())


def test_bad_lines_have_their_number_and_reason() -> None:
    text = (
        "Day,Campaign,Cost\n2026-09-01,A,1.00\n2026-02-30,B,1.00\n2026-09-01,C,1.005\n2026-09-01,D,many\n"
        '2026-09-01,E,-3\n,F,1.00\n2026-09-01,"G\nH",1\nnever,Total Care,2\n'
    )
    file = read_spend(text.encode(), "EUR")
    assert [one.campaign for one in file.lines] == ["A", "G\nH"]
    assert [(one.line, one.reason) for one in file.bad] == [
        (3, "`2026-02-30` is not a day."),
        (4, "EUR has at most 2 decimal places."),
        (5, "`many` is not a number."),
        (6, "An amount is not below zero."),
        (7, "The day is missing."),
        (10, "`never` is not a day."),
    ]


def test_a_dash_is_no_costs_and_an_own_line_without_an_amount_is_wrong() -> None:
    file = read_spend(b'Day,Campaign,Currency code,Cost,Impr.\n2026-09-01,A,EUR," --",7\n2026-09-02,A,EUR,,8\n', "EUR")
    assert told(file) == [
        ("2026-09-01", "google", "A", 0, "EUR", None, 7), ("2026-09-02", "google", "A", 0, "EUR", None, 8),
    ]  # fmt: skip
    own = read_spend(b"day,source,amount\n2026-09-01,fair,--\n2026-09-02,fair,3\n", "EUR")
    assert [one.amount for one in own.lines] == [300]
    assert [(one.line, one.reason) for one in own.bad] == [(2, "The amount is missing.")]


def test_a_campaign_called_total_is_a_campaign() -> None:
    file = read_spend(b"Day,Campaign,Cost\n2026-09-01,Total Care,5\nTotal,,5\n", "EUR")
    assert [(one.campaign, one.amount) for one in file.lines] == [("Total Care", 500)]
    assert file.bad == ()


def test_a_line_over_several_days_is_refused() -> None:
    text = META.replace("2026-09-02,2026-09-02,Seals", "2026-09-02,2026-09-30,Seals")
    assert [one.reason for one in read_spend(text.encode(), "EUR").bad] == [
        "This line covers 29 days. Export the costs by day."
    ]


def test_the_day_column_goes_before_the_period() -> None:
    text = (
        "Day,Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2026-09-03,2026-09-01,2026-09-30,A,2\n"
    )
    assert told(read_spend(text.encode(), "USD"))[0][:5] == ("2026-09-03", "facebook", "A", 200, "EUR")


def test_days_that_can_be_read_two_ways_need_to_be_told() -> None:
    text = b"Day,Campaign,Cost\n03/04/2026,A,1\n"
    assert "--dates" in read_spend(text, "EUR").bad[0].reason
    assert read_spend(text, "EUR", "day-first").lines[0].day == date(2026, 4, 3)
    assert read_spend(text, "EUR", "month-first").lines[0].day == date(2026, 3, 4)
    assert read_spend(text + b"25/04/2026,A,1\n", "EUR").lines[0].day == date(2026, 4, 3)


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"Day,Campaign\n2026-09-01,A\n", b"\x00\x01\x02\x03" * 50])
def test_what_is_no_export(data: bytes) -> None:
    with pytest.raises(BadFile):
        read_spend(data, "EUR")


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1,234.50", "1,234"], ["1234.50", "1234"]), (["1.234,50 €", "1.234"], ["1234.50", "1234"]),
        (["1 234,5", "12"], ["1234.5", "12"]), (["1'234.50", "CHF 7.5"], ["1234.50", "7.5"]),
        (["$0.125"], ["0.125"]), (["1,234,567"], ["1234567"]), (["1.234.567"], ["1234567"]),
        (["12345.678"], ["12345.678"]),
    ],
)  # fmt: skip
def test_numbers_by_what_the_column_shows(values: list[str], numbers: list[str]) -> None:
    assert [number_of(one, mark_of(values, otherwise=".")) for one in values] == [Decimal(one) for one in numbers]


@pytest.mark.parametrize("text", ["1,23,4", "1.2.3", "", "12a", "1,2345.6", "--5", "1e5"])
def test_what_is_no_number(text: str) -> None:
    for mark in (".", ","):
        with pytest.raises(Unreadable):
            number_of(text, mark)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["2026-09-01", "2026/09/01", "20260901", "1.9.2026", "01.09.26", "Sep 1, 2026", "1 September 2026",
             "2026-09-01 00:00:00", "1. September 2026"],
)  # fmt: skip
def test_days(text: str) -> None:
    assert day_of(text, None) == date(2026, 9, 1)


def test_the_order_of_days() -> None:
    assert (order_of(["1/2/2026", "13/2/2026"]), order_of(["1/2/2026", "2/13/2026"])) == ("day-first", "month-first")
    assert order_of(["1/2/2026"]) is None


ROWS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["A", "B"]), st.integers(0, 10**7), st.integers(0, 9)), max_size=30
)


@given(ROWS, st.sampled_from([(",", "."), (";", ",")]))
def test_lines_of_one_day_and_source_add_up_exactly(
    rows: list[tuple[int, str, int, int]], shape: tuple[str, str]
) -> None:
    comma, mark = shape
    text = [comma.join(("Day", "Campaign", "Cost", "Clicks"))]
    expected: dict[tuple[int, str], list[Decimal]] = defaultdict(list)
    for day, campaign, cents, clicks in rows:
        amount = f"{cents // 100}{mark}{cents % 100:02d}"
        text.append(comma.join((f"2026-09-0{day}", campaign, f'"{amount}"', str(clicks))))
        expected[day, campaign].append(Decimal(cents) / 100)
    file = read_spend("\n".join(text).encode(), "EUR")
    assert file.bad == ()
    found = {(one.day.day, one.campaign): Decimal(one.amount) / 100 for one in file.lines}
    assert found == {place: sum(amounts) for place, amounts in expected.items()}


def test_rates() -> None:
    text = "day;currency;rate\n01.09.2026;usd;0,9235\n02.09.2026;EUR;1\n03.09.2026;GBP;0\n04.09.2026;US;1,5\n"
    file = read_rates(text.encode(), "EUR")
    assert [(str(one.day), one.currency, one.rate) for one in file.lines] == [("2026-09-01", "USD", Decimal("0.9235"))]
    assert [one.line for one in file.bad] == [3, 4, 5]
    assert read_rates(b"date,currency,rate\n2026-09-01,USD,1.1\n2026-09-01,USD,1.2\n", "EUR").bad[0].line == 3

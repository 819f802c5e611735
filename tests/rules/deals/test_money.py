"""Amounts are exact: text to minor units and back, and no more places than the currency has."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.deals.money import BadMoney, converted, currency_of, decimal_text, minor_units, places_of, rate_of


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("12.5", "EUR", 1250), ("0.07", "EUR", 7), ("1000", "JPY", 1000), ("1.234", "KWD", 1234),
     (Decimal("0.1"), "USD", 10),
     (7, "EUR", 700), ("-3.20", "EUR", -320), (Decimal("1000.0"), "JPY", 1000), (Decimal("1E+3"), "EUR", 100_000),
     ("9999999999999.99", "EUR", 999_999_999_999_999)],
)  # fmt: skip
def test_minor_units(amount: Decimal | int | str, currency: str, units: int) -> None:
    assert minor_units(amount, currency) == units
    assert Decimal(decimal_text(units, currency)) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("12.345", "EUR"), ("1.000", "EUR"), ("1,5", "EUR"), ("1e3", "EUR"), ("", "EUR"), ("0.5", "JPY"), ("١", "EUR"),
     (Decimal("0.005"), "EUR"), (Decimal("NaN"), "EUR"), (Decimal("Infinity"), "EUR"), (10**16, "EUR"), ("+1", "EUR"),
     ("99999999999999.99", "EUR"), (Decimal("0.10000000000000000555"), "EUR")],
)  # fmt: skip
def test_what_is_no_amount(amount: Decimal | int | str, currency: str) -> None:
    with pytest.raises(BadMoney):
        minor_units(amount, currency)


def test_currencies() -> None:
    assert (currency_of(" eur "), places_of("EUR"), places_of("ISK"), places_of("BHD")) == ("EUR", 2, 0, 3)
    for wrong in ("", "EURO", "XXX", "XAU", "ZZZ", "12"):
        with pytest.raises(BadMoney):
            currency_of(wrong)


@pytest.mark.parametrize("wrong", ["0", "-1", "1,1", "1e2", "", Decimal("NaN"), 0, "1.1234567890123", 10**9])
def test_what_is_no_rate(wrong: Decimal | int | str) -> None:
    with pytest.raises(BadMoney):
        rate_of(wrong)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD"]), st.sampled_from(["USD", "ISK", "TND"]),
       st.decimals("0.000001", "100000", allow_nan=False, places=6))  # fmt: skip
def test_a_conversion_is_rounded_once_half_to_even(units: int, currency: str, into: str, rate: Decimal) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(units).scaleb(-places_of(currency)) * rate
        expected = exact.quantize(Decimal(1).scaleb(-places_of(into)), ROUND_HALF_EVEN)
        assert Decimal(converted(units, currency, rate, into)).scaleb(-places_of(into)) == expected


@pytest.mark.parametrize("written", ["1e-999999999", "-1e-999999999", "1e-1000", "0e-999999999", "1e999999999"])
def test_a_number_that_would_fill_the_memory_is_refused_at_once(written: str) -> None:
    with pytest.raises(BadMoney):
        minor_units(Decimal(written), "EUR")
    with pytest.raises(BadMoney):
        rate_of(Decimal(written))

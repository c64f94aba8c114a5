"""Nano-dollars to what people read. Decimal throughout; half a unit rounds up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

NANO = 1_000_000_000


def dollars(nano: int) -> Decimal:
    """The exact amount in dollars: 38_700_000 nano-dollars are Decimal('0.0387')."""
    return (Decimal(nano) / NANO).normalize() + Decimal(0)


def plain(amount: Decimal) -> str:
    """A decimal without an exponent and without trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def credit_units(nano: int, per_dollar: int, places: int) -> Decimal:
    """Nano-dollars in a vendor's display credits, rounded half up to `places`."""
    step = Decimal(1).scaleb(-places)
    return (Decimal(nano) * per_dollar / NANO).quantize(step, rounding=ROUND_HALF_UP)


def nano_of(amount: str | Decimal) -> int:
    """Dollars to nano-dollars. Raises ValueError when it is not a whole number of them."""
    scaled = Decimal(amount) * NANO
    if scaled != scaled.to_integral_value():
        raise ValueError("An amount has at most nine decimals.")
    return int(scaled)

"""Money as the pages write it."""

from __future__ import annotations

from django import template

from billing.money import dollars

register = template.Library()


@register.filter
def usd(nano: int | None) -> str:
    """Nano-dollars as dollars: four decimals below a dollar, two above, a minus in front."""
    amount = dollars(nano or 0)
    places = 2 if abs(amount) >= 1 or amount == 0 else 4
    return f"{'−' if amount < 0 else ''}${abs(amount):,.{places}f}"


@register.filter
def exact_usd(nano: int | None) -> str:
    """Nano-dollars to the last digit that is not zero, at least two: $0.0387, $25.00."""
    amount = dollars(nano or 0)
    digits = f"{abs(amount):,.9f}".rstrip("0")
    digits = digits + "0" * max(0, 2 - len(digits.partition(".")[2]))
    return f"{'−' if amount < 0 else ''}${digits}"


@register.filter
def books_usd(nano: int | None) -> str:
    """Nano-dollars as books write them under each other: to the last digit, at least four: $44.4290."""
    amount = dollars(nano or 0)
    digits = f"{abs(amount):,.9f}"
    kept = max(4, len(digits.rstrip("0").partition(".")[2]))
    return f"{'−' if amount < 0 else ''}${digits[: len(digits) - 9 + kept]}"

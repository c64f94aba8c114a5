"""Money and tokens as operators read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.columns import Column, figures
from billing.money import dollars


def amount(nano: int) -> str:
    """Nano-dollars exactly, with at least cents: `$0.0387`, `$1,250.00`, `-$3.00`."""
    whole, _, places = f"{abs(dollars(nano)):,f}".partition(".")
    places = places.rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}${whole}.{places}"


def figure(value: str, unit: str = "") -> SafeString:
    """A number on the right, with its unit muted beside it."""
    return format_html('<span class="number">{}<small>{}</small></span>', value, f" {unit}" if unit else "")


def money(title: str, of: Callable[[Any], int | None]) -> Column:
    """A column of nano-dollars."""

    def show(row: Any) -> SafeString | None:
        nano = of(row)
        return None if nano is None else figure(amount(nano))

    return figures(title, show)


def tokens(title: str, of: Callable[[Any], int | None]) -> Column:
    """A column of tokens."""

    def show(row: Any) -> SafeString | None:
        counted = of(row)
        return None if counted is None else figure(f"{counted:,}", "tokens")

    return figures(title, show)


def unit_price(title: str, of: Callable[[Any], int | None]) -> Column:
    """A column of prices per token, told per million, as price lists do."""

    def show(row: Any) -> SafeString | None:
        nano = of(row)
        return None if nano is None else figure(amount(nano * 1_000_000), "per million tokens")

    return figures(title, show)

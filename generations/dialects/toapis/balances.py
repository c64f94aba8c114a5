"""What is left and what was used, in dollars and in the vendor's credits, as JSON numbers."""

from __future__ import annotations

from typing import Any

from generations.spec import Balance
from generations.wording import credits, dollars, json_number

PLACES = 9  # nano-dollars, exactly
UNLIMITED = -1


def key_balance(balance: Balance, rate: int) -> dict[str, Any]:
    """Of the key's own budget; `rate` is credits per dollar. -1 where the key has no budget: then the
    wallet alone limits it."""
    left = None if balance.key_limit is None else max(balance.key_limit - balance.key_used, 0)
    return _told(left, balance.key_used, rate)


def wallet_balance(balance: Balance, rate: int) -> dict[str, Any]:
    """Of the organization's wallet, whichever key used it."""
    return _told(balance.available, balance.used, rate)


def _told(left: int | None, used: int, rate: int) -> dict[str, Any]:
    return {
        "success": True,
        "remain_balance": UNLIMITED if left is None else json_number(dollars(left), PLACES),
        "used_balance": json_number(dollars(used), PLACES),
        "remain_credits": UNLIMITED if left is None else json_number(credits(left, rate), PLACES),
        "used_credits": json_number(credits(used, rate), PLACES),
        "credits_per_usd": rate,
        "unlimited_quota": left is None,
    }

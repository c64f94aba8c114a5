"""`GET /v1/credits`: what is left of the key's budget and of the wallet, in credits."""

from __future__ import annotations

from typing import Any

from generations.spec import Balance
from generations.wording import credits, json_number


def credits_body(balance: Balance, rate: int) -> dict[str, Any]:
    """The vendor's answer; `rate` is credits per dollar. A key without a budget is unlimited by itself:
    what remains for it is what remains in the wallet."""
    limit = balance.key_limit
    left = balance.available if limit is None else max(limit - balance.key_used, 0)
    token = {
        "remaining_credits": json_number(credits(left, rate)),
        "unlimited_credits": limit is None,
        "used_credits": json_number(credits(balance.key_used, rate)),
    }
    user = {
        "remaining_credits": json_number(credits(balance.available, rate)),
        "used_credits": json_number(credits(balance.used, rate)),
    }
    return {"data": {"token": token, "user": user}, "message": "", "success": True}

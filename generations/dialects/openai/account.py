"""What a key may still spend, as LLM Gateway tells it: dollars in decimal strings."""

from __future__ import annotations

from typing import Any

from generations.spec import Balance
from generations.wording import decimal_text, dollars

# The vendor's subscription, which has no counterpart here: nothing is granted, nothing is used.
NO_PLAN = {
    "devPlan": "none",
    "devPlanCreditsUsed": "0",
    "devPlanCreditsLimit": "0",
    "devPlanCreditsRemaining": "0",
    "devPlanPremiumWeeklyLimit": "0",
    "devPlanPremiumCreditsUsed": "0",
    "devPlanPremiumWeekResetsAt": None,
}


def key_body(balance: Balance) -> dict[str, Any]:
    """The key: its name, what it spent, and its budget of all time (null without one)."""
    limit = None if balance.key_limit is None else _usd(balance.key_limit)
    return {"data": {"label": balance.key_name, "usage": _usd(balance.key_used), "limit": limit} | NO_PLAN}


def credits_body(balance: Balance) -> dict[str, Any]:
    """The wallet of the key's mode. What is held for running work is in none of the three."""
    return {
        "data": {
            "total_credits": _usd(balance.available + balance.used),
            "total_usage": _usd(balance.used),
            "remaining_credits": _usd(balance.available),
        }
    }


def _usd(nano: int) -> str:
    return decimal_text(dollars(nano))

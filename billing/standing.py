"""Where a customer stands: what is left to spend and what was spent, of the wallet and of one key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Min, Sum

from billing import ledger
from billing.models import Budget, Usage


@dataclass(frozen=True, slots=True)
class Standing:
    """Nano-dollars. `key_limit` is the key's budget of all time, None where it has none."""

    available: int
    used: int
    key_limit: int | None
    key_used: int


def standing(organization: UUID, mode: str, key: UUID) -> Standing:
    """What the wallet and the key have left and have spent. Inside `tenant()`."""
    spent = Usage.objects.of(organization).filter(mode=mode)
    total = Budget.objects.of(organization).filter(mode=mode, key_id=key, period=Budget.Period.TOTAL).first()
    return Standing(
        available=ledger.balance(organization, mode).available,
        used=spent.aggregate(sum=Sum("amount"))["sum"] or 0,
        key_limit=total.limit if total else None,
        key_used=total.used if total else spent.filter(key_id=key).aggregate(sum=Sum("amount"))["sum"] or 0,
    )


def headroom(organization: UUID, mode: str, key: UUID | None) -> int | None:
    """The least that any budget of the key or its organization leaves (nano-dollars), None without a
    budget. Right after a hold, in its transaction: every budget's window is the present one."""
    budgets = Budget.objects.of(organization).filter(mode=mode)
    mine = budgets.filter(key_id=key) | budgets.filter(key_id=None)
    least = mine.aggregate(least=Min(F("limit") - F("used")))["least"]
    return None if least is None else int(least)

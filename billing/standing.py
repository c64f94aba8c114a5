"""Where a customer stands: what is left to spend and what was spent, of the wallet and of one key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Min, Sum

from accounts.models import Organization
from billing import ledger, pricing
from billing.errors import UnknownPrice
from billing.models import BalanceAlert, Budget, CreditRequest, Usage
from runtime.tenancy import tenant


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


# ---- what the billing page asks ----------------------------------------------------------------

USUAL_MODEL, USUAL_TOKENS = "gemini-2.5-flash-image", 1290
"""What an image is taken to be where nothing was made yet."""


@dataclass(frozen=True, slots=True)
class Worth:
    """How many images of a model an amount is good for, and what one costs (nano-dollars)."""

    model: str
    images: int
    each: int


def worth(organization: Organization | UUID, mode: str, amount: int) -> Worth | None:
    """What an amount (nano-dollars) is good for: images of the model that was charged last, as many tokens
    each as its images took that quarter. None where that model has no price."""
    with tenant(organization):
        charged = Usage.objects.of(organization).filter(mode=mode, images__gt=0)
        last = charged.order_by("-quarter").values("model", "tokens", "images").first()
    model, tokens = (last["model"], last["tokens"] // last["images"]) if last else (USUAL_MODEL, USUAL_TOKENS)
    try:
        each = tokens * pricing.price_of(model)
    except UnknownPrice:
        return None
    return Worth(model, amount // each, each)


def alert(organization: Organization | UUID, mode: str) -> BalanceAlert | None:
    """The line below which the organization is told, if it drew one."""
    with tenant(organization):
        return BalanceAlert.objects.of(organization).filter(mode=mode).first()


def credit_requests(organization: Organization | UUID, mode: str, *, size: int) -> list[CreditRequest]:
    """The last requests for credit, newest first."""
    with tenant(organization):
        return list(CreditRequest.objects.of(organization).filter(mode=mode).order_by("-id")[:size])

"""Prices by effective time. A price is followed by another, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.auditing import Actor, record
from billing.errors import UnknownPrice
from billing.models import Price
from runtime.clock import DatabaseNow


def price_of(model: str, at: datetime | None = None) -> int:
    """Nano-dollars per token of a model at a moment (now by default). Raises UnknownPrice."""
    moment = at if at is not None else DatabaseNow()
    found = Price.objects.filter(model=model, effective_from__lte=moment).order_by("-effective_from").first()
    if found is None:
        raise UnknownPrice(f"{model} has no price in effect.")
    return found.unit_price


def priced() -> list[str]:
    """The models that ever had a price."""
    return sorted(set(Price.objects.values_list("model", flat=True)))


def current(model: str) -> int:
    """Nano-dollars per token now; 0 for a model whose first price is still to come."""
    try:
        return price_of(model)
    except UnknownPrice:
        return 0


def unpriced(models: Iterable[str]) -> set[str]:
    """Those of the models that never had a price."""
    return set(models) - set(Price.objects.values_list("model", flat=True))


@transaction.atomic
def set_price(*, model: str, unit_price: int, effective_from: datetime, by: Actor, reason: str = "") -> Price:
    """Let a price (nano-dollars per token) take effect at a moment. Past numbers stay as they are,
    since every generation froze its own."""
    price = Price.objects.create(model=model, unit_price=unit_price, effective_from=effective_from)
    record(
        by=by,
        action="price.set",
        object_type="price",
        object_id=str(price.pk),
        object_label=model,
        after={"unit_price": unit_price, "effective_from": effective_from.isoformat()},
        reason=reason,
    )
    return price


@dataclass(frozen=True, slots=True)
class Version:
    """A price (nano-dollars per token) from a moment until another follows it (None: none does)."""

    model: str
    unit_price: int
    since: datetime
    until: datetime | None

    @property
    def million(self) -> int:
        """Nano-dollars of a million tokens."""
        return self.unit_price * 1_000_000

    def state(self, now: datetime) -> str:
        """`now`, `planned` or `past`."""
        if self.since > now:
            return "planned"
        return "now" if self.until is None or self.until > now else "past"


def versions() -> list[Version]:
    """Every price there was, is and will be: model by model, the newest first."""
    made: list[Version] = []
    for price in Price.objects.order_by("model", "-effective_from"):
        follows = made[-1].since if made and made[-1].model == price.model else None
        made.append(Version(price.model, price.unit_price, price.effective_from, follows))
    return made

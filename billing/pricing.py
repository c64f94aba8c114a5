"""Prices by effective time. A price is followed by another, never changed."""

from __future__ import annotations

from collections.abc import Iterable
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


def unpriced(models: Iterable[str]) -> set[str]:
    """Those of the models that never had a price."""
    return set(models) - set(Price.objects.values_list("model", flat=True))


@transaction.atomic
def set_price(*, model: str, unit_price: int, effective_from: datetime, by: Actor) -> Price:
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
    )
    return price

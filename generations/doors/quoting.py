"""What an order costs, said before it is taken: the quote, the dry run (X-Dry-Run), the ceiling
(X-Max-Cost)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from billing.money import dollars, plain
from billing.pricing import price_of
from generations import catalogue
from generations.actions.rehearse import Rehearsal, rehearse
from generations.actions.submit import Asked, Quote
from generations.doors.wishes import Wishes
from generations.errors import Problem
from generations.spec import Kind, Order


class DryRun(Exception):
    """A dry run that nothing refused: the same answer at every door."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__("dry run")
        self.rehearsal = rehearsal

    def answer(self) -> dict[str, Any]:
        told = self.rehearsal
        return {
            "dry_run": True,
            "tokens": told.tokens,
            "cost_usd": plain(dollars(told.cost)),
            "balance_after_usd": plain(dollars(told.balance_after)),
            "budget_headroom_usd": None if told.headroom is None else plain(dollars(told.headroom)),
            "starts_in_s": told.starts_in,
        }


def heed(wishes: Wishes, asked: Asked, order: Order) -> None:
    """Raises DryRun if it was one, and Problem(BUDGET_EXCEEDED) above the ceiling, or whatever the
    order itself would end in. For the database threads."""
    if wishes.ceiling is not None:
        _refuse_dear(order, wishes.ceiling)
    if wishes.dry:
        undone = replace(asked, owner="", idempotency_key="", request=None)
        raise DryRun(rehearse(undone, order, quote(asked.dialect, order)))


def quote(dialect: str, order: Order) -> Quote:
    """Tokens per image, and the door's display rate."""
    offer = catalogue.resolve(dialect, order.model)
    return Quote(
        image_tokens=catalogue.size_for(order).tokens,
        credits_per_dollar=offer.credits_per_dollar if offer else 0,
    )


def _refuse_dear(order: Order, ceiling: int) -> None:
    cost = order.count * catalogue.size_for(order).tokens * price_of(order.model)
    if cost > ceiling:
        raise Problem(
            Kind.BUDGET_EXCEEDED,
            f"This would cost ${plain(dollars(cost))}, "
            f"more than the X-Max-Cost of ${plain(dollars(ceiling))}.",
            owner="request",
            limit=ceiling,
            needed=cost,
        )

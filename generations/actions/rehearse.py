"""A dry run (X1): the submit itself, undone. Whatever would refuse the order refuses it here."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from billing import ledger, standing
from generations import reports
from generations.actions.claim import ensure_lane
from generations.actions.submit import Asked, Quote, Submitted, submit
from generations.spec import Order
from runtime.tenancy import tenant


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the order would cost and leave: tokens, nano-dollars, seconds until it starts. `headroom`
    is None where no budget applies."""

    tokens: int
    cost: int
    balance_after: int
    headroom: int | None
    starts_in: int


def rehearse(asked: Asked, order: Order, quote: Quote) -> Rehearsal:
    """Submit, look, and take everything back. Raises what `submit` raises."""
    ensure_lane(asked.organization, asked.mode)  # for good: who made it remembers that it is there
    found: list[Rehearsal] = []
    try:
        with tenant(asked.organization):
            found.append(_look(asked, order, submit(asked, order, quote)))
            raise _Undo
    except _Undo:
        return found[0]


class _Undo(Exception):
    """Rolls the transaction back."""


def _look(asked: Asked, order: Order, submitted: Submitted) -> Rehearsal:
    row = submitted.generation
    return Rehearsal(
        tokens=row.tokens_held,
        cost=row.tokens_held * row.unit_price,
        balance_after=ledger.balance(asked.organization, asked.mode).available,
        headroom=standing.headroom(asked.organization, asked.mode, asked.key),
        starts_in=starts_in(asked.organization, asked.mode, order.model),
    )


_AHEAD = """
    SELECT l.cap, (SELECT count(*) FROM generations_generation g
                   WHERE g.organization_id = l.organization_id AND g.mode = l.mode
                     AND g.state IN ('queued', 'running'))
    FROM generations_lane l WHERE l.organization_id = %s AND l.mode = %s
"""


def starts_in(organization: UUID, mode: str, model: str) -> int:
    """Seconds until an order made now would start, by the usual time of its model: the organization's
    lane takes `cap` at once. The order itself may be counted already. Inside `tenant()`."""
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD, (organization, mode))
        cap, waiting = cursor.fetchone() or (1, 0)
    rounds = max(waiting - 1, 0) // max(cap, 1)
    return round(rounds * reports.median(model))

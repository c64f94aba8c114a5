"""Giving back what a generation was charged, after the fact."""

from __future__ import annotations

from accounts.auditing import Actor, record
from accounts.errors import InvalidValue
from billing import ledger
from billing.ledger import Held
from billing.money import dollars, plain
from runtime import ids
from runtime.tenancy import tenant


def refund(*, held: Held, tokens: int, reason: str, by: Actor, reference: str = "") -> bool:
    """Give back `tokens` of what the generation of this hold was charged, at the price it was charged at.
    The reason shows to the team. With a `reference` it can be said twice and is done once: False the
    second time. Raises InvalidValue; LedgerConflict for more than was charged and not given back yet."""
    if tokens <= 0:
        raise InvalidValue("tokens", "A refund is of one token at least.")
    if not reason.strip():
        raise InvalidValue("reason", "Say why it is refunded.")
    with tenant(held.organization):
        made = ledger.refund(
            held=held,
            tokens=tokens,
            reference=reference or f"refund:{ids.uuid7()}",
            reason=reason.strip(),
            actor=by.label,
        )
        if made:
            _note(held, tokens, reason.strip(), by)
    return made


def _note(held: Held, tokens: int, reason: str, by: Actor) -> None:
    amount = plain(dollars(tokens * held.unit_price))
    record(
        by=by,
        action="credit.refund",
        object_type="generation",
        object_id=held.generation,
        reason=reason,
        after={"count": tokens, "amount_usd": amount, "mode": held.mode},
        organization_id=held.organization,
    )

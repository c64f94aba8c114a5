"""The same order once more, at the platform's expense (M6): `docs/adr/0007-a-replay-is-granted.md`."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from accounts import auditing
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue
from accounts.models import Mode
from billing import ledger
from billing.pricing import price_of
from generations.actions.submit import Asked, Quote, Submitted, submit
from generations.models import Generation
from generations.spec import Order
from runtime import ids
from runtime.tenancy import tenant

LIVE = ("queued", "running")


def cost_of(generation: Generation) -> int:
    """Nano-dollars that a replay costs the platform at this moment's price. Raises UnknownPrice."""
    return generation.tokens_held * price_of(generation.model)


def replay(*, generation: Generation, reason: str, by: Actor, reference: str = "") -> Generation:
    """A new generation of the same order. Its price is granted in the same transaction, so that the
    balance does not change; the order's own callback is not called. With a `reference` it can be said
    twice and is done once. Raises InvalidValue, Conflict (not final yet, or the price changed this
    moment), UnknownPrice, and what a submit raises."""
    if not reason.strip():
        raise InvalidValue("reason", "Say why it is replayed.")
    if generation.state in LIVE:
        raise Conflict("It is not done yet. Cancel it, or wait for its end.")
    reference = reference or f"replay:{ids.uuid7()}"
    with tenant(generation.organization_id):
        granted = _grant(generation, reason.strip(), by, reference)
        made = _submit(generation, reference)
        if not made.replayed:
            _require_covered(made.generation, granted)
            _record(generation, made.generation.pk, reason.strip(), by)
    return made.generation


def _grant(generation: Generation, reason: str, by: Actor, reference: str) -> int:
    """Test wallets fill themselves; a live one is given the price first."""
    cost = cost_of(generation)
    if generation.mode == Mode.LIVE:
        ledger.grant(
            organization=generation.organization_id,
            mode=generation.mode,
            amount=cost,
            reference=reference,
            reason=f"Replay of {generation.pk}: {reason}"[:500],
            actor=by.label,
        )
    return cost


def _submit(generation: Generation, reference: str) -> Submitted:
    asked = Asked(
        organization=generation.organization_id,
        mode=generation.mode,
        key=None,
        member=None,
        dialect=generation.dialect,
        idempotency_key=reference,
    )
    order = replace(Order.from_json(generation.order), callback_url=None)
    return submit(asked, order, Quote(generation.image_tokens, generation.credits_per_dollar))


def _require_covered(made: Generation, granted: int) -> None:
    """The submit froze the price of its own moment."""
    if made.tokens_held * made.unit_price != granted:
        raise Conflict("The price of the model changed this moment. Try again.")


def _record(generation: Generation, made: UUID, reason: str, by: Actor) -> None:
    auditing.record(
        by=by,
        action="generation.replay",
        object_type="generation",
        object_id=generation.pk,
        object_label=generation.model,
        organization_id=generation.organization_id,
        reason=reason,
        after={"replay": made},
    )

"""T1: take an order. One transaction from the idempotency key to the hold, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from billing import ledger
from billing.errors import BudgetExceeded, InsufficientCredit
from billing.money import dollars, plain
from django.conf import settings
from django.db import connection
from runtime import ids
from runtime.clock import database_now
from runtime.tenancy import tenant

from generations import wakeups
from generations.actions.claim import Claimed, claim_at_submit, ensure_lane
from generations.errors import Problem
from generations.models import ApiRequest, Generation, IdempotencyRecord
from generations.spec import Kind, Order

QUEUE_LIMIT = 20_000
ASYNC_DEADLINE = timedelta(hours=24)
SYNC_DEADLINE = timedelta(minutes=15)
IDEMPOTENCY_DAYS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and how: the caller's key, the door, and what the request said about itself.

    `wait` is set by a synchronous door; `owner` then names the process that has a slot free to run
    it right away (empty: none, so it goes to the queue).
    """

    organization: UUID
    mode: str
    key: UUID | None
    member: UUID | None
    dialect: str
    request_id: str = ""
    idempotency_key: str = ""
    key_concurrency: int | None = None
    wait: bool = False
    owner: str = ""
    priority: int = 0
    request: ApiRequest | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What the order will cost at most: tokens per image and nano-dollars per token, frozen here."""

    image_tokens: int
    unit_price: int
    credits_per_dollar: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """The generation, whether an earlier submit made it, and the claim if it runs here at once."""

    generation: Generation
    replayed: bool = False
    claimed: Claimed | None = None


def submit(asked: Asked, order: Order, quote: Quote) -> Submitted:
    """Store the generation, hold its price, wake a worker (or claim it for the waiting process).

    Raises Problem: IDEMPOTENCY_CONFLICT, NO_CREDIT, BUDGET_EXCEEDED, RATE_LIMITED (queue full, key
    at its concurrency). A refused submit leaves no row behind.
    """
    with tenant(asked.organization):
        if asked.wait:
            _relax_commit()
        ensure_lane(asked.organization, asked.mode)
        generation = _new(asked, order, quote)
        first = _remember(asked, order, generation.pk)
        if first is not None:
            return Submitted(first, replayed=True)
        _refuse_when_full(asked)
        claimed = _insert(asked, generation)
        _hold(asked, generation)
    return Submitted(generation, claimed=claimed)


def _relax_commit() -> None:
    """Nothing of a synchronous call is acknowledged before its finish flushes it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _new(asked: Asked, order: Order, quote: Quote) -> Generation:
    now = database_now()
    return Generation(
        organization_id=asked.organization,
        ticket=ids.word(8, ids.BASE36),
        mode=asked.mode,
        dialect=asked.dialect,
        key_id=asked.key,
        member_id=asked.member,
        model=order.model,
        order=order.to_json(),
        synchronous=asked.wait,
        priority=asked.priority,
        request_id=asked.request_id,
        callback_url=order.callback_url or "",
        count=order.count,
        image_tokens=quote.image_tokens,
        unit_price=quote.unit_price,
        credits_per_dollar=quote.credits_per_dollar,
        created_at=now,
        run_after=now,
        deadline_at=now + (SYNC_DEADLINE if asked.wait else ASYNC_DEADLINE),
    )


_REMEMBER = """
    INSERT INTO generations_idempotencyrecord (organization_id, mode, key, fingerprint, generation_id, created_at)
    VALUES (%s, %s, %s, %s, %s, clock_timestamp())
    ON CONFLICT ON CONSTRAINT generations_idempotency_once DO UPDATE
        SET fingerprint = excluded.fingerprint, generation_id = excluded.generation_id,
            created_at = excluded.created_at
        WHERE generations_idempotencyrecord.created_at < clock_timestamp() - %s
"""


def _remember(asked: Asked, order: Order, generation: UUID) -> Generation | None:
    """Write the idempotency record, or find the generation that the same key made before.

    A twin still in its transaction makes us wait for its commit.
    """
    if not asked.idempotency_key:
        return None
    fingerprint = order.fingerprint()
    values = (asked.organization, asked.mode, asked.idempotency_key, fingerprint, generation, IDEMPOTENCY_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, values)
        if cursor.rowcount == 1:
            return None
    record = IdempotencyRecord.objects.of(asked.organization).get(mode=asked.mode, key=asked.idempotency_key)
    if bytes(record.fingerprint) != fingerprint:
        raise Problem(
            Kind.IDEMPOTENCY_CONFLICT,
            "This Idempotency-Key was used before for another order. Send a new key for a new order.",
        )
    return Generation.objects.of(asked.organization).get(pk=record.generation_id)


def _refuse_when_full(asked: Asked) -> None:
    """Bound what one organization may queue and what one key may have in flight."""
    rows = Generation.objects.of(asked.organization)
    if asked.key_concurrency is not None:
        live = rows.filter(key_id=asked.key, state__in=["queued", "running"])[: asked.key_concurrency]
        if live.count() >= asked.key_concurrency:
            limit = asked.key_concurrency
            raise Problem(
                Kind.RATE_LIMITED, f"This key already has {limit} generations in flight, its limit.", retry_after=2
            )
    if not asked.owner and rows.filter(mode=asked.mode, state="queued")[:QUEUE_LIMIT].count() >= QUEUE_LIMIT:
        raise Problem(
            Kind.RATE_LIMITED,
            f"{QUEUE_LIMIT:,} generations of your organization are waiting already. Try again in a minute.",
            retry_after=60,
        )


def _insert(asked: Asked, generation: Generation) -> Claimed | None:
    """The row, claimed on the spot when this process may run it; its request; else a wake-up."""
    claimed = claim_at_submit(generation, asked.owner) if asked.owner else None
    generation.save(force_insert=True)
    if claimed:
        claimed.open_attempt()
    if asked.request is not None:
        asked.request.generation_id = generation.pk
        asked.request.save(force_insert=True)
    if not claimed:
        wakeups.wake()
    return claimed


def held_by(generation: Generation) -> ledger.Held:
    """The generation's hold, as the ledger knows it."""
    return ledger.Held(
        organization=generation.organization_id,
        mode=generation.mode,
        key=generation.key_id,
        generation=generation.pk,
        tokens=generation.tokens_held,
        unit_price=generation.unit_price,
        at=generation.created_at,
    )


def _hold(asked: Asked, generation: Generation) -> None:
    try:
        ledger.hold(held_by(generation))
    except InsufficientCredit as error:
        raise no_credit(error.needed, error.available) from error
    except BudgetExceeded as error:
        raise over_budget(error) from error


def no_credit(needed: int, available: int) -> Problem:
    """402: says what is missing and where to get it (B15)."""
    link = f"{settings.EASEL.url}/billing"
    return Problem(
        Kind.NO_CREDIT,
        f"Insufficient credit: this needs ${plain(dollars(needed))}, the balance is ${plain(dollars(available))}. "
        f"Add credit at {link}.",
        needed=needed,
        balance=available,
        topup_url=link,
    )


def over_budget(error: BudgetExceeded) -> Problem:
    ends = f" It begins anew at {error.resets_at:%Y-%m-%d %H:%M} UTC." if error.resets_at else ""
    return Problem(
        Kind.BUDGET_EXCEEDED,
        f"The {error.owner}'s budget per {error.period} of ${plain(dollars(error.limit))} is used up "
        f"(${plain(dollars(error.used))}).{ends}",
        owner=error.owner,
        period=error.period,
        limit=error.limit,
        used=error.used,
    )

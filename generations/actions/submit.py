"""T1: take an order. One statement from the idempotency key to the hold, or nothing at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection

from billing import ledger
from billing.errors import BudgetExceeded, InsufficientCredit
from billing.money import dollars, plain
from generations import wakeups
from generations.actions.claim import Claimed, ensure_lane
from generations.errors import Problem
from generations.models import ApiRequest, Generation
from generations.spec import Kind, Order, State
from runtime import ids
from runtime.failpoints import failpoint
from runtime.tenancy import tenant

QUEUE_LIMIT = 20_000
ASYNC_LIFETIME = timedelta(hours=24)
SYNC_LIFETIME = timedelta(minutes=15)
REMEMBERED = timedelta(hours=48)
SLOTS = 2
"""Tries that a generation has left once it was started."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and how: the caller's key, the door, and what the request said about itself.

    `wait` is set by a synchronous door; `owner` then names the process that has a slot free to run
    it right away (empty: none, so it goes to the queue). `lifetime` is how long it may wait in the queue
    when nobody waits for it.
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
    lifetime: timedelta = ASYNC_LIFETIME


@dataclass(frozen=True, slots=True)
class Quote:
    """Tokens per image, frozen here; the price is frozen by the submit itself, at its moment."""

    image_tokens: int
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
    at its concurrency), UNKNOWN_MODEL (no price). A refused submit leaves no row behind.
    """
    values = _values(asked, order, quote)
    ensure_lane(asked.organization, asked.mode)
    if asked.owner:
        outcome = _call(values)
    else:
        with tenant(asked.organization):
            outcome = _call(values)
            if outcome.word == "queued":
                wakeups.wake()
            failpoint("submit.before_commit")
    failpoint("submit.after_commit")
    return _submitted(asked, order, values, outcome)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the statement answered."""

    word: str
    generation: UUID
    at: datetime
    unit_price: int


_NAMES = (
    "id", "organization", "mode", "key", "member", "dialect", "model", "ticket", "order", "count",
    "image_tokens", "credits", "priority", "request_id", "callback_url", "wait", "owner", "lease", "lifetime",
    "key_concurrency", "queue_limit", "test_credit", "idempotency_key", "fingerprint", "remembered",
    "request",
)  # fmt: skip
_PLACES = ", ".join(f"p_{name} => %({name})s" for name in _NAMES)
_SUBMIT = f"SELECT * FROM generations_submit({_PLACES})"  # noqa: S608 - our own names


def _values(asked: Asked, order: Order, quote: Quote) -> dict[str, Any]:
    return {
        "id": ids.uuid7(),
        "organization": asked.organization,
        "mode": asked.mode,
        "key": asked.key,
        "member": asked.member,
        "dialect": asked.dialect,
        "model": order.model,
        "ticket": ids.word(8, ids.BASE36),
        "order": json.dumps(order.to_json()),
        "count": order.count,
        "image_tokens": quote.image_tokens,
        "credits": quote.credits_per_dollar,
        "priority": asked.priority,
        "request_id": asked.request_id,
        "callback_url": order.callback_url or "",
        "wait": asked.wait,
        "owner": asked.owner,
        "lease": timedelta(seconds=settings.EASEL.lease_seconds),
        "lifetime": SYNC_LIFETIME if asked.wait else asked.lifetime,
        "key_concurrency": asked.key_concurrency,
        "queue_limit": QUEUE_LIMIT,
        "test_credit": ledger.TEST_CREDIT,
        "idempotency_key": asked.idempotency_key,
        "fingerprint": order.fingerprint() if asked.idempotency_key else b"",
        "remembered": REMEMBERED,
        "request": _row_of(asked.request),
    }


def _row_of(request: ApiRequest | None) -> str | None:
    """The request's row, as far as it is known before its answer."""
    if request is None:
        return None
    names = ("door", "method", "path", "bytes_in", "ip", "agent")
    row = {name: getattr(request, name) for name in names}
    return json.dumps({**row, "id": str(request.pk), "at": request.at.isoformat()})


def _call(values: dict[str, Any]) -> _Outcome:
    try:
        with ledger.refusals(), connection.cursor() as cursor:
            cursor.execute(_SUBMIT, values)
            row = cursor.fetchone()
    except InsufficientCredit as error:
        raise no_credit(error.needed, error.available) from error
    except BudgetExceeded as error:
        raise over_budget(error) from error
    except DatabaseError as error:
        raise _refusal(error, values) or error from None
    assert row is not None
    return _Outcome(*row)


def _refusal(error: DatabaseError, values: dict[str, Any]) -> Problem | None:
    code, detail, _ = ledger.sql_error(error)
    if code == "EZ404":
        return Problem(Kind.UNKNOWN_MODEL, f"The model {values['model']} has no price yet.", param="model")
    if code != "EZ429":
        return None
    if detail == "key":
        limit = values["key_concurrency"]
        message = f"This key already has {limit} generations in flight, its limit."
        return Problem(Kind.RATE_LIMITED, message, retry_after=2)
    message = f"{QUEUE_LIMIT:,} generations of your organization are waiting already. Try again in a minute."
    return Problem(Kind.RATE_LIMITED, message, retry_after=60)


def _submitted(asked: Asked, order: Order, values: dict[str, Any], outcome: _Outcome) -> Submitted:
    if outcome.word == "conflict":
        raise Problem(
            Kind.IDEMPOTENCY_CONFLICT,
            "This Idempotency-Key was used before for another order. Send a new key for a new order.",
        )
    if outcome.word == "replayed":
        with tenant(asked.organization):
            return Submitted(
                Generation.objects.of(asked.organization).get(pk=outcome.generation), replayed=True
            )
    row = _row(asked, values, outcome)
    return Submitted(row, claimed=_claimed(row, order) if outcome.word == "started" else None)


def _row(asked: Asked, values: dict[str, Any], outcome: _Outcome) -> Generation:
    """The row as the statement wrote it, without reading it back."""
    started = outcome.word == "started"
    return Generation(
        id=outcome.generation,
        ticket=values["ticket"],
        mode=asked.mode,
        dialect=asked.dialect,
        model=values["model"],
        request_id=asked.request_id,
        callback_url=values["callback_url"],
        priority=asked.priority,
        count=values["count"],
        image_tokens=values["image_tokens"],
        organization_id=asked.organization,
        key_id=asked.key,
        member_id=asked.member,
        order=json.loads(values["order"]),
        synchronous=asked.wait,
        unit_price=outcome.unit_price,
        credits_per_dollar=values["credits"],
        state=(State.RUNNING if started else State.QUEUED).value,
        attempt=int(started),
        tries_left=SLOTS if started else SLOTS + 1,
        lease_owner=asked.owner if started else "",
        created_at=outcome.at,
        started_at=outcome.at if started else None,
        run_after=outcome.at,
        deadline_at=outcome.at + values["lifetime"],
    )


def _claimed(row: Generation, order: Order) -> Claimed:
    """The claim of a generation that starts at once; its order needs no reading."""
    named = {field.name for field in fields(Claimed)} - {"id", "organization", "order", "owner"}
    return Claimed(
        id=row.pk,
        organization=row.organization_id,
        order=order,
        owner=row.lease_owner,
        **{name: getattr(row, name) for name in named},
    )


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


def no_credit(needed: int, available: int) -> Problem:
    """402: says what is missing and where to get it (B15)."""
    link = f"{settings.EASEL.url}/billing"
    return Problem(
        Kind.NO_CREDIT,
        f"Insufficient credit: this needs ${plain(dollars(needed))}, "
        f"the balance is ${plain(dollars(available))}. Add credit at {link}.",
        needed=needed,
        balance=available,
        topup_url=link,
    )


def over_budget(error: BudgetExceeded) -> Problem:
    """402: whose budget it is, how much of it is used, and when it begins anew."""
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

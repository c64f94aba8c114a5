"""T4-T11: every way an attempt or a generation ends.

Success is guarded by a live state, whoever holds the lease: the first valid result wins and no paid
work is thrown away. Failure and retry only while the lease is mine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import OutboxMessage
from billing import ledger, usage
from django.conf import settings
from django.db import connection
from runtime.tenancy import tenant

from generations.actions.claim import Claimed
from generations.actions.submit import held_by
from generations.models import Generation, Output
from generations.spec import Kind, State, Usage

LIVE = "state IN ('queued', 'running')"
MINE = "state = 'running' AND attempt = %(attempt)s"


@dataclass(frozen=True, slots=True)
class Stored:
    """One verified image that is in storage already."""

    key: str
    mime: str
    width: int
    height: int
    bytes: int
    sha256: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What an attempt has to tell about itself."""

    channel: str = ""
    provider: str = ""
    upstream_model: str = ""
    upstream_at: datetime | None = None
    request_id: str = ""
    usage: Usage = Usage()
    images: int = 0
    surplus: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Ending:
    """The final words of a generation."""

    state: State
    delivered: int = 0
    kind: str = ""
    message: str = ""
    parts: Sequence[Mapping[str, Any]] = ()
    usage: Usage = Usage()
    ended_by: int | None = None
    images: Sequence[Stored] = ()


def succeed(
    mine: Claimed, images: Sequence[Stored], parts: Sequence[Mapping[str, Any]], tried: Tried
) -> bool:
    """T5: outputs, settle what was delivered, release the rest. False if it was final already."""
    ending = _Ending(
        State.SUCCEEDED, delivered=len(images), parts=parts, usage=tried.usage, images=images
    )
    with tenant(mine.organization):
        row = _end(mine.organization, mine.id, LIVE, ending, {})
        if row is None:
            return _committed_before(mine, images)
        _close_attempt(mine, "succeeded", "", tried)
        _settle(row, ending)
    return True


def fail(
    mine: Claimed, kind: Kind, message: str, parts: Sequence[Mapping[str, Any]] = (), tried: Tried | None = None
) -> bool:
    """T6: over, and free of charge. False if the lease is no longer ours."""
    tried = tried or Tried()
    ending = _Ending(
        State.FAILED, kind=kind.value, message=message, parts=parts, usage=tried.usage, ended_by=mine.attempt
    )
    with tenant(mine.organization):
        row = _end(mine.organization, mine.id, MINE, ending, {"attempt": mine.attempt})
        _close_attempt(mine, "failed" if row else "superseded", kind.value, tried)
        if row is None:
            return False
        _settle(row, ending)
    return True


def retry(mine: Claimed, kind: Kind, delay: float, tried: Tried, *, waits: bool = False) -> bool:
    """T4: back to the queue for `delay` seconds. `waits` gives the try back (429: the upstream asked
    to wait; the deadline bounds that instead). False if the lease is no longer ours."""
    with tenant(mine.organization):
        back = _requeue(mine, delay, give_back=waits)
        _close_attempt(mine, "waited" if waits else "retried", kind.value, tried)
    return back


def hand_back(mine: Claimed) -> bool:
    """T11: a draining process returns what has not called upstream; no try is spent."""
    with tenant(mine.organization):
        back = _requeue(mine, 0, give_back=True)
        _close_attempt(mine, "handed_back", "", Tried())
    return back


_REQUEUE = f"""
    UPDATE generations_generation
    SET state = 'queued', lease_expires_at = NULL, run_after = clock_timestamp() + %(delay)s,
        tries_left = tries_left + %(back)s
    WHERE id = %(id)s AND {MINE}
"""


def _requeue(mine: Claimed, delay: float, *, give_back: bool) -> bool:
    values = {
        "id": mine.id, "attempt": mine.attempt, "delay": timedelta(seconds=delay), "back": int(give_back),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_REQUEUE, values)
        return cursor.rowcount == 1


def cancel(organization: UUID, generation: UUID) -> bool:
    """T7: cancelled and released, if it was still live."""
    with tenant(organization):
        return _end_unclaimed(organization, generation, LIVE, _cancelled("The task was cancelled."))


def _cancelled(message: str) -> _Ending:
    return _Ending(State.CANCELLED, kind=Kind.CANCELLED.value, message=message)


def expire(organization: UUID, generation: UUID) -> bool:
    """T10: its deadline passed (while queued, or running without an end in sight)."""
    ending = _Ending(
        State.FAILED, kind=Kind.DEADLINE.value, message="It was not done by its deadline and was given up."
    )
    with tenant(organization):
        return _end_unclaimed(organization, generation, f"{LIVE} AND deadline_at < clock_timestamp()", ending)


def take_back(organization: UUID, generation: UUID, attempt: int) -> bool:
    """T8, T9: a lease expired. Back to the queue, or over as `worker_lost` after the last try."""
    lost = "state = 'running' AND attempt = %(attempt)s AND lease_expires_at < clock_timestamp()"
    over = _Ending(
        State.FAILED,
        kind=Kind.WORKER_LOST.value,
        message="The workers that ran it were lost. Nothing was charged; please try again.",
        ended_by=attempt,
    )
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE generations_generation SET state = 'queued', lease_expires_at = NULL,"  # noqa: S608
            f" run_after = clock_timestamp() WHERE id = %(id)s AND tries_left > 0 AND {lost}",
            {"id": generation, "attempt": attempt},
        )
        changed = cursor.rowcount == 1 or _end_unclaimed(
            organization, generation, f"tries_left = 0 AND {lost}", over, {"attempt": attempt}
        )
        if changed:
            cursor.execute(_LOST, {"organization": organization, "id": generation, "attempt": attempt})
        return changed


_LOST = """
    UPDATE generations_attempt SET outcome = 'lost', kind = 'worker_lost', finished_at = clock_timestamp()
    WHERE organization_id = %(organization)s AND generation_id = %(id)s AND number = %(attempt)s
      AND finished_at IS NULL
"""


def _end_unclaimed(
    organization: UUID, generation: UUID, guard: str, ending: _Ending, values: Mapping[str, Any] | None = None
) -> bool:
    row = _end(organization, generation, guard, ending, values or {})
    if row is None:
        return False
    _settle(row, ending)
    return True


def _end(
    organization: UUID, generation: UUID, guard: str, ending: _Ending, values: Mapping[str, Any]
) -> Generation | None:
    """The only way to a final state: one guarded update. None if the guard did not hold."""
    settled = ending.state is State.SUCCEEDED
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE generations_generation SET state = %(state)s, hold = %(hold)s, delivered = %(delivered)s,"  # noqa: S608
            " kind = %(kind)s, message = %(message)s, parts = %(parts)s, usage = %(usage)s,"
            " ended_by = %(ended_by)s, lease_expires_at = NULL, finished_at = clock_timestamp(),"
            " expires_at = clock_timestamp() + %(kept)s"
            f" WHERE id = %(id)s AND {guard}",
            {
                **values,
                "id": generation,
                "state": ending.state.value,
                "hold": "settled" if settled else "released",
                "delivered": ending.delivered,
                "kind": ending.kind,
                "message": ending.message[:500],
                "parts": json.dumps(list(ending.parts)),
                "usage": json.dumps(asdict(ending.usage)),
                "ended_by": ending.ended_by,
                "kept": timedelta(days=settings.EASEL.retention_days),
            },
        )
        if cursor.rowcount == 0:
            return None
    return Generation.objects.of(organization).get(pk=generation)


def _settle(row: Generation, ending: _Ending) -> None:
    """Everything that follows from a final state, in the lock order, the wallet last."""
    _insert_outputs(row, ending.images)
    held = held_by(row)
    if ending.delivered:
        ledger.settle(held, row.tokens)
    else:
        ledger.release(held)
    _tell(row)
    usage.add(_finished(row))
    ledger.close_wallet(held, row.tokens)


def _insert_outputs(row: Generation, images: Sequence[Stored]) -> None:
    Output.objects.bulk_create(
        Output(
            organization_id=row.organization_id,
            mode=row.mode,
            generation_id=row.pk,
            number=number,
            storage_key=image.key,
            mime=image.mime,
            width=image.width,
            height=image.height,
            bytes=image.bytes,
            sha256=image.sha256,
            signature=image.signature,
        )
        for number, image in enumerate(images)
    )


def _tell(row: Generation) -> None:
    """The callback leaves the house after this commit, and only then."""
    if row.callback_url:
        OutboxMessage.objects.create(
            organization_id=row.organization_id,
            mode=row.mode,
            event="generation.final",
            generation_id=row.pk,
            url=row.callback_url,
            body=json.dumps({"generation": str(row.pk), "state": row.state, "tokens": row.tokens}).encode(),
        )


def _finished(row: Generation) -> usage.Finished:
    assert row.finished_at is not None
    return usage.Finished(
        organization=row.organization_id,
        mode=row.mode,
        finished_at=row.finished_at,
        key=row.key_id,
        member=row.member_id,
        model=row.model,
        dialect=row.dialect,
        outcome=row.kind or row.state,
        images=row.delivered,
        tokens=row.tokens,
        amount=row.tokens * row.unit_price,
        milliseconds=int((row.finished_at - row.created_at).total_seconds() * 1000),
    )


def _committed_before(mine: Claimed, images: Sequence[Stored]) -> bool:
    """After a commit whose answer was lost: was it ours that went through?"""
    kept = Output.objects.of(mine.organization).filter(generation_id=mine.id)
    return {output.storage_key for output in kept} == {image.key for image in images}


_CLOSE_ATTEMPT = """
    UPDATE generations_attempt
    SET outcome = %(outcome)s, kind = %(kind)s, finished_at = clock_timestamp(), channel = %(channel)s,
        provider = %(provider)s, upstream_model = %(upstream_model)s, upstream_at = %(upstream_at)s,
        upstream_request_id = %(request_id)s, usage = %(usage)s, images = %(images)s, surplus = %(surplus)s,
        detail = %(detail)s
    WHERE organization_id = %(organization)s AND generation_id = %(id)s AND number = %(number)s
"""


def _close_attempt(mine: Claimed, outcome: str, kind: str, tried: Tried) -> None:
    values = {
        **asdict(tried),
        "usage": json.dumps(asdict(tried.usage)),
        "request_id": tried.request_id[:200],
        "detail": tried.detail[:2000],
        "outcome": outcome,
        "kind": kind,
        "organization": mine.organization,
        "id": mine.id,
        "number": mine.attempt,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE_ATTEMPT, values)

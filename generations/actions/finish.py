"""T4-T11: every way an attempt or a generation ends.

Success is guarded by a live state, whoever holds the lease: the first valid result wins and no paid
work is thrown away. Failure and retry only while the lease is mine. The final states are written by
one SQL function (`migrations/sql/0003_paths.sql`), one statement from the row to the wallet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from generations.actions.claim import Claimed
from generations.models import Generation, Output
from generations.spec import Kind, State, Usage
from runtime.failpoints import failpoint
from runtime.tenancy import tenant


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
    """What an attempt has to tell about itself. `detail` is for operators, 2,000 characters of it;
    `calls` are all calls to channels as JSON objects, `provider_cost` nano-dollars."""

    channel: str = ""
    provider: str = ""
    upstream_model: str = ""
    upstream_at: datetime | None = None
    request_id: str = ""
    usage: Usage = field(default_factory=Usage)
    images: int = 0
    surplus: int = 0
    detail: str = ""
    calls: Sequence[Mapping[str, Any]] = ()
    provider_cost: int | None = None

    def to_json(self, outcome: str, kind: str) -> str:
        told = {
            **{name: getattr(self, name) for name in self.__slots__},
            "usage": asdict(self.usage),
            "calls": list(self.calls),
            "upstream_at": self.upstream_at.isoformat() if self.upstream_at else None,
            "request_id": self.request_id[:200],
            "detail": self.detail[:2000].replace("\x00", ""),
            "outcome": outcome,
            "kind": kind,
        }
        return json.dumps(told)


@dataclass(frozen=True, slots=True)
class _Ending:
    """The final words of a generation, and whose word counts (`generations_finish` explains)."""

    guard: str
    state: State
    kind: str = ""
    message: str = ""
    parts: Sequence[Mapping[str, Any]] = ()
    usage: Usage = field(default_factory=Usage)
    attempt: int | None = None
    ended_by: int | None = None
    images: Sequence[Stored] = ()
    tried: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """When a generation ended, and until when its images are kept."""

    at: datetime
    expires_at: datetime


_FINISH = """
    SELECT * FROM generations_finish(%(organization)s, %(id)s, %(guard)s, %(attempt)s, %(state)s, %(kind)s,
                                     %(message)s, %(parts)s, %(usage)s, %(ended_by)s, %(kept)s, %(images)s,
                                     %(tried)s)
"""


def _end(organization: UUID, generation: UUID, ending: _Ending) -> Closed | None:
    """When it ended, or None if the guard did not hold."""
    values: dict[str, Any] = {
        "organization": organization,
        "id": generation,
        "guard": ending.guard,
        "attempt": ending.attempt,
        "state": ending.state.value,
        "kind": ending.kind,
        "message": ending.message[:500],
        "parts": json.dumps(list(ending.parts)),
        "usage": json.dumps(asdict(ending.usage)),
        "ended_by": ending.ended_by,
        "kept": timedelta(days=settings.EASEL.retention_days),
        "images": json.dumps([asdict(image) for image in ending.images]),
        "tried": ending.tried,
    }
    failpoint("finish.before_commit")
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, values)
        row = cursor.fetchone()
    failpoint("finish.after_commit")
    return Closed(*row) if row else None


def succeed(
    mine: Claimed, images: Sequence[Stored], parts: Sequence[Mapping[str, Any]], tried: Tried
) -> Closed | None:
    """T5: outputs, settle what was delivered, release the rest. None if it was final already; the
    same again if that was this very result, whose commit went through unheard."""
    ending = _Ending(
        "live",
        State.SUCCEEDED,
        parts=parts,
        usage=tried.usage,
        attempt=mine.attempt,
        images=images,
        tried=tried.to_json("succeeded", ""),
    )
    return _end(mine.organization, mine.id, ending) or _committed_before(mine, images)


def fail(
    mine: Claimed,
    kind: Kind,
    message: str,
    parts: Sequence[Mapping[str, Any]] = (),
    tried: Tried | None = None,
) -> Closed | None:
    """T6: over, and free of charge. None if the lease is no longer ours."""
    tried = tried or Tried()
    ending = _Ending(
        "mine",
        State.FAILED,
        kind=kind.value,
        message=message,
        parts=parts,
        usage=tried.usage,
        attempt=mine.attempt,
        ended_by=mine.attempt,
        tried=tried.to_json("failed", kind.value),
    )
    return _end(mine.organization, mine.id, ending)


def cancel(organization: UUID, generation: UUID) -> bool:
    """T7: cancelled and released, if it was still live."""
    ending = _Ending("live", State.CANCELLED, kind=Kind.CANCELLED.value, message="The task was cancelled.")
    return _end(organization, generation, ending) is not None


def expire(organization: UUID, generation: UUID) -> bool:
    """T10: its deadline passed (while queued, or running without an end in sight)."""
    ending = _Ending(
        "overdue",
        State.FAILED,
        kind=Kind.DEADLINE.value,
        message="It was not done by its deadline and was given up. Nothing was charged.",
    )
    return _end(organization, generation, ending) is not None


def take_back(organization: UUID, generation: UUID, attempt: int) -> bool:
    """T8, T9: a lease expired. Back to the queue, or over as `worker_lost` after the last try. A lease that
    was renewed since somebody saw it expired is left alone, with its attempt."""
    values: dict[str, Any] = {"organization": organization, "id": generation, "attempt": attempt}
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(_REQUEUE_LOST, values)
        if cursor.rowcount == 1:
            cursor.execute(_LOST, values)
            return True
        cursor.execute(_LOCK_LAST, values)
        return cursor.fetchone() is not None and _end_lost(organization, generation, attempt)


def _end_lost(organization: UUID, generation: UUID, attempt: int) -> bool:
    ending = _Ending(
        "lost",
        State.FAILED,
        kind=Kind.WORKER_LOST.value,
        message="The workers that ran it were lost. Nothing was charged; please try again.",
        attempt=attempt,
        ended_by=attempt,
        tried=Tried(detail="the lease expired").to_json("lost", Kind.WORKER_LOST.value),
    )
    return _end(organization, generation, ending) is not None


_REQUEUE_LOST = """
    UPDATE generations_generation SET state = 'queued', lease_expires_at = NULL, run_after = clock_timestamp()
    WHERE organization_id = %(organization)s AND id = %(id)s AND state = 'running' AND attempt = %(attempt)s
      AND tries_left > 0 AND lease_expires_at < clock_timestamp()
"""
_LOCK_LAST = """
    SELECT id FROM generations_generation
    WHERE organization_id = %(organization)s AND id = %(id)s AND state = 'running' AND attempt = %(attempt)s
      AND tries_left = 0 AND lease_expires_at < clock_timestamp()
    FOR UPDATE
"""
_LOST = """
    UPDATE generations_attempt SET outcome = 'lost', kind = 'worker_lost', finished_at = clock_timestamp()
    WHERE organization_id = %(organization)s AND generation_id = %(id)s AND number = %(attempt)s
      AND finished_at IS NULL
"""


def retry(mine: Claimed, kind: Kind, delay: float, tried: Tried, *, waits: bool = False) -> bool:
    """T4: back to the queue for `delay` seconds. `waits` gives the try back (429: the upstream asked
    to wait; the deadline bounds that instead). False if the lease is no longer ours, or no try is left."""
    outcome = "waited" if waits else "retried"
    return _requeue(mine, delay, outcome, kind.value, tried, give_back=waits)


def hand_back(mine: Claimed, delay: float = 0) -> bool:
    """T11: a process returns what has not called upstream, to be claimed again after `delay` seconds;
    no try is spent."""
    return _requeue(mine, delay, "handed_back", "", Tried(), give_back=True)


_REQUEUE = """
    UPDATE generations_generation
    SET state = 'queued', lease_expires_at = NULL, tries_left = tries_left + %(back)s,
        run_after = clock_timestamp() + make_interval(secs => %(delay)s)
    WHERE organization_id = %(organization)s AND id = %(id)s AND state = 'running' AND attempt = %(attempt)s
      AND tries_left + %(back)s > 0
"""
_CLOSE_ATTEMPT = "SELECT generations_close_attempt(%(organization)s, %(id)s, %(attempt)s, %(tried)s)"


def _requeue(mine: Claimed, delay: float, outcome: str, kind: str, tried: Tried, *, give_back: bool) -> bool:
    values: dict[str, Any] = {
        "organization": mine.organization,
        "id": mine.id,
        "attempt": mine.attempt,
        "delay": delay,
        "back": int(give_back),
    }
    with tenant(mine.organization), connection.cursor() as cursor:
        cursor.execute(_REQUEUE, values)
        back = bool(cursor.rowcount)
        values["tried"] = tried.to_json(outcome if back else "superseded", kind)
        cursor.execute(_CLOSE_ATTEMPT, values)
    return back


def _committed_before(mine: Claimed, images: Sequence[Stored]) -> Closed | None:
    """After a commit whose answer was lost: was it ours that went through?"""
    with tenant(mine.organization):
        kept = Output.objects.of(mine.organization).filter(generation_id=mine.id)
        if {output.storage_key for output in kept} != {image.key for image in images}:
            return None
        row = Generation.objects.of(mine.organization).get(pk=mine.id)
    assert row.finished_at is not None
    assert row.expires_at is not None
    return Closed(row.finished_at, row.expires_at)

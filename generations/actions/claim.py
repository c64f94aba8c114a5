"""T2, T3, T8: whose turn it is, who holds what, and taking back what was lost.

Start-time fair queueing over lanes. `served` is the start tag of the last claim of a lane; the
virtual time is the highest of them. A lane that was idle begins at the virtual time, so that it
neither owes nor has saved up; each claim moves a lane on by taken / weight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from generations.spec import Order
from runtime.failpoints import failpoint
from runtime.tenancy import tenant, work


@dataclass(frozen=True, slots=True)
class Claimed:
    """A generation that this process runs now, under the lease token `attempt`. Behind a `synchronous`
    one somebody waits for the answer."""

    id: UUID
    organization: UUID
    mode: str
    model: str
    order: Order
    count: int
    attempt: int
    tries_left: int
    owner: str
    image_tokens: int
    unit_price: int
    created_at: datetime
    deadline_at: datetime
    request_id: str = ""
    synchronous: bool = False


_DUE = """
    SELECT 1 FROM generations_generation g
    WHERE g.organization_id = l.organization_id AND g.mode = l.mode AND g.state = 'queued'
      AND g.run_after <= clock_timestamp() AND g.deadline_at > clock_timestamp()
"""
_RUNNING = """
    SELECT count(*) FROM generations_generation g
    WHERE g.organization_id = l.organization_id AND g.mode = l.mode AND g.state = 'running'
"""
_PICK = f"""
    WITH clock AS (SELECT coalesce(max(served), 0) AS now FROM generations_lane)
    SELECT l.id, greatest(l.pass, clock.now),
           (SELECT count(*) FROM generations_lane l WHERE EXISTS ({_DUE}))
    FROM generations_lane l CROSS JOIN clock
    WHERE EXISTS (SELECT 1 FROM generations_generation
                  WHERE state = 'queued' AND run_after <= clock_timestamp())
      AND EXISTS ({_DUE}) AND ({_RUNNING}) < l.cap
    ORDER BY greatest(l.pass, clock.now), ({_RUNNING}), l.id
    LIMIT 1 FOR UPDATE OF l SKIP LOCKED
"""  # noqa: S608 - our own conditions
_TAKE = f"""
    WITH mine AS (
        SELECT g.id FROM generations_generation g, generations_lane l
        WHERE l.id = %(lane)s AND g.organization_id = l.organization_id AND g.mode = l.mode
          AND g.state = 'queued' AND g.run_after <= clock_timestamp() AND g.deadline_at > clock_timestamp()
        ORDER BY g.priority DESC, g.run_after
        LIMIT greatest(least(%(share)s, (SELECT l.cap - ({_RUNNING})
                                         FROM generations_lane l WHERE l.id = %(lane)s)), 0)
        FOR UPDATE OF g SKIP LOCKED
    ), taken AS (
        UPDATE generations_generation g
        SET state = 'running', attempt = g.attempt + 1, tries_left = g.tries_left - 1,
            lease_owner = %(owner)s, lease_expires_at = clock_timestamp() + make_interval(secs => %(lease)s),
            started_at = coalesce(g.started_at, clock_timestamp()),
            deadline_at = least(g.deadline_at, clock_timestamp() + interval '15 minutes')
        FROM mine WHERE g.id = mine.id
        RETURNING g.id, g.organization_id, g.mode, g.model, g.order, g.count, g.attempt, g.tries_left,
                  g.image_tokens, g.unit_price, g.created_at, g.deadline_at, g.request_id, g.synchronous
    ), tried AS (
        INSERT INTO generations_attempt (id, organization_id, mode, generation_id, number, owner, started_at,
                                         channel, provider, upstream_model, outcome, kind, detail,
                                         upstream_request_id, usage, images, surplus)
        SELECT gen_random_uuid(), organization_id, mode, id, attempt, %(owner)s, clock_timestamp(),
               '', '', '', '', '', '', '', '{{}}', 0, 0 FROM taken
    ), moved AS (
        UPDATE generations_lane SET served = %(tag)s, pass = %(tag)s + (SELECT count(*) FROM taken) / weight
        WHERE id = %(lane)s AND EXISTS (SELECT 1 FROM taken)
    )
    SELECT * FROM taken
"""  # noqa: S608 - our own conditions


def claim(owner: str, free: int) -> list[Claimed]:
    """Take up to `free` due generations in fair turns. `owner` names this process.

    Each turn is its own short transaction: lane first, then its oldest due generations.
    """
    taken: list[Claimed] = []
    while len(taken) < free:
        turn = _one_turn(owner, free - len(taken))
        if not turn:
            break
        taken += turn
        failpoint("claim.after")
    return taken


def _one_turn(owner: str, free: int) -> list[Claimed]:
    with work(), connection.cursor() as cursor:
        cursor.execute(_PICK)
        lane = cursor.fetchone()
        if lane is None:
            return []
        identifier, tag, busy = lane
        share = -(-free // max(busy, 1))
        cursor.execute(
            _TAKE, {"lane": identifier, "share": share, "tag": tag, "owner": owner, "lease": _lease()}
        )
        return [_claimed(row, owner) for row in cursor.fetchall()]


def _lease() -> float:
    return float(settings.EASEL.lease_seconds)


def _claimed(row: Sequence[Any], owner: str) -> Claimed:
    (
        identifier,
        organization,
        mode,
        model,
        order,
        count,
        attempt,
        tries_left,
        tokens,
        price,
        made,
        deadline,
        request_id,
        synchronous,
    ) = row
    return Claimed(
        id=identifier,
        organization=organization,
        mode=mode,
        model=model,
        order=Order.from_json(json.loads(order)),  # raw jsonb comes as text: Django's fields decode it
        count=count,
        attempt=attempt,
        tries_left=tries_left,
        owner=owner,
        image_tokens=tokens,
        unit_price=price,
        created_at=made,
        deadline_at=deadline,
        request_id=request_id,
        synchronous=synchronous,
    )


_LANE = """
    INSERT INTO generations_lane (id, organization_id, mode, weight, cap, pass, served)
    VALUES (gen_random_uuid(), %s, %s, 1, %s, 0, 0) ON CONFLICT ON CONSTRAINT generations_lane_once DO NOTHING
"""
_SERVED = """
    UPDATE generations_lane l
    SET served = greatest(l.pass, clock.now), pass = greatest(l.pass, clock.now) + done.count / l.weight
    FROM (SELECT coalesce(max(served), 0) AS now FROM generations_lane) clock,
         unnest(%s::uuid[], %s::text[], %s::int[]) AS done (organization_id, mode, count)
    WHERE l.organization_id = done.organization_id AND l.mode = done.mode
"""
_known_lanes: set[tuple[UUID, str]] = set()


def ensure_lane(organization: UUID, mode: str) -> None:
    """Make the lane of an organization if it has none yet (remembered per process)."""
    if (organization, mode) not in _known_lanes:
        with tenant(organization), connection.cursor() as cursor:
            cursor.execute(_LANE, (organization, mode, settings.EASEL.lane_cap))
        _known_lanes.add((organization, mode))


def note_served(counts: Mapping[tuple[UUID, str], int]) -> None:
    """Move lanes on by what synchronous submits started past the queue, every second in one go: a
    lane row must not be what all submits of an organization wait for."""
    lanes = sorted(counts)
    with work(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        organizations, modes = [lane[0] for lane in lanes], [lane[1] for lane in lanes]
        cursor.execute(_SERVED, (organizations, modes, [counts[lane] for lane in lanes]))


_RENEW = """
    UPDATE generations_generation g SET lease_expires_at = clock_timestamp() + make_interval(secs => %s)
    FROM unnest(%s::uuid[], %s::int[]) AS mine (id, attempt)
    WHERE g.id = mine.id AND g.attempt = mine.attempt AND g.state = 'running'
    RETURNING g.id
"""


def renew(held: Sequence[Claimed]) -> set[UUID]:
    """Renew the leases of this process in one statement. Returns those it still holds."""
    if not held:
        return set()
    with work(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(_RENEW, (_lease(), [c.id for c in held], [c.attempt for c in held]))
        return {row[0] for row in cursor.fetchall()}


LOSSES = 2
_KILLERS = """
    SELECT a.generation_id FROM generations_attempt a
    JOIN unnest(%s::uuid[], %s::uuid[]) AS mine (organization, id)
      ON a.organization_id = mine.organization AND a.generation_id = mine.id
    WHERE a.outcome = 'lost' GROUP BY a.generation_id HAVING count(*) >= %s
"""


def suspects(claimed: Sequence[Claimed]) -> set[UUID]:
    """Those that lost two workers already: they may be what kills them. Asks only about last tries."""
    last = [mine for mine in claimed if mine.tries_left == 0]
    if not last:
        return set()
    with work(), connection.cursor() as cursor:
        cursor.execute(_KILLERS, ([mine.organization for mine in last], [mine.id for mine in last], LOSSES))
        return {row[0] for row in cursor.fetchall()}

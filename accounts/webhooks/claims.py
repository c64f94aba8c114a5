"""Whose message is sent next: nobody's receiver may hold up anybody else's.

Of one dispatcher's slots an organization gets at most eight, and fewer the fuller the house is; a
host at most four at once, over all organizations and dispatchers, and ten sends a second, so that we
are nobody's amplifier. What is in flight is counted from the rows, never stored, so that no crash
leaks a slot; one dispatcher claims at a time, for some milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import connection

from accounts.webhooks import ladder
from runtime.tenancy import work

log = structlog.get_logger(__name__)

HELD_SECONDS = 20
PER_HOST, PER_HOST_A_SECOND = 4, 10
PER_ORGANIZATION, PER_ORGANIZATION_A_SECOND = 8, 50
SHARES = 8
"""Of so many free slots one is left to every organization's next message."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in hand. `number` is its count of claims: whoever has the highest may fail it."""

    organization: UUID
    id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class _Due:
    organization: UUID
    host: str
    id: UUID


def claim(free: int) -> list[Claim]:
    """Take up to `free` due messages in hand for 20 seconds, the organizations by turns."""
    with work(), connection.cursor() as cursor:
        cursor.execute(_ANY_DUE)
        if not _first(cursor.fetchone()):
            return []
        cursor.execute(_TAKEN, {"held": HELD_SECONDS})
        limits = _Limits(free)
        limits.count(cursor.fetchall())
        cursor.execute(_CANDIDATES, limits.full())
        picked = [due.id for due in limits.pick(_Due(*row) for row in cursor.fetchall())]
        cursor.execute(_BURY, {"ids": picked, **_MOST_CLAIMS})
        for (buried,) in cursor.fetchall():
            log.error("webhooks.buried", message=str(buried))
        cursor.execute(_CLAIM, {"ids": picked, "held": HELD_SECONDS})
        return [Claim(*row) for row in cursor.fetchall()]


def _first(row: tuple[bool, ...] | None) -> bool:
    return row is not None and row[0]


@dataclass(slots=True)
class _Limits:
    """What may still be taken: slots of this dispatcher, of hosts and of organizations."""

    free: int
    flying_to: Counter[str] = field(default_factory=Counter)
    flying_for: Counter[UUID] = field(default_factory=Counter)
    sent_to: Counter[str] = field(default_factory=Counter)
    sent_for: Counter[UUID] = field(default_factory=Counter)
    replaying: list[str] = field(default_factory=list)

    def count(self, taken: Iterable[tuple[UUID, str, int, int, int]]) -> None:
        """Rows of `_TAKEN`: in flight, sent within a second, redeliveries in flight."""
        for organization, host, flying, sent, replays in taken:
            self._add(organization, host, flying, sent)
            if replays:
                self.replaying.append(f"{organization} {host}")

    def full(self) -> dict[str, list[Any]]:
        """Whom to leave out: hosts, organizations, and where a redelivery is in flight."""
        return {
            "hosts": [host for host in self.sent_to if not self._host_may(host)],
            "organizations": [one for one in self.sent_for if not self._organization_may(one)],
            "replaying": self.replaying,
        }

    def pick(self, candidates: Iterable[_Due]) -> Iterator[_Due]:
        for due in candidates:
            if self.free > 0 and self._host_may(due.host) and self._organization_may(due.organization):
                self.free -= 1
                self._add(due.organization, due.host, 1, 1)
                yield due

    def _add(self, organization: UUID, host: str, flying: int, sent: int) -> None:
        self.flying_to[host] += flying
        self.flying_for[organization] += flying
        self.sent_to[host] += sent
        self.sent_for[organization] += sent

    def _host_may(self, host: str) -> bool:
        return self.flying_to[host] < PER_HOST and self.sent_to[host] < PER_HOST_A_SECOND

    def _organization_may(self, organization: UUID) -> bool:
        share = min(PER_ORGANIZATION, 1 + self.free // SHARES)
        return (
            self.flying_for[organization] < share and self.sent_for[organization] < PER_ORGANIZATION_A_SECOND
        )


_MOST_CLAIMS = {
    "callback": ladder.most_claims(registered=False),
    "endpoint": ladder.most_claims(registered=True),
}
_ANY_DUE = """
    SELECT EXISTS (SELECT FROM accounts_outboxmessage
                   WHERE state = 'pending' AND next_at <= statement_timestamp())
        AND pg_try_advisory_xact_lock(hashtext('easel dispatch'))
"""
_BURY = """
    UPDATE accounts_outboxmessage SET state = 'dead', claimed_until = NULL
    WHERE id = ANY (%(ids)s) AND state = 'pending'
      AND claims >= CASE WHEN endpoint_id IS NULL THEN %(callback)s ELSE %(endpoint)s END
    RETURNING id
"""
_TAKEN = """
    SELECT organization_id, host, count(*) FILTER (WHERE claimed_until > statement_timestamp()),
           count(*) FILTER (WHERE claimed_at > statement_timestamp() - interval '1 second'),
           count(*) FILTER (WHERE claimed_until > statement_timestamp() AND replayed_at IS NOT NULL)
    FROM accounts_outboxmessage
    WHERE claimed_at > statement_timestamp() - make_interval(secs => %(held)s)
    GROUP BY 1, 2
"""
# From index entry to index entry: the organizations that wait, the hosts of each, the oldest messages
# of each host. However many one organization has waiting, the others are found as fast. Of what was
# redelivered one is in flight at a time, so that it arrives in order; news does not wait behind it.
_CANDIDATES = """
    WITH RECURSIVE team AS (
        (SELECT organization_id AS id FROM accounts_outboxmessage WHERE state = 'pending' ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT m.organization_id FROM accounts_outboxmessage m
                WHERE m.state = 'pending' AND m.organization_id > t.id ORDER BY 1 LIMIT 1)
        FROM team t WHERE t.id IS NOT NULL
    )
    SELECT team.id, due.host, due.message FROM team CROSS JOIN LATERAL (
        WITH RECURSIVE place AS (
            (SELECT m.host FROM accounts_outboxmessage m
             WHERE m.state = 'pending' AND m.organization_id = team.id ORDER BY 1 LIMIT 1)
            UNION ALL
            SELECT (SELECT m.host FROM accounts_outboxmessage m
                    WHERE m.state = 'pending' AND m.organization_id = team.id AND m.host > p.host
                    ORDER BY 1 LIMIT 1)
            FROM place p WHERE p.host IS NOT NULL
        )
        SELECT open.host, first.*, row_number() OVER (ORDER BY first.turn, first.next_at) AS position
        FROM (SELECT host FROM place WHERE host IS NOT NULL AND host <> ALL (%(hosts)s) LIMIT 500) AS open
        CROSS JOIN LATERAL (
            SELECT m.id AS message, m.next_at, row_number() OVER (ORDER BY m.next_at) AS turn FROM (
                (SELECT id, next_at FROM accounts_outboxmessage
                 WHERE state = 'pending' AND organization_id = team.id AND host = open.host
                   AND next_at <= statement_timestamp() AND replayed_at IS NULL
                 ORDER BY next_at LIMIT 4)
                UNION ALL
                (SELECT id, next_at FROM accounts_outboxmessage
                 WHERE state = 'pending' AND organization_id = team.id AND host = open.host
                   AND next_at <= statement_timestamp() AND replayed_at IS NOT NULL
                   AND concat(team.id, ' ', open.host) <> ALL (%(replaying)s)
                 ORDER BY next_at LIMIT 1)
            ) AS m
        ) AS first
        ORDER BY position LIMIT 16
    ) AS due
    WHERE team.id <> ALL (%(organizations)s::uuid[])
    ORDER BY due.position, due.next_at LIMIT 2000
"""
_CLAIM = """
    UPDATE accounts_outboxmessage
    SET claims = claims + 1, claimed_at = clock_timestamp(),
        claimed_until = clock_timestamp() + make_interval(secs => %(held)s),
        next_at = clock_timestamp() + make_interval(secs => %(held)s)
    WHERE id IN (SELECT id FROM accounts_outboxmessage
                 WHERE id = ANY (%(ids)s) AND state = 'pending' AND next_at <= statement_timestamp()
                 FOR UPDATE SKIP LOCKED)
    RETURNING organization_id, id, claims
"""

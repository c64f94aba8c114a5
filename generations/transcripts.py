"""What calls said and were answered: kept as long as their organization wants, or not at all.

How long is asked of the organization when one is written and again when old ones are deleted, so that
a shorter word counts at once, for those too that are kept already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.models import Organization
from generations.models import Transcript
from runtime.tenancy import tenant, work

BATCH = 5_000

_KEEP = """
    INSERT INTO generations_transcript (id, organization_id, mode, at, sent, answered)
    SELECT said.* FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
        AS said (id, organization_id, mode, at, sent, answered)
    JOIN accounts_organization o ON o.id = said.organization_id
    WHERE coalesce(o.body_retention_hours, %s) > 0
    ON CONFLICT (id) DO NOTHING
"""
_FORGET = """
    DELETE FROM generations_transcript WHERE id IN (
        SELECT t.id FROM accounts_organization o JOIN generations_transcript t ON t.organization_id = o.id
            AND t.at <= clock_timestamp() - make_interval(hours => coalesce(o.body_retention_hours, %s))
        LIMIT %s
    )
"""
_COLUMNS = ("id", "organization_id", "mode", "at", "sent", "answered")


def keep(said: Sequence[Transcript]) -> None:
    """Write those of organizations that keep any."""
    with work(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        columns = [[getattr(row, column) for row in said] for column in _COLUMNS]
        cursor.execute(_KEEP, [*columns, _usual_hours()])


def forget() -> int:
    """Delete what was kept long enough. Returns how many there were."""
    count = 0
    while done := _forget():
        count += done
    return count


def _forget() -> int:
    with work(), connection.cursor() as cursor:
        cursor.execute(_FORGET, (_usual_hours(), BATCH))
        return int(cursor.rowcount)


def _usual_hours() -> int:
    """For an organization that said nothing of its own."""
    return int(settings.EASEL.retention_days) * 24


@dataclass(frozen=True, slots=True)
class Said:
    """Both bodies of a call, as they are read."""

    sent: str
    answered: str


def of_call(organization: Organization | UUID, call: UUID) -> Said | None:
    """What was said in a call, while it is kept."""
    with tenant(organization):
        return _said(Transcript.objects.of(organization).filter(pk=call).first())


def of_any_call(call: UUID) -> Said | None:
    """The same for an operator, inside `operator()`."""
    return _said(Transcript.objects.across().filter(pk=call).first())


def _said(kept: Transcript | None) -> Said | None:
    return Said(_indented(kept.sent), _indented(kept.answered)) if kept else None


def _indented(text: str) -> str:
    """JSON in lines; anything else (also JSON that was cut) as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text

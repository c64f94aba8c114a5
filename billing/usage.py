"""The roll-up: one row per quarter of an hour and everything one may ask by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

_ADD = """
    INSERT INTO billing_usage (organization_id, mode, quarter, key_id, member_id, model, dialect, outcome,
                               generations, images, tokens, amount, milliseconds)
    VALUES (%s, %s, date_bin('15 minutes', %s, timestamptz 'epoch'), %s, %s, %s, %s, %s, 1, %s, %s, %s, %s)
    ON CONFLICT ON CONSTRAINT billing_usage_once DO UPDATE SET
        generations = billing_usage.generations + 1,
        images = billing_usage.images + excluded.images,
        tokens = billing_usage.tokens + excluded.tokens,
        amount = billing_usage.amount + excluded.amount,
        milliseconds = billing_usage.milliseconds + excluded.milliseconds
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """What the roll-up needs to know of a generation that just became final."""

    organization: UUID
    mode: str
    finished_at: datetime
    key: UUID | None
    member: UUID | None
    model: str
    dialect: str
    outcome: str
    images: int
    tokens: int
    amount: int
    milliseconds: int


def add(done: Finished) -> None:
    """Count a final generation. Runs in its finishing transaction, after the entries and before
    the wallet. The quarter is that of `finished_at`, the moment of its settle entry."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            (
                done.organization, done.mode, done.finished_at, done.key, done.member, done.model,
                done.dialect, done.outcome, done.images, done.tokens, done.amount, done.milliseconds,
            ),
        )  # fmt: skip

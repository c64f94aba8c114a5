"""One run of the proof: a read-only snapshot, every invariant in it, and what was found."""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from config.proof.chain import I17
from config.proof.deliveries import DELIVERIES
from config.proof.folios import I22
from config.proof.history import HISTORY
from config.proof.invariant import OF, Broken, Invariant, of
from config.proof.money import MONEY
from config.proof.usage import USAGE
from config.proof.walls import WALLS
from runtime.tenancy import audit

FETCH = 2000

INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted(
        (*MONEY, *HISTORY, *DELIVERIES, *WALLS, *USAGE, I17, I22),
        key=lambda known: (known.id[0] != "I", int(known.id[1:])),
    )
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one invariant came to, and how many seconds it took."""

    id: str
    sentence: str
    broken: tuple[Broken, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Proof:
    """The findings of one snapshot. `at` is when it was taken; `counts` is how much there was of
    each thing."""

    at: datetime
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    seconds: float

    @property
    def broken(self) -> int:
        """How many rows are wrong, over all invariants."""
        return sum(len(finding.broken) for finding in self.findings)


def with_finding(proof: Proof, finding: Finding) -> Proof:
    """The same proof with what was found outside its snapshot."""
    return replace(proof, findings=(*proof.findings, finding), seconds=proof.seconds + finding.seconds)


def prove(organization: UUID | None = None, *, only: Sequence[str] = ()) -> Proof:
    """Check every invariant (or those whose ids are in `only`) in one snapshot.

    With an `organization`, only its rows, and only what can be said of one organization. Must not
    be called inside a transaction. Raises django.db.Error when the database does not answer.
    """
    began = time.monotonic()
    chosen = [i for i in INVARIANTS if (not only or i.id in only) and not (organization and i.whole)]
    with snapshot():
        at = _value("SELECT now()")
        findings = tuple(_check(invariant, organization) for invariant in chosen)
        counts = _counts(organization)
    return Proof(at, findings, counts, time.monotonic() - began)


@contextmanager
def snapshot() -> Iterator[None]:
    """A transaction as `easel_audit` that sees one moment of all organizations and cannot write.

    The level is set before the role, since entering a role is a query and takes the snapshot.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # A million entries are summed in memory; compiling the queries costs more than it saves.
            cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL jit = off")
        with audit():
            yield


def _check(invariant: Invariant, organization: UUID | None) -> Finding:
    began = time.monotonic()
    values = {"organization": organization}
    broken = _judged(invariant, values) if invariant.judge else _found(invariant, values)
    return Finding(invariant.id, invariant.sentence, tuple(broken), time.monotonic() - began)


def _found(invariant: Invariant, values: dict[str, Any]) -> list[Broken]:
    with connection.cursor() as cursor:
        cursor.execute(invariant.sql, values)
        return [Broken(row, what) for row, what in cursor.fetchall()]


def _judged(invariant: Invariant, values: dict[str, Any]) -> list[Broken]:
    """Rows that are judged here come through a cursor of the server's: there may be many."""
    assert invariant.judge is not None
    with connection.chunked_cursor() as cursor:
        cursor.execute(invariant.sql, values)
        return list(
            invariant.judge(row for rows in iter(lambda: cursor.fetchmany(FETCH), []) for row in rows)
        )


_COUNTED = {
    "generations": f"SELECT count(*) FROM generations_generation WHERE {OF}",
    "entries": f"SELECT count(*) FROM billing_entry WHERE {OF}",
    "organizations": f"SELECT count(*) FROM accounts_organization WHERE {of('id')}",
}


def _counts(organization: UUID | None) -> dict[str, int]:
    counted = {name: int(_value(sql, organization)) for name, sql in _COUNTED.items()}
    return counted if organization else counted | {"seals": int(_value("SELECT count(*) FROM billing_seal"))}


def _value(sql: str, organization: UUID | None = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"organization": organization})
        return cursor.fetchone()[0]

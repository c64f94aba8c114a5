"""I17: the seals verify.

Recomputed from the format alone, which `billing/seals.py` documents: one JSON array a row, in id
order, hashed; chained and signed. An entry or audit event that was changed, removed or slipped in
below the sealed horizon, and a seal that is missing, shows here.
"""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from django.conf import settings

from config.proof.invariant import Broken, Invariant

ZEROS = bytes(32)

_ENTRY = """
    jsonb_build_array(r.id, r.organization_id, r.mode, r.kind, r.debit, r.credit, r.amount, r.tokens,
                      r.unit_price, r.generation_id, r.reference, r.reason, r.actor,
                      (extract(epoch FROM r.created_at) * 1000000)::bigint)
"""
_EVENT = """
    jsonb_build_array(r.id, (extract(epoch FROM r.at) * 1000000)::bigint, r.organization_id, r.actor_type,
                      r.actor_id, r.actor_label, host(r.ip), r.agent, r.request_id, r.action, r.object_type,
                      r.object_id, r.object_label, r.reason, r.before::text, r.after::text)
"""


def _recomputed(table: str, array: str) -> str:
    return f"""
        SELECT s.*, found.rows, found.digest,
               (SELECT count(*) FROM {table} WHERE id < 1) AS below
        FROM billing_seal s CROSS JOIN LATERAL (
            SELECT count(*) AS rows,
                   sha256(convert_to(
                       coalesce(string_agg({array}::text || chr(10), '' ORDER BY r.id), ''), 'UTF8'
                   )) AS digest
            FROM {table} r WHERE r.id BETWEEN s.first_id AND s.last_id
        ) AS found
        WHERE s."table" = '{table}'
    """


_SQL = f"""
    SELECT "table", id, first_id, last_id, count, digest, previous, signature, rows, recomputed, below
    FROM (
        {_recomputed("billing_entry", _ENTRY)}
        UNION ALL
        {_recomputed("accounts_auditevent", _EVENT)}
    ) AS seals (id, "table", first_id, last_id, count, digest, previous, signature, sealed_at,
                rows, recomputed, below)
    ORDER BY "table", last_id, id
"""


def _judge(rows: Iterator[tuple[Any, ...]]) -> Iterator[Broken]:
    table, last, signature = "", 0, ZEROS
    for of, seal, first, last_here, count, digest, previous, signed, found, recomputed, below in rows:
        if of != table:
            table, last, signature = of, 0, ZEROS
            if below:
                yield Broken(f"table {table}", f"has {below} rows with an id below 1, which no seal covers")
        faults = [
            (count != found, f"sealed {count} rows, there are {found}"),
            (bytes(digest) != bytes(recomputed), "its rows are not those it sealed"),
            (first != last + 1, f"begins at {first}, the seal before it ended at {last}"),
            (bytes(previous) != signature, "does not follow the seal before it"),
            (not _signed(table, first, last_here, count, digest, previous, signed), "its signature is wrong"),
        ]
        if what := "; ".join(sentence for wrong, sentence in faults if wrong):
            yield Broken(f"seal {seal} ({table} {first}-{last_here})", what)
        last, signature = last_here, bytes(signed)


def _signed(
    table: str, first: int, last: int, count: int, digest: bytes, previous: bytes, signed: bytes
) -> bool:
    lines = ("easel seal 1", table, first, last, count, bytes(digest).hex(), bytes(previous).hex())
    message = "".join(f"{line}\n" for line in lines).encode()
    return any(
        hmac.compare_digest(hmac.new(key, message, sha256).digest(), bytes(signed))
        for key in settings.EASEL.seal_keys
    )


I17 = Invariant(
    "I17",
    "Every seal over the entries and the audit trail verifies, and they follow each other without a gap.",
    _SQL,
    judge=_judge,
    whole=True,
)

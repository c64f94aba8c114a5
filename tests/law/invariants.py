"""What must be true of one organization after every step, said in SQL and independently of the code
that writes. The numbers are those of the reliability paper; each statement gives the broken rows.
"""

from __future__ import annotations

from uuid import UUID

import psycopg

_HOLD = "g.count * g.image_tokens * g.unit_price"

INVARIANTS = {
    "I1 what is held is what live generations hold": f"""
        SELECT w.mode FROM billing_wallet w WHERE w.organization_id = %(o)s AND w.held <> coalesce(
            (SELECT sum({_HOLD}) FROM generations_generation g
             WHERE g.organization_id = w.organization_id AND g.mode = w.mode
               AND g.state IN ('queued', 'running')), 0)
    """,
    "I2 a wallet is the replay of its entries": """
        SELECT w.mode FROM billing_wallet w JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE kind IN ('grant', 'refund') OR debit = 'adjustment'), 0)
                   - coalesce(sum(amount) FILTER (WHERE kind = 'settle' OR credit = 'adjustment'), 0)
                   AS posted,
                   coalesce(sum(amount) FILTER (WHERE credit = 'held'), 0)
                   - coalesce(sum(amount) FILTER (WHERE debit = 'held'), 0) AS held
            FROM billing_entry e WHERE e.organization_id = w.organization_id AND e.mode = w.mode
        ) r ON true
        WHERE w.organization_id = %(o)s AND (r.posted, r.held) <> (w.posted, w.held)
    """,
    "I3 nothing is below zero, and what is held is covered": """
        SELECT w.mode FROM billing_wallet w
        WHERE w.organization_id = %(o)s AND NOT (0 <= w.held AND w.held <= w.posted)
    """,
    "I4 one hold for each generation, at the frozen price": f"""
        SELECT g.id::text FROM generations_generation g
        LEFT JOIN billing_entry e ON e.generation_id = g.id AND e.kind = 'hold'
        WHERE g.organization_id = %(o)s GROUP BY g.id
        HAVING count(e) <> 1 OR sum(e.amount) <> {_HOLD} OR min(e.unit_price) <> g.unit_price
    """,
    "I5 a final generation has settled or released its whole hold, a live one nothing": f"""
        SELECT g.id::text FROM generations_generation g
        LEFT JOIN billing_entry e ON e.generation_id = g.id AND e.kind IN ('settle', 'release')
        WHERE g.organization_id = %(o)s GROUP BY g.id
        HAVING coalesce(sum(e.amount), 0)
               <> CASE WHEN g.state IN ('queued', 'running') THEN 0 ELSE {_HOLD} END
            OR (g.state IN ('queued', 'running')) <> (g.hold = 'open')
    """,
    "I6 charged is what was delivered, and what was delivered is kept": """
        SELECT g.id::text FROM generations_generation g
        LEFT JOIN LATERAL (SELECT sum(tokens) AS tokens FROM billing_entry
                           WHERE generation_id = g.id AND kind = 'settle') s ON true
        LEFT JOIN LATERAL (SELECT count(*) AS kept FROM generations_output
                           WHERE generation_id = g.id AND storage_key <> '' AND bytes > 0) k ON true
        WHERE g.organization_id = %(o)s
          AND (coalesce(s.tokens, 0) <> g.delivered * g.image_tokens OR k.kept <> g.delivered
               OR (g.state = 'succeeded') <> (g.delivered > 0))
    """,
    "I7 no more refunded than was charged": """
        SELECT generation_id::text FROM billing_entry
        WHERE organization_id = %(o)s AND generation_id IS NOT NULL
        GROUP BY generation_id
        HAVING coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0)
               > coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0)
    """,
    "I11 whoever waits has a try left, and each try has its number": """
        SELECT g.id::text
        FROM generations_generation g LEFT JOIN generations_attempt a ON a.generation_id = g.id
        WHERE g.organization_id = %(o)s GROUP BY g.id
        HAVING count(a) <> g.attempt OR coalesce(max(a.number), 0) <> g.attempt
            OR (g.state = 'queued' AND g.tries_left = 0) OR g.tries_left > 3
            OR (g.state = 'running') <> (g.lease_expires_at IS NOT NULL)
    """,
    "I12 nothing succeeds that was never tried": """
        SELECT g.id::text FROM generations_generation g
        WHERE g.organization_id = %(o)s AND g.state = 'succeeded' AND g.attempt = 0
    """,
    "I16 live and test money do not mix": """
        SELECT e.id::text FROM billing_entry e JOIN generations_generation g ON g.id = e.generation_id
        WHERE e.organization_id = %(o)s AND (e.mode <> g.mode OR e.organization_id <> g.organization_id)
    """,
    "I21 every transition is an allowed one, by whom it was allowed to": """
        SELECT t.id::text FROM (
            SELECT *, lag(new_state, 1, '') OVER (PARTITION BY generation_id ORDER BY id) AS before
            FROM generations_transition WHERE organization_id = %(o)s) t
        WHERE NOT coalesce(t.old_state = t.before AND CASE t.old_state || '>' || t.new_state
            WHEN '>queued' THEN t.new_attempt = 0
            WHEN '>running' THEN t.new_attempt = 1
            WHEN 'queued>running' THEN t.new_attempt = t.old_attempt + 1
            WHEN 'running>queued' THEN t.new_attempt = t.old_attempt
            WHEN 'queued>succeeded' THEN t.old_attempt > 0
            WHEN 'running>succeeded' THEN true
            WHEN 'queued>cancelled' THEN t.ended_by IS NULL
            WHEN 'running>cancelled' THEN t.ended_by IS NULL
            WHEN 'queued>failed' THEN t.kind = 'deadline' AND t.ended_by IS NULL
            WHEN 'running>failed' THEN t.kind = 'deadline' OR t.ended_by = t.old_attempt
        END, false)
    """,
    "I21 the history ends where the generation stands": """
        SELECT g.id::text FROM generations_generation g
        WHERE g.organization_id = %(o)s AND g.state IS DISTINCT FROM (
            SELECT t.new_state FROM generations_transition t
            WHERE t.generation_id = g.id ORDER BY t.id DESC LIMIT 1)
    """,
    "O4 the roll-up equals the ledger": """
        SELECT m.mode FROM (VALUES ('live'), ('test')) m (mode)
        WHERE (SELECT coalesce(sum(amount), 0) FROM billing_usage u
               WHERE u.organization_id = %(o)s AND u.mode = m.mode)
           <> (SELECT coalesce(sum(amount), 0) FROM billing_entry e
               WHERE e.organization_id = %(o)s AND e.mode = m.mode AND e.kind = 'settle')
    """,
    "K9 a budget counts open holds and charges": f"""
        SELECT b.id::text FROM billing_budget b WHERE b.organization_id = %(o)s AND b.used <> coalesce((
            SELECT sum(CASE g.hold WHEN 'open' THEN {_HOLD}
                                   ELSE g.delivered * g.image_tokens * g.unit_price END)
            FROM generations_generation g
            WHERE g.organization_id = b.organization_id AND g.mode = b.mode), 0)
    """,
}
_ALL = " UNION ALL ".join(
    f"SELECT '{name}' AS law, broken.row FROM ({sql}) broken (row)" for name, sql in INVARIANTS.items()
)


def broken(admin: psycopg.Connection, organization: UUID) -> list[tuple[str, str]]:
    """The (invariant, row) pairs that do not hold, in one snapshot."""
    rows = admin.execute(_ALL, {"o": organization}).fetchall()
    return [(str(law), str(row)) for law, row in rows]

"""I13, I14: what was told to customers' receivers, and when."""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

from config.proof.invariant import Invariant, of

I13 = Invariant(
    "I13",
    "Nobody was told how a generation ended before its money had moved.",
    f"""
    WITH closed AS (
        SELECT organization_id, generation_id, max(created_at) AS at FROM billing_entry
        WHERE kind IN ('settle', 'release') AND {of()} GROUP BY 1, 2
    )
    SELECT concat('delivery ', d.id),
           concat('began at ', d.started_at, '; the money of generation ', m.generation_id,
                  CASE WHEN c.at IS NULL THEN ' has not moved' ELSE concat(' moved at ', c.at) END)
    FROM accounts_delivery d
    JOIN accounts_outboxmessage m ON m.organization_id = d.organization_id AND m.id = d.message_id
    LEFT JOIN closed c ON c.organization_id = m.organization_id AND c.generation_id = m.generation_id
    WHERE m.generation_id IS NOT NULL AND {of("d.organization_id")} AND (c.at IS NULL OR d.started_at < c.at)
    """,
)

I14 = Invariant(
    "I14",
    "A delivered message was answered with a 2xx; each try is on record, and none is beyond the ladder.",
    f"""
    WITH tried AS (
        SELECT organization_id, message_id, count(*) AS tries,
               count(*) FILTER (WHERE status BETWEEN 200 AND 299 AND error = '') AS answered
        FROM accounts_delivery WHERE {of()} GROUP BY 1, 2
    ), message AS (
        SELECT m.id, m.state, m.sends, m.attempts, coalesce(t.tries, 0) AS tries,
               coalesce(t.answered, 0) AS answered, CASE WHEN m.endpoint_id IS NULL THEN 4 ELSE 8 END AS most
        FROM accounts_outboxmessage m
        LEFT JOIN tried t ON t.organization_id = m.organization_id AND t.message_id = m.id
        WHERE {of("m.organization_id")}
    )
    SELECT concat('message ', id), concat_ws('; ',
        CASE WHEN state = 'delivered' AND answered = 0 THEN 'is delivered, and nobody answered 2xx' END,
        CASE WHEN sends <> tries THEN concat('was sent ', sends, ' times; on record are ', tries) END,
        CASE WHEN attempts > most THEN concat('was tried ', attempts, ' times in one round') END)
    FROM message
    WHERE (state = 'delivered' AND answered = 0) OR sends <> tries OR attempts > most
    """,
)

DELIVERIES = (I13, I14)

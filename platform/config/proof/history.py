"""I8, I10-I12, I15, I16, I21: what else is kept about a generation tells the same story as it does."""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from config.proof.invariant import OF, Broken, Invariant, of

I8 = Invariant(
    "I8",
    "A final generation with a callback has exactly one message about it; no other generation has one.",
    f"""
    WITH message AS (
        SELECT organization_id, generation_id, count(*) AS messages, max(url) AS url,
               bool_or(body = '') AS blank
        FROM accounts_outboxmessage WHERE event = 'generation.final' AND {OF} GROUP BY 1, 2
    ), generation AS (
        SELECT organization_id, id AS generation_id, state, callback_url,
               (state NOT IN ('queued', 'running') AND callback_url <> '')::int AS due
        FROM generations_generation WHERE {OF}
    )
    SELECT concat('generation ', generation_id),
           concat('is ', state, CASE callback_url WHEN '' THEN ' without' ELSE ' with' END,
                  ' a callback and has ',
                  CASE WHEN coalesce(messages, 0) <> due THEN concat(coalesce(messages, 0), ' messages')
                       ELSE 'a message that is blank or goes elsewhere' END)
    FROM generation g LEFT JOIN message m USING (organization_id, generation_id)
    WHERE coalesce(messages, 0) <> due OR (due = 1 AND (blank OR m.url <> g.callback_url))
    """,
)


def _meaning(order: str) -> str:
    """The fingerprint of a stored order: the sha256 of its JSON with sorted keys and no blanks,
    without what a door wants back (`asked`, `adjusted`, `echo`) and where inputs happen to lie."""
    told = json.loads(order) | {"asked": "", "adjusted": [], "echo": {}}
    told["inputs"] = [{k: v for k, v in image.items() if k != "key"} for image in told["inputs"]]
    plain = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _judge_fingerprints(rows: Iterator[tuple[Any, ...]]) -> Iterator[Broken]:
    for record, key, generation, fingerprint, order, twins in rows:
        name = f"idempotency record {record} (key {key})"
        if order is None:
            yield Broken(name, f"remembers generation {generation}, which does not exist")
        elif _meaning(order) != fingerprint:
            yield Broken(name, f"remembers another order than generation {generation} was made from")
        if twins > 1:
            yield Broken(name, f"is one of {twins} that remember generation {generation}")


I10 = Invariant(
    "I10",
    "An idempotency key made one generation, and still means the order it was made from.",
    f"""
    SELECT r.id, r.key, r.generation_id, encode(r.fingerprint, 'hex'), g."order"::text,
           count(*) OVER (PARTITION BY r.generation_id)
    FROM generations_idempotencyrecord r LEFT JOIN generations_generation g
      ON g.organization_id = r.organization_id AND g.id = r.generation_id
    WHERE {of("r.organization_id")}
    """,
    judge=_judge_fingerprints,
)

# `now()` is the beginning of the snapshot: what was renewed since does not look late.
I11 = Invariant(
    "I11",
    "No generation had more than three tries, and none is a minute past its deadline or its lease.",
    f"""
    WITH tried AS (
        SELECT organization_id, generation_id,
               count(*) FILTER (WHERE outcome IN ('waited', 'handed_back')) AS given_back
        FROM generations_attempt WHERE {OF} GROUP BY 1, 2
    ), generation AS (
        SELECT organization_id, id AS generation_id, state, attempt, 3 - tries_left AS spent, deadline_at,
               lease_expires_at, state IN ('queued', 'running') AS live
        FROM generations_generation WHERE {OF}
    ), found AS (
        SELECT generation_id, concat_ws('; ',
            CASE WHEN spent NOT BETWEEN 0 AND 3 OR spent <> attempt - coalesce(given_back, 0)
                 THEN concat('spent ', spent, ' of 3 tries on ', attempt, ' attempts, ',
                             coalesce(given_back, 0), ' of them given back') END,
            CASE WHEN live AND deadline_at < now() - interval '1 minute'
                 THEN concat('is ', state, ' past its deadline of ', deadline_at,
                             ' (is a janitor running?)') END,
            CASE WHEN state = 'running' AND lease_expires_at < now() - interval '1 minute'
                 THEN concat('runs under a lease that ended at ', lease_expires_at,
                             ' (is a janitor running?)') END
        ) AS what
        FROM generation LEFT JOIN tried USING (organization_id, generation_id)
    )
    SELECT concat('generation ', generation_id), what FROM found WHERE what <> ''
    """,
)

I12 = Invariant(
    "I12",
    "Every attempt of a generation is on record, and a success has exactly one that succeeded.",
    f"""
    WITH tried AS (
        SELECT organization_id, generation_id, count(*) AS attempts, min(number) AS first,
               max(number) AS last, count(*) FILTER (WHERE outcome = 'succeeded') AS successes
        FROM generations_attempt WHERE {OF} GROUP BY 1, 2
    ), generation AS (
        SELECT organization_id, id AS generation_id, state, attempt FROM generations_generation WHERE {OF}
    )
    SELECT concat('generation ', generation_id),
           concat('is ', state, ' after attempt ', attempt, '; on record are ', coalesce(attempts, 0),
                  ' attempts', ', ' || first || ' to ' || last, ', ', coalesce(successes, 0), ' succeeded')
    FROM generation LEFT JOIN tried USING (organization_id, generation_id)
    WHERE (coalesce(attempts, 0), coalesce(last, 0), coalesce(successes, 0))
       <> (attempt, attempt, (state = 'succeeded')::int)
       OR first <> 1
    """,
)

_ROWS = """
    SELECT 'entry' AS name, id AS number, NULL::uuid AS id, organization_id, mode, generation_id
      FROM billing_entry WHERE generation_id IS NOT NULL
    UNION ALL SELECT 'output', NULL, id, organization_id, mode, generation_id FROM generations_output
    UNION ALL SELECT 'attempt', NULL, id, organization_id, mode, generation_id FROM generations_attempt
    UNION ALL SELECT 'transition', id, NULL, organization_id, mode, generation_id FROM generations_transition
    UNION ALL SELECT 'idempotency record', id, NULL, organization_id, mode, generation_id
                FROM generations_idempotencyrecord
    UNION ALL SELECT 'message', NULL, id, organization_id, mode, generation_id
                FROM accounts_outboxmessage WHERE generation_id IS NOT NULL
"""
"""Every row that is about a generation; some tables count their rows, some have UUIDs."""

I15 = Invariant(
    "I15",
    "Every row about a generation belongs to the organization of that generation.",
    f"""
    SELECT concat(r.name, ' ', r.number, r.id), CASE WHEN g.id IS NULL
        THEN concat('is about generation ', r.generation_id, ', which does not exist')
        ELSE concat('belongs to ', r.organization_id, ', its generation ', g.id,
                    ' to ', g.organization_id) END
    FROM ({_ROWS}) AS r LEFT JOIN generations_generation g ON g.id = r.generation_id
    WHERE g.organization_id IS DISTINCT FROM r.organization_id
      AND ({of("r.organization_id")} OR {of("g.organization_id")})
    """,
)

I16 = Invariant(
    "I16",
    "Test generations moved no live money, nor live ones test money: all their rows have one mode.",
    f"""
    SELECT concat(r.name, ' ', r.number, r.id),
           concat('is ', r.mode, ', its generation ', g.id, ' is ', g.mode)
    FROM ({_ROWS}) AS r JOIN generations_generation g ON g.id = r.generation_id
    WHERE g.mode <> r.mode AND {of("r.organization_id")}
    UNION ALL
    SELECT concat('generation ', g.id), concat('is ', g.mode, ', its key ', k.id, ' is ', k.mode)
    FROM generations_generation g JOIN accounts_apikey k ON k.id = g.key_id
    WHERE g.mode <> k.mode AND {of("g.organization_id")}
    """,
)

# What C.2 allows, as (old state, new state) with what goes with it.
_ALLOWED = """
    CASE
        WHEN old_state = '' THEN old_attempt IS NULL
             AND (new_state, new_attempt) IN (('queued', 0), ('running', 1))
        WHEN old_state = 'queued' AND new_state = 'running' THEN new_attempt = old_attempt + 1
        WHEN old_state NOT IN ('queued', 'running') OR new_attempt <> old_attempt THEN false
        WHEN new_state = 'queued' THEN old_state = 'running'
        WHEN new_state IN ('succeeded', 'cancelled') THEN ended_by IS NULL
        WHEN new_state = 'failed' THEN coalesce(old_state = 'running' AND ended_by = old_attempt, false)
             OR (kind = 'deadline' AND ended_by IS NULL)
        ELSE false
    END
"""

I21 = Invariant(
    "I21",
    "A generation moved only by allowed steps, each from where the last one ended; no stranger failed it.",
    f"""
    WITH step AS (
        SELECT *, lag(new_state, 1, '') OVER way AS was, lag(new_attempt) OVER way AS was_attempt,
               lead(id) OVER way IS NULL AS newest
        FROM generations_transition WHERE {OF}
        WINDOW way AS (PARTITION BY organization_id, generation_id ORDER BY id)
    ), generation AS (
        SELECT organization_id, id AS generation_id, state, attempt, kind, ended_by
        FROM generations_generation WHERE {OF}
    )
    SELECT concat('transition ', id), concat_ws('; ',
        CASE WHEN NOT {_ALLOWED}
             THEN concat('from ', coalesce(nullif(old_state, ''), 'nothing'), ' to ', new_state, ' (attempt ',
                         coalesce(old_attempt::text, 'none'), ' to ', new_attempt, ', ended by ',
                         coalesce(ended_by::text, 'none'), ', kind ', coalesce(nullif(kind, ''), 'none'),
                         ') is not allowed') END,
        CASE WHEN (old_state, old_attempt) IS DISTINCT FROM (was, was_attempt)
             THEN concat('begins at ', coalesce(nullif(old_state, ''), 'nothing'), ', but generation ',
                         generation_id, ' was ', coalesce(nullif(was, ''), 'nothing')) END)
    FROM step
    WHERE NOT {_ALLOWED} OR (old_state, old_attempt) IS DISTINCT FROM (was, was_attempt)
    UNION ALL
    SELECT concat('generation ', generation_id),
           concat('is ', state, ' at attempt ', attempt, '; its history ended ',
                  coalesce(new_state || ' at attempt ' || new_attempt, 'before it began'))
    FROM generation g LEFT JOIN (SELECT * FROM step WHERE newest) AS s USING (organization_id, generation_id)
    WHERE (g.state, g.attempt, g.kind, g.ended_by)
          IS DISTINCT FROM (s.new_state, s.new_attempt, s.kind, s.ended_by)
    """,
)

HISTORY = (I8, I10, I11, I12, I15, I16, I21)

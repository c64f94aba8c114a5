"""The SQL that both halves share: what ended in a span of time, by its facts and by its duration."""

from __future__ import annotations

from generations.pulse.buckets import bucket_sql

FACTS = """
    SELECT organization_id, date_trunc('hour', finished_at, 'UTC') AS at, mode, model, dialect,
           CASE WHEN kind = '' THEN state ELSE kind END AS outcome, count(*) AS generations,
           sum(delivered) AS images, sum(delivered::bigint * image_tokens) AS tokens,
           sum(delivered::bigint * image_tokens * unit_price) AS amount,
           sum((extract(epoch FROM finished_at - created_at) * 1000)::bigint) AS milliseconds
    FROM generations_generation
    WHERE finished_at >= %(since)s AND finished_at < %(until)s
    GROUP BY 1, 2, 3, 4, 5, 6
"""

_DOORS = f"""
    SELECT date_trunc('hour', finished_at, 'UTC') AS at, mode, 'dialect' AS about, dialect AS name,
           {bucket_sql("extract(epoch FROM finished_at - created_at)")} AS bucket
    FROM generations_generation
    WHERE finished_at >= %(since)s AND finished_at < %(until)s AND state = 'succeeded'
"""  # noqa: S608 - our own words
_PROVIDERS = f"""
    SELECT date_trunc('hour', g.finished_at, 'UTC'), g.mode, 'provider', a.provider,
           {bucket_sql("extract(epoch FROM a.finished_at - coalesce(a.upstream_at, a.started_at))")}
    FROM generations_generation g
    JOIN generations_attempt a ON a.organization_id = g.organization_id AND a.generation_id = g.id
    WHERE g.finished_at >= %(since)s AND g.finished_at < %(until)s
      AND a.outcome = 'succeeded' AND a.provider <> ''
"""  # noqa: S608 - our own words
TOOK = f"""
    SELECT at, mode, about, name, bucket, count(*) AS count
    FROM ({_DOORS} UNION ALL {_PROVIDERS}) AS one GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - our own conditions

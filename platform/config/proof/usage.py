"""B14, B16, I23: roll-ups and budgets are what the generations come to."""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

from config.proof.invariant import OF, TEAM, Invariant

B14 = Invariant(
    "B14",
    "Usage is the generations that ended, quarter by quarter; in sum it is the ledger and the stored images.",
    f"""
    WITH counted AS (
        SELECT organization_id, mode, quarter, key_id, member_id, model, dialect, outcome,
               generations, images, tokens, amount, milliseconds
        FROM billing_usage WHERE {OF}
    ), ended AS (
        SELECT organization_id, mode, date_bin('15 minutes', finished_at, timestamptz 'epoch') AS quarter,
               key_id, member_id, model, dialect, coalesce(nullif(kind, ''), state) AS outcome,
               1, delivered, delivered::bigint * image_tokens,
               delivered::bigint * image_tokens * unit_price,
               (extract(epoch FROM finished_at - created_at) * 1000)::bigint
        FROM generations_generation WHERE finished_at IS NOT NULL AND {OF}
    ), row_by_row AS (
        SELECT organization_id, mode, quarter, key_id, model, dialect, outcome,
               sum(side * generations) AS generations, sum(side * images) AS images,
               sum(side * tokens) AS tokens, sum(side * amount) AS amount,
               sum(side * milliseconds) AS milliseconds
        FROM (SELECT 1 AS side, * FROM counted UNION ALL SELECT -1, * FROM ended) AS sides
        GROUP BY organization_id, mode, quarter, key_id, member_id, model, dialect, outcome
    ), in_sum AS (
        SELECT organization_id, mode, sum(images) AS images, sum(tokens) AS tokens, sum(amount) AS amount
        FROM (
            SELECT organization_id, mode, images, tokens, amount FROM counted
            UNION ALL
            SELECT organization_id, mode, 0, -tokens, -amount FROM billing_entry
            WHERE kind = 'settle' AND {OF}
            UNION ALL
            SELECT organization_id, mode, -1, 0, 0 FROM generations_output WHERE {OF}
        ) AS three GROUP BY 1, 2
    )
    SELECT concat('usage of ', {TEAM}, ', ', mode, ', ', quarter, ', ', model, ', ', dialect, ', ', outcome,
                  ', key ' || key_id),
           concat('is off by ', generations, ' generations, ', images, ' images, ', tokens, ' tokens, ',
                  amount, ' nano-dollars, ', milliseconds, ' ms')
    FROM row_by_row
    WHERE (generations, images, tokens, amount, milliseconds) <> (0, 0, 0, 0, 0)
    UNION ALL
    SELECT concat('usage ', mode, ' of ', {TEAM}),
           concat('differs from the ledger by ', tokens, ' tokens, ', amount,
                  ' nano-dollars and from the stored images by ', images)
    FROM in_sum WHERE (images, tokens, amount) <> (0, 0, 0)
    """,
)

# A hold may be under way, uncounted, while its budget is made: what began within this long is not judged.
_UNDER_WAY = "interval '10 seconds'"

B16 = Invariant(
    "B16",
    "A budget counts what its period charged and what its open holds reserve.",
    f"""
    WITH budget AS (
        SELECT *, "window" + CASE period
            WHEN 'day' THEN interval '1 day' WHEN 'week' THEN interval '7 days'
            WHEN 'month' THEN interval '1 month' ELSE interval '9999 years' END AS ends
        FROM billing_budget WHERE {OF}
    ), counted AS (
        SELECT b.id,
               coalesce(sum((CASE g.hold WHEN 'open' THEN g.count ELSE g.delivered END)::bigint
                            * g.image_tokens * g.unit_price), 0) AS used,
               bool_or(g.created_at < b.created_at + {_UNDER_WAY}) AS older
        FROM budget b LEFT JOIN generations_generation g
          ON g.organization_id = b.organization_id AND g.mode = b.mode
         AND g.created_at >= b."window" AND g.created_at < b.ends
         AND (b.key_id IS NULL OR g.key_id = b.key_id)
        GROUP BY b.id
    )
    SELECT concat('budget ', b.id), concat('of a ', b.period, ' from ', b."window", ' has used ', b.used,
                                           ', its generations come to ', counted.used)
    FROM budget b JOIN counted USING (id)
    WHERE older IS NOT TRUE AND b.used <> counted.used
    """,
)

I23 = Invariant(
    "I23",
    "An hour of usage is the sum of its quarters, and between the first and the last hour none is missing.",
    f"""
    WITH made AS (
        SELECT organization_id, mode, min(hour) AS first, max(hour) + interval '1 hour' AS last
        FROM billing_usagehour WHERE {OF} GROUP BY 1, 2
    ), sides AS (
        SELECT 1 AS side, organization_id, mode, hour, key_id, member_id, model, dialect, outcome,
               generations, images, tokens, amount, milliseconds
        FROM billing_usagehour WHERE {OF}
        UNION ALL
        SELECT -1, u.organization_id, mode, date_bin('1 hour', quarter, timestamptz 'epoch'), key_id,
               member_id, model, dialect, outcome, generations, images, tokens, amount, milliseconds
        FROM billing_usage u JOIN made USING (organization_id, mode)
        WHERE quarter >= first AND quarter < last
    ), off AS (
        SELECT organization_id, mode, hour, model, dialect, outcome, sum(side * generations) AS generations,
               sum(side * images) AS images, sum(side * tokens) AS tokens, sum(side * amount) AS amount,
               sum(side * milliseconds) AS milliseconds
        FROM sides GROUP BY organization_id, mode, hour, key_id, member_id, model, dialect, outcome
    )
    SELECT concat('hour ', hour, ' of ', {TEAM}, ', ', mode, ', ', model, ', ', dialect, ', ', outcome),
           concat('is off its quarters by ', generations, ' generations, ', images, ' images, ', tokens,
                  ' tokens, ', amount, ' nano-dollars, ', milliseconds, ' ms')
    FROM off WHERE (generations, images, tokens, amount, milliseconds) <> (0, 0, 0, 0, 0)
    """,
)

USAGE = (B14, B16, I23)

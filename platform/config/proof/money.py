"""I1-I7: wallets, entries and generations agree with each other.

Amounts are nano-dollars: tokens x the unit price that a generation froze when it was submitted.
"""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

from config.proof.invariant import OF, TEAM, Invariant, of

I1 = Invariant(
    "I1",
    "A wallet holds exactly what its live generations reserve.",
    f"""
    WITH reserved AS (
        SELECT organization_id, mode, sum(count::bigint * image_tokens * unit_price) AS held
        FROM generations_generation WHERE state IN ('queued', 'running') AND {OF} GROUP BY 1, 2
    ), wallet AS (
        SELECT organization_id, mode, held FROM billing_wallet WHERE {OF}
    )
    SELECT concat('wallet ', mode, ' of ', {TEAM}),
           concat('holds ', coalesce(wallet.held, 0),
                  ', its live generations reserve ', coalesce(reserved.held, 0))
    FROM wallet FULL JOIN reserved USING (organization_id, mode)
    WHERE coalesce(wallet.held, 0) <> coalesce(reserved.held, 0)
    """,
)

I2 = Invariant(
    "I2",
    "A wallet is the replay of its entries.",
    f"""
    WITH replay AS (
        SELECT organization_id, mode,
               sum(amount * ((credit IN ('prepaid', 'held'))::int
                             - (debit IN ('prepaid', 'held'))::int)) AS posted,
               sum(amount * ((credit = 'held')::int - (debit = 'held')::int)) AS held
        FROM billing_entry WHERE {OF} GROUP BY 1, 2
    ), wallet AS (
        SELECT organization_id, mode, posted, held FROM billing_wallet WHERE {OF}
    )
    SELECT concat('wallet ', mode, ' of ', {TEAM}),
           concat('has posted ', coalesce(wallet.posted, 0), ' and held ', coalesce(wallet.held, 0),
                  ', its entries say ', coalesce(replay.posted, 0), ' and ', coalesce(replay.held, 0))
    FROM wallet FULL JOIN replay USING (organization_id, mode)
    WHERE (coalesce(wallet.posted, 0), coalesce(wallet.held, 0))
       <> (coalesce(replay.posted, 0), coalesce(replay.held, 0))
    """,
)

I3 = Invariant(
    "I3",
    "No wallet holds more than it has, or less than nothing.",
    f"""
    SELECT concat('wallet ', mode, ' of ', {TEAM}), concat('has posted ', posted, ' and held ', held)
    FROM billing_wallet WHERE {OF} AND NOT (0 <= held AND held <= posted)
    """,
)

I4 = Invariant(
    "I4",
    "A generation has exactly one hold: images x tokens x unit price, as frozen at submit.",
    f"""
    WITH hold AS (
        SELECT organization_id, generation_id, count(*) AS entries, max(id) AS id, sum(tokens) AS tokens,
               max(unit_price) AS unit_price, sum(amount) AS amount
        FROM billing_entry WHERE kind = 'hold' AND {OF} GROUP BY 1, 2
    ), generation AS (
        SELECT organization_id, id AS generation_id, unit_price, count::bigint * image_tokens AS tokens
        FROM generations_generation WHERE {OF}
    )
    SELECT concat('generation ', generation_id), CASE coalesce(hold.entries, 0)
        WHEN 0 THEN 'has no hold'
        WHEN 1 THEN concat('reserves ', g.tokens, ' tokens at ', g.unit_price, '; its hold, entry ', hold.id,
                           ', is ', coalesce(hold.tokens::text, 'no'), ' tokens at ',
                           coalesce(hold.unit_price::text, 'no price'), ' = ', hold.amount)
        ELSE concat('has ', hold.entries, ' holds') END
    FROM generation g LEFT JOIN hold USING (organization_id, generation_id)
    WHERE (1, g.tokens, g.unit_price, g.tokens * g.unit_price)
          IS DISTINCT FROM (hold.entries, hold.tokens, hold.unit_price, hold.amount)
    """,
)

I5 = Invariant(
    "I5",
    "A final generation's hold is settled and released to the last nano-dollar; a live one's is untouched.",
    f"""
    WITH moved AS (
        SELECT organization_id, generation_id,
               sum(amount) FILTER (WHERE kind = 'hold') AS held,
               sum(amount) FILTER (WHERE kind IN ('settle', 'release')) AS closed,
               count(*) FILTER (WHERE kind = 'settle') AS settles,
               min(unit_price) FILTER (WHERE kind = 'release') AS release_price,
               count(*) FILTER (WHERE kind = 'release' AND unit_price IS NULL) AS unpriced
        FROM billing_entry WHERE generation_id IS NOT NULL AND kind <> 'refund' AND {OF} GROUP BY 1, 2
    ), generation AS (
        SELECT organization_id, id AS generation_id, state, hold, unit_price,
               state IN ('queued', 'running') AS live
        FROM generations_generation WHERE {OF}
    ), found AS (
        SELECT generation_id, concat_ws('; ',
            CASE WHEN live AND closed IS NOT NULL
                 THEN concat('is ', state, ', but ', closed, ' of its hold is closed') END,
            CASE WHEN NOT live AND coalesce(closed, 0) <> coalesce(held, 0)
                 THEN concat('held ', coalesce(held, 0), ', settled and released ', coalesce(closed, 0)) END,
            CASE WHEN hold IS DISTINCT FROM
                      (CASE WHEN live THEN 'open' WHEN settles > 0 THEN 'settled' ELSE 'released' END)
                 THEN concat('is ', state, ' with ', coalesce(settles, 0),
                             ' settles, but says its hold is ', hold) END,
            CASE WHEN release_price <> unit_price OR unpriced > 0
                 THEN concat('was released at another price than ', unit_price) END
        ) AS what
        FROM generation LEFT JOIN moved USING (organization_id, generation_id)
    )
    SELECT concat('generation ', generation_id), what FROM found WHERE what <> ''
    """,
)

I6 = Invariant(
    "I6",
    "What was charged is the stored images x tokens x unit price, and only a success has any.",
    f"""
    WITH stored AS (
        SELECT organization_id, generation_id, count(*) AS images, min(number) AS first, max(number) AS last,
               bool_and(storage_key <> '' AND bytes > 0 AND width > 0 AND height > 0
                        AND length(sha256) = 64) AS sound
        FROM generations_output WHERE {OF} GROUP BY 1, 2
    ), charged AS (
        SELECT organization_id, generation_id, sum(tokens) AS tokens, max(unit_price) AS unit_price,
               sum(amount) AS amount
        FROM billing_entry WHERE kind = 'settle' AND {OF} GROUP BY 1, 2
    ), generation AS (
        SELECT organization_id, id AS generation_id, state, count, delivered, unit_price,
               delivered::bigint * image_tokens AS tokens
        FROM generations_generation WHERE {OF}
    ), found AS (
        SELECT generation_id, concat_ws('; ',
            CASE WHEN delivered NOT BETWEEN (state = 'succeeded')::int
                                        AND CASE state WHEN 'succeeded' THEN count ELSE 0 END
                 THEN concat('is ', state, ' with ', delivered, ' of ', count, ' images delivered') END,
            CASE WHEN coalesce(images, 0) <> delivered
                 THEN concat('delivered ', delivered, ', stored ', coalesce(images, 0)) END,
            CASE WHEN images = delivered AND (first <> 0 OR last <> images - 1)
                 THEN concat('numbers its images ', first, ' to ', last) END,
            CASE WHEN NOT sound THEN 'has a stored image without key, bytes, size or sha256' END,
            CASE WHEN coalesce(c.tokens, 0) <> g.tokens OR coalesce(c.amount, 0) <> g.tokens * g.unit_price
                 THEN concat('owes ', g.tokens, ' tokens = ', g.tokens * g.unit_price, ', was charged ',
                             coalesce(c.tokens, 0), ' = ', coalesce(c.amount, 0)) END,
            CASE WHEN c.amount IS NOT NULL AND c.unit_price IS DISTINCT FROM g.unit_price
                 THEN concat('was charged at ', coalesce(c.unit_price::text, 'no price'),
                             ' instead of ', g.unit_price) END
        ) AS what
        FROM generation g LEFT JOIN stored USING (organization_id, generation_id)
                          LEFT JOIN charged c USING (organization_id, generation_id)
    )
    SELECT concat('generation ', generation_id), what FROM found WHERE what <> ''
    """,
)

_SIDES = """
    CASE kind WHEN 'grant' THEN debit = 'funding' AND credit = 'prepaid'
              WHEN 'hold' THEN debit = 'prepaid' AND credit = 'held'
              WHEN 'settle' THEN debit = 'held' AND credit = 'revenue'
              WHEN 'release' THEN debit = 'held' AND credit = 'prepaid'
              WHEN 'refund' THEN debit = 'revenue' AND credit = 'prepaid'
              WHEN 'adjust' THEN (debit, credit) IN (('prepaid', 'adjustment'), ('adjustment', 'prepaid'))
              ELSE false END
"""

I7 = Invariant(
    "I7",
    "Every entry has its source, its two accounts and its arithmetic; no refund is above its charge.",
    f"""
    WITH entry AS (
        SELECT e.*, e.kind IN ('grant', 'adjust') AS by_hand, g.id AS source, g.unit_price AS frozen
        FROM billing_entry e LEFT JOIN generations_generation g ON g.id = e.generation_id
        WHERE {of("e.organization_id")}
    ), found AS (
        SELECT id, concat_ws('; ',
            CASE WHEN NOT {_SIDES} THEN concat('is a ', kind, ' from ', debit, ' to ', credit) END,
            CASE WHEN amount <= 0 THEN concat('moves ', amount) END,
            CASE WHEN by_hand AND (generation_id IS NOT NULL OR reference = '' OR reason = '')
                 THEN concat('is a ', kind, ' without a reference and a reason') END,
            CASE WHEN NOT by_hand AND source IS NULL
                 THEN concat('is a ', kind, ' of a generation that does not exist') END,
            CASE WHEN (NOT by_hand OR tokens IS NOT NULL) AND amount IS DISTINCT FROM tokens * unit_price
                 THEN concat('moves ', amount, ' for ', coalesce(tokens::text, 'no'), ' tokens at ',
                             coalesce(unit_price::text, 'no price')) END,
            CASE WHEN kind IN ('hold', 'settle', 'release') AND reference <> concat(kind, ':', generation_id)
                 THEN concat('is a ', kind, ' under the reference ', reference) END,
            CASE WHEN kind = 'refund' AND unit_price <> frozen
                 THEN concat('refunds at ', unit_price, ' what was charged at ', frozen) END
        ) AS what
        FROM entry
    ), refunded AS (
        SELECT generation_id, coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS back,
               coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0) AS charged
        FROM billing_entry WHERE kind IN ('settle', 'refund') AND {OF} GROUP BY 1
    )
    SELECT concat('entry ', id), what FROM found WHERE what <> ''
    UNION ALL
    SELECT concat('generation ', generation_id), concat('was charged ', charged, ' and refunded ', back)
    FROM refunded WHERE back > charged
    """,
)

MONEY = (I1, I2, I3, I4, I5, I6, I7)

"""I22: folios are what their entries come to."""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

from config.proof.invariant import OF, TEAM, Invariant

SIZE = 256

I22 = Invariant(
    "I22",
    f"A folio is {SIZE} entries of a wallet, the next after the folio before, and says what they come to.",
    f"""
    WITH numbered AS (
        SELECT organization_id, mode, id, created_at, kind, tokens, amount,
               CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END AS change,
               (row_number() OVER (PARTITION BY organization_id, mode ORDER BY id) - 1) / {SIZE} AS number
        FROM billing_entry WHERE {OF}
    ), page AS (
        SELECT organization_id, mode, number, min(id) AS first_entry, max(id) AS last_entry,
               min(created_at) AS earliest, max(created_at) AS latest,
               count(*) FILTER (WHERE kind = 'settle') AS charges,
               coalesce(sum(tokens) FILTER (WHERE kind = 'settle'), 0) AS tokens,
               coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0) AS charged, sum(change) AS change
        FROM numbered GROUP BY 1, 2, 3 HAVING count(*) = {SIZE}
    ), carried AS (
        SELECT *, sum(change) OVER (PARTITION BY organization_id, mode ORDER BY number) AS carried FROM page
    ), folio AS (
        SELECT *, row_number() OVER (PARTITION BY organization_id, mode ORDER BY last_entry) - 1 AS number
        FROM billing_folio WHERE {OF}
    )
    SELECT concat('folio ', f.id, ', ', f.mode, ' of ', {TEAM}),
           concat('has entries ', f.first_entry, ' to ', f.last_entry, ', ', f.charges, ' charges of ',
                  f.tokens, ' tokens for ', f.charged, ' nano-dollars and carries ', f.carried,
                  '; there are entries ',
                  c.first_entry, ' to ', c.last_entry, ', ', c.charges, ' charges of ', c.tokens,
                  ' tokens for ', c.charged, ' that carry ', c.carried)
    FROM folio f LEFT JOIN carried c USING (organization_id, mode, number)
    WHERE (f.first_entry, f.last_entry, f.earliest, f.latest, f.charges, f.tokens, f.charged, f.carried)
       IS DISTINCT FROM
          (c.first_entry, c.last_entry, c.earliest, c.latest, c.charges, c.tokens, c.charged, c.carried)
    """,
)

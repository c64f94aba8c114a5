-- A ledger of any size for bench/proof.py, written as a superuser and without triggers.
-- Generation n: even ones ordered two images and got one; a fifth of the odd ones failed.

SET session_replication_role = replica;
SET synchronous_commit = off;
SET work_mem = '128MB';

CREATE TEMP TABLE o AS SELECT n AS place, gen_random_uuid() AS id FROM generate_series(0, %(organizations)s - 1) AS n;
INSERT INTO accounts_organization (id, slug, name, state, suspended_reason)
SELECT id, 'o-' || place, 'Team ' || place, 'active', '' FROM o;

CREATE TEMP TABLE g AS
SELECT n, gen_random_uuid() AS id, o.id AS organization_id, 2 - n %% 2 AS count, 1 - failed AS images,
       nullif(failed, 0) AS ended_by, CASE failed WHEN 1 THEN 'failed' ELSE 'succeeded' END AS state,
       CASE failed WHEN 1 THEN 'no_image' ELSE '' END AS kind,
       now() - interval '30 days' + n * (interval '30 days' / %(generations)s) - interval '10 seconds' AS at
FROM generate_series(1, %(generations)s) AS n JOIN o ON o.place = n %% %(organizations)s
CROSS JOIN LATERAL (SELECT (n %% 2 = 1 AND n / %(organizations)s %% 5 = 0)::int AS failed) AS fate;

INSERT INTO generations_generation (
    id, organization_id, ticket, mode, dialect, model, "order", synchronous, priority, request_id, callback_url,
    count, image_tokens, unit_price, credits_per_dollar, hold, delivered, state, kind, message, parts, usage,
    attempt, tries_left, ended_by, lease_owner, run_after, deadline_at, created_at, started_at, finished_at)
SELECT id, organization_id, 'abcdefgh', 'live', 'openai', %(model)s, %(order)s::jsonb, true, 0, '', '',
       count, %(tokens)s, %(price)s, 0, CASE images WHEN 0 THEN 'released' ELSE 'settled' END, images, state, kind,
       '', '[]', '{}', 1, 2, ended_by, 'bench', at, at + interval '1 day', at, at, at + interval '6 seconds'
FROM g;

INSERT INTO generations_transition (
    organization_id, mode, generation_id, old_state, new_state, old_attempt, new_attempt, ended_by, kind, at)
SELECT organization_id, 'live', id, was, coalesce(new, state), was_attempt, attempt,
       CASE WHEN new IS NULL THEN ended_by END, CASE WHEN new IS NULL THEN kind ELSE '' END, at
FROM g CROSS JOIN (VALUES (1, '', 'queued', NULL, 0), (2, 'queued', 'running', 0, 1), (3, 'running', NULL, 1, 1))
                  AS step (place, was, new, was_attempt, attempt)
ORDER BY n, place;

INSERT INTO generations_attempt (
    id, organization_id, mode, generation_id, number, owner, channel, provider, upstream_model, started_at,
    upstream_at, finished_at, outcome, kind, detail, upstream_request_id, usage, images, surplus)
SELECT gen_random_uuid(), organization_id, 'live', id, 1, 'bench', 'gemini', 'gemini', %(model)s, at,
       at, at + interval '6 seconds', state, kind, '', '', '{}', images, 0 FROM g;

INSERT INTO generations_output (
    id, organization_id, mode, generation_id, number, storage_key, mime, width, height, bytes, sha256, epoch,
    created_at)
SELECT gen_random_uuid(), organization_id, 'live', id, 0, 'live/20261120/' || organization_id || '/' || id || '/1-0.png',
       'image/png', 1024, 1024, 1500000, encode(sha256(id::text::bytea), 'hex'), 0, at FROM g WHERE images > 0;

INSERT INTO generations_idempotencyrecord (organization_id, mode, key, fingerprint, generation_id, created_at)
SELECT organization_id, 'live', id::text, %(fingerprint)s, id, at FROM g WHERE at > now() - interval '48 hours';

INSERT INTO billing_entry (organization_id, mode, kind, debit, credit, amount, reference, reason, actor, created_at)
SELECT id, 'live', 'grant', 'funding', 'prepaid', 10 ^ 15, 'grant:' || place, 'a benchmark', 'bench', now() FROM o;
INSERT INTO billing_entry (
    organization_id, mode, kind, debit, credit, amount, tokens, unit_price, generation_id, reference, reason, actor,
    created_at)
SELECT organization_id, 'live', e.kind, debit, credit, moved * %(tokens)s * %(price)s::bigint, moved * %(tokens)s, %(price)s, id,
       e.kind || ':' || id, '', '', at
FROM g CROSS JOIN LATERAL (VALUES (1, 'hold', 'prepaid', 'held', count), (2, 'settle', 'held', 'revenue', images),
                                  (3, 'release', 'held', 'prepaid', count - images))
                          AS e (place, kind, debit, credit, moved)
WHERE moved > 0 ORDER BY n, place;

INSERT INTO billing_wallet (id, organization_id, mode, posted, held)
SELECT gen_random_uuid(), organization_id, 'live',
       sum(CASE kind WHEN 'grant' THEN amount WHEN 'settle' THEN -amount ELSE 0 END), 0
FROM billing_entry GROUP BY organization_id;
INSERT INTO billing_budget (id, organization_id, mode, period, "limit", used, "window", created_at)
SELECT gen_random_uuid(), organization_id, 'live', 'total', 10 ^ 15, sum(amount), timestamptz 'epoch',
       now() - interval '1 year'
FROM billing_entry WHERE kind = 'settle' GROUP BY organization_id;
INSERT INTO billing_usage (
    organization_id, mode, quarter, model, dialect, outcome, generations, images, tokens, amount, milliseconds)
SELECT organization_id, 'live', date_bin('15 minutes', at + interval '6 seconds', timestamptz 'epoch'), %(model)s,
       'openai', coalesce(nullif(kind, ''), state), count(*), sum(images), sum(images) * %(tokens)s,
       sum(images) * %(tokens)s * %(price)s::bigint, count(*) * 6000
FROM g GROUP BY 1, 2, 3, 4, 5, 6;

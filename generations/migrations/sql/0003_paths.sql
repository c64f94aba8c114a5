-- Submit and finish as one statement each. Called by generations/actions/{submit,finish}.py.
-- Lock order: idempotency record, the generation's row, inserts, budgets, usage, wallet last.
--
-- Raised:  EZ404 no price   EZ429 too many (detail: key or queue)   and those of the ledger

CREATE FUNCTION generations_submit(
    p_id uuid, p_organization uuid, p_mode text, p_key uuid, p_member uuid, p_dialect text, p_model text,
    p_ticket text, p_order jsonb, p_count int, p_image_tokens int, p_credits int, p_priority int,
    p_request_id text, p_callback_url text, p_wait boolean, p_owner text, p_lease interval, p_lifetime interval,
    p_key_concurrency int, p_queue_limit int, p_test_credit bigint,
    p_idempotency_key text, p_fingerprint bytea, p_remembered interval, p_request jsonb
) RETURNS TABLE (outcome text, generation uuid, made_at timestamptz, price bigint) LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_price bigint;
    v_starts boolean := false;
    v_record record;
BEGIN
    PERFORM easel_enter(p_organization);
    IF p_wait THEN  -- nothing of a synchronous call is acknowledged before its finish flushes it
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF p_idempotency_key <> '' THEN
        INSERT INTO generations_idempotencyrecord AS r (organization_id, mode, key, fingerprint, generation_id, created_at)
        VALUES (p_organization, p_mode, p_idempotency_key, p_fingerprint, p_id, v_now)
        ON CONFLICT ON CONSTRAINT generations_idempotency_once DO UPDATE
            SET fingerprint = excluded.fingerprint, generation_id = excluded.generation_id,
                created_at = excluded.created_at
            WHERE r.created_at < v_now - p_remembered;
        IF NOT FOUND THEN
            SELECT * INTO STRICT v_record FROM generations_idempotencyrecord r
            WHERE r.organization_id = p_organization AND r.mode = p_mode AND r.key = p_idempotency_key;
            RETURN QUERY SELECT CASE WHEN v_record.fingerprint = p_fingerprint THEN 'replayed' ELSE 'conflict' END,
                                v_record.generation_id, v_now, 0::bigint;
            RETURN;
        END IF;
    END IF;
    IF p_key_concurrency IS NOT NULL AND p_key_concurrency <= (
        SELECT count(*) FROM generations_generation g
        WHERE g.key_id = p_key AND g.state IN ('queued', 'running')
    ) THEN
        RAISE EXCEPTION 'too many' USING ERRCODE = 'EZ429', DETAIL = 'key';
    END IF;
    -- Without a lock: a race may let a few more than the cap start, never money go astray.
    IF p_owner <> '' THEN
        SELECT l.cap > (SELECT count(*) FROM generations_generation g
                        WHERE g.organization_id = p_organization AND g.mode = p_mode AND g.state = 'running')
        INTO v_starts FROM generations_lane l WHERE l.organization_id = p_organization AND l.mode = p_mode;
        v_starts := coalesce(v_starts, true);
    END IF;
    IF NOT v_starts AND p_queue_limit <= (
        SELECT count(*) FROM (
            SELECT FROM generations_generation g
            WHERE g.organization_id = p_organization AND g.mode = p_mode AND g.state = 'queued'
            LIMIT p_queue_limit) AS waiting
    ) THEN
        RAISE EXCEPTION 'too many' USING ERRCODE = 'EZ429', DETAIL = 'queue';
    END IF;
    SELECT p.unit_price INTO v_price FROM billing_price p
    WHERE p.model = p_model AND p.effective_from <= v_now ORDER BY p.effective_from DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no price' USING ERRCODE = 'EZ404';
    END IF;

    INSERT INTO generations_generation (
        id, organization_id, ticket, mode, dialect, key_id, member_id, model, "order", synchronous, priority,
        request_id, callback_url, count, image_tokens, unit_price, credits_per_dollar, hold, delivered, state,
        kind, message, parts, usage, attempt, tries_left, lease_owner, lease_expires_at, run_after, deadline_at,
        created_at, started_at)
    VALUES (
        p_id, p_organization, p_ticket, p_mode, p_dialect, p_key, p_member, p_model, p_order, p_wait, p_priority,
        p_request_id, p_callback_url, p_count, p_image_tokens, v_price, p_credits, 'open', 0,
        CASE WHEN v_starts THEN 'running' ELSE 'queued' END, '', '', '[]', '{}',
        v_starts::int, CASE WHEN v_starts THEN 2 ELSE 3 END, CASE WHEN v_starts THEN p_owner ELSE '' END,
        CASE WHEN v_starts THEN v_now + p_lease END, v_now, v_now + p_lifetime, v_now,
        CASE WHEN v_starts THEN v_now END);
    IF v_starts THEN
        INSERT INTO generations_attempt (
            id, organization_id, mode, generation_id, number, owner, started_at, channel, provider,
            upstream_model, outcome, kind, detail, upstream_request_id, usage, images, surplus)
        VALUES (gen_random_uuid(), p_organization, p_mode, p_id, 1, p_owner, v_now, '', '', '', '', '', '', '',
                '{}', 0, 0);
    END IF;
    IF p_request IS NOT NULL THEN
        INSERT INTO generations_apirequest (
            id, at, request_id, organization_id, mode, key_id, member_id, door, method, path, kind, generation_id,
            replayed, bytes_in, bytes_out, ip, agent)
        SELECT r.id, r.at, p_request_id, p_organization, p_mode, p_key, p_member, r.door, r.method, r.path, '', p_id,
               false, r.bytes_in, 0, r.ip, r.agent
        FROM jsonb_to_record(p_request) AS r (
            id uuid, at timestamptz, door text, method text, path text, bytes_in int, ip inet, agent text);
    END IF;
    PERFORM billing_hold(p_organization, p_mode, p_key, p_id, (p_count * p_image_tokens)::bigint, v_price, v_now,
                         p_test_credit);
    RETURN QUERY SELECT CASE WHEN v_starts THEN 'started' ELSE 'queued' END, p_id, v_now, v_price;
END $$;

-- The only way to a final state. `p_guard` says whose word counts:
--   live     anybody's, while it is not final (success: the first valid result wins; cancel)
--   mine     the holder's of lease `p_attempt` (failure)
--   overdue  the clock's, past its deadline
--   lost     the clock's, when lease `p_attempt` has expired and no try is left
-- Gives when it ended and until when its images are kept; nothing when the guard did not hold.
CREATE FUNCTION generations_finish(
    p_organization uuid, p_id uuid, p_guard text, p_attempt int, p_state text, p_kind text, p_message text,
    p_parts jsonb, p_usage jsonb, p_ended_by int, p_kept interval, p_images jsonb, p_tried jsonb
) RETURNS TABLE (finished timestamptz, kept_until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    g generations_generation;
    v_now timestamptz := clock_timestamp();
    v_delivered int := jsonb_array_length(p_images);
BEGIN
    PERFORM easel_enter(p_organization);
    UPDATE generations_generation u
    SET state = p_state, hold = CASE WHEN p_state = 'succeeded' THEN 'settled' ELSE 'released' END,
        delivered = v_delivered, kind = p_kind, message = p_message, parts = p_parts, usage = p_usage,
        ended_by = p_ended_by, lease_expires_at = NULL, finished_at = v_now, expires_at = v_now + p_kept
    WHERE u.organization_id = p_organization AND u.id = p_id AND u.state IN ('queued', 'running')
      AND CASE p_guard
            WHEN 'live' THEN true
            WHEN 'mine' THEN u.state = 'running' AND u.attempt = p_attempt
            WHEN 'overdue' THEN u.deadline_at < clock_timestamp()
            WHEN 'lost' THEN u.state = 'running' AND u.attempt = p_attempt AND u.tries_left = 0
                             AND u.lease_expires_at < clock_timestamp()
          END
    RETURNING u.* INTO g;
    IF NOT FOUND THEN
        IF p_tried IS NOT NULL THEN
            PERFORM generations_close_attempt(p_organization, p_id, p_attempt,
                                              p_tried || '{"outcome": "superseded"}');
        END IF;
        RETURN;
    END IF;
    INSERT INTO generations_output (id, organization_id, mode, generation_id, number, storage_key, mime, width,
                                    height, bytes, sha256, signature, epoch, created_at)
    SELECT gen_random_uuid(), p_organization, g.mode, g.id, i.place - 1, i.image ->> 'key', i.image ->> 'mime',
           (i.image ->> 'width')::int, (i.image ->> 'height')::int, (i.image ->> 'bytes')::int,
           i.image ->> 'sha256', i.image ->> 'signature', 0, v_now
    FROM jsonb_array_elements(p_images) WITH ORDINALITY AS i (image, place);
    IF p_tried IS NOT NULL THEN
        PERFORM generations_close_attempt(p_organization, p_id, p_attempt, p_tried);
    END IF;
    IF g.callback_url <> '' THEN  -- leaves the house after this commit, and only then
        INSERT INTO accounts_outboxmessage (id, organization_id, mode, event, generation_id, url, body, state,
                                            attempts, claims, next_at, created_at)
        VALUES (gen_random_uuid(), p_organization, g.mode, 'generation.final', g.id, g.callback_url,
                convert_to(json_build_object('generation', g.id, 'state', g.state,
                                             'tokens', g.delivered * g.image_tokens)::text, 'UTF8'),
                'pending', 0, 0, v_now, v_now);
    END IF;
    PERFORM billing_close(p_organization, g.mode, g.key_id, g.id, (g.count * g.image_tokens)::bigint,
                          (g.delivered * g.image_tokens)::bigint, g.unit_price, g.created_at, v_now, g.member_id,
                          g.model, g.dialect, CASE WHEN p_kind = '' THEN p_state ELSE p_kind END, v_delivered);
    RETURN QUERY SELECT v_now, g.expires_at;
END $$;

-- What an attempt has to tell about itself, once.
CREATE FUNCTION generations_close_attempt(p_organization uuid, p_id uuid, p_number int, p_tried jsonb)
RETURNS void LANGUAGE sql AS $$
    UPDATE generations_attempt a
    SET outcome = t.outcome, kind = t.kind, finished_at = clock_timestamp(), channel = t.channel,
        provider = t.provider, upstream_model = t.upstream_model, upstream_at = t.upstream_at,
        upstream_request_id = t.request_id, usage = t.usage, images = t.images, surplus = t.surplus,
        detail = t.detail
    FROM jsonb_to_record(p_tried) AS t (
        outcome text, kind text, channel text, provider text, upstream_model text, upstream_at timestamptz,
        request_id text, usage jsonb, images int, surplus int, detail text)
    WHERE a.organization_id = p_organization AND a.generation_id = p_id AND a.number = p_number
      AND a.outcome IN ('', 'lost')
$$;

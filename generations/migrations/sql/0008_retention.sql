-- As in 0006_final_events; how long the images are kept is the organization's own word, if it has one.

-- The only way to a final state. `p_guard` says whose word counts:
--   live     anybody's, while it is not final (success: the first valid result wins; cancel)
--   mine     the holder's of lease `p_attempt` (failure)
--   overdue  the clock's, past its deadline
--   lost     the clock's, when lease `p_attempt` has expired and no try is left
-- Gives when it ended and until when its images are kept; nothing when the guard did not hold.
CREATE OR REPLACE FUNCTION generations_finish(
    p_organization uuid, p_id uuid, p_guard text, p_attempt int, p_state text, p_kind text, p_message text,
    p_parts jsonb, p_usage jsonb, p_ended_by int, p_kept interval, p_images jsonb, p_tried jsonb
) RETURNS TABLE (finished timestamptz, kept_until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    g generations_generation;
    v_now timestamptz := clock_timestamp();
    v_delivered int := jsonb_array_length(p_images);
    v_facts bytea;
    v_until timestamptz;
BEGIN
    PERFORM easel_enter(p_organization);
    SELECT v_now + coalesce(make_interval(hours => o.image_retention_hours), p_kept) INTO v_until
    FROM accounts_organization o WHERE o.id = p_organization;
    UPDATE generations_generation u
    SET state = p_state, hold = CASE WHEN p_state = 'succeeded' THEN 'settled' ELSE 'released' END,
        delivered = v_delivered, kind = p_kind, message = p_message, parts = p_parts, usage = p_usage,
        ended_by = p_ended_by, lease_expires_at = NULL, finished_at = v_now, expires_at = v_until
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
                                    height, bytes, sha256, signature, epoch, created_at, expires_at)
    SELECT gen_random_uuid(), p_organization, g.mode, g.id, i.place - 1, i.image ->> 'key', i.image ->> 'mime',
           (i.image ->> 'width')::int, (i.image ->> 'height')::int, (i.image ->> 'bytes')::int,
           i.image ->> 'sha256', i.image ->> 'signature', 0, v_now, v_until
    FROM jsonb_array_elements(p_images) WITH ORDINALITY AS i (image, place);
    IF p_tried IS NOT NULL THEN
        PERFORM generations_close_attempt(p_organization, p_id, p_attempt, p_tried);
    END IF;
    -- What must be told leaves the house after this commit, and only then: to the order's own URL, and to
    -- every endpoint that listens. The facts stand in until the first try renders the body.
    v_facts := convert_to(json_build_object('generation', g.id, 'state', g.state,
                                            'tokens', g.delivered * g.image_tokens)::text, 'UTF8');
    IF g.callback_url <> '' THEN
        INSERT INTO accounts_outboxmessage (id, organization_id, mode, event, generation_id, url, host, body,
                                            state, attempts, claims, next_at, created_at)
        VALUES (accounts_message_id(), p_organization, g.mode, 'generation.final', g.id, g.callback_url,
                accounts_host(g.callback_url), v_facts, 'pending', 0, 0, v_now, v_now);
    END IF;
    INSERT INTO accounts_outboxmessage (id, organization_id, mode, event, generation_id, endpoint_id, url, host,
                                        body, state, attempts, claims, next_at, created_at)
    SELECT accounts_message_id(), p_organization, g.mode, 'generation.' || g.state, g.id, e.id, '', e.host,
           v_facts, 'pending', 0, 0, v_now, v_now
    FROM accounts_webhookendpoint e
    WHERE e.organization_id = p_organization AND e.mode = g.mode AND e.enabled
      AND 'generation.' || g.state = ANY (e.events);
    PERFORM billing_close(p_organization, g.mode, g.key_id, g.id, (g.count * g.image_tokens)::bigint,
                          (g.delivered * g.image_tokens)::bigint, g.unit_price, g.created_at, v_now, g.member_id,
                          g.model, g.dialect, CASE WHEN p_kind = '' THEN p_state ELSE p_kind END, v_delivered);
    RETURN QUERY SELECT v_now, g.expires_at;
END $$;

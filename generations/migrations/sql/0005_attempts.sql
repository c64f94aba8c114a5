-- What an attempt has to tell about itself, once: since now with its calls and what they cost us.
CREATE OR REPLACE FUNCTION generations_close_attempt(p_organization uuid, p_id uuid, p_number int, p_tried jsonb)
RETURNS void LANGUAGE sql AS $$
    UPDATE generations_attempt a
    SET outcome = t.outcome, kind = t.kind, finished_at = clock_timestamp(), channel = t.channel,
        provider = t.provider, upstream_model = t.upstream_model, upstream_at = t.upstream_at,
        upstream_request_id = t.request_id, usage = t.usage, images = t.images, surplus = t.surplus,
        detail = t.detail, calls = coalesce(t.calls, '[]'), provider_cost = t.provider_cost
    FROM jsonb_to_record(p_tried) AS t (
        outcome text, kind text, channel text, provider text, upstream_model text, upstream_at timestamptz,
        request_id text, usage jsonb, images int, surplus int, detail text, calls jsonb, provider_cost bigint)
    WHERE a.organization_id = p_organization AND a.generation_id = p_id AND a.number = p_number
      AND a.outcome IN ('', 'lost')
$$;

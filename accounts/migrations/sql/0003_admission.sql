-- What every request does first, one round trip each: find the key, count the request.

-- A tenant's scope from inside a statement, to the end of its transaction.
CREATE FUNCTION easel_enter(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', 'easel_web', true),
            set_config('easel.organization', organization::text, true);
END $$;

-- The key of which this is the present or the previous digest, with its organization: opened by
-- possession, as the policies of both tables say.
CREATE FUNCTION accounts_find_key(p_digest bytea) RETURNS TABLE (
    id uuid, organization_id uuid, mode varchar, name varchar, home_door varchar, member_id uuid,
    public_id varchar, digest bytea, previous_digest bytea, previous_expires_at timestamptz,
    previous_used_at timestamptz, scopes varchar[], models_allowed varchar[], doors_allowed varchar[],
    networks varchar[], requests_per_minute int, concurrency int, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, organization_slug varchar, organization_name varchar,
    organization_state varchar, organization_requests_per_minute int, now timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', 'easel_web', true),
            set_config('easel.key_digest', encode(p_digest, 'hex'), true);
    RETURN QUERY
        SELECT k.id, k.organization_id, k.mode, k.name, k.home_door, k.member_id, k.public_id, k.digest,
               k.previous_digest, k.previous_expires_at, k.previous_used_at, k.scopes, k.models_allowed,
               k.doors_allowed, k.networks, k.requests_per_minute, k.concurrency, k.expires_at, k.revoked_at,
               k.last_used_at, o.slug, o.name, o.state, o.requests_per_minute, clock_timestamp()
        FROM accounts_apikey k JOIN accounts_organization o ON o.id = k.organization_id
        WHERE k.digest = p_digest OR k.previous_digest = p_digest;
END $$;

-- Count one request of a key and of its organization in this minute. Everybody takes the key's row
-- first and the organization's second: no two can wait in a circle. A request that the key's own limit
-- refuses is not counted against the organization. A key without a limit has no row.
CREATE FUNCTION accounts_count_request(p_organization uuid, p_key uuid, p_key_limit int)
RETURNS TABLE (of_key int, of_organization int, reset_seconds int) LANGUAGE plpgsql AS $$
DECLARE
    v_second bigint := floor(extract(epoch FROM statement_timestamp()));
BEGIN
    PERFORM easel_enter(p_organization), set_config('synchronous_commit', 'off', true);
    reset_seconds := 60 - v_second % 60;
    IF p_key_limit IS NOT NULL THEN
        of_key := accounts_count_subject(p_organization, p_key, v_second / 60);
        IF of_key > p_key_limit THEN
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    of_organization := accounts_count_subject(p_organization, p_organization, v_second / 60);
    RETURN NEXT;
END $$;

CREATE FUNCTION accounts_count_subject(p_organization uuid, p_subject uuid, p_minute bigint)
RETURNS int LANGUAGE sql AS $$
    INSERT INTO accounts_ratewindow AS w (organization_id, subject, minute, count)
    VALUES (p_organization, p_subject, p_minute, 1)
    ON CONFLICT (subject) DO UPDATE SET minute = excluded.minute, count =
        CASE WHEN w.minute = excluded.minute THEN w.count + 1 ELSE 1 END
    RETURNING count
$$;

"""I18, I20: no secret lies in a key's row, no ended key is used, and the walls stand as they were built."""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

from config.proof.invariant import OF, Invariant

# `last_used_at` is when the request began: a key that ended while it was being let in is not judged.
_MEANWHILE = "interval '1 minute'"

I18 = Invariant(
    "I18",
    "No key's row holds a secret, and no key was used after it was revoked, expired or rotated away.",
    f"""
    WITH key AS (SELECT * FROM accounts_apikey WHERE {OF}), found AS (
        SELECT concat('easel_', mode, '_', public_id) AS prefix, concat_ws('; ',
            CASE WHEN octet_length(digest) <> 32 OR octet_length(coalesce(previous_digest, digest)) <> 32
                 THEN 'stores something that is no HMAC-SHA256' END,
            CASE WHEN concat(encode(digest, 'escape'), ' ', encode(previous_digest, 'escape'))
                      ~ '[0-9A-Za-z_]{{30}}'
                   OR key::text ~ 'easel_(live|test)_[0-9A-Za-z]{{48}}'
                 THEN 'stores a secret as plain text' END,
            CASE WHEN last_used_at > revoked_at + {_MEANWHILE}
                 THEN concat('was revoked at ', revoked_at, ' and used at ', last_used_at) END,
            CASE WHEN last_used_at > expires_at + {_MEANWHILE}
                 THEN concat('expired at ', expires_at, ' and was used at ', last_used_at) END,
            CASE WHEN previous_used_at > previous_expires_at + {_MEANWHILE}
                 THEN concat('was rotated away by ', previous_expires_at, ' and its old secret used at ',
                             previous_used_at) END
        ) AS what
        FROM key
    )
    SELECT concat('key ', prefix), what FROM found WHERE what <> ''
    """,
)

_TENANT_TABLES = """
    SELECT c.oid, c.relname, c.relrowsecurity AND c.relforcerowsecurity AS walled
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    WHERE c.relkind IN ('r', 'p') AND (c.relname = 'accounts_organization' OR EXISTS (
        SELECT 1 FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped))
"""
_APPEND_ONLY = """
    ('billing_entry'), ('billing_folio'), ('billing_price'), ('billing_seal'), ('billing_usagehour'),
    ('accounts_auditevent'), ('generations_transition')
"""
_ENTERED = "('easel_web'), ('easel_worker'), ('easel_operator'), ('easel_audit'), ('easel_history')"

# Written from the catalogue of the database, so that a table somebody forgot is found, too.
I20 = Invariant(
    "I20",
    "Every tenant table has its wall, append-only tables their triggers, and no serving role a way around.",
    f"""
    WITH tenant AS ({_TENANT_TABLES}),
    appended AS (SELECT format('%%I', name)::regclass AS oid, name FROM (VALUES {_APPEND_ONLY}) AS v (name)),
    entered AS (SELECT r.* FROM (VALUES {_ENTERED}) AS v (name) JOIN pg_roles r ON r.rolname = v.name)
    SELECT concat('table ', relname), 'has no forced row-level security' FROM tenant WHERE NOT walled
    UNION ALL
    SELECT concat('table ', relname), 'has no policy that names the organization of a request' FROM tenant
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_policy p WHERE p.polrelid = tenant.oid AND 'easel_web'::regrole = ANY (p.polroles)
           AND pg_get_expr(p.polqual, p.polrelid) ~ 'easel\\.organization'
           AND pg_get_expr(p.polwithcheck, p.polrelid) ~ 'easel\\.organization')
    UNION ALL
    SELECT concat('policy ', p.polname, ' of ', relname),
           'lets a request see rows without asking whose they are'
    FROM tenant JOIN pg_policy p ON p.polrelid = tenant.oid
    WHERE p.polpermissive AND ('easel_web'::regrole = ANY (p.polroles) OR 0 = ANY (p.polroles))
      AND NOT (coalesce(pg_get_expr(p.polqual, p.polrelid), 'easel.') ~ 'easel\\.'
               AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'easel.') ~ 'easel\\.')
    UNION ALL
    SELECT concat('table ', relname), concat('may be used by the login outside every scope (', privilege, ')')
    FROM tenant CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'))
                           AS v (privilege)
    WHERE has_table_privilege('easel', tenant.oid, privilege)
      AND (relname, privilege) <> ('accounts_auditevent', 'INSERT')
    UNION ALL
    SELECT concat('table ', name), concat('lacks the trigger ', expected)
    FROM appended CROSS JOIN (VALUES ('append_only'), ('append_only_truncate')) AS v (expected)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger t
        WHERE t.tgrelid = appended.oid AND t.tgname = expected AND t.tgenabled IN ('O', 'A'))
    UNION ALL
    SELECT concat('table ', name), concat(rolname, ' may change it (', privilege, ')')
    FROM appended CROSS JOIN entered CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS v (privilege)
    WHERE has_table_privilege(entered.oid, appended.oid, privilege)
    UNION ALL
    SELECT concat('role ', rolname), 'is superuser, bypasses row-level security, makes roles or may log in'
    FROM entered WHERE rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin
    UNION ALL
    SELECT concat('role ', rolname), 'is superuser, bypasses row-level security, makes roles or inherits'
    FROM pg_roles WHERE rolname = 'easel' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolinherit)
    UNION ALL
    SELECT concat('role ', r.rolname), concat('owns ', c.relname)
    FROM pg_roles r JOIN pg_class c ON c.relowner = r.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND (r.rolname = 'easel' OR r.oid IN (SELECT oid FROM entered))
    UNION ALL
    SELECT 'role easel', concat('is a member of ', r.rolname)
    FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
    WHERE m.member = 'easel'::regrole AND r.oid NOT IN (SELECT oid FROM entered)
    """,
    whole=True,
)

WALLS = (I18, I20)

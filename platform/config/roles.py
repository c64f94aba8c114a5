"""The database roles: one login that owns nothing, five that are entered for a transaction, one
that owns the tables.

Roles belong to the whole server, so they are made here and never in a migration: parallel test
databases would collide.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from runtime.tenancy import ROLES

LOGIN, OWNER = "easel", "easel_owner"


def set_up(admin_url: str, login_url: str) -> None:
    """Create or mend the roles and their grants in the database of `admin_url`.

    `login_url` gives the password of the login role. May be run any number of times. Raises
    psycopg.Error when the administrator may not do it.
    """
    password = unquote(urlsplit(login_url).password or "")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext('easel roles'))")
        for role in (OWNER, *ROLES):
            _create(admin, role, "NOLOGIN")
        _create(admin, LOGIN, "LOGIN")
        _shape_login(admin, password)
        _quiet_log(admin)
        _open_schema(admin)


def _create(admin: psycopg.Connection, role: str, kind: str) -> None:
    found = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if not found:
        admin.execute(sql.SQL("CREATE ROLE {} " + kind).format(sql.Identifier(role)))


def _shape_login(admin: psycopg.Connection, password: str) -> None:
    admin.execute(sql.SQL("ALTER ROLE {} NOINHERIT").format(sql.Identifier(LOGIN)))
    if password:
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(LOGIN), sql.Literal(password))
        )
    for role in ROLES:
        admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(LOGIN)))


def _quiet_log(admin: psycopg.Connection) -> None:
    """A refused statement must not carry a customer's prompt into the server's log. Only a superuser
    may say so; elsewhere it is for the operators (README, "On your own servers")."""
    row = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row and row[0]:
        admin.execute(
            sql.SQL("ALTER ROLE {} SET log_min_error_statement = panic").format(sql.Identifier(LOGIN))
        )


def _open_schema(admin: psycopg.Connection) -> None:
    """The owner may build; everybody may look around; what is built without a wall (sessions, the
    queue) is the login's by default, and each tenant table takes that back."""
    owner, login = sql.Identifier(OWNER), sql.Identifier(LOGIN)
    everybody = sql.SQL(", ").join(map(sql.Identifier, (LOGIN, *ROLES)))
    admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    admin.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(owner))
    admin.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(everybody))
    for kind, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
        admin.execute(
            sql.SQL(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {{}} IN SCHEMA public GRANT {rights} ON {kind} TO {{}}"
            ).format(owner, login)
        )


def refuse_powerful_login(connection: psycopg.Connection) -> str | None:
    """A sentence if the login could walk through the walls, else None: superuser, BYPASSRLS, or
    owner of a table."""
    row = connection.execute(
        "SELECT rolsuper, rolbypassrls,"
        " EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        "         WHERE c.relowner = r.oid AND n.nspname = 'public')"
        " FROM pg_roles r WHERE rolname = session_user"
    ).fetchone()
    assert row is not None
    names = ("is a superuser", "bypasses row-level security", "owns tables")
    wrong = [name for name, found in zip(names, row, strict=True) if found]
    if not wrong:
        return None
    return (
        f"The database login {' and '.join(wrong)}, so the walls between organizations would not hold. "
        f"Point DATABASE_URL at the role `{LOGIN}` that `manage.py setup_database` makes."
    )

"""The walls as they are felt: what each scope sees and may write, tried as the roles that serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.models import ApiKey, Membership, Organization
from billing.models import Wallet
from config.roles import LOGIN, OWNER, refuse_powerful_login
from generations.models import Output
from runtime.errors import ScopeError
from runtime.tenancy import (
    ROLES,
    SETTINGS,
    audit,
    current_scope,
    history,
    operator,
    possession,
    tenant,
    work,
)
from tests.law.house_of_rows import TABLES, Household, column

REFUSED = r"permission denied|row-level security"
NOTHING = ("",) * len(SETTINGS)


@pytest.fixture(scope="module")
def ours(database: str) -> Household:
    return Household.settle()


@pytest.fixture(scope="module")
def theirs(database: str) -> Household:
    return Household.settle()


def ask(statement: str, *values: Any) -> Any:
    """The first field of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return row[0] if row else None


def change(statement: str, *values: Any) -> int:
    """How many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def seen(table: str) -> int:
    return int(ask(f"SELECT count(*) FROM (SELECT * FROM {table}) AS row"))


def standing() -> tuple[Any, ...]:
    """The role and the settings that the connection has right now; an unset setting is empty."""
    settings = [ask("SELECT current_setting(%s, true)", name) or "" for name in SETTINGS]
    return ask("SELECT current_user"), *settings


# ---- who we are ----


def test_the_login_has_no_power_of_its_own(database: str) -> None:
    connection.ensure_connection()
    assert connection.connection is not None
    assert ask("SELECT session_user") == ask("SELECT current_user") == LOGIN
    assert refuse_powerful_login(connection.connection) is None
    assert (
        ask("SELECT rolinherit OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = %s", LOGIN)
        is False
    )
    assert ask("SELECT count(*) FROM pg_class WHERE relowner = %s::regrole", LOGIN) == 0


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_is_entered_cannot_log_in_and_owns_nothing(database: str, role: str) -> None:
    powers = "rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
    assert ask(f"SELECT {powers} FROM pg_roles WHERE rolname = %s", role) is False
    assert ask("SELECT count(*) FROM pg_class WHERE relowner = %s::regrole", role) == 0


@pytest.fixture
def impersonating(superuser: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A superuser's connection whose changes are undone, also those to roles."""
    with superuser.transaction(force_rollback=True):
        yield superuser


def test_a_superuser_may_not_serve(superuser: psycopg.Connection) -> None:
    assert "is a superuser" in str(refuse_powerful_login(superuser))


def test_a_login_that_bypasses_the_walls_may_not_serve(impersonating: psycopg.Connection) -> None:
    impersonating.execute("CREATE ROLE easel_bypass LOGIN BYPASSRLS")
    impersonating.execute("SET SESSION AUTHORIZATION easel_bypass")
    assert "bypasses row-level security" in str(refuse_powerful_login(impersonating))


def test_the_owner_of_the_tables_may_not_serve(impersonating: psycopg.Connection) -> None:
    impersonating.execute(f"SET SESSION AUTHORIZATION {OWNER}")
    assert "owns tables" in str(refuse_powerful_login(impersonating))


# ---- what a scope is ----

SCOPES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "easel_worker": work,
    "easel_operator": operator,
    "easel_audit": audit,
    "easel_history": history,
}


@pytest.mark.parametrize("role", SCOPES)
def test_a_scope_is_a_role_for_one_transaction(database: str, role: str) -> None:
    with SCOPES[role]():
        assert standing() == (role, *NOTHING)
    assert standing() == (LOGIN, *NOTHING)


def test_a_tenants_scope_is_the_web_role_and_its_organization(ours: Household) -> None:
    with tenant(ours.id):
        assert standing() == ("easel_web", str(ours.id), *NOTHING[1:])
        assert current_scope() is not None
    assert standing() == (LOGIN, *NOTHING)
    assert current_scope() is None


def test_a_scope_that_fails_leaves_nothing_behind(ours: Household) -> None:
    with pytest.raises(ProgrammingError), tenant(ours.id):
        ask("SELECT no_such_column")
    assert standing() == (LOGIN, *NOTHING)
    assert current_scope() is None


def test_a_tenant_inside_an_open_transaction_puts_role_and_settings_back(ours: Household) -> None:
    with transaction.atomic():
        with tenant(ours.id):
            assert standing()[0] == "easel_web"
        assert ask("SELECT current_setting('role')") == "none"
        assert standing() == (LOGIN, *NOTHING)
        with pytest.raises(ProgrammingError), tenant(ours.id):
            ask("SELECT no_such_column")
        assert standing() == (LOGIN, *NOTHING)


def test_a_tenant_inside_a_worker_gives_the_worker_back(ours: Household) -> None:
    with work():
        with tenant(ours.id):
            assert standing()[:2] == ("easel_web", str(ours.id))
        assert standing()[:2] == ("easel_worker", "")


def test_a_tenant_may_be_opened_twice_but_not_two(ours: Household, theirs: Household) -> None:
    with tenant(ours.id):
        with tenant(ours.id):
            assert standing()[1] == str(ours.id)
        with pytest.raises(ScopeError), tenant(theirs.id):
            pytest.fail("it opened")
        assert standing()[1] == str(ours.id)


@pytest.mark.parametrize("role", SCOPES)
def test_a_tenant_cannot_widen_itself(ours: Household, role: str) -> None:
    with tenant(ours.id), pytest.raises(ScopeError), SCOPES[role]():
        pytest.fail("it opened")


# ---- what a scope sees ----


@pytest.mark.parametrize("table", TABLES)
def test_outside_a_scope_no_table_of_tenants_can_be_read(ours: Household, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        seen(table)


@pytest.mark.parametrize("table", TABLES)
def test_without_a_tenant_the_web_role_sees_nothing(ours: Household, table: str) -> None:
    with possession():
        assert standing()[0] == "easel_web"
        assert seen(table) == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_sees_its_own_rows_and_no_others(
    ours: Household, theirs: Household, superuser: psycopg.Connection, table: str
) -> None:
    for household in (ours, theirs):
        row = superuser.execute(f"SELECT count(*) FROM {table} WHERE {column(table)} = %s", (household.id,))
        (there_are,) = row.fetchone() or (0,)
        assert there_are > 0, "the household has no such row: this test would prove nothing"
        with tenant(household.id):
            assert seen(table) == there_are


@pytest.mark.parametrize("table", TABLES)
def test_the_history_role_reads_nothing(ours: Household, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), history():
        seen(table)


# ---- what a scope writes ----


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_cannot_write_a_row_for_another(ours: Household, theirs: Household, table: str) -> None:
    """A copy of one of our own rows in their name, made as the web role."""
    in_their_name = "SELECT (jsonb_populate_record(row, jsonb_build_object(%s, %s))).*"
    with pytest.raises(ProgrammingError, match=REFUSED), tenant(ours.id):
        change(f"INSERT INTO {table} {in_their_name} FROM {table} row LIMIT 1", column(table), str(theirs.id))


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_cannot_give_a_row_away(ours: Household, theirs: Household, table: str) -> None:
    with pytest.raises(ProgrammingError, match=REFUSED), tenant(ours.id):
        change(f"UPDATE {table} SET {column(table)} = %s", str(theirs.id))


@pytest.mark.parametrize(
    "verb", ["UPDATE {0} SET {1} = {1} WHERE {1} = %s", "DELETE FROM {0} WHERE {1} = %s"]
)
@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_cannot_touch_the_rows_of_another(
    ours: Household, theirs: Household, table: str, verb: str
) -> None:
    try:
        with tenant(ours.id):
            changed = change(verb.format(table, column(table)), str(theirs.id))
    except ProgrammingError as error:
        changed = 0 if "permission denied" in str(error) else -1
    assert changed == 0


@pytest.mark.parametrize("role", ["easel_operator", "easel_audit"])
@pytest.mark.parametrize("table", TABLES)
def test_those_who_see_all_change_nothing(database: str, role: str, table: str) -> None:
    may = [
        ask("SELECT has_table_privilege(%s, %s, %s)", role, table, right) for right in ("UPDATE", "DELETE")
    ]
    assert may == [False, False]


# ---- what is opened by holding something ----


def visible() -> dict[str, int]:
    return {table: count for table in TABLES if (count := seen(table))}


def test_a_key_in_hand_shows_itself_and_its_organization(ours: Household) -> None:
    with possession(key_digest=bytes(ours.key.digest)):
        assert visible() == {"accounts_apikey": 1, "accounts_organization": 1}
        assert ApiKey.objects.across().get().pk == ours.key.pk
        assert Organization.objects.across().get().pk == ours.id


def test_a_wrong_key_shows_nothing(ours: Household) -> None:
    with possession(key_digest=bytes(32)):
        assert visible() == {}


def test_a_user_sees_his_memberships_and_their_organizations(ours: Household) -> None:
    with possession(user=ours.owner.pk):
        assert visible() == {"accounts_membership": 1, "accounts_organization": 1}
        assert Membership.objects.across().get().user_id == ours.owner.pk


def test_a_link_shows_the_images_of_its_generation(ours: Household) -> None:
    with possession(generation=ours.generation):
        assert visible() == {"generations_output": 1}
        assert Output.objects.across().get().generation_id == ours.generation


def test_a_possession_writes_nothing(ours: Household) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), possession(user=ours.owner.pk):
        Membership(organization_id=ours.id, user=ours.owner, role="owner").save(force_insert=True)


# ---- the wall in the code ----


def test_rows_are_asked_for_inside_their_tenant_only(ours: Household, theirs: Household) -> None:
    with pytest.raises(ScopeError):
        Wallet.objects.of(ours.id)
    with tenant(ours.id):
        assert Wallet.objects.of(ours.id).count() == 1
        with pytest.raises(ScopeError):
            Wallet.objects.of(theirs.id)
        with pytest.raises(ScopeError):
            Wallet.objects.across()
    with pytest.raises(ScopeError):
        Wallet.objects.across()
    with possession(user=ours.owner.pk), pytest.raises(ScopeError):
        Wallet.objects.of(ours.id)


def test_a_query_that_was_built_inside_does_not_run_outside(ours: Household) -> None:
    with tenant(ours.id):
        wallets = Wallet.objects.of(ours.id)
    with pytest.raises(ProgrammingError, match="permission denied"):
        list(wallets)

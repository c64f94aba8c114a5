"""The walls as they are built, read from the database's own catalogue, so that a table which somebody
forgot is found as well; and the wall in the code, read from its syntax trees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from psycopg import errors

from config.roles import LOGIN
from runtime.tenancy import ROLES
from tests.law.house_of_rows import ORGANIZATION, TABLES, Household, column, ties, unique_sets

ROOT = Path(__file__).resolve().parents[2]

# ---- the catalogue ----

LOGIN_MAY = {
    # What concerns no organization (a price, an operator) is noted outside of every scope; a policy
    # lets the login add and see such rows only.
    ("accounts_auditevent", "INSERT"),
}
WITHOUT_ORGANIZATION = {
    ("accounts_organization", ("slug",)): "the public name of a team, as everywhere on the web",
    ("accounts_apikey", ("public_id",)): "ten random characters that we draw",
    ("accounts_apikey", ("digest",)): "an HMAC of 190 random bits that we draw",
    ("accounts_apikey", ("previous_digest",)): "an HMAC of 190 random bits that we draw",
    ("accounts_invitation", ("digest",)): "a digest of 190 random bits that we draw",
    ("accounts_ratewindow", ("subject",)): "the random id of a key or of the organization itself",
    ("accounts_outboxmessage", ("event", "generation_id")): "the random id of a generation",
    ("accounts_outboxmessage", ("endpoint_id", "event", "generation_id")): "random ids of ours",
    ("billing_entry", ("generation_id", "kind")): "the random id of a generation, tied to its organization",
    ("generations_output", ("storage_key",)): "begins with the organization's own prefix",
}
UNTIED = {
    ("accounts_outboxmessage", "generation_id"): "written only by the finish of that generation, in SQL",
    ("billing_usage", "key_id"): "a sum, not a pointer: it outlives its key",
    ("billing_usagehour", "key_id"): "a sum, not a pointer: it outlives its key",
    ("generations_apirequest", "key_id"): "a history without foreign keys, as its row outlives everything",
    ("generations_apirequest", "generation_id"): "a history without foreign keys",
}


def test_the_tenant_tables_are_all_that_have_an_organization(superuser: psycopg.Connection) -> None:
    rows = superuser.execute(
        "SELECT table_name FROM information_schema.columns c"
        " JOIN information_schema.tables USING (table_name)"
        " WHERE column_name = 'organization_id' AND c.table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    assert sorted({name for (name,) in rows} | {ORGANIZATION}) == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_row_level_security_is_on_and_forced(superuser: psycopg.Connection, table: str) -> None:
    row = superuser.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", (table,)
    )
    assert row.fetchone() == (True, True)


@pytest.mark.parametrize("table", TABLES)
def test_the_web_role_reads_and_writes_under_the_open_organization_only(
    superuser: psycopg.Connection, table: str
) -> None:
    rows = superuser.execute(
        "SELECT policyname, cmd, qual, with_check FROM pg_policies WHERE tablename = %s"
        " AND roles && ARRAY['easel_web', 'public']::name[]",
        (table,),
    ).fetchall()
    opened = "(NULLIF(current_setting('easel.organization'::text, true), ''::text))::uuid"
    mine = f"({column(table)} = ( SELECT {opened}"
    for name, command, reads, writes in rows:
        if name == "web":
            assert command == "ALL"
            assert reads.startswith(mine)
            assert writes == reads
        else:
            assert (name, command, writes) == ("possession", "SELECT", None)
            assert "current_setting('easel." in reads
    assert "web" in {row[0] for row in rows}


@pytest.mark.parametrize(
    "right", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
)
@pytest.mark.parametrize("table", TABLES)
def test_the_login_has_no_right_of_its_own(superuser: psycopg.Connection, table: str, right: str) -> None:
    row = superuser.execute("SELECT has_table_privilege(%s, %s, %s)", (LOGIN, table, right)).fetchone()
    assert row == ((table, right) in LOGIN_MAY,)


@pytest.mark.parametrize("table", TABLES)
def test_nobody_may_empty_a_table(superuser: psycopg.Connection, table: str) -> None:
    rows = superuser.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND has_table_privilege(oid, %s, 'TRUNCATE')",
        ([LOGIN, *ROLES], table),
    )
    assert rows.fetchall() == []


def test_uniqueness_never_tells_of_another_tenant(superuser: psycopg.Connection) -> None:
    """A refused duplicate must not reveal that somebody else has it: so uniqueness is per organization.
    Primary keys are drawn by us, never chosen; every other exception has its reason above."""
    crossing = {
        (table, columns)
        for (table, columns), primary in unique_sets(superuser).items()
        if not primary and column(table) not in columns
    }
    assert crossing == set(WITHOUT_ORGANIZATION)


def test_a_pointer_between_tenant_rows_carries_the_organization(superuser: psycopg.Connection) -> None:
    """PostgreSQL checks references without row-level security: a single column would accept another
    tenant's row."""
    for tie in ties(superuser):
        if tie.target in TABLES and tie.target != ORGANIZATION:
            assert tie.columns[0] == tie.target_columns[0] == "organization_id", tie
            assert len(tie.columns) == 2, tie


def test_every_pointer_to_a_key_or_a_generation_is_tied(superuser: psycopg.Connection) -> None:
    rows = superuser.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name IN ('generation_id', 'key_id')"
    ).fetchall()
    tied = {(tie.table, tie.columns[-1]) for tie in ties(superuser)}
    assert {(table, name) for table, name in rows} - tied == set(UNTIED)


def test_these_are_all_the_ties(superuser: psycopg.Connection) -> None:
    found = {f"{tie.table}.{tie.columns[-1]}" for tie in ties(superuser) if tie.name.endswith("_tenant_fk")}
    assert found == set(TIED)


@pytest.fixture(scope="module")
def ours(database: str) -> Household:
    return Household.settle()


@pytest.fixture(scope="module")
def theirs(database: str) -> Household:
    return Household.settle()


# What is tied today; the test below compares it with the catalogue.
TIED = [
    "generations_generation.key_id",
    "generations_attempt.generation_id",
    "generations_output.generation_id",
    "generations_idempotencyrecord.generation_id",
    "generations_transition.generation_id",
    "billing_entry.generation_id",
    "generations_input.key_id",
    "billing_budget.key_id",
    "accounts_outboxmessage.endpoint_id",
    "accounts_delivery.message_id",
    "generations_batch.key_id",
    "generations_batchitem.batch_id",
    "generations_batchitem.generation_id",
    "generations_contest.generation_id",
]


@pytest.mark.parametrize("pointer", TIED)
def test_not_even_a_superuser_points_across_tenants(
    ours: Household, theirs: Household, superuser: psycopg.Connection, pointer: str
) -> None:
    table, _, pointing = pointer.partition(".")
    target = {
        "key_id": theirs.key.pk,
        "generation_id": theirs.generation,
        "endpoint_id": theirs.message.endpoint_id,
        "message_id": theirs.message.pk,
        "batch_id": theirs.batch,
    }[pointing]
    with superuser.transaction(force_rollback=True):
        superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if table in ("billing_entry", "generations_transition"):
            superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        if table == "billing_entry":  # theirs has its own hold, settle and release: let ours be a refund
            superuser.execute(
                "DELETE FROM billing_entry WHERE organization_id = %s AND kind <> 'hold'", (theirs.id,)
            )
        rows = f"organization_id = %s AND {pointing} IS NOT NULL" + (
            " AND kind = 'settle'" if table == "billing_entry" else ""
        )
        one = f"ctid = (SELECT ctid FROM {table} WHERE {rows} LIMIT 1)"
        with pytest.raises(errors.ForeignKeyViolation, match="tenant_fk"):
            superuser.execute(f"UPDATE {table} SET {pointing} = %s WHERE {one}", (target, ours.id))


# ---- the code ----

ROOMS = ("accounts", "billing", "generations", "platform")
TENANT_MODELS = {model.__name__ for model in apps.get_models() if model._meta.db_table in TABLES}
OPENING = {"of", "across"}
MAKING = {"create", "bulk_create", "raw"}  # rows get their organization as a value, and the wall checks it
MONEY = {"Wallet", "Entry"}
MONEY_WRITERS = {"billing/ledger.py", "billing/models/books.py"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" not in name:
                yield name, ast.parse(path.read_text(), name)


def manager_calls(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """(model, method, line) of every `Model.objects.method`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id=model), attr="objects"), attr=method, lineno=line
            ):
                yield model, method, line


def test_queries_on_tenant_rows_say_whose() -> None:
    """`Model.objects.filter(...)` without `.of(organization)` or `.across()` is a mistake, even where
    the database would catch it."""
    bare = [
        f"{name}:{line} {model}.objects.{method}"
        for name, tree in sources()
        for model, method, line in manager_calls(tree)
        if model in TENANT_MODELS and method not in OPENING | MAKING
    ]
    assert bare == []


def test_this_walk_would_find_one() -> None:
    found = list(manager_calls(ast.parse("rows = Wallet.objects.filter(mode='live').first()")))
    assert found == [("Wallet", "filter", 1)]


def test_only_the_ledger_makes_wallets_and_entries() -> None:
    makers = [
        f"{name}:{node.lineno}"
        for name, tree in sources()
        if name not in MONEY_WRITERS
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MONEY
    ]
    writers = [
        f"{name}:{line}"
        for name, tree in sources()
        if name not in MONEY_WRITERS
        for model, method, line in manager_calls(tree)
        if model in MONEY and method in MAKING | {"update", "get_or_create", "update_or_create"}
    ]
    assert makers + writers == []


WRITES_MONEY = re.compile(
    r"(INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE|MERGE\s+INTO)\s+\"?billing_(wallet|entry)\b"
)


def test_only_the_ledger_writes_money_in_sql() -> None:
    """The ledger's own functions are its migrations' SQL."""
    files = [
        path for room in ROOMS for suffix in ("py", "sql") for path in (ROOT / room).rglob(f"*.{suffix}")
    ]
    writing = {path.relative_to(ROOT).as_posix() for path in files if WRITES_MONEY.search(path.read_text())}
    assert {name for name in writing if not name.startswith("billing/migrations/")} == {
        "billing/ledger.py",
        "platform/config/past/writer.py",  # a made-up past, refused in production, which the proof checks
    }

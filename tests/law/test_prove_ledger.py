"""The command around the proof, what it reads beside the rows, and the walls it looks at."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from config import proof
from config.proof import objects
from runtime import storage
from runtime.storage.files import Files
from tests.house import ROOT
from tests.law.books import Books, changed, done, fallen, write_books


@pytest.fixture(scope="module")
def books(database: str, admin_url: str) -> Iterator[Books]:
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        yield write_books(superuser)


# ---- who looks, and how ------------------------------------------------------------------------


def test_it_shares_no_code_with_those_who_write() -> None:
    names: set[str] = set()
    for path in (ROOT / "platform/config/proof").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
    assert "django" in names
    assert names.isdisjoint({"accounts", "billing", "generations"})


def ask(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


def test_it_looks_as_the_auditor_at_one_moment(books: Books, superuser: psycopg.Connection) -> None:
    settings = "current_setting('transaction_isolation'), current_setting('transaction_read_only')"
    with proof.snapshot():
        assert ask(f"SELECT current_user, {settings}") == ("easel_audit", "repeatable read", "on")
        before = ask("SELECT count(*) FROM accounts_auditevent")
        superuser.execute(
            "INSERT INTO accounts_auditevent (actor_type, actor_id, actor_label, agent, request_id, action,"
            " object_type, object_id, object_label, reason, before, after)"
            " VALUES ('system', '', 'test', '', '', 'test.meanwhile', '', '', '', '', '{}', '{}')"
        )
        assert ask("SELECT count(*) FROM accounts_auditevent") == before
    assert ask("SELECT current_user") == ("easel",)


def test_it_cannot_write(books: Books) -> None:
    with pytest.raises(DatabaseError, match=r"permission denied|read-only"), proof.snapshot():
        ask("UPDATE billing_wallet SET posted = 0 RETURNING 1")


# ---- the command -------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    """Its exit code and what it printed."""
    out = StringIO()
    try:
        call_command("prove_ledger", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_all_is_well_is_exit_0_and_a_summary(books: Books) -> None:
    code, text = run("--organization", books.cast.organization.slug)
    assert code == 0
    assert "Everything holds: 7 generations, 16 entries, 1 organization, " in text
    assert text.count("  holds   ") == len(proof.INVARIANTS) - 2  # not the seals, not the walls


def test_a_broken_row_is_exit_1_and_its_name(books: Books, superuser: psycopg.Connection) -> None:
    with changed(superuser, "billing_wallet", wallet(superuser, books), "posted = posted + 5"):
        code, text = run("--organization", books.cast.organization.slug)
    assert code == 1
    assert f"wallet live of {books.cast.organization.slug}: has posted" in text
    assert "1 row is wrong, against I2" in text


def test_json_names_every_row(books: Books, superuser: psycopg.Connection) -> None:
    with changed(superuser, "billing_wallet", wallet(superuser, books), "posted = posted + 5"):
        code, text = run("--json", "--organization", books.cast.organization.slug)
    told = json.loads(text)
    assert (code, told["holds"], told["counts"]["generations"]) == (1, False, 7)
    broken = {found["id"]: found["broken"] for found in told["invariants"] if found["broken"]}
    assert [row["row"] for row in broken["I2"]] == [f"wallet live of {books.cast.organization.slug}"]


def wallet(superuser: psycopg.Connection, books: Books) -> UUID:
    query = "SELECT id FROM billing_wallet WHERE mode = 'live' AND organization_id = %s"
    identifier: UUID = superuser.execute(query, (books.organization,)).fetchall()[0][0]
    return identifier


def test_an_unknown_organization_is_exit_2(database: str) -> None:
    with pytest.raises(CommandError, match="There is no organization nobody") as refused:
        call_command("prove_ledger", organization="nobody")
    assert refused.value.returncode == 2


def test_a_database_that_is_away_is_exit_2(database: str) -> None:
    environ = os.environ | {"DATABASE_URL": "postgres://easel:x@127.0.0.1:1/easel"}
    done = subprocess.run(
        [sys.executable, "manage.py", "prove_ledger"],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "The proof could not run" in done.stderr


# ---- the objects in storage --------------------------------------------------------------------


def image_of(superuser: psycopg.Connection, books: Books) -> tuple[str, Path]:
    """The row's name and the file of the image of the first generation."""
    query = "SELECT id, storage_key FROM generations_output WHERE generation_id = %s"
    identifier, key = superuser.execute(query, (books.partial,)).fetchall()[0]
    return f"output {identifier}", file_of(key)


def file_of(key: str) -> Path:
    store = storage.default()
    assert isinstance(store, Files)
    return store.root / key


def spoiled(books: Books) -> dict[str, str]:
    return {broken.row: broken.what for broken in objects.check(books.organization).broken}


def test_every_stored_image_is_read(books: Books) -> None:
    assert spoiled(books) == {}
    code, text = run("--storage", "--organization", books.cast.organization.slug)
    assert code == 0
    assert "holds   I19" in text


def test_a_missing_object_is_named(books: Books, superuser: psycopg.Connection) -> None:
    name, file = image_of(superuser, books)
    aside = file.with_name("aside")
    file.rename(aside)
    assert "is missing in storage" in spoiled(books)[name]
    aside.rename(file)
    assert spoiled(books) == {}


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda data: data[::-1], "is another picture"),
        (lambda data: data[:-1], "bytes in storage instead of"),
    ],
)
def test_another_object_is_named(forge: Any, words: str, books: Books, superuser: psycopg.Connection) -> None:
    name, file = image_of(superuser, books)
    data = file.read_bytes()
    file.write_bytes(forge(data))
    assert words in spoiled(books)[name]
    file.write_bytes(data)
    assert spoiled(books) == {}


def test_an_object_nobody_refers_to_is_named_after_a_day(books: Books) -> None:
    key = f"live/20260101/{books.organization}/{uuid4()}/1-0-lost.png"
    storage.default().put(key, b"lost", "image/png")
    assert spoiled(books) == {}
    os.utime(file_of(key), (time() - 90_000, time() - 90_000))
    assert f"object {key}" in spoiled(books)
    storage.default().delete(key)


# ---- the walls ---------------------------------------------------------------------------------

WALLED = "(organization_id = (SELECT nullif(current_setting('easel.organization', true), '')::uuid))"
WALLS = [
    ("ALTER TABLE generations_output NO FORCE ROW LEVEL SECURITY",
     "ALTER TABLE generations_output FORCE ROW LEVEL SECURITY", "table generations_output"),
    ("ALTER TABLE billing_wallet DISABLE ROW LEVEL SECURITY",
     "ALTER TABLE billing_wallet ENABLE ROW LEVEL SECURITY", "table billing_wallet"),
    ("CREATE TABLE forgotten (id int, organization_id uuid)", "DROP TABLE forgotten", "table forgotten"),
    ("ALTER POLICY web ON billing_entry USING (true)",
     f"ALTER POLICY web ON billing_entry USING {WALLED}", "policy web of billing_entry"),
    ("CREATE POLICY wide ON accounts_apikey FOR SELECT USING (true)",
     "DROP POLICY wide ON accounts_apikey", "policy wide of accounts_apikey"),
    ("GRANT SELECT ON generations_generation TO easel",
     "REVOKE SELECT ON generations_generation FROM easel", "table generations_generation"),
    ("GRANT UPDATE ON billing_entry TO easel_web", "REVOKE UPDATE ON billing_entry FROM easel_web",
     "table billing_entry"),
    ("ALTER TABLE billing_seal DISABLE TRIGGER append_only",
     "ALTER TABLE billing_seal ENABLE TRIGGER append_only", "table billing_seal"),
]  # fmt: skip


@pytest.mark.parametrize(("breach", "repair", "named"), WALLS, ids=[breach for breach, _, _ in WALLS])
def test_a_breach_of_the_walls_is_named(
    breach: str, repair: str, named: str, database: str, superuser: psycopg.Connection
) -> None:
    assert fallen(proof.prove(only=["I20"])) == {}
    with done(superuser, breach, repair):
        assert named in fallen(proof.prove(only=["I20"]))["I20"]
    assert fallen(proof.prove(only=["I20"])) == {}

"""The proof: an honest history holds, and whoever changes one row of it is named.

Every case changes a single row behind the walls, sees its invariant name that row, and mends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
import pytest

from config import proof
from tests.law.books import Books, changed, fallen, lifted, write_books


@pytest.fixture(scope="module")
def books(database: str, admin_url: str) -> Iterator[Books]:
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        yield write_books(superuser)


def test_there_is_a_query_for_every_invariant() -> None:
    known = "I1 I2 I3 I4 I5 I6 I7 I8 I10 I11 I12 I13 I14 I15 I16 I17 I18 I20 I21 I22 I23 B14 B16"
    assert " ".join(invariant.id for invariant in proof.INVARIANTS) == known


def test_an_honest_history_holds(books: Books) -> None:
    result = proof.prove(books.organization)
    assert fallen(result) == {}
    assert (result.counts["generations"], result.counts["entries"]) == (7, 16)


class Row(NamedTuple):
    """The row that is changed: its table, and the query that finds its id."""

    table: str
    find: str


def about(generation: str, table: str, order: str = "id") -> Row:
    """The first row about one of the generations."""
    where = f"WHERE generation_id = %({generation})s"
    return Row(table, f"SELECT id FROM {table} {where} ORDER BY {order} LIMIT 1")


def entry(kind: str, generation: str = "partial") -> Row:
    where = f"WHERE kind = '{kind}' AND generation_id = %({generation})s"
    return Row("billing_entry", f"SELECT id FROM billing_entry {where}")


def mine(table: str, where: str) -> Row:
    """The first such row of the organization."""
    where = f"WHERE organization_id = %(organization)s AND {where}"
    return Row(table, f"SELECT id FROM {table} {where} ORDER BY id LIMIT 1")


def generation(name: str) -> Row:
    return Row("generations_generation", f"SELECT %({name})s::uuid")


def step(name: str, order: str) -> Row:
    return about(name, "generations_transition", order)


WALLET = mine("billing_wallet", "mode = 'live'")
GRANT = mine("billing_entry", "kind = 'grant'")
OUTPUT = about("partial", "generations_output")
ATTEMPT = about("partial", "generations_attempt")
RECORD = about("partial", "generations_idempotencyrecord")
MESSAGE = about("told", "accounts_outboxmessage")
DELIVERY = Row(
    "accounts_delivery",
    "SELECT d.id FROM accounts_delivery d JOIN accounts_outboxmessage m ON m.id = d.message_id"
    " WHERE m.generation_id = %(told)s",
)
KEY = Row("accounts_apikey", "SELECT %(key)s::uuid")
OF_KEY = mine("billing_budget", "key_id IS NOT NULL")
OF_ALL = mine("billing_budget", "key_id IS NULL")
LIVE_USE = mine("billing_usage", "mode = 'live' AND images > 0")
TEST_USE = mine("billing_usage", "mode = 'test'")

GONE = None
DEARER = "tokens = tokens * 2, unit_price = unit_price / 2"
"""The same amount at another price, so that no sum betrays it."""
STOLEN = "organization_id = %(strangers)s"
CROW = """ "order" = jsonb_set("order", '{prompt}', '"a crow"') """
AN_HOUR_AGO = "now() - interval '1 hour'"
TWO_MINUTES_AGO = "now() - interval '2 minutes'"


@dataclass(frozen=True)
class Case:
    """`names` is what the proof must call the broken row (`{id}` is the changed row's). `also` are
    the invariants that must fall with it, because they say the same thing in another way. `without`
    is a check of the database that would not let the row be."""

    invariant: str
    story: str
    row: Row
    change: str | None
    names: str
    also: str = ""
    without: str = ""


# fmt: off
CASES = [
    Case("I1", "too little held", WALLET, "held = held - 1", "wallet live of {slug}", also="I2"),
    Case("I2", "a nano-dollar more", WALLET, "posted = posted + 1", "wallet live of {slug}"),
    Case("I2", "a refund gone", entry("refund"), GONE, "wallet live of {slug}"),
    Case("I3", "more held than there", WALLET, "posted = held - 1", "wallet live of {slug}",
         also="I2", without="billing_wallet_covers_held"),
    Case("I4", "a hold at another price", entry("hold"), DEARER, "generation {partial}"),
    Case("I4", "no hold", entry("hold", "running"), GONE, "generation {running}", also="I2"),
    Case("I4", "another price frozen", generation("waiting"), "unit_price = 1", "generation {waiting}",
         also="I1 B16"),
    Case("I5", "a release at another price", entry("release"), DEARER, "generation {partial}"),
    Case("I5", "never released", entry("release", "failed"), GONE, "generation {failed}", also="I2"),
    Case("I5", "a release of another", entry("release", "failed"), "generation_id = %(running)s",
         "generation {running}", also="I7"),
    Case("I6", "an image gone", OUTPUT, GONE, "generation {partial}", also="B14"),
    Case("I6", "an image without its sum", OUTPUT, "sha256 = 'none'", "generation {partial}"),
    Case("I6", "a number left out", OUTPUT, "number = 3", "generation {partial}"),
    Case("I6", "a charge of other tokens", entry("settle"), DEARER, "generation {partial}", also="B14"),
    Case("I7", "a refund at another price", entry("refund"), DEARER, "entry {id}"),
    Case("I7", "a refund above the charge", entry("refund"), "tokens = 1291, amount = 1291 * unit_price",
         "generation {partial}", also="I2"),
    Case("I7", "credit for no reason", GRANT, "reason = ''", "entry {id}"),
    Case("I7", "an entry of nothing", entry("refund"), "generation_id = gen_random_uuid()", "entry {id}",
         also="I15"),
    Case("I8", "a message gone", MESSAGE, GONE, "generation {told}"),
    Case("I8", "a message elsewhere", MESSAGE, "url = 'https://evil.test/'", "generation {told}"),
    Case("I8", "a message too many", MESSAGE, "generation_id = %(failed)s", "generation {failed}"),
    Case("I10", "another fingerprint", RECORD, "fingerprint = sha256('')",
         "idempotency record {id} (key the first)"),
    Case("I10", "another prompt", generation("partial"), CROW, "idempotency record {record} (key the first)"),
    Case("I11", "a try too many", generation("partial"), "tries_left = 3", "generation {partial}"),
    Case("I11", "past its deadline", generation("waiting"), f"deadline_at = {TWO_MINUTES_AGO}",
         "generation {waiting}"),
    Case("I11", "past its lease", generation("running"), f"lease_expires_at = {TWO_MINUTES_AGO}",
         "generation {running}"),
    Case("I12", "an attempt gone", ATTEMPT, GONE, "generation {partial}"),
    Case("I12", "a success of nobody", ATTEMPT, "outcome = 'lost'", "generation {partial}"),
    Case("I13", "told too early", DELIVERY, f"started_at = {AN_HOUR_AGO}", "delivery {id}"),
    Case("I14", "a try not on record", MESSAGE, "sends = sends + 1", "message {id}"),
    Case("I14", "a try beyond the ladder", MESSAGE, "attempts = 5", "message {id}"),
    Case("I14", "delivered to nobody", DELIVERY, "status = 500", "message {message}"),
    Case("I15", "an attempt of strangers", ATTEMPT, STOLEN, "attempt {id}", also="I12"),
    Case("I15", "a record of strangers", RECORD, STOLEN, "idempotency record {id}"),
    Case("I15", "an image of strangers", OUTPUT, STOLEN, "output {id}", also="I6 B14"),
    Case("I16", "an attempt in test mode", ATTEMPT, "mode = 'test'", "attempt {id}"),
    Case("I16", "a refund of test money", entry("refund"), "mode = 'test'", "entry {id}", also="I2"),
    Case("I18", "a secret", KEY, "digest = repeat('Secret00', 4)::bytea", "key {prefix}"),
    Case("I18", "a key for a name", KEY, "name = 'easel_live_' || repeat('Secret', 8)", "key {prefix}"),
    Case("I18", "no hash", KEY, "digest = 'short'", "key {prefix}"),
    Case("I18", "used past its end", KEY, f"expires_at = {AN_HOUR_AGO}, last_used_at = now()",
         "key {prefix}"),
    Case("I18", "used when revoked", KEY, f"revoked_at = {AN_HOUR_AGO}, last_used_at = now()",
         "key {prefix}"),
    Case("I18", "used when rotated away", KEY, "previous_digest = sha256('old'), previous_used_at = now(),"
         f" previous_expires_at = {AN_HOUR_AGO}", "key {prefix}"),
    Case("I21", "the last step gone", step("partial", "id DESC"), GONE, "generation {partial}"),
    Case("I21", "the first step gone", step("partial", "id"), GONE, "transition {second}"),
    Case("I21", "a forbidden step", step("waiting", "id DESC"), "old_state = 'succeeded'", "transition {id}"),
    Case("I21", "failed by a stranger", step("failed", "id DESC"), "ended_by = 2", "transition {id}"),
    Case("I21", "another end", generation("failed"), "ended_by = 2", "generation {failed}"),
    Case("B14", "an image too many", LIVE_USE, "images = images + 1", "usage live of {slug}"),
    Case("B14", "a quarter gone", TEST_USE, GONE, "usage test of {slug}"),
    Case("B16", "too little used", OF_ALL, "used = used - 1", "budget {id}"),
    Case("B16", "too much used", OF_KEY, "used = used + 1", "budget {id}"),
]
# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.invariant} {case.story}")
def test_one_changed_row_is_named(case: Case, books: Books, superuser: psycopg.Connection) -> None:
    values = known(books, superuser)
    (row,) = superuser.execute(case.row.find, values).fetchone() or (None,)
    change = case.change and psycopg.ClientCursor(superuser).mogrify(case.change, values)
    with ExitStack() as stack:
        if case.without:
            stack.enter_context(lifted(superuser, case.row.table, case.without))
        stack.enter_context(changed(superuser, case.row.table, row, change))
        broken = fallen(proof.prove(books.organization))
    assert set(broken) == {case.invariant, *case.also.split()}
    assert case.names.format(**values, id=row) in broken[case.invariant]
    assert fallen(proof.prove(books.organization)) == {}


def known(books: Books, superuser: psycopg.Connection) -> dict[str, Any]:
    """Everything that a case may name."""
    generations = ("partial", "told", "failed", "cancelled", "waiting", "running")
    steps = "SELECT id FROM generations_transition WHERE generation_id = %s ORDER BY id"
    messages = "SELECT id FROM accounts_outboxmessage WHERE generation_id = %s"
    records = "SELECT id FROM generations_idempotencyrecord WHERE generation_id = %s"
    return {
        **{name: getattr(books, name) for name in generations},
        "organization": books.organization,
        "slug": books.cast.organization.slug,
        "strangers": books.cast.strangers.pk,
        "key": books.key.pk,
        "prefix": books.key.prefix,
        "second": superuser.execute(steps, (books.partial,)).fetchall()[1][0],
        "message": superuser.execute(messages, (books.told,)).fetchall()[0][0],
        "record": superuser.execute(records, (books.partial,)).fetchall()[0][0],
    }

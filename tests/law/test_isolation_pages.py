"""T8 for the pages: somebody else's id under one's own team is an id that does not exist, on every page of
the URL table, to read and to write; and what was tried changed nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.test import Client

from tests.accounts.people import browser
from tests.cast import make_cast
from tests.law.addresses import Address, addresses
from tests.law.house_of_rows import TABLES, Household, column

pytestmark = [
    pytest.mark.usefixtures("quiet_database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
OBJECTS = {
    "asked": "SELECT id FROM billing_creditrequest",
    "budget": "SELECT id FROM billing_budget",
    "call": "SELECT id FROM generations_apirequest",
    "endpoint": "SELECT id FROM accounts_webhookendpoint",
    "generation": "SELECT id FROM generations_generation",
    "invitation": "SELECT id FROM accounts_invitation",
    "key": "SELECT id FROM accounts_apikey",
    "message": "SELECT id FROM accounts_outboxmessage",
    "user": "SELECT user_id FROM accounts_membership",
}
"""How each parameter of an address is found among the rows of an organization."""
PUBLIC = {"month": "a month of one's own team", "number": "a place within the object"}
HOLE = re.compile(r"<\w+:(\w+)>")


def holes(address: Address) -> set[str]:
    return {*HOLE.findall(address.pattern)} - {"team", *PUBLIC}


PAGES = [address for address in addresses() if address.of_team and holes(address)]


@pytest.fixture(scope="module")
def theirs(quiet_database: str) -> Iterator[dict[str, str]]:
    """The ids of everything that another organization has, where nobody else works on them."""
    household = Household.settle()
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        found = {
            name: str(admin.execute(f"{query} WHERE organization_id = %s", (household.id,)).fetchone()[0])  # type: ignore[index]
            for name, query in OBJECTS.items()
        }
        before = rows_of(admin, household)
        yield found
        assert rows_of(admin, household) == before


def rows_of(admin: psycopg.Connection[Any], household: Household) -> dict[str, list[Any]]:
    """All it has, table by table."""
    return {
        table: sorted(
            admin.execute(
                f"SELECT t::text FROM {table} t WHERE {column(table)} = %s",  # type: ignore[arg-type]
                (household.id,),
            ).fetchall()
        )
        for table in TABLES
    }


@pytest.fixture(scope="module")
def owner(quiet_database: str) -> tuple[Client, str]:
    """The owner of a team of his own, and its name in addresses."""
    cast = make_cast()
    return browser(cast.stranger), cast.strangers.slug


def test_every_object_of_an_address_is_tried() -> None:
    named = {name for address in addresses() if address.of_team for name in HOLE.findall(address.pattern)}
    assert named == {"team", *OBJECTS, *PUBLIC}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", PAGES, ids=lambda address: address.name)
def test_a_foreign_object_is_none_under_ones_own_team(
    theirs: dict[str, str], owner: tuple[Client, str], address: Address, method: str
) -> None:
    client, slug = owner
    nobodys = dict.fromkeys(OBJECTS, str(uuid4()))
    told = [told_of(client, method, address, slug, ids) for ids in (theirs, nobodys)]
    assert told[0] == told[1]
    assert told[0][0] in (404, 405)


def told_of(client: Client, method: str, address: Address, slug: str, ids: dict[str, str]) -> tuple[int, str]:
    """Status and page, without what differs from visit to visit."""
    answer = getattr(client, method)(address.path(team=slug, **ids))
    page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.content.decode())
    for identifier in ids.values():
        page = page.replace(identifier, "<id>")
    return answer.status_code, page

"""Lists about people and what they did cost as many queries with many rows as with few (O5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actions import invitations, keys
from accounts.models import Organization
from tests.accounts.people import BY, address, browser, person

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
MORE = 9


def another_member(organization: Organization) -> None:
    who = person(organization)
    keys.create(organization=organization, mode="live", name="Their own", member=who, by=BY)


def another_invitation(organization: Organization) -> None:
    invitations.create(organization=organization, email=address(), role="viewer", by=BY)


ROWS = {"members": another_member, "audit": another_member, "invitations": another_invitation}


@pytest.mark.parametrize("page", ROWS)
def test_the_number_of_queries_does_not_grow_with_the_rows(page: str, organization: Organization) -> None:
    look, more = _asked(page, organization), ROWS[page]
    more(organization)
    look()  # what is read once by each process
    few = look()
    for _ in range(MORE):
        more(organization)
    assert look() == few


def _asked(page: str, organization: Organization) -> Callable[[], int]:
    """Opens a page as an owner; gives the number of its queries."""
    client: Client = browser(person(organization, "owner"))

    def look() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(reverse(page, kwargs={"team": organization.slug})).status_code == 200
        return len(seen)

    return look

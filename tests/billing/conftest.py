"""What the tests of money share: a past that crosses changes of daylight saving time, and its owner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from accounts.models import Role, User
from config import past
from config.management.commands import seed_history
from config.past.story import Story
from tests.billing.books import Past
from tests.cast import BY, Cast, make_cast, make_user

BEGIN, END = datetime(2025, 10, 24, tzinfo=UTC), datetime(2025, 11, 5, tzinfo=UTC)
"""London put its clocks back on 26 October 2025, Cairo on 31 October, New York and Havana on 2 November."""


@pytest.fixture(scope="module")
def history(quiet_database: str) -> Iterator[Past]:
    """Five hundred generations over twelve days, in a database of their own."""
    cast = make_cast()
    callers, cells = seed_history._callers(cast.organization), seed_history._cells()
    story = Story(callers, cells, count=500, begin=BEGIN, end=END, seed=11)
    past.write(quiet_database, cast.organization.pk, story, now=END, told=lambda _: None)
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        yield Past(cast, admin)


@pytest.fixture
def accountant(cast: Cast) -> User:
    """A member with the role for billing."""
    from accounts.actions import members

    user = make_user("accountant")
    members.add(organization=cast.organization, user=user, role=Role.BILLING, by=BY)
    return user


@pytest.fixture
def letters(mailoutbox: list[Any]) -> list[Any]:
    """The mail that left."""
    return mailoutbox

"""What the laws are tried on: a quiet database, two hands, and an organization that is checked when
the test is over.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.law.interleaving import Hands
from tests.law.invariants import broken
from tests.law.team import Team


@pytest.fixture(scope="module")
def admin(quiet_database: str) -> Iterator[psycopg.Connection]:
    """A superuser in the module's own database."""
    with psycopg.connect(quiet_database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def hands(quiet_database: str) -> Iterator[Hands]:
    with Hands(quiet_database) as found:
        yield found


@pytest.fixture
def team(admin: psycopg.Connection) -> Iterator[Team]:
    """A fresh organization with credit for ten images. Afterwards every invariant holds."""
    found = Team.with_credit(admin, images=10)
    yield found
    assert broken(admin, found.id) == []
    found.clear_queue()
    assert broken(admin, found.id) == []

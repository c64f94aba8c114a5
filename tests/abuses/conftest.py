"""What those who mean ill have in common: one organization a file, the shared server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.abuses.attacker import DOORS, Attacker
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import Cast, make_cast
from tests.flows.five import Way
from tests.flows.wire import Books
from tests.house import Servers


@pytest.fixture(scope="module")
def team(database: str) -> Cast:
    """One cast for the file, with credit."""
    cast = make_cast()
    cast.credit(200)
    return cast


@pytest.fixture(scope="module")
def url(servers: Servers) -> str:
    """Where the shared server listens."""
    return servers.shared().url


@pytest.fixture(scope="module")
def superuser_of_file(database: str, admin_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that no wall holds."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def attacker(url: str, team: Cast, superuser_of_file: psycopg.Connection[Any]) -> Attacker:
    """One attacker for the file: what is refused leaves nothing behind that the next could trip over."""
    return Attacker(url, team, team.key(), Books(superuser_of_file, team.organization))


@pytest.fixture(scope="module")
def office(url: str, team: Cast) -> Office:
    """The team's management key."""
    return Office(url, team.key(scopes=MANAGE))


@pytest.fixture(params=DOORS.values(), ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the five doors."""
    found: Way = request.param
    return found

"""What the tests of the management API share."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.api.office import Office
from tests.cast import Cast, make_key
from tests.flows.wire import Books
from tests.house import Servers

MANAGE = ("manage:read", "manage:write")


@pytest.fixture
def url(servers: Servers) -> str:
    """Where the shared server listens."""
    return servers.shared().url


@pytest.fixture
def office(cast: Cast, url: str) -> Office:
    """A management key of the organization."""
    return Office(url, cast.key(scopes=MANAGE))


@pytest.fixture
def stranger(cast: Cast, url: str) -> Office:
    """A management key of somebody else's organization."""
    return Office(url, make_key(cast.strangers, scopes=MANAGE))


@pytest.fixture
def nobody(url: str) -> Office:
    """Without a key."""
    return Office(url, "")


@pytest.fixture
def books(superuser: psycopg.Connection[Any], cast: Cast) -> Books:
    """The books of the organization that the test is about."""
    return Books(superuser, cast.organization)

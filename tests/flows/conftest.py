"""What the journeys share."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.cast import Cast
from tests.flows.wire import Books
from tests.house import Servers


@pytest.fixture
def books(superuser: psycopg.Connection[Any], cast: Cast) -> Books:
    """The books of the organization that the test is about."""
    return Books(superuser, cast.organization)


@pytest.fixture
def url(servers: Servers) -> str:
    """Where the shared server listens."""
    return servers.shared().url

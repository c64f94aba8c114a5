"""What the journeys share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.cast import Cast
from tests.flows.crowd import Crowd
from tests.flows.refusals import Caller, History
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


@pytest.fixture(scope="module")
def history(database: str, admin_url: str) -> Iterator[History]:
    """When the file is through, each of its calls has its row in the history."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        kept = History(connection)
        yield kept
        kept.check()


@pytest.fixture
def caller(url: str, cast: Cast, books: Books, history: History) -> Caller:
    """Somebody with a live key and credit for three images."""
    cast.credit(3)
    return Caller(url, cast.key(), books, history)


@pytest.fixture
def crowd(url: str) -> Crowd:
    """Many clients at the shared server."""
    return Crowd(url)

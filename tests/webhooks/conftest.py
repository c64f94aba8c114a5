"""A database in which nobody else dispatches, a receiver, and a dispatcher that a test turns by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.conf import settings

from accounts.egress import callback_policy
from tests.cast import Cast, make_cast
from tests.receivers import Authority, Receiver, receiver
from tests.webhooks.post import Post


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def superuser(quiet_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(quiet_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def cast(quiet_database: str) -> Cast:
    return make_cast()


@pytest.fixture
def make_receiver(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Receiver]]:
    """Receivers that this installation may reach; as many as are asked for."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make() -> Receiver:
            made = stack.enter_context(receiver(authority))
            reachable = (*settings.EASEL.test_egress, ("127.0.0.1", made.port))
            monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, test_egress=reachable))
            return made

        yield make


@pytest.fixture
def there(make_receiver: Callable[[], Receiver]) -> Receiver:
    """A receiver that answers 200."""
    return make_receiver()


@pytest.fixture
def post(authority: Authority, cast: Cast, superuser: psycopg.Connection[Any]) -> Iterator[Post]:
    """The post office of the organization: endpoints, happenings, a dispatcher, the log. What is left
    waiting at the end is given up, so that no other test's dispatcher sends it."""

    async def nearby(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    def policy() -> Any:
        return replace(callback_policy(), ca_file=str(authority.file), resolve=nearby)

    yield Post(cast, superuser, policy)
    superuser.execute("UPDATE accounts_outboxmessage SET state = 'dead' WHERE state = 'pending'")

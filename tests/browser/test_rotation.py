"""A key gets a new secret while a client goes on with the old one, and no call is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.browser.people import Person
from tests.cast import Cast

pytestmark = pytest.mark.browser

AGENT = "night-shift/1.0"


class Client:
    """A program that calls all the time with one secret, and notes what it is answered."""

    def __init__(self, site: str, secret: str) -> None:
        self.statuses: list[int] = []
        self._url, self._secret, self._over = f"{site}/openai/v1/models", secret, threading.Event()

    def call(self, http: httpx2.Client, secret: str = "") -> int:
        bearer = {"Authorization": f"Bearer {secret or self._secret}", "User-Agent": AGENT}
        return http.get(self._url, headers=bearer).status_code

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Calls go on while the body runs."""
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(60)

    def _work(self) -> None:
        with httpx2.Client(timeout=60, trust_env=False) as http:
            while not self._over.wait(0.05):
                self.statuses.append(self.call(http))


def test_rotating_a_key_that_is_in_use_loses_no_call(
    visit: Callable[..., Person], cast: Cast, site: str
) -> None:
    owner = visit(cast.owner, cast.organization)
    old = makes_a_key(owner)
    client = Client(site, old)
    with client.calling(), httpx2.Client(timeout=60, trust_env=False) as http:
        owner.follows("Go to the key")
        owner.sees_after_a_while(AGENT)
        new = rotates(owner, "24 hours")
        assert new != old
        assert client.call(http, new) == 200
        owner.follows("Go to the key")
        owner.sees("The secret from before the last rotation works until")
        owner.sees_after_a_while("Somebody used it")
        owner.sees(AGENT)
        during = len(client.statuses)
        owner.sees_after_a_while(f"with {AGENT}.")
    assert len(client.statuses) >= during > 0
    assert set(client.statuses) == {200}

    ends_the_grace(owner)
    with httpx2.Client(timeout=60, trust_env=False) as http:
        assert client.call(http, old) == 401
        assert client.call(http, new) == 200


def makes_a_key(owner: Person) -> str:
    owner.opens("keys/new/")
    owner.types(name="Night shift")
    owner.presses("Create key")
    owner.sees_heading("Night shift")
    return owner.secret


def rotates(owner: Person, grace: str) -> str:
    owner.follows("Rotate")
    owner.sees(AGENT)
    owner.chooses(grace)
    owner.presses("Rotate key")
    owner.sees_heading("A new secret for Night shift")
    return owner.secret


def ends_the_grace(owner: Person) -> None:
    owner.presses("End it now")
    owner.sees("The old secret is refused from now on.")

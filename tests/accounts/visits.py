"""Somebody at the pages of a team, as a browser is: a session, a team, the words of an answer."""

from __future__ import annotations

import html
import re
import time
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User

_TAGS = re.compile(r"<script.*?</script>|<[^>]+>", re.DOTALL)


class Visitor:
    """A person with a page of this team open, who logged in a moment ago (or `stale` ago)."""

    def __init__(self, user: User, organization: Organization, *, stale: float = 0) -> None:
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(user)
        self.team = organization
        session = self.client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time() - stale}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()

    def address(self, name: str, **parts: Any) -> str:
        return reverse(name, kwargs={"team": self.team.slug, **parts})

    def look(self, name: str, query: str = "", **parts: Any) -> str:
        """The source of a page that is there."""
        answer = self.client.get(self.address(name, **parts) + query)
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("Location"))
        source: str = answer.content.decode()
        return source

    def read(self, name: str, query: str = "", **parts: Any) -> str:
        """Its words."""
        return words(self.look(name, query, **parts))

    def send(self, name: str, fields: dict[str, Any] | None = None, **parts: Any) -> Any:
        """What a form of it answers."""
        return self.client.post(self.address(name, **parts), fields or {})

    def follow(self, answer: Any) -> str:
        """The words of the page that an answer leads to."""
        assert answer.status_code == 302, words(answer.content.decode())[-600:]
        led = self.client.get(answer["Location"])
        assert led.status_code == 200
        return words(led.content.decode())

    def status(self, method: str, name: str, **parts: Any) -> int:
        """The status of an address, followed nowhere."""
        return int(getattr(self.client, method)(self.address(name, **parts)).status_code)

    def once(self, name: str, **parts: Any) -> str:
        """The word of a form that may be sent once."""
        found = re.search(r'name="once" value="([^"]+)"', self.look(name, **parts))
        assert found
        return found[1]


def words(source: str) -> str:
    """The text of a page, its space as a reader sees it."""
    return re.sub(r"\s+", " ", html.unescape(_TAGS.sub(" ", source))).strip()

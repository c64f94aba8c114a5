"""People in front of the pages: browsers that log in, mail that they read, apps that show codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import Any

from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.actions import members
from accounts.auditing import Actor
from accounts.models import Organization, User
from runtime.ids import BASE36, word

BY = Actor.system("test")
PASSWORD = "a long and quiet password"


def browser(user: User | None = None, **more: Any) -> Client:
    """A browser; with a user, one that is logged in without having typed a password."""
    client = Client(SERVER_NAME="localhost", HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140.0", **more)
    if user is not None:
        client.force_login(user)
    return client


def address() -> str:
    return f"{word(12, BASE36)}@example.test"


def person(organization: Organization | None = None, role: str = "developer", **fields: Any) -> User:
    """Somebody with a password, a member of the organization if there is one."""
    user = User.objects.create_user(address(), PASSWORD, **fields)
    if organization is not None:
        members.add(organization=organization, user=user, role=role, by=BY)
    return user


def log_in(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/login/", {"username": email, "password": password}, **more)


def logged_in(user: User, **more: Any) -> Client:
    """A browser in which somebody typed his password."""
    client = browser(**more)
    assert log_in(client, user.email).status_code == 302
    return client


def sees(client: Client) -> bool:
    """Whether the browser is logged in."""
    return bool(client.get("/profile/").status_code == 200)


def mails(to: str) -> list[Any]:
    return [message for message in mail.outbox if to in message.to]


def link(to: str, path: str) -> str:
    """The newest link under a path in the mail to somebody, without its origin."""
    found = re.search(rf"https?://[^/\s]+(/{path}\S+)", mails(to)[-1].body)
    assert found, mails(to)[-1].body
    return found[1]


def of(name: str, organization: Organization, **more: Any) -> str:
    """The address of a team's page."""
    return reverse(name, kwargs={"team": organization.slug, **more})


def said(answer: Any) -> str:
    """The page, as it is sent."""
    return str(answer.content.decode())


# ---- second factors --------------------------------------------------------------------------


def code(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows now, or `steps` half minutes from now."""
    counter = int(time.time()) // 30 + steps
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06d}"


def wrong(secret: str) -> str:
    """A code that is none of those around now."""
    near = {code(secret, steps) for steps in range(-2, 3)}
    return next(
        text for text in ("000000", "111111", "222222", "333333", "444444", "555555") if text not in near
    )


def with_app(client: Client) -> str:
    """Set up an authenticator app in a browser that typed its password; gives the secret."""
    page = said(client.get("/2fa/totp/activate/"))
    found = re.search(r'data-copy="([A-Z2-7]{32})"', page)
    assert found, page
    answer = client.post("/2fa/totp/activate/", {"code": code(found[1])})
    assert answer["Location"] == "/2fa/recovery-codes/", said(answer)
    return found[1]

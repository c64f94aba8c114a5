"""A26 in numbers: two hundred secrets of every kind there is, at every door and page, and then a search for
each of them through all logs, a dump of every table, and every error that was answered.

What each opening does with one secret is tests/flows/test_canaries.py.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from django.test import Client
from psycopg import sql

from accounts.actions import users, webhooks
from accounts.models import Event
from tests.abuses.attacker import DOORS
from tests.accounts.people import browser, link, log_in, person, with_app
from tests.api.conftest import MANAGE
from tests.cast import BY, Cast
from tests.flows.five import Way, Wish
from tests.flows.wire import CLIENT, Books
from tests.house import Servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MANY = 200
SECRETLY = (
    *("authorization", "cookie", "x-api-key", "x-goog-api-key", "proxy-authorization", "x-auth-token"),
    *("x-csrftoken", "x-amz-security-token"),
)
"""Headers whose whole value is nobody's business."""
SPELT = {"authorization": "Bearer {}", "proxy-authorization": "Basic {}", "cookie": "sid={}"}
QUERIES = ("key", "token", "api_key", "access_token", "password", "client_secret", "sig", "X-Amz-Signature")
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


@dataclass
class Canaries:
    """The secrets by kind, and every refusal that was answered meanwhile."""

    known: list[tuple[str, str]] = field(default_factory=list)
    errors: list[httpx2.Response] = field(default_factory=list)
    pages: list[Any] = field(default_factory=list)

    def seed(self, kind: str, secret: str = "") -> str:
        """Note a secret; a new one if none is given."""
        secret = secret or f"canary{uuid4().hex}"
        self.known.append((kind, secret))
        return secret

    def found_in(self, text: str) -> list[str]:
        return [kind for kind, secret in self.known if secret in text]


def shown_of(key: str) -> str:
    """Of an API key its first 21 letters are public; what follows is the secret."""
    return key[21:]


@pytest.fixture(scope="module")
def canaries(servers: Servers, team: Cast, admin_url: str) -> Canaries:
    """All of them were sent in, and the history of the last call is written down."""
    url, found = servers.shared().url, Canaries()
    minted_by_us(found, team)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for way in DOORS.values():
            at_a_door(found, url, way, team)
        at_the_management_api(found, url, team)
        last = CLIENT.get(f"{url}/openai/v1/models", headers={"Authorization": f"Bearer {team.key()}"})
        Books(admin, team.organization).requests(last.headers["x-request-id"])
    of_people(found, team)
    return found


def minted_by_us(found: Canaries, team: Cast) -> None:
    """What we make and show once: keys of all kinds, rotated ones, signing secrets."""
    for number in range(40):
        mode, scopes = ("live", "test")[number % 2], {"scopes": MANAGE} if number % 5 == 0 else {}
        found.seed("an API key", shown_of(team.key(mode, **scopes)))
    for mode in ("live", "test"):
        secret = webhooks.rotate_callback_secret(organization=team.organization, mode=mode, by=BY)
        found.seed("a callback's secret", secret.removeprefix("whsec_"))
        for number in range(8):
            url = f"https://hooks{number}.example.com/{mode}"
            made, secret = webhooks.create(
                organization=team.organization, mode=mode, url=url, events=list(Event.values), by=BY
            )
            found.seed("a webhook's secret", secret.removeprefix("whsec_"))
            again = webhooks.rotate(endpoint=made, by=BY)
            found.seed("a rotated webhook's secret", str(again).removeprefix("whsec_"))


def at_a_door(found: Canaries, url: str, way: Way, team: Cast) -> None:
    """Secrets of strangers and of ours, where they belong and where they do not."""
    good = team.key()
    found.seed("a key in use", shown_of(good))

    def send(method: str, path: str, **more: Any) -> None:
        answer = CLIENT.request(method, url + path, **more)
        if answer.status_code >= 400:
            found.errors.append(answer)

    for header in SECRETLY:
        wrong = found.seed(f"{way.name}: {header}")
        value = (
            f"Bearer {wrong}"
            if "authorization" in header
            else f"sid={wrong}"
            if header == "cookie"
            else wrong
        )
        send("POST", way.submits, json=way.spell(Wish()), headers={header: value})
    for name in QUERIES:
        send("POST", f"{way.submits}?{name}={found.seed(f'{way.name}: ?{name}')}", json=way.spell(Wish()))
    headers = {"Authorization": f"Bearer {good}"}
    for member in ("api_key", "password", "secret"):
        body = {**way.spell(Wish()), member: found.seed(f"{way.name}: {member} in a body")}
        send("POST", way.submits, json=body, headers=headers)
    prompt = found.seed(f"{way.name}: a refused prompt")
    broken = f'{{"prompt": "{prompt}", "contents": "{prompt}", '
    send("POST", way.submits, content=broken, headers={**headers, "Content-Type": "application/json"})
    send("GET", f"/{way.name}/v1/nowhere/{good}?{QUERIES[0]}={good}", headers=headers)


def at_the_management_api(found: Canaries, url: str, team: Cast) -> None:
    """Secrets in bodies, addresses and headers of `/api/v1/`."""
    manager = team.key(scopes=MANAGE)
    found.seed("a management key", shown_of(manager))
    for name in ("password", "secret", "api_key", "token"):
        secret = found.seed(f"management: {name}")
        for headers in ({"Authorization": f"Bearer {manager}"}, {"Authorization": f"Bearer {secret}"}):
            answer = CLIENT.post(f"{url}/api/v1/keys?{name}={secret}", json={name: secret}, headers=headers)
            assert answer.status_code >= 400
            if secret not in str(answer.request.url):
                found.errors.append(answer)


def of_people(found: Canaries, team: Cast) -> None:
    """Passwords, right and wrong, and reset ones; authenticator apps; links of invitations and resets."""
    for _ in range(6):
        user, right = person(team.organization, role="viewer"), found.seed("a password")
        users.set_password(user=user, password=right)
        client = browser()
        found.pages.append(log_in(client, user.email, found.seed("a wrong password")))
        assert log_in(client, user.email, right).status_code == 302
        found.seed("an authenticator's secret", with_app(client))
        found.pages.append(a_reset(found, client, user.email))


def a_reset(found: Canaries, client: Client, email: str) -> Any:
    """The page that a password reset's link opens; its token is in the mail and nowhere else."""
    browser().post("/password/reset/", {"email": email})
    path = link(email, "password/reset/")
    found.seed("a reset's token", path.rstrip("/").rpartition("/")[2])
    return client.get("/nowhere/")


# ---- where they must not be --------------------------------------------------------------------


def test_there_are_two_hundred_of_them(canaries: Canaries) -> None:
    """A26: each another one, of more than a hundred kinds and places."""
    assert len({secret for _, secret in canaries.known}) == len(canaries.known) >= MANY
    assert len(Counter(kind for kind, _ in canaries.known)) > 90
    assert all(len(secret) >= 20 for _, secret in canaries.known)


@pytest.fixture
def postgres_log(_server: Any) -> str:
    """The database server's own log."""
    text: str = _server.home.log.read_text(errors="replace")
    return text


def test_no_log_has_any(canaries: Canaries, servers: Servers, postgres_log: str) -> None:
    """A26: of our programs and of the database server."""
    logs = {program.log.name: program.output() for program in servers.programs}
    logs["postgres"] = postgres_log
    leaks = {name: found for name, log in logs.items() if (found := canaries.found_in(log))}
    assert leaks == {}


def dump(admin: psycopg.Connection[Any]) -> Iterator[tuple[str, str]]:
    """Every table as text; bytes are in hexadecimal there."""
    for (table,) in admin.execute(TABLES).fetchall():
        query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
        with admin.cursor() as cursor, cursor.copy(query) as copied:
            yield table, b"".join(bytes(piece) for piece in copied).decode()


def test_no_dump_of_the_database_has_any(canaries: Canaries, superuser: psycopg.Connection[Any]) -> None:
    """A26: neither as they are, nor as bytes, nor in base64."""
    spellings = Canaries()
    for kind, secret in canaries.known:
        if kind.endswith("a refused prompt"):
            continue  # what calls said is kept as long as their team wants; secrets in it are masked
        data = secret.encode()
        for spelt in (secret, data.hex(), base64.b64encode(data)[:-4].decode()):
            spellings.seed(kind, spelt)
    tables = dict(dump(superuser))
    assert len(tables) > 40
    assert team_is_in(tables), "the search does see what is there"
    leaks = {table: found for table, text in tables.items() if (found := spellings.found_in(text))}
    assert leaks == {}


def team_is_in(tables: dict[str, str]) -> bool:
    return "https://hooks7.example.com/test" in tables["accounts_webhookendpoint"]


def test_no_error_repeats_any(canaries: Canaries) -> None:
    """A26: neither in its body nor in its headers."""
    assert {answer.status_code for answer in canaries.errors} >= {400, 401, 404}
    leaks = [
        (answer.status_code, answer.request.url.path, found)
        for answer in canaries.errors
        if (found := canaries.found_in(answer.text + str(answer.headers)))
    ]
    assert leaks == []
    assert not any(canaries.found_in(page.content.decode()) for page in canaries.pages)

"""A26: what is secret stays secret. Marked secrets are sent in at every opening, then looked for in
every log, every column of every table, and every error page."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest

from accounts.actions import users
from tests.cast import Cast, make_cast, make_user
from tests.flows.wire import CLIENT, DOORS, MODEL, Books, eventually, places
from tests.house import Program, Servers, free_port, wait_until

PROMPT_COLUMN = ("generations_generation", "order")
SAID_COLUMNS = [("generations_transcript", "sent"), ("generations_transcript", "answered")]
SESSION_COLUMN = ("django_session", "session_key")
LIST_COLUMN = ("usersessions_usersession", "session_key")


def marked(word: str) -> str:
    """A secret that nobody else has."""
    return f"canary-{word}-{uuid4().hex}"


@dataclass
class Secrets:
    """What was sent in, and every error that was answered."""

    live: str
    test: str
    poor: str
    prompt: str = field(default_factory=lambda: marked("prompt"))
    password: str = field(default_factory=lambda: marked("password"))
    wrong: str = field(default_factory=lambda: marked("wrong-password"))
    header: str = field(default_factory=lambda: marked("authorization"))
    cookie: str = field(default_factory=lambda: marked("cookie"))
    query: str = field(default_factory=lambda: marked("query"))
    typed: str = field(default_factory=lambda: marked("typed"))
    session: str = ""
    link: str = ""
    errors: list[httpx2.Response] = field(default_factory=list)

    def all(self) -> dict[str, str]:
        told = {name: value for name, value in vars(self).items() if isinstance(value, str) and value}
        # A key's public part may be shown; what follows it may not.
        return told | {f"{name}, its secret": told[name][21:] for name in ("live", "test", "poor")}


@dataclass
class Intruder:
    """Sends the secrets to a server of its own."""

    url: str
    secrets: Secrets

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        answer = CLIENT.request(method, self.url + path, **more)
        if answer.status_code >= 400:
            self.secrets.errors.append(answer)
        return answer

    def order(self, key: str, prompt: str = "", **fields: Any) -> None:
        """The same order at both doors."""
        body = {"model": MODEL, "prompt": f"{prompt} {self.secrets.prompt}", **fields}
        for door in DOORS:
            headers = {"Authorization": f"Bearer {key}"}
            self.call("POST", door.prefix + door.submit, json=body, headers=headers)


@pytest.fixture(scope="module")
def web(servers: Servers) -> Program:
    """A server by the product's own command, beside the shared cluster and janitor."""
    servers.shared()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "manage.py", "web"]
    program = servers.start("web", command, servers.environ(PORT=str(port), EASEL_URL=url), url)
    wait_until(lambda: is_up(url), program)
    return program


def is_up(url: str) -> bool:
    try:
        return CLIENT.get(f"{url}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
def postgres_log(_server: Any) -> str:
    """The database server's own log."""
    text: str = _server.home.log.read_text(errors="replace")
    return text


@pytest.fixture(scope="module")
def cast(database: str) -> Cast:
    """One cast for the file."""
    return make_cast()


@pytest.fixture(scope="module")
def secrets(web: Program, cast: Cast, admin_url: str) -> Iterator[Secrets]:
    """Everything was sent in, and all that came of it is final and written down."""
    cast.credit(20)
    found = Secrets(live=cast.key(), test=cast.key("test"), poor=cast.strangers_key())
    intruder = Intruder(web.url, found)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        order_everything(intruder, admin)
        knock_everywhere(intruder)
        sign_in(intruder)
        books = Books(admin, cast.organization)
        last = intruder.call("GET", "/openai/v1/generations/nothing", headers={"x-api-key": found.live})
        books.requests(last.headers["x-request-id"])
        found.link = link_token(intruder, books.settled(60))
    return found


def order_everything(intruder: Intruder, admin: psycopg.Connection[Any]) -> None:
    """Orders that go well, fail, are blocked, refused, malformed, unpaid, and break the server."""
    secrets = intruder.secrets
    for prompt in ("", "test:fail", "test:block", "test:text"):
        intruder.order(secrets.live, prompt)
        intruder.order(secrets.test, prompt)
    intruder.order(secrets.poor)
    intruder.order(secrets.live, "x" * 40_000)
    intruder.order(secrets.live, "\x00")
    intruder.order(secrets.live, n=secrets.typed)
    intruder.order(secrets.live, size=[secrets.typed])
    table = "ALTER TABLE generations_generation"
    admin.execute(f"{table} ADD CONSTRAINT nothing_goes CHECK (model = '') NOT VALID")
    try:
        intruder.order(secrets.live)
    finally:
        admin.execute(f"{table} DROP CONSTRAINT nothing_goes")
    assert {answer.status_code for answer in secrets.errors} >= {400, 402, 500, 502}


def knock_everywhere(intruder: Intruder) -> None:
    """Secrets where they belong, and where they do not."""
    secrets = intruder.secrets
    for door in DOORS:
        path = door.prefix + door.submit
        for headers in (
            {"Authorization": f"Bearer {secrets.live}"},
            {"Authorization": f"Basic {secrets.header}"},
            {"Authorization": f"Bearer {secrets.header}"},
            {"x-api-key": secrets.live, "Cookie": f"sid={secrets.cookie}; other={secrets.cookie}"},
            {"x-goog-api-key": secrets.live},
            {"User-Agent": f"curl {secrets.live}", "X-Request-ID": secrets.live, "Referer": secrets.live},
        ):
            intruder.call("POST", path, content=f'{{"prompt": "{secrets.prompt}', headers=headers)
        intruder.call("GET", f"{door.prefix}/v1/models/{secrets.live}")
        intruder.call("GET", f"{door.prefix}/v1/models?key={secrets.live}&token={secrets.query}")
        intruder.call("GET", f"{door.prefix}/{secrets.test}/{secrets.live}?key={secrets.query}")
    for path in (
        "/nowhere",
        "/v1/images/generations",
        "/v1/nowhere",
        "/admin/",
        "/healthz",
        "/readyz",
        "/i/x.png",
    ):
        headers = {"Cookie": f"sid={secrets.cookie}", "Authorization": f"Bearer {secrets.live}"}
        intruder.call("GET", f"{path}?key={secrets.query}", headers=headers)
        intruder.call("POST", f"{path}?key={secrets.live}", headers=headers, data={"password": secrets.wrong})
        intruder.call("GET", f"{path}?key={secrets.query}", headers={**headers, "Host": "evil.example"})


def sign_in(intruder: Intruder) -> None:
    """A wrong password, a right one, one in a form without its token."""
    secrets = intruder.secrets
    user = make_user("signer")
    users.set_password(user=user, password=secrets.password)
    with httpx2.Client(base_url=intruder.url, trust_env=False, verify=False) as browser:
        for password in (secrets.wrong, secrets.password):
            form = browser.get(f"/login/?key={secrets.query}").text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
            assert token
            fields = {"username": user.email, "password": password, "csrfmiddlewaretoken": token[1]}
            browser.post(f"/login/?key={secrets.query}", data=fields)
        secrets.session = browser.cookies.get("sid") or secrets.session
        refused = browser.post("/login/", data={"username": user.email, "password": secrets.password})
        assert refused.status_code == 403
        secrets.errors.append(refused)
    assert secrets.session


def link_token(intruder: Intruder, rows: list[dict[str, Any]]) -> str:
    """The token of a picture's link, used well and badly."""
    made = next(row for row in rows if row["state"] == "succeeded" and row["mode"] == "live")
    headers = {"Authorization": f"Bearer {intruder.secrets.live}"}
    link = intruder.call("GET", f"/evolink/v1/tasks/{made['id']}", headers=headers).json()["results"][0]
    assert CLIENT.get(link).status_code == 200
    token = parse_qs(urlsplit(link).query)["t"][0]
    intruder.call("GET", f"/i/{made['id']}/7.png?t={token}")
    return token


# ---- where they must not be ----------------------------------------------------------------------


def test_no_secret_and_no_prompt_is_in_any_log(secrets: Secrets, servers: Servers, postgres_log: str) -> None:
    logs = {f"{program.name} ({program.log.name})": program.output() for program in servers.programs}
    logs["postgres"] = postgres_log
    assert any("door.broke" in log for log in logs.values()), "the server did break, and said so"
    leaks = [
        (name, what) for name, log in logs.items() for what, secret in secrets.all().items() if secret in log
    ]
    assert leaks == []


def test_no_secret_is_in_any_column_of_the_database(
    secrets: Secrets, superuser: psycopg.Connection[Any]
) -> None:
    elsewhere = ("prompt", "typed", "session", "link")
    kept = {what: secret for what, secret in secrets.all().items() if what not in elsewhere}
    leaks = [(what, *place) for what, secret in kept.items() for place in places(superuser, secret)]
    assert leaks == []


def test_what_was_said_is_in_its_order_and_in_what_its_team_keeps_of_calls(
    secrets: Secrets, superuser: psycopg.Connection[Any]
) -> None:
    assert set(places(superuser, secrets.prompt)) == {PROMPT_COLUMN, *SAID_COLUMNS}
    assert set(places(superuser, secrets.typed)) == {SAID_COLUMNS[0]}


def test_a_session_is_kept_by_its_own_table_only(
    secrets: Secrets, superuser: psycopg.Connection[Any]
) -> None:
    """And by the list from which its owner ends it."""
    assert set(places(superuser, secrets.session)) <= {SESSION_COLUMN, LIST_COLUMN}


def test_no_secret_and_no_prompt_is_on_an_error_page(secrets: Secrets) -> None:
    assert {answer.status_code for answer in secrets.errors} >= {400, 401, 402, 403, 404, 405, 500, 502}
    leaks = [
        (answer.status_code, what, str(answer.request.url))
        for answer in secrets.errors
        for what, secret in secrets.all().items()
        if secret in answer.text or secret in str(answer.headers)
    ]
    assert leaks == []


def test_an_error_of_ours_says_nothing_about_our_inside(secrets: Secrets) -> None:
    broken = [
        answer for answer in secrets.errors if answer.status_code == 500 and "Something went" in answer.text
    ]
    assert len(broken) == 2, "one at each door"
    for answer in broken:
        assert "Nothing was charged" in answer.json()["error"]["message"]
        assert not re.search(r"psycopg|django|constraint|Traceback|nothing_goes", answer.text, re.IGNORECASE)


def test_nothing_that_broke_holds_money(
    secrets: Secrets, superuser: psycopg.Connection[Any], cast: Cast
) -> None:
    books = Books(superuser, cast.organization)
    eventually(lambda: books.wallet()[1] == 0)
